import Tensors

/// A model without a head: ids to hidden states.
protocol Backbone: Module {
    /// The pooler, where the architecture has one and the head asked for it.
    var pooler: BertPooler? { get }
    /// Hidden states of the last layer [T, d] for all ids of the pass; `seen` is told those of the embeddings and of each
    /// layer.
    func forward(_ ids: [Int], _ pass: Pass, seen: (Tensor) -> Void) throws -> Tensor
}

/// y = x1 + x2 + …, all of one shape; backward gives dy to each.
final class EmbeddingSum: Op {
    static let name = "embedding_sum"

    func forward(_ inputs: [Tensor], needs: [Bool]) throws -> Tensor {
        let y = try inputs[0].clone()
        for other in inputs.dropFirst() { try y.add(inPlace: other) }
        return y
    }

    func backward(_ dy: Tensor, needs: [Bool]) throws -> [Tensor?] { needs.map { $0 ? dy : nil } }

    /// Sum of embeddings of the same tokens.
    static func of(_ parts: [Tensor]) throws -> Tensor { try Tensor.apply(EmbeddingSum(), parts) }
}
