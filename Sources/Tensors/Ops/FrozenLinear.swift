import Kernels

/// y[T, out] = x[T, in] · Wᵀ + b, W a frozen matrix [out, in].
///
/// Backward: dx = dy · W, where a gradient flows below; db[out] = Σ_t dy, where the bias is trained. Keeps nothing:
/// the weight gradient, which alone needs x, is never asked for.
package final class FrozenLinear: Op {
    package static let name = "linear"
    private let weight: FrozenMatrix

    /// Product with `weight`; inputs are x and, where there is one, the bias.
    package init(_ weight: FrozenMatrix) { self.weight = weight }

    package func forward(_ inputs: [Tensor], needs: [Bool]) throws -> Tensor {
        let x = inputs[0]
        let rows = try Linear.check(x, weightShape: [weight.rows, weight.columns], bias: inputs.dropFirst().first)
        let y = try Tensor(uninitialized: x.shape.dropLast() + [weight.rows])
        try weight.multiply(
            x: x.floats(), m: rows, bias: inputs.count > 1 ? inputs[1].floats() : nil, into: y.mutableFloats())
        return y
    }

    package func backward(_ dy: Tensor, needs: [Bool]) throws -> [Tensor?] {
        let rows = dy.rowsAndColumns.rows
        var gradients: [Tensor?] = needs.map { _ in nil }
        if needs[0] {
            let dx = try Tensor(uninitialized: dy.shape.dropLast() + [weight.columns])
            try weight.multiplyTransposed(dy: dy.floats(), m: rows, into: dx.mutableFloats())
            gradients[0] = dx
        }
        if needs.count > 1, needs[1] { gradients[1] = try Linear.biasGradient(dy) }
        return gradients
    }
}

extension Tensor {
    /// x · Wᵀ + bias, over the last dimension.
    public func linear(_ weight: FrozenMatrix, bias: Tensor? = nil) throws -> Tensor {
        try Tensor.apply(FrozenLinear(weight), [self] + (bias.map { [$0] } ?? []))
    }
}
