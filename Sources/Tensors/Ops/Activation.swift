import Kernels

/// y = f(x) elementwise, f one of gelu (with erf), geluTanh, tanh, relu, silu, exp, log, sqrt, neg, sigmoid, abs; formulas in Loops.
///
/// Backward: dx = dy · f'(x). Keeps y for tanh, relu, exp, sqrt and sigmoid, x for the others.
package final class Activation: Op {
    package static let name = "activation"
    private let function: Elementwise.Unary
    private var kept: Tensor?

    /// Applies `function`.
    package init(_ function: Elementwise.Unary) { self.function = function }

    package func forward(_ inputs: [Tensor], needs: [Bool]) throws -> Tensor {
        let x = try inputs[0].to(.float32)
        let y = try Tensor(uninitialized: x.shape)
        Elementwise.forward(function, try x.floats(), try y.mutableFloats(), count: x.count)
        if needs[0] { kept = Elementwise.usesResult(function) ? try y.bare() : x }
        return y
    }

    package func backward(_ dy: Tensor, needs: [Bool]) throws -> [Tensor?] {
        guard let kept else { return [nil] }
        let dx = try Tensor(uninitialized: dy.shape)
        Elementwise.backward(
            function, kept: try kept.floats(), try dy.floats(), try dx.mutableFloats(), count: dy.count)
        return [dx]
    }

    package func keeps(_ shapes: [[Int]], needs: [Bool]) -> [[Int]] { needs[0] ? [shapes[0]] : [] }
}

extension Tensor {
    /// Elementwise function with its gradient.
    public func activation(_ function: Elementwise.Unary) throws -> Tensor {
        try Tensor.apply(Activation(function), [self])
    }

    /// x · Φ(x); the approximation by tanh where asked for.
    public func gelu(tanh: Bool = false) throws -> Tensor { try activation(tanh ? .geluTanh : .gelu) }

    /// Hyperbolic tangent.
    public func tanh() throws -> Tensor { try activation(.tanh) }

    /// max(x, 0).
    public func relu() throws -> Tensor { try activation(.relu) }

    /// x / (1 + e^-x).
    public func silu() throws -> Tensor { try activation(.silu) }

    /// 1 / (1 + e^-x).
    public func sigmoid() throws -> Tensor { try activation(.sigmoid) }

    /// |x|; its slope at 0 is 0.
    public func abs() throws -> Tensor {
        guard dtype == .int64 else { return try activation(.abs) }
        let result = try Tensor(uninitialized: shape, dtype: .int64)
        let (source, target) = (try integers(), try result.mutableIntegers())
        // The smallest integer has no opposite and stays, as in torch.
        for i in 0..<count { target[i] = source[i] < 0 ? 0 &- source[i] : source[i] }
        return result
    }

    /// e^x.
    public func exp() throws -> Tensor { try activation(.exp) }
}
