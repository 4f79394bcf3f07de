import Kernels

/// y[T, out] = f(x[T, in]) · Wᵀ + b, W a frozen matrix [out, in], f an activation or nothing.
///
/// Backward: dx = dy · W ∘ f'(x), where a gradient flows below; db[out] = Σ_t dy, where the bias is trained. Keeps x where there is
/// an activation, else nothing: the weight gradient, which alone needs f(x), is never asked for.
package final class FrozenLinear: AddingOp {
    package static let name = "linear"
    private let weight: FrozenMatrix
    private let activation: Elementwise.Unary?
    private var kept: Tensor?

    /// Product with `weight`; inputs are x and, where there is one, the bias.
    ///
    /// The activation must be one whose gradient is computed from its argument.
    package init(_ weight: FrozenMatrix, after activation: Elementwise.Unary? = nil) {
        (self.weight, self.activation) = (weight, activation)
    }

    package func forward(_ inputs: [Tensor], needs: [Bool]) throws -> Tensor {
        let x = inputs[0]
        let rows = try Linear.check(x, weightShape: [weight.rows, weight.columns], bias: inputs.dropFirst().first)
        let y = try Tensor(uninitialized: x.shape.dropLast() + [weight.rows])
        try weight.multiply(
            x: x.floats(), m: rows, applying: activation, bias: inputs.count > 1 ? inputs[1].floats() : nil,
            into: y.mutableFloats())
        if activation != nil, needs[0] { kept = x }
        return y
    }

    package func backward(_ dy: Tensor, needs: [Bool], onto sums: [Tensor?]) throws -> [Tensor?] {
        let rows = dy.rowsAndColumns.rows
        var gradients: [Tensor?] = needs.map { _ in nil }
        if needs[0] {
            // A product that is multiplied with a derivative cannot be added to another in the same pass.
            let sum = activation == nil ? sums[0] : nil
            let dx = try sum ?? Tensor(uninitialized: dy.shape.dropLast() + [weight.columns])
            let derivative = try kept.flatMap { kept in
                try activation.map { FrozenMatrix.Derivative(of: $0, kept: try kept.floats()) }
            }
            try weight.multiplyTransposed(
                dy: dy.floats(), m: rows, times: derivative, into: dx.mutableFloats(), accumulate: sum != nil)
            gradients[0] = dx
        }
        if needs.count > 1, needs[1] { gradients[1] = try Linear.biasGradient(dy) }
        return gradients
    }

    package func keeps(_ shapes: [[Int]], needs: [Bool]) -> [[Int]] {
        activation != nil && needs[0] ? [shapes[0]] : []
    }
}

extension Tensor {
    /// x · Wᵀ + bias, over the last dimension; f(x) · Wᵀ + bias after an activation f, which the product takes along.
    public func linear(
        _ weight: FrozenMatrix, bias: Tensor? = nil, after activation: Elementwise.Unary? = nil
    ) throws -> Tensor {
        // Where the gradient needs the result, that must be kept: an operation of its own.
        if let activation, Elementwise.usesResult(activation) {
            return try self.activation(activation).linear(weight, bias: bias)
        }
        return try Tensor.apply(FrozenLinear(weight, after: activation), [self] + (bias.map { [$0] } ?? []))
    }
}
