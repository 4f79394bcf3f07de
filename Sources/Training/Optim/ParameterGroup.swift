import Tensors

/// A trainable tensor under the name by which it is saved and reported.
public struct NamedParameter {
    /// Name in checkpoints and errors, unique within an optimizer.
    public let name: String
    /// The numbers, float32.
    public let tensor: Tensor

    /// A tensor with a name.
    public init(_ name: String, _ tensor: Tensor) { (self.name, self.tensor) = (name, tensor) }
}

/// Parameters that share a learning rate and a weight decay.
public struct ParameterGroup {
    /// The tensors; those that require no gradient are passed over.
    public var parameters: [NamedParameter]
    /// Learning rate of the next step.
    public var learningRate: Double
    /// Learning rate that schedules multiply.
    public internal(set) var initialLearningRate: Double
    /// Weight decay, decoupled or not as the optimizer has it.
    public var weightDecay: Double

    /// A group; a learning rate or weight decay below zero or not finite is an error.
    public init(_ parameters: [NamedParameter], learningRate: Double, weightDecay: Double = 0) throws {
        try Checks.notNegative("lr", learningRate)
        try Checks.notNegative("weight_decay", weightDecay)
        self.parameters = parameters
        self.learningRate = learningRate
        self.weightDecay = weightDecay
        initialLearningRate = learningRate
    }

    /// The two groups that the reference's trainer makes: weights that decay, and biases and norms that do not.
    ///
    /// A parameter does not decay where it belongs to a LayerNorm (`isLayerNorm`) or where its name, in lower case, holds `bias`,
    /// `layernorm`, `rmsnorm`, or a part that is or ends in `norm` after a dot or underscore (transformers 5.23, `trainer.py`,
    /// `get_decay_parameter_names`). Only tensors that require a gradient enter.
    public static func trainerGroups(
        _ parameters: [NamedParameter], learningRate: Double, weightDecay: Double,
        isLayerNorm: (String) -> Bool = { _ in false }
    ) throws -> [ParameterGroup] {
        var (decayed, plain): ([NamedParameter], [NamedParameter]) = ([], [])
        for parameter in parameters where parameter.tensor.requiresGrad {
            if isLayerNorm(parameter.name) || isExemptFromDecay(parameter.name) {
                plain.append(parameter)
            } else {
                decayed.append(parameter)
            }
        }
        return [
            try ParameterGroup(decayed, learningRate: learningRate, weightDecay: weightDecay),
            try ParameterGroup(plain, learningRate: learningRate),
        ]
    }

    /// Whether the name alone keeps a parameter from decaying.
    public static func isExemptFromDecay(_ name: String) -> Bool {
        let name = name.lowercased()
        if ["bias", "layernorm", "rmsnorm"].contains(where: { name.contains($0) }) { return true }
        return name.split(separator: ".").contains { $0 == "norm" || $0.hasSuffix("_norm") }
    }
}

/// Checks of numbers that users give.
enum Checks {
    static func notNegative(_ name: String, _ value: Double) throws {
        guard value >= 0, value.isFinite else {
            throw TrainingError("\(name) is \(value); expected a finite number of at least 0")
        }
    }

    static func fraction(_ name: String, _ value: Double) throws {
        guard value >= 0, value < 1 else {
            throw TrainingError("\(name) is \(value); expected a number from 0 to below 1")
        }
    }
}
