import Kernels

/// y = min(max(x, low), high), either bound where given; where low is above high, high.
///
/// NaN stays NaN. Backward, as torch 2.15: dx = dy where low < x < high, 0 at the bounds and beyond. Keeps x.
package final class Clamp: Op {
    package static let name = "clamp"
    private let (low, high): (Float?, Float?)
    private var x: Tensor?

    /// Between bounds, either of which may be missing.
    package init(low: Float?, high: Float?) { (self.low, self.high) = (low, high) }

    package func forward(_ inputs: [Tensor], needs: [Bool]) throws -> Tensor {
        let x = inputs[0]
        let y = try Tensor(uninitialized: x.shape)
        let (source, target) = (try x.floats(), try y.mutableFloats())
        for i in 0..<x.count {
            var value = source[i]
            if let low, value < low { value = low }
            if let high, value > high { value = high }
            target[i] = value
        }
        if needs[0] { self.x = x }
        return y
    }

    package func backward(_ dy: Tensor, needs: [Bool]) throws -> [Tensor?] {
        guard let x else { return [nil] }
        let dx = try Tensor(uninitialized: dy.shape)
        let (values, source, target) = (try x.floats(), try dy.floats(), try dx.mutableFloats())
        for i in 0..<dy.count {
            let value = values[i]
            let isInside = !value.isNaN && low.map { value > $0 } ?? true && high.map { value < $0 } ?? true
            target[i] = isInside ? source[i] : 0
        }
        return [dx]
    }

    package func keeps(_ shapes: [[Int]], needs: [Bool]) -> [[Int]] { needs[0] ? [shapes[0]] : [] }
}

extension Tensor {
    /// Each element, or the bound that it lies beyond; integers stay integers where the bounds are.
    public func clamp(min low: Number? = nil, max high: Number? = nil) throws -> Tensor {
        if dtype == .int64, let bounds = Tensor.integers(low ?? .integer(.min), high ?? .integer(.max)) {
            let result = try Tensor(uninitialized: shape, dtype: .int64)
            let (source, target) = (try integers(), try result.mutableIntegers())
            for i in 0..<count { target[i] = Swift.min(Swift.max(source[i], bounds.0), bounds.1) }
            return result
        }
        let op = Clamp(low: low.map { Float($0.double) }, high: high.map { Float($0.double) })
        return try Tensor.apply(op, [to(.float32)])
    }

    private static func integers(_ a: Number, _ b: Number) -> (Int64, Int64)? {
        guard case .integer(let first) = a, case .integer(let second) = b else { return nil }
        return (first, second)
    }
}
