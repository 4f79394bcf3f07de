import Kernels

/// y = c · tanh(x / c), elementwise: what keeps scores and logits between −c and c (Gemma 2, arXiv:2408.00118, section 2).
///
/// Backward: dx = dy · (1 − (y / c)²). Keeps y.
package final class SoftCap: Op {
    package static let name = "soft_cap"
    private let cap: Float
    private var kept: Tensor?

    /// A cap c above 0.
    package init(_ cap: Float) { self.cap = cap }

    package func forward(_ inputs: [Tensor], needs: [Bool]) throws -> Tensor {
        guard cap > 0, cap.isFinite else { throw TensorError("soft_cap: the cap is \(cap); expected a number above 0") }
        let x = inputs[0]
        let y = try Tensor(uninitialized: x.shape)
        Elementwise.softCap(try x.floats(), cap, into: try y.mutableFloats(), count: x.count)
        if needs[0] { kept = try y.bare() }
        return y
    }

    package func backward(_ dy: Tensor, needs: [Bool]) throws -> [Tensor?] {
        guard let kept else { return [nil] }
        let dx = try Tensor(uninitialized: dy.shape)
        Elementwise.softCapBackward(
            y: try kept.floats(), cap, try dy.floats(), into: try dx.mutableFloats(), count: dy.count)
        return [dx]
    }

    package func keeps(_ shapes: [[Int]], needs: [Bool]) -> [[Int]] { needs[0] ? [shapes[0]] : [] }
}

extension Tensor {
    /// c · tanh(x / c), elementwise.
    public func softCap(_ cap: Float) throws -> Tensor { try Tensor.apply(SoftCap(cap), [self]) }
}
