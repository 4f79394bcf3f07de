import Kernels
import Tensors

/// Norms of the gradients after a step's backward passes.
struct GradientReport {
    /// L2 norm of all together.
    let norm: Double
    /// Names of the tensors whose gradient is zero throughout.
    let zero: [String]
}

/// Checks that a training trains what it should.
enum GradientChecks {
    /// Steps at a learning rate above 0 after which gradients that were always zero are named.
    static let patience = 10

    /// Throws where the backward pass left a tensor without a gradient.
    static func reached(_ parameters: [NamedParameter]) throws {
        let missed = parameters.filter { $0.tensor.grad == nil }.map(\.name)
        guard let first = missed.first else { return }
        let others = missed.count > 1 ? " and \(missed.count - 1) more tensors are" : " is"
        throw TrainingError(
            "'\(first)'\(others) trainable, but the loss does not depend on \(missed.count > 1 ? "them" : "it"): freeze what is not used (requires_grad = false), or let the loss use it"
        )
    }

    /// Throws where a parameter is not finite: nothing of that kind is ever written.
    static func finite(_ parameters: [NamedParameter]) throws {
        let sums = OptimizerUpdates.sumsOfSquares(
            try parameters.map { try unsafe .init($0.tensor.floats(), count: $0.tensor.count) })
        for (parameter, squares) in zip(parameters, sums) where !squares.isFinite {
            throw NonFiniteError(what: "parameter", name: parameter.name)
        }
    }
}
