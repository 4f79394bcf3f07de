import Tensors

/// What sits on a linear: it sees the input and adds to or scales the output.
///
/// LoRA is one; DoRA and IA3 would be others. Sitting down replaces no module and renames nothing; several may sit on one linear and act in turn.
public protocol LinearSeat: AnyObject {
    /// Output y[T, out] of the linear with the effect of this seat, for its input x[T, in].
    func adapt(_ y: Tensor, input x: Tensor, of linear: Linear, _ pass: Pass) throws -> Tensor
    /// Whether it draws random numbers in training.
    var isRandom: Bool { get }
    /// What now acts here and with which factor, in words: it changes when results that were kept no longer hold.
    var state: String { get }
    /// Outputs of linears that read the same input x[T, in], each with the effect of its seat; all seats are of this type.
    static func adapt(
        _ parts: [(y: Tensor, linear: Linear, seat: any LinearSeat)], input x: Tensor, _ pass: Pass
    ) throws -> [Tensor]
    /// Weights of the seat by local name ("lora_A.default.weight").
    var weights: [(name: String, weight: Weight)] { get }
    /// The outputs that it computes by rows of its own in place of the linear's, none where nothing acts; nil where it does anything else.
    func replacedRows() throws -> Tensor.ReplacedRows?
}

extension LinearSeat {
    /// Most seats add to the output or scale it.
    public func replacedRows() throws -> Tensor.ReplacedRows? { nil }

    /// One after the other, where a seat knows nothing better.
    public static func adapt(
        _ parts: [(y: Tensor, linear: Linear, seat: any LinearSeat)], input x: Tensor, _ pass: Pass
    ) throws -> [Tensor] {
        try parts.map { try $0.seat.adapt($0.y, input: x, of: $0.linear, pass) }
    }
}

/// What sits on an embedding: it sees the ids and may give vectors of its own for some of them.
public protocol EmbeddingSeat: AnyObject {
    /// Vectors y[ids.count, width] of the embedding with the effect of this seat.
    func adapt(_ y: Tensor, ids: [Int], of embedding: Embedding) throws -> Tensor
    /// What now acts here, in words: it changes when results that were kept no longer hold.
    var state: String { get }
    /// Weights of the seat by local name ("token_adapter.trainable_tokens_delta.default").
    var weights: [(name: String, weight: Weight)] { get }
}
