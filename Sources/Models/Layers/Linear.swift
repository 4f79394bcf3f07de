import Kernels
import Tensors

/// y = x Wᵀ + b with W[out, in], b[out]; seats on it may add to or scale y.
public final class Linear: Layer {
    /// Class name: "Linear", or "Conv1D" where the checkpoint has the matrix as [in, out].
    public let kind: String
    /// Path from the root of the model.
    public var path: String
    /// Number of inputs.
    public let inFeatures: Int
    /// Number of outputs.
    public var outFeatures: Int { (isTransposed ? weight.shape.last : weight.shape.first) ?? 0 }
    /// W[out, in].
    public let weight: Weight
    /// b[out], where there is one.
    public let bias: Weight?
    /// What sits here, in the order in which it acts.
    public var seats: [any LinearSeat] = []
    /// Whether W is another module's, which lists it: a head that is tied to the embeddings.
    public let isTied: Bool

    /// New layer; it starts as torch's Linear where no deviation is given: W and b from U(−1/√in, 1/√in).
    ///
    /// - Parameters:
    ///   - deviation: W from N(0, deviation²) and b zero, as transformers initialises.
    ///   - cutoff: how many deviations from 0 numbers of W lie at most; anywhere where nil.
    ///   - isConv1D: whether the checkpoint has W as [in, out], as transformers' Conv1D.
    public init(
        _ scope: Scope, inFeatures: Int, outFeatures: Int, bias: Bool = true, deviation: Double? = nil,
        cutoff: Double? = nil, isConv1D: Bool = false
    ) throws {
        guard inFeatures > 0, outFeatures > 0 else {
            throw ModelError("a linear layer needs at least 1 input and 1 output, got \(inFeatures) and \(outFeatures)")
        }
        let uniform = Initialisation.uniform(bound: 1 / Float(inFeatures).squareRoot())
        (self.inFeatures, path) = (inFeatures, scope.path)
        (kind, isTied) = (isConv1D ? "Conv1D" : "Linear", false)
        weight = try scope.weight(
            "weight", isConv1D ? [inFeatures, outFeatures] : [outFeatures, inFeatures],
            deviation.map { .normal(deviation: Float($0), cutoff: cutoff) } ?? uniform, isTransposed: isConv1D)
        self.bias = bias ? try scope.weight("bias", [outFeatures], deviation == nil ? uniform : .constant(0)) : nil
    }

    /// y = x Wᵀ with another module's W[out, in].
    public init(_ scope: Scope, tiedTo weight: Weight) {
        (kind, path, isTied, self.weight, bias) = ("Linear", scope.path, true, weight, nil)
        inFeatures = weight.shape.last ?? 0
    }

    /// Whether W is stored as [in, out].
    public var isTransposed: Bool { kind == "Conv1D" }

    /// W, where it is not tied, and b where there is one.
    public var weights: [(name: String, weight: Weight)] {
        (isTied ? [] : [("weight", weight)]) + (bias.map { [("bias", $0)] } ?? [])
    }

    /// Weights of what sits here.
    public var seatWeights: [(name: String, weight: Weight)] { seats.flatMap(\.weights) }

    /// Sizes, as the reference prints them.
    public var summary: String {
        isTransposed
            ? "nf=\(outFeatures), nx=\(inFeatures)"
            : "in_features=\(inFeatures), out_features=\(outFeatures), bias=\(bias == nil ? "False" : "True")"
    }

    /// y[T, out] for x[T, in].
    public func callAsFunction(_ x: Tensor, _ pass: Pass) throws -> Tensor {
        let span = Profile.module(path)
        defer { span.end() }
        try check(x)
        let bias = try bias?.currentTensor()
        let y =
            switch try weight.current() {
            case .matrix(let matrix): try x.linear(matrix, bias: bias)
            case .tensor(let tensor): try x.linear(isTransposed ? tensor.t() : tensor, bias: bias)
            case .absent: throw ModelError("\(place) has no values")
            }
        return try adapt(y, input: x, pass)
    }

    /// y[T, out] for x[T, in] that goes through an activation first.
    ///
    /// A frozen matrix on which nothing sits takes the activation along in its product; elsewhere f(x) is a tensor of its own.
    func callAsFunction(_ x: Tensor, after activation: ActivationLayer, _ pass: Pass) throws -> Tensor {
        guard seats.isEmpty, case .matrix(let matrix) = try weight.current() else {
            return try self(activation(x, pass), pass)
        }
        let span = Profile.module(path)
        defer { span.end() }
        try check(x)
        return try x.linear(matrix, bias: try bias?.currentTensor(), after: activation.function.elementwise)
    }

    private func check(_ x: Tensor) throws {
        guard x.shape.last == inFeatures else {
            throw ModelError("\(place) takes \(inFeatures) features, got a tensor of shape \(x.shape)")
        }
    }

    /// y[T, out] = x Wᵀ + b with what sits here.
    func adapt(_ y: Tensor, input x: Tensor, _ pass: Pass) throws -> Tensor {
        try seats.reduce(y) { try $1.adapt($0, input: x, of: self, pass) }
    }
}
