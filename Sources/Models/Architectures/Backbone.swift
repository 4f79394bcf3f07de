import Tensors

/// A model without a head: ids to hidden states, through embeddings and one layer after another.
protocol Backbone: Module {
    /// Ids to the states that enter the first layer.
    var embeddings: any Embeddings { get }
    /// The layers, the lowest first.
    var layers: [any EncoderLayer] { get }
    /// The pooler, where the architecture has one and the head asked for it.
    var pooler: BertPooler? { get }
}

/// The lowest part of a backbone.
protocol Embeddings: Module {
    /// States [T, d] for all ids of the pass.
    func callAsFunction(_ ids: [Int], _ pass: Pass) throws -> Tensor
}

/// One layer of a backbone.
protocol EncoderLayer: Module {
    /// States of the asked rows for x[T, d], the states of all rows.
    func callAsFunction(_ x: Tensor, _ pass: Pass, _ asked: AskedRows) throws -> Tensor
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
