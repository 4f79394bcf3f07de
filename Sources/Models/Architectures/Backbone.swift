import Tensors

/// A model without a head: ids to hidden states, through embeddings and one layer after another.
protocol Backbone: Module {
    /// What turns ids into the states that enter the first layer, and what all layers share.
    var embeddings: [any Module] { get }
    /// The table of the ids, which a language head may be tied to (get_input_embeddings).
    var inputEmbedding: Embedding { get }
    /// The layers, the lowest first; one that is used again stands there again.
    var layers: [any TransformerLayer] { get }
    /// The pooler, where the architecture has one and the head asked for it.
    var pooler: (any Pooler)? { get }
    /// States [T, d] that enter the first layer, for all ids of the pass.
    func embed(_ ids: [Int], _ pass: Pass) throws -> Tensor
    /// What follows the last layer, for the rows of `pass`: a last norm.
    func finish(_ states: Tensor, _ pass: Pass) throws -> Tensor
}

extension Backbone {
    var pooler: (any Pooler)? { nil }
    func finish(_ states: Tensor, _ pass: Pass) throws -> Tensor { states }
}

/// One layer of a backbone.
protocol TransformerLayer: Module {
    /// States of the asked rows for x[T, d], the states of all rows.
    func callAsFunction(_ x: Tensor, _ pass: Pass, _ asked: AskedRows) throws -> Tensor
}

/// What makes one row of each sequence out of its first token's state.
protocol Pooler: AnyObject {
    /// Pooled [B, d] of the hidden states [B, d] of the first tokens, the rows of `pass`.
    func callAsFunction(_ hidden: Tensor, _ pass: Pass) throws -> Tensor
}
