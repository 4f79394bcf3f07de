import Kernels
import Tensors

/// Scales all gradients together so that their common L2 norm is at most `maxNorm`; gives the norm before.
///
/// As `torch.nn.utils.clip_grad_norm_`: the factor is maxNorm / (norm + 1e-6), applied only below 1. The norm is summed in double
/// precision. A gradient that is not finite throws and is named; none is changed then.
@discardableResult
public func clipGradNorm(_ parameters: [NamedParameter], maxNorm: Double) throws -> Double {
    guard maxNorm >= 0 else { throw TrainingError("max_norm is \(maxNorm); expected a number of at least 0") }
    let norm = try gradNorm(parameters)
    let factor = maxNorm / (norm + 1e-6)
    guard factor < 1 else { return norm }
    for parameter in parameters where parameter.tensor.requiresGrad {
        guard let gradient = parameter.tensor.grad else { continue }
        try unsafe OptimizerUpdates.scale(gradient.mutableFloats(), count: gradient.count, by: Float(factor))
    }
    return norm
}

/// Common L2 norm of the gradients of those that require one; a gradient that is not finite throws and is named.
public func gradNorm(_ parameters: [NamedParameter]) throws -> Double {
    var sum = 0.0
    for parameter in parameters where parameter.tensor.requiresGrad {
        guard let gradient = parameter.tensor.grad else { continue }
        let squares = try unsafe OptimizerUpdates.sumOfSquares(gradient.floats(), count: gradient.count)
        guard squares.isFinite else { throw NonFiniteError(what: "gradient", name: parameter.name) }
        sum += squares
    }
    return sum.squareRoot()
}
