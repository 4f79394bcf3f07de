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
    /// By tensor, whatever its name.
    private var moments: [ObjectIdentifier: Moments] = [:]

    private struct Moments {
        /// Held, so that the key is nobody else's.
        let parameter: Tensor
        let first: Tensor
        let second: Tensor
        var step = 0
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
        try layOutFlat()
    }

    /// One update by the gradients times `gradientScale`.
    public func step(gradientScale: Float) throws {
        let due = try parametersDue()
        try makeMoments(due.map(\.parameter.tensor))
        var updates: [OptimizerUpdates.AdamWArrays] = []
        updates.reserveCapacity(due.count)
        var numbers: (step: Int, group: Int, value: OptimizerUpdates.AdamW)?
        for (parameter, gradient, group) in due {
            guard let state = moments[ObjectIdentifier(parameter.tensor)] else { continue }
            let step = state.step + 1
            // Most parameters of a group have been through the same steps.
            if numbers.map({ $0.step != step || $0.group != group }) ?? true {
                numbers = (step, group, self.numbers(of: groups[group], step: step))
            }
            guard let value = numbers?.value else { continue }
            updates.append(
                try unsafe OptimizerUpdates.AdamWArrays(
                    parameter: parameter.tensor.mutableFloats(), gradient: gradient.floats(),
                    first: state.first.mutableFloats(), second: state.second.mutableFloats(), count: gradient.count,
                    value))
        }
        for (parameter, _, _) in due { moments[ObjectIdentifier(parameter.tensor)]?.step += 1 }
        guard OptimizerUpdates.adamW(updates, gradientScale: gradientScale) else {
            throw notFinite(due.map(\.parameter))
        }
    }

    private func numbers(of group: ParameterGroup, step: Int) -> OptimizerUpdates.AdamW {
        OptimizerUpdates.AdamW(
            learningRate: group.learningRate, beta1: beta1, beta2: beta2, epsilon: epsilon,
            weightDecay: group.weightDecay, step: Double(step))
    }

    /// Moments for those that have none yet, side by side.
    private func makeMoments(_ tensors: [Tensor]) throws {
        let new = tensors.filter { moments[ObjectIdentifier($0)] == nil }
        guard !new.isEmpty else { return }
        let (first, second) = (try Tensor.sideBySide(new.map(\.shape)), try Tensor.sideBySide(new.map(\.shape)))
        for (tensor, (first, second)) in zip(new, zip(first, second)) {
            moments[ObjectIdentifier(tensor)] = Moments(parameter: tensor, first: first, second: second)
        }
    }

    /// What the optimizer remembers, by name.
    public func stateTensors() throws -> [NamedParameter] {
        var state: [NamedParameter] = []
        for parameter in groups.flatMap({ $0.parameters }) {
            guard let kept = moments[ObjectIdentifier(parameter.tensor)] else { continue }
            state.append(NamedParameter(parameter.name + ".exp_avg", kept.first))
            state.append(NamedParameter(parameter.name + ".exp_avg_sq", kept.second))
            state.append(NamedParameter(parameter.name + ".step", try .full([], integer: Int64(kept.step))))
        }
        return state
    }

    /// Takes back what `stateTensors` gave.
    public func restore(_ state: [String: Tensor], steps: Int, source: String) throws {
        var state = OptimizerState(state, optimizer: AdamW.name, source: source)
        var found: [(tensor: Tensor, first: Tensor, second: Tensor, step: Int)] = []
        for parameter in groups.flatMap({ $0.parameters }) {
            let (name, shape) = (parameter.name, parameter.tensor.shape)
            let first = try state.take(name + ".exp_avg", shape: shape)
            let second = try state.take(name + ".exp_avg_sq", shape: shape)
            let step = try state.take(name + ".step", shape: [], dtype: .int64)
            switch (first, second, step) {
            case (nil, nil, nil): continue
            case (let first?, let second?, let step?):
                let count = try unsafe step.integers()[0]
                guard let count = Int(exactly: count), (0...max(0, steps)).contains(count) else {
                    throw state.error(name + ".step", "is \(count); expected a count of steps from 0 to \(steps)")
                }
                found.append((parameter.tensor, first, second, count))
            default:
                throw state.error(name, "is incomplete; expected exp_avg, exp_avg_sq and step")
            }
        }
        try state.finish()
        let first = try Tensor.sideBySide(copying: found.map(\.first))
        let second = try Tensor.sideBySide(copying: found.map(\.second))
        moments = [:]
        for (index, found) in found.enumerated() {
            moments[ObjectIdentifier(found.tensor)] = Moments(
                parameter: found.tensor, first: first[index], second: second[index], step: found.step)
        }
    }
}
