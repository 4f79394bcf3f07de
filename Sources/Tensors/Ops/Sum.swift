import Kernels

/// y = Σ x over everything, or over one dimension; times a factor (1 / n for the mean).
///
/// Backward: dx = factor · dy, repeated. Keeps nothing.
package final class Sum: Op {
    package static let name = "sum"
    private let dimension: Int?
    private let keepdim: Bool
    private let mean: Bool
    private var shape: [Int] = []
    private var factor: Float = 1

    /// Sum, or mean, over `dimension` (everything where it is nil).
    package init(dimension: Int?, keepdim: Bool, mean: Bool) {
        (self.dimension, self.keepdim, self.mean) = (dimension, keepdim, mean)
    }

    package func forward(_ inputs: [Tensor], needs: [Bool]) throws -> Tensor {
        let x = inputs[0]
        shape = x.shape
        let at = try dimension.map { try Shape.dimension($0, of: x.shape, mean ? "mean" : "sum") }
        let split = at.map { Shape.split(x.shape, at: $0) } ?? (outer: 1, size: x.count, inner: 1)
        let full = keepdim ? x.shape.map { _ in 1 } : []
        let result = at.map { Shape.reduced(x.shape, at: $0, keepdim: keepdim) } ?? full
        if mean {
            guard x.dtype == .float32 else { throw TensorError("mean: expected a float32 tensor, got int64") }
            factor = 1 / Float(split.size)
        }
        let y = try Tensor(uninitialized: result, dtype: x.dtype)
        if x.dtype == .int64 {
            Sum.integers(try x.integers(), split, try y.mutableIntegers())
        } else {
            Reductions.sum(
                try x.floats(), outer: split.outer, size: split.size, inner: split.inner, factor: factor,
                into: try y.mutableFloats())
            // 0 / 0 where there is nothing to average.
            if mean, split.size == 0 { try y.mutableFloats().update(repeating: .nan, count: y.count) }
        }
        return y
    }

    private static func integers(
        _ x: UnsafePointer<Int64>, _ split: (outer: Int, size: Int, inner: Int), _ y: UnsafeMutablePointer<Int64>
    ) {
        for o in 0..<split.outer {
            for i in 0..<split.inner {
                var total: Int64 = 0
                for s in 0..<split.size { total &+= x[(o * split.size + s) * split.inner + i] }
                y[o * split.inner + i] = total
            }
        }
    }

    package func backward(_ dy: Tensor, needs: [Bool]) throws -> [Tensor?] {
        let at = try dimension.map { try Shape.dimension($0, of: shape, "sum") }
        let kept = at.map { Shape.reduced(shape, at: $0, keepdim: true) } ?? shape.map { _ in 1 }
        let narrow = try Tensor(view: dy, shape: kept, offset: 0)
        let ones = try Tensor.full([], factor)
        // Repeated by broadcasting against an array of the input's shape that is never read: a product with 1.
        return [try Sum.spread(narrow, to: shape, factor: ones)]
    }

    private static func spread(_ dy: Tensor, to shape: [Int], factor: Tensor) throws -> Tensor {
        let scaled = try Binary.compute(.mul, dy, factor)
        let dx = try Tensor(uninitialized: shape)
        guard let walk = Broadcast(scaled.shape, shape) else { return dx }
        Reductions.spread(walk, try scaled.floats(), into: try dx.mutableFloats())
        return dx
    }

    /// The gradient of an input of shape `shape` that was repeated to the shape of `dy`: the sum over the repetitions.
    static func reduce(_ dy: Tensor, to shape: [Int]) throws -> Tensor {
        guard dy.shape != shape else { return dy }
        let result = try Tensor.zeros(shape)
        guard let walk = Broadcast(dy.shape, shape) else {
            throw TensorError("gradient of shape \(dy.shape) for an input of shape \(shape)")
        }
        Reductions.sumRepeated(walk, try dy.floats(), into: try result.mutableFloats())
        return result
    }
}

extension Tensor {
    /// The sum of all elements, or over one dimension.
    public func sum(_ dimension: Int? = nil, keepdim: Bool = false) throws -> Tensor {
        try Tensor.apply(Sum(dimension: dimension, keepdim: keepdim, mean: false), [self])
    }

    /// The mean of all elements, or over one dimension.
    public func mean(_ dimension: Int? = nil, keepdim: Bool = false) throws -> Tensor {
        try Tensor.apply(Sum(dimension: dimension, keepdim: keepdim, mean: true), [self])
    }

    /// −x.
    public func neg() throws -> Tensor {
        guard dtype == .int64 else { return try activation(.neg) }
        return try Binary.compute(.sub, Tensor.zeros([], dtype: .int64), self)
    }

    /// Natural logarithm.
    public func log() throws -> Tensor { try activation(.log) }

    /// Square root.
    public func sqrt() throws -> Tensor { try activation(.sqrt) }
}
