import Kernels
import Tensors

/// AdamW: Adam with decoupled weight decay (Loshchilov and Hutter 2019), to the numbers of `torch.optim.AdamW`.
///
///     p ← p · (1 − lr · weight_decay)
///     m ← m + (1 − beta1)(g − m),   v ← beta2 · v + (1 − beta2) g²
///     p ← p − lr / (1 − beta1ᵗ) · m / (√v / √(1 − beta2ᵗ) + eps)
///
/// Moments are float32. The count t is each parameter's own, as in torch: it grows with the steps that had a gradient for it.
public final class AdamW: Optimizer {
    /// Name in errors and checkpoints.
    public static let name = "AdamW"

    /// The parameters with their learning rates and weight decays.
    public var groups: [ParameterGroup]
    private let beta1: Double
    private let beta2: Double
    private let epsilon: Double
    private var moments: [String: Moments] = [:]

    private struct Moments {
        let first: Tensor
        let second: Tensor
        var step: Int
    }

    /// An optimizer over groups; betas in [0, 1), eps at least 0.
    public init(
        _ groups: [ParameterGroup], beta1: Double = 0.9, beta2: Double = 0.999, epsilon: Double = 1e-8
    ) throws {
        try Checks.fraction("beta1", beta1)
        try Checks.fraction("beta2", beta2)
        try Checks.notNegative("eps", epsilon)
        (self.groups, self.beta1, self.beta2, self.epsilon) = (groups, beta1, beta2, epsilon)
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
        var state = try moments[parameter.name] ?? fresh(parameter.tensor.shape)
        state.step += 1
        moments[parameter.name] = state
        let numbers = OptimizerUpdates.AdamW(
            learningRate: group.learningRate, beta1: beta1, beta2: beta2, epsilon: epsilon,
            weightDecay: group.weightDecay, step: Double(state.step))
        let isFinite = try unsafe OptimizerUpdates.adamW(
            parameter.tensor.mutableFloats(), gradient.floats(), state.first.mutableFloats(),
            state.second.mutableFloats(), count: gradient.count, numbers)
        guard isFinite else { throw notFinite(parameter) }
    }

    private func fresh(_ shape: [Int]) throws -> Moments {
        Moments(first: try .zeros(shape), second: try .zeros(shape), step: 0)
    }

    /// What the optimizer remembers, by name.
    public func stateTensors() throws -> [NamedParameter] {
        var state: [NamedParameter] = []
        for parameter in groups.flatMap({ $0.parameters }) {
            guard let kept = moments[parameter.name] else { continue }
            state.append(NamedParameter(parameter.name + ".exp_avg", kept.first))
            state.append(NamedParameter(parameter.name + ".exp_avg_sq", kept.second))
            state.append(NamedParameter(parameter.name + ".step", try .full([], integer: Int64(kept.step))))
        }
        return state
    }

    /// Takes back what `stateTensors` gave.
    public func restore(_ state: [String: Tensor]) throws {
        var state = OptimizerState(state, optimizer: AdamW.name)
        var restored: [String: Moments] = [:]
        for parameter in groups.flatMap({ $0.parameters }) {
            let (name, shape) = (parameter.name, parameter.tensor.shape)
            let first = try state.take(name + ".exp_avg", shape: shape)
            let second = try state.take(name + ".exp_avg_sq", shape: shape)
            let step = try state.take(name + ".step", shape: [], dtype: .int64)
            switch (first, second, step) {
            case (nil, nil, nil): continue
            case (let first?, let second?, let step?):
                let count = try unsafe step.integers()[0]
                guard count >= 0, let count = Int(exactly: count) else {
                    throw TrainingError("AdamW: state '\(name).step' is \(count); expected a count")
                }
                restored[name] = Moments(first: try first.clone(), second: try second.clone(), step: count)
            default:
                throw TrainingError("AdamW: state of '\(name)' is incomplete; expected exp_avg, exp_avg_sq and step")
            }
        }
        try state.finish()
        moments = restored
    }
}
