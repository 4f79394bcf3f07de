import Kernels
import Tensors

/// Scales all gradients together so that their common L2 norm is at most `maxNorm`; gives the norm before.
///
/// As `torch.nn.utils.clip_grad_norm_`: the factor is maxNorm / (norm + 1e-6), applied only below 1. The norm is summed in double
/// precision. A gradient that is not finite throws and is named; none is changed then.
@discardableResult
public func clipGradNorm(_ parameters: [NamedParameter], maxNorm: Double) throws -> Double {
    guard maxNorm >= 0 else { throw TrainingError("max_norm is \(maxNorm); expected a number of at least 0") }
    let gradients = TrainedGradients(parameters)
    let norm = try gradients.report().norm
    if let factor = TrainedGradients.clippingFactor(norm: norm, maxNorm: maxNorm) { try gradients.scale(by: factor) }
    return norm
}

/// The gradients of parameters that require one and have it, with their parameters' names.
struct TrainedGradients {
    private let all: [NamedParameter]

    init(_ parameters: [NamedParameter]) {
        all = parameters.compactMap { parameter in
            guard parameter.tensor.requiresGrad else { return nil }
            return parameter.tensor.grad.map { NamedParameter(parameter.name, $0) }
        }
    }

    /// Looks at every gradient; one that is not finite throws and is named.
    func report() throws -> GradientReport {
        let sums = OptimizerUpdates.sumsOfSquares(
            try all.map { try unsafe .init($0.tensor.floats(), count: $0.tensor.count) })
        var (sum, zero): (Double, [String]) = (0, [])
        for (gradient, squares) in zip(all, sums) {
            guard squares.isFinite else { throw NonFiniteError(what: "gradient", name: gradient.name) }
            if squares == 0 { zero.append(gradient.name) }
            sum += squares
        }
        return GradientReport(norm: sum.squareRoot(), zero: zero)
    }

    /// What gradients of this common norm are multiplied by; nil where they stay as they are.
    static func clippingFactor(norm: Double, maxNorm: Double) -> Float? {
        let factor = maxNorm / (norm + 1e-6)
        return factor < 1 ? Float(factor) : nil
    }

    func scale(by factor: Float) throws {
        unsafe OptimizerUpdates.scale(
            try all.map { try unsafe ($0.tensor.mutableFloats(), $0.tensor.count) }, by: factor)
    }
}
