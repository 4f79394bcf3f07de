import Kernels

/// L = Σ w · ((1 − t) · x + (1 + (p − 1) · t) · log(1 + e^−x)): the binary cross entropy of σ(x) against t, without overflow, the part of t
/// p times as heavy; w and p are 1 where none are given.
///
/// x and t of one shape, t in 0...1, w and p of a shape that is repeated to it; L a number, or of x's shape without a reduction. A mean is
/// over the elements, whatever their weights, as torch's. Backward: dx = w · (1 − t − (1 + (p − 1) · t) · (1 − σ(x))) · dL, which is
/// (σ(x) − t) · dL without weights. Keeps dx for dL = 1. Targets and weights bear no gradient.
package final class BCEWithLogits: Op {
    package static let name = "binary_cross_entropy_with_logits"
    private let targets: Tensor
    private let reduction: Reduction
    private let weights: Tensor?
    private let positiveWeights: Tensor?
    private var gradient: Tensor?

    /// Loss against `targets`.
    package init(
        targets: Tensor, reduction: Reduction = .mean, weights: Tensor? = nil, positiveWeights: Tensor? = nil
    ) throws {
        (self.targets, self.reduction) = (try targets.bare(), reduction)
        (self.weights, self.positiveWeights) = (try weights?.bare(), try positiveWeights?.bare())
    }

    package func forward(_ inputs: [Tensor], needs: [Bool]) throws -> Tensor {
        let x = inputs[0]
        guard x.shape == targets.shape else {
            throw TensorError("\(BCEWithLogits.name): input of shape \(x.shape), target \(targets.shape)")
        }
        let factor = try reduction.factor(x.count)
        if needs[0] { gradient = try Tensor(uninitialized: x.shape) }
        let each = try reduction == .none ? Tensor(uninitialized: x.shape) : nil
        let (weights, positive) = (
            try weights?.repeated(to: x.shape, "\(BCEWithLogits.name): weight"),
            try positiveWeights?.repeated(to: x.shape, "\(BCEWithLogits.name): pos_weight")
        )
        let total = try withExtendedLifetime((weights, positive)) {
            Losses.binaryCrossEntropy(
                x: try x.floats(), t: try targets.floats(), count: x.count, factor: factor,
                gradient: try gradient?.mutableFloats(), weights: try weights?.floats(),
                positiveWeights: try positive?.floats(), elements: try each?.mutableFloats())
        }
        return try each ?? Tensor.full([], Float(total * Double(factor)))
    }

    package func backward(_ dy: Tensor, needs: [Bool]) throws -> [Tensor?] {
        guard let gradient else { return [nil] }
        return [try Loss.scaled(gradient, by: dy)]
    }

    package func keeps(_ shapes: [[Int]], needs: [Bool]) -> [[Int]] { needs[0] ? [shapes[0]] : [] }
}

extension Tensor {
    /// Binary cross entropy of these logits against targets of the same shape, with weights of elements and of their positive
    /// parts where given; see `BCEWithLogits`.
    public func bceWithLogits(
        _ targets: Tensor, reduction: Reduction = .mean, weights: Tensor? = nil, positiveWeights: Tensor? = nil
    ) throws -> Tensor {
        try Tensor.apply(
            BCEWithLogits(
                targets: targets, reduction: reduction, weights: weights, positiveWeights: positiveWeights), [self])
    }
}
