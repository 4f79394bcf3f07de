/// An operation with several results.
///
/// `forward` puts them into `results` and returns a tensor of shape [0]. Backward, the gradient of each that was reached lies in
/// `resultGradients` when `backward` is called: the walk comes to the operation when all of them were there.
public protocol ManyResults: Op {
    /// What forward made; let go of when it was handed out.
    var results: [Tensor] { get set }
    /// Gradients of the results, nil for those that the walk did not reach.
    var resultGradients: [Tensor?] { get set }
}

/// One of the results, recorded as an operation on the whole, to which it hands its gradient.
private final class Part<Whole: ManyResults>: Op {
    static var name: String { Whole.name }
    private let whole: Whole
    private let index: Int

    init(_ whole: Whole, _ index: Int) { (self.whole, self.index) = (whole, index) }

    func forward(_ inputs: [Tensor], needs: [Bool]) throws -> Tensor { whole.results[index] }

    func backward(_ dy: Tensor, needs: [Bool]) throws -> [Tensor?] {
        whole.resultGradients[index] = dy
        return [try Tensor(uninitialized: [0])]
    }
}

extension Tensor {
    /// Runs `op` on `inputs` and records it, and each of its results, where a gradient flows to any of the inputs.
    public static func applyMany<Whole: ManyResults>(_ op: Whole, _ inputs: [Tensor]) throws -> [Tensor] {
        let whole = try Tensor.apply(op, inputs)
        op.resultGradients = op.results.map { _ in nil }
        defer { op.results = [] }
        return try op.results.indices.map { try Tensor.apply(Part(op, $0), [whole]) }
    }
}
