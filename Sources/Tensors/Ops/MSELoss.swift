import Kernels

/// L = Σ (x − t)², x and t of one shape.
///
/// Backward: dx = 2 (x − t) · dL, dt = −dx. Keeps x − t.
package final class MSELoss: Op {
    package static let name = "mse_loss"
    private let reduction: Reduction
    private var difference: Tensor?
    private var factor: Float = 1

    /// Inputs are predictions and targets.
    package init(reduction: Reduction = .mean) { self.reduction = reduction }

    package func forward(_ inputs: [Tensor], needs: [Bool]) throws -> Tensor {
        let (x, t) = (inputs[0], inputs[1])
        guard x.shape == t.shape else { throw TensorError("mse_loss: input of shape \(x.shape), target \(t.shape)") }
        factor = try reduction.factor(x.count)
        let difference = try Tensor(uninitialized: x.shape)
        let total = Losses.squaredError(
            x: try x.floats(), t: try t.floats(), count: x.count, difference: try difference.mutableFloats())
        if needs.contains(true) { self.difference = difference }
        return try Tensor.full([], Float(total * Double(factor)))
    }

    package func backward(_ dy: Tensor, needs: [Bool]) throws -> [Tensor?] {
        guard let difference else { return [nil, nil] }
        let scale = 2 * factor * (try dy.floats()[0])
        return try zip(needs, [scale, -scale]).map { need, scale in
            guard need else { return nil }
            let gradient = try Tensor(uninitialized: difference.shape)
            Elementwise.scale(
                scale, try difference.floats(), into: try gradient.mutableFloats(), count: difference.count)
            return gradient
        }
    }

    package func keeps(_ shapes: [[Int]], needs: [Bool]) -> [[Int]] { needs.contains(true) ? [shapes[0]] : [] }
}

extension Tensor {
    /// Squared error against targets of the same shape.
    public func mseLoss(_ targets: Tensor, reduction: Reduction = .mean) throws -> Tensor {
        try Tensor.apply(MSELoss(reduction: reduction), [self, targets])
    }
}
