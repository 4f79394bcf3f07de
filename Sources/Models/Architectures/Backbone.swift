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
