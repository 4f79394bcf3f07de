import Kernels

/// L = Σ max(x, 0) − x · t + log(1 + e^−|x|), the binary cross entropy of σ(x) against t, without overflow.
///
/// x and t of one shape, t in 0...1. Backward: dx = (σ(x) − t) · dL. Keeps dx for dL = 1. Targets bear no gradient.
package final class BCEWithLogits: Op {
    package static let name = "binary_cross_entropy_with_logits"
    private let targets: Tensor
    private let reduction: Reduction
    private var gradient: Tensor?

    /// Loss against `targets`.
    package init(targets: Tensor, reduction: Reduction = .mean) throws {
        (self.targets, self.reduction) = (try targets.bare(), reduction)
    }

    package func forward(_ inputs: [Tensor], needs: [Bool]) throws -> Tensor {
        let x = inputs[0]
        guard x.shape == targets.shape else {
            throw TensorError("\(BCEWithLogits.name): input of shape \(x.shape), target \(targets.shape)")
        }
        let factor = try reduction.factor(x.count)
        if needs[0] { gradient = try Tensor(uninitialized: x.shape) }
        let total = Losses.binaryCrossEntropy(
            x: try x.floats(), t: try targets.floats(), count: x.count, factor: factor,
            gradient: try gradient?.mutableFloats())
        return try Tensor.full([], Float(total * Double(factor)))
    }

    package func backward(_ dy: Tensor, needs: [Bool]) throws -> [Tensor?] {
        guard let gradient else { return [nil] }
        return [try Loss.scaled(gradient, by: dy)]
    }

    package func keeps(_ shapes: [[Int]], needs: [Bool]) -> [[Int]] { needs[0] ? [shapes[0]] : [] }
}

extension Tensor {
    /// Binary cross entropy of these logits against targets of the same shape; see `BCEWithLogits`.
    public func bceWithLogits(_ targets: Tensor, reduction: Reduction = .mean) throws -> Tensor {
        try Tensor.apply(BCEWithLogits(targets: targets, reduction: reduction), [self])
    }
}
