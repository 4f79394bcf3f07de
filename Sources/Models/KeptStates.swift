import Tensors

/// The states that enter a layer, given to a model in place of all that is below.
///
/// Where nothing below a layer is trained and nothing random acts there, they are a function of the ids alone and can be
/// kept.
public struct KeptStates: @unchecked Sendable {
    // Sendable since nothing writes to states once they are made.

    /// The layer that they enter, from 0; the number of layers for what the head reads.
    public let layer: Int
    /// [T, d]; [B, d] where they are what a head on sequences reads.
    public let states: Tensor

    /// States that enter `layer`.
    public init(layer: Int, states: Tensor) { (self.layer, self.states) = (layer, states) }
}

extension Model {
    /// The lowest layer that has something trainable, the number of layers where only the head has; nil where the embeddings
    /// are trained.
    public var lowestTrainableLayer: Int? {
        guard embeddings.allSatisfy({ $0.trainableParameters().isEmpty }) else { return nil }
        return layers.firstIndex { !$0.trainableParameters().isEmpty } ?? layerCount
    }

    /// Names of what draws random numbers in training below a layer.
    public func randomParts(below layer: Int) -> [String] {
        lowerModules(below: layer).flatMap { $0.namedModules() }.compactMap { _, module in
            if let dropout = module as? Dropout, dropout.p > 0 { return dropout.path }
            if let linear = module as? Linear, linear.seats.contains(where: \.isRandom) { return linear.path }
            return nil
        }
    }
}

/// What the states that enter a layer are computed with, to tell whether they would still be the same.
///
/// Values are compared by who they are, and tensors, which can be written to, by some of their numbers besides.
public struct KeptStatesIdentity {
    private let layer: Int
    private let weights: [(weight: Weight, value: AnyObject?, sample: UInt64)]
    private let seats: [(module: any Module, state: String)]

    /// What `model` has below `layer` now.
    public init(_ model: any Model, below layer: Int) {
        self.layer = layer
        let modules = model.lowerModules(below: layer).flatMap { $0.namedModules().map(\.module) }
        seats = modules.compactMap { module in KeptStatesIdentity.state(of: module).map { (module, $0) } }
        weights = modules.flatMap { ($0.weights + $0.seatWeights).map(\.weight) }.map {
            let (value, sample) = KeptStatesIdentity.value(of: $0)
            return ($0, value, sample)
        }
    }

    /// Whether all of it is as it was, and none of it is trained.
    public var holds: Bool {
        seats.allSatisfy { $0.state == KeptStatesIdentity.state(of: $0.module) }
            && weights.allSatisfy { weight, old, sample in
                guard !weight.active.requiresGrad else { return false }
                let (value, now) = KeptStatesIdentity.value(of: weight)
                return value === old && now == sample
            }
    }

    /// What acts on a module, where anything can sit on it.
    private static func state(of module: any Module) -> String? {
        if let linear = module as? Linear { return linear.seats.map(\.state).joined(separator: "; ") }
        return (module as? Embedding)?.seats.map(\.state).joined(separator: "; ")
    }

    private static func value(of weight: Weight) -> (AnyObject?, sample: UInt64) {
        switch try? weight.current() {
        case .matrix(let matrix): (matrix, 0)
        case .tensor(let tensor): (tensor, sample(tensor))
        case .absent, nil: (nil, 0)
        }
    }

    /// A hash of at most a thousand of a tensor's numbers.
    private static func sample(_ tensor: Tensor) -> UInt64 {
        guard tensor.count > 0, let numbers = unsafe try? tensor.floats() else { return 0 }
        return stride(from: 0, to: tensor.count, by: max(1, tensor.count / 1000)).reduce(0) { hash, place in
            (hash ^ UInt64(unsafe numbers[place].bitPattern)) &* 0x100_0000_01B3
        }
    }
}
