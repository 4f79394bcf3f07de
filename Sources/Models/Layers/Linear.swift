import Kernels
import Tensors

/// y = x Wᵀ + b with W[out, in], b[out]; seats on it may add to or scale y.
public final class Linear: Module {
    /// Class name.
    public let kind = "Linear"
    /// Path from the root of the model.
    public var path: String
    /// Number of inputs.
    public let inFeatures: Int
    /// Number of outputs.
    public let outFeatures: Int
    /// W[out, in].
    public let weight: Weight
    /// b[out], where there is one.
    public let bias: Weight?
    /// What sits here, in the order in which it acts.
    public var seats: [any LinearSeat] = []

    /// New layer over its weights.
    public init(path: String, weight: Weight, bias: Weight?) throws {
        guard weight.shape.count == 2 else {
            throw ModelError("'\(weight.name)' of a linear layer must have 2 dimensions, got shape \(weight.shape)")
        }
        (self.path, self.weight, self.bias) = (path, weight, bias)
        (outFeatures, inFeatures) = (weight.shape[0], weight.shape[1])
    }

    /// W, and b where there is one.
    public var weights: [(name: String, weight: Weight)] {
        [("weight", weight)] + (bias.map { [("bias", $0)] } ?? [])
    }

    /// Weights of what sits here.
    public var seatWeights: [(name: String, weight: Weight)] { seats.flatMap(\.weights) }

    /// Sizes, as the reference prints them.
    public var summary: String {
        "in_features=\(inFeatures), out_features=\(outFeatures), bias=\(bias == nil ? "False" : "True")"
    }
}
