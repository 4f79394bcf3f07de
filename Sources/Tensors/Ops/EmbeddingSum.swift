/// y = x1 + x2 + …, all of one shape; backward gives dy to each.
package final class EmbeddingSum: Op {
    package static let name = "embedding_sum"

    private init() {}

    package func forward(_ inputs: [Tensor], needs: [Bool]) throws -> Tensor {
        let y = try inputs[0].clone()
        for other in inputs.dropFirst() { try y.add(inPlace: other) }
        return y
    }

    package func backward(_ dy: Tensor, needs: [Bool]) throws -> [Tensor?] { needs.map { $0 ? dy : nil } }

    /// Sum of embeddings of the same tokens.
    package static func of(_ parts: [Tensor]) throws -> Tensor { try Tensor.apply(EmbeddingSum(), parts) }
}
