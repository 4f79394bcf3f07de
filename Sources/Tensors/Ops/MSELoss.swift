import Kernels

/// L = Σ w · (x − t)², x, t and w of one shape; w is 1 where none is given.
///
/// L is a number, or of x's shape without a reduction; a mean is over Σ w, as torch's. Backward: dx = 2 w (x − t) · dL, dt = −dx. Keeps
/// x − t, and w. Weights bear no gradient.
package final class MSELoss: Op {
    package static let name = "mse_loss"
    private let reduction: Reduction
    private let weights: Tensor?
    private var difference: Tensor?
    private var factor: Float = 1

    /// Inputs are predictions and targets.
    package init(reduction: Reduction = .mean, weights: Tensor? = nil) throws {
        (self.reduction, self.weights) = (reduction, try weights?.bare())
    }

    package func forward(_ inputs: [Tensor], needs: [Bool]) throws -> Tensor {
        let (x, t) = (inputs[0], inputs[1])
        guard x.shape == t.shape else { throw TensorError("mse_loss: input of shape \(x.shape), target \(t.shape)") }
        if let weights, weights.shape != x.shape {
            throw TensorError("mse_loss: input of shape \(x.shape), weight \(weights.shape); they must be equal")
        }
        factor =
            try weights.map { weights in
                let numbers = try weights.floats()
                return try reduction.factor(
                    weights: (0..<weights.count).reduce(0) { $0 + Double(numbers[$1]) }, x.count)
            } ?? reduction.factor(x.count)
        let difference = try Tensor(uninitialized: x.shape)
        let total = Losses.squaredError(
            x: try x.floats(), t: try t.floats(), count: x.count, difference: try difference.mutableFloats())
        if needs.contains(true) { self.difference = difference }
        guard reduction == .none || weights != nil else { return try Tensor.full([], Float(total * Double(factor))) }
        var squares = try Binary.compute(.mul, difference, difference)
        if let weights { squares = try Binary.compute(.mul, squares, weights) }
        if reduction == .none { return squares }
        let numbers = try squares.floats()
        let sum = (0..<squares.count).reduce(0.0) { $0 + Double(numbers[$1]) }
        return try Tensor.full([], Float(sum * Double(factor)))
    }

    package func backward(_ dy: Tensor, needs: [Bool]) throws -> [Tensor?] {
        guard let difference else { return [nil, nil] }
        let weighted = try weights.map { try Binary.compute(.mul, difference, $0) } ?? difference
        return try zip(needs, [2 * factor, -2 * factor]).map { need, scale in
            guard need else { return nil }
            let slope = try Tensor(uninitialized: difference.shape)
            let isWhole = dy.shape.isEmpty
            Elementwise.scale(
                isWhole ? scale * (try dy.floats()[0]) : scale, try weighted.floats(), into: try slope.mutableFloats(),
                count: difference.count)
            return isWhole ? slope : try Binary.compute(.mul, slope, dy)
        }
    }

    package func keeps(_ shapes: [[Int]], needs: [Bool]) -> [[Int]] { needs.contains(true) ? [shapes[0]] : [] }
}

extension Tensor {
    /// Squared error against targets of the same shape, with a weight for each element where given; see `MSELoss`.
    public func mseLoss(_ targets: Tensor, reduction: Reduction = .mean, weights: Tensor? = nil) throws -> Tensor {
        try Tensor.apply(MSELoss(reduction: reduction, weights: weights), [self, targets])
    }
}
