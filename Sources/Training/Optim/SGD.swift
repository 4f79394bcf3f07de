import Kernels
import Tensors

/// Stochastic gradient descent with momentum, to the numbers of `torch.optim.SGD`.
///
///     d ← g + weight_decay · p
///     b ← momentum · b + (1 − dampening) d   (the first time b ← d)
///     p ← p − lr · (nesterov ? d + momentum · b : b)
public final class SGD: Optimizer {
    /// Name in errors and checkpoints.
    public static let name = "SGD"

    /// The parameters with their learning rates and weight decays.
    public var groups: [ParameterGroup]
    private let momentum: Double
    private let dampening: Double
    private let nesterov: Bool
    private var buffers: [String: Tensor] = [:]

    /// An optimizer over groups; nesterov asks for a momentum above 0 and no dampening.
    public init(
        _ groups: [ParameterGroup], momentum: Double = 0, dampening: Double = 0, nesterov: Bool = false
    ) throws {
        try Checks.notNegative("momentum", momentum)
        guard dampening.isFinite else { throw TrainingError("dampening is \(dampening); expected a finite number") }
        guard !nesterov || (momentum > 0 && dampening == 0) else {
            throw TrainingError(
                "nesterov needs a momentum above 0 and a dampening of 0; got momentum \(momentum), dampening \(dampening)"
            )
        }
        (self.groups, self.momentum, self.dampening, self.nesterov) = (groups, momentum, dampening, nesterov)
        try checkGroups()
    }

    /// One update.
    public func step() throws {
        for group in groups {
            for parameter in group.parameters {
                guard let gradient = try usableGradient(of: parameter) else { continue }
                try update(parameter, gradient: gradient, group: group)
            }
        }
    }

    private func update(_ parameter: NamedParameter, gradient: Tensor, group: ParameterGroup) throws {
        let isFirst = buffers[parameter.name] == nil
        if momentum > 0, isFirst {
            buffers[parameter.name] = try Tensor(uninitialized: parameter.tensor.shape)
        }
        let numbers = OptimizerUpdates.SGD(
            learningRate: group.learningRate, momentum: momentum, dampening: dampening,
            weightDecay: group.weightDecay, nesterov: nesterov, isFirst: isFirst)
        let isFinite = try unsafe OptimizerUpdates.sgd(
            parameter.tensor.mutableFloats(), gradient.floats(),
            buffer: buffers[parameter.name]?.mutableFloats(), count: gradient.count, numbers)
        guard isFinite else { throw notFinite(parameter) }
    }

    /// What the optimizer remembers, by name.
    public func stateTensors() throws -> [NamedParameter] {
        groups.flatMap { $0.parameters }.compactMap { parameter in
            buffers[parameter.name].map { NamedParameter(parameter.name + ".momentum_buffer", $0) }
        }
    }

    /// Takes back what `stateTensors` gave.
    public func restore(_ state: [String: Tensor]) throws {
        var state = OptimizerState(state, optimizer: SGD.name)
        var restored: [String: Tensor] = [:]
        for parameter in groups.flatMap({ $0.parameters }) {
            let buffer = try state.take(parameter.name + ".momentum_buffer", shape: parameter.tensor.shape)
            restored[parameter.name] = try buffer?.clone()
        }
        try state.finish()
        buffers = restored
    }
}
