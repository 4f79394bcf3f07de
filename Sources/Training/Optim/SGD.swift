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
    /// By tensor, whatever its name.
    private var buffers: [ObjectIdentifier: Buffer] = [:]

    private struct Buffer {
        /// Held, so that the key is nobody else's.
        let parameter: Tensor
        let values: Tensor
    }

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
        try layOutFlat()
    }

    /// One update by the gradients times `gradientScale`.
    public func step(gradientScale: Float) throws {
        let due = try parametersDue()
        let new = momentum > 0 ? due.map(\.parameter.tensor).filter { buffers[ObjectIdentifier($0)] == nil } : []
        let fresh = buffers(new, try Tensor.sideBySide(new.map(\.shape)))
        let updates = try due.map { parameter, gradient, group in
            let key = ObjectIdentifier(parameter.tensor)
            let numbers = OptimizerUpdates.SGD(
                learningRate: groups[group].learningRate, momentum: momentum, dampening: dampening,
                weightDecay: groups[group].weightDecay, nesterov: nesterov, isFirst: fresh[key] != nil)
            return try unsafe OptimizerUpdates.SGDArrays(
                parameter: parameter.tensor.mutableFloats(), gradient: gradient.floats(),
                buffer: (buffers[key] ?? fresh[key])?.values.mutableFloats(), count: gradient.count, numbers)
        }
        buffers.merge(fresh) { kept, _ in kept }
        guard OptimizerUpdates.sgd(updates, gradientScale: gradientScale) else {
            throw notFinite(due.map(\.parameter))
        }
    }

    private func buffers(_ parameters: [Tensor], _ values: [Tensor]) -> [ObjectIdentifier: Buffer] {
        let buffers = zip(parameters, values).map { (ObjectIdentifier($0), Buffer(parameter: $0, values: $1)) }
        return Dictionary(buffers) { first, _ in first }
    }

    /// What the optimizer remembers, by name.
    public func stateTensors() throws -> [NamedParameter] {
        groups.flatMap { $0.parameters }.compactMap { parameter in
            buffers[ObjectIdentifier(parameter.tensor)].map {
                NamedParameter(parameter.name + ".momentum_buffer", $0.values)
            }
        }
    }

    /// Takes back what `stateTensors` gave.
    public func restore(_ state: [String: Tensor], steps: Int, source: String) throws {
        var state = OptimizerState(state, optimizer: SGD.name, source: source)
        var found: [(tensor: Tensor, buffer: Tensor)] = []
        for parameter in groups.flatMap({ $0.parameters }) {
            let buffer = try state.take(parameter.name + ".momentum_buffer", shape: parameter.tensor.shape)
            if let buffer { found.append((parameter.tensor, buffer)) }
        }
        try state.finish()
        buffers = buffers(found.map(\.tensor), try Tensor.sideBySide(copying: found.map(\.buffer)))
    }
}
