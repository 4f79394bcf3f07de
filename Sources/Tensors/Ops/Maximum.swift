import Kernels
import Memory

/// y = the largest element of everything, or along one dimension, or the smallest; NaN counts as either.
///
/// Backward as torch: over everything the gradient is shared equally among ties; along a dimension it goes to the
/// first of them. Keeps the places.
package final class Maximum: Op {
    package static let name = "max"
    private let dimension: Int?
    private let keepdim: Bool
    private let isMinimum: Bool
    private var shape: [Int] = []
    private var places: [Int] = []
    /// Places along the dimension (of everything: in row-major order), int64; set by `forward`.
    private(set) var indices: Tensor?

    /// Maximum, or minimum, over `dimension` (everything where it is nil).
    package init(dimension: Int?, keepdim: Bool, isMinimum: Bool = false) {
        (self.dimension, self.keepdim, self.isMinimum) = (dimension, keepdim, isMinimum)
    }

    private var told: String { isMinimum ? "min" : "max" }

    package func forward(_ inputs: [Tensor], needs: [Bool]) throws -> Tensor {
        let x = inputs[0]
        shape = x.shape
        let at = try dimension.map { try Shape.dimension($0, of: x.shape, told) }
        let split = at.map { Shape.split(x.shape, at: $0) } ?? (outer: 1, size: x.count, inner: 1)
        guard split.size > 0 else { throw TensorError("\(told): nothing to choose from in shape \(x.shape)") }
        let full = keepdim ? x.shape.map { _ in 1 } : []
        let result = at.map { Shape.reduced(x.shape, at: $0, keepdim: keepdim) } ?? full
        let y = try Tensor(uninitialized: result, dtype: x.dtype)
        let indices = try Tensor(uninitialized: result, dtype: .int64)
        let target = try indices.mutableIntegers()
        switch x.dtype {
        case .float32:
            let (source, result) = (try x.floats(), try y.mutableFloats())
            if isMinimum {
                Maximum.choose(source, split, result, target) { $0 < $1 || ($0.isNaN && !$1.isNaN) }
            } else {
                Maximum.choose(source, split, result, target) { $0 > $1 || ($0.isNaN && !$1.isNaN) }
            }
        case .int64:
            let (source, result) = (try x.integers(), try y.mutableIntegers())
            if isMinimum {
                Maximum.choose(source, split, result, target) { $0 < $1 }
            } else {
                Maximum.choose(source, split, result, target) { $0 > $1 }
            }
        }
        self.indices = indices
        if needs[0] {
            try MemoryBudget.reserve(at == nil ? x.count : y.count, of: MemoryLayout<Int>.stride)
            if at == nil {
                let (values, best) = (try x.floats(), try y.floats()[0])
                places = (0..<x.count).filter { values[$0] == best || (best.isNaN && values[$0].isNaN) }
            } else {
                for o in 0..<split.outer {
                    for i in 0..<split.inner {
                        places.append((o * split.size + Int(target[o * split.inner + i])) * split.inner + i)
                    }
                }
            }
        }
        return y
    }

    private static func choose<Value>(
        _ x: UnsafePointer<Value>, _ split: (outer: Int, size: Int, inner: Int), _ y: UnsafeMutablePointer<Value>,
        _ indices: UnsafeMutablePointer<Int64>, _ exceeds: (Value, Value) -> Bool
    ) {
        for o in 0..<split.outer {
            for i in 0..<split.inner {
                let start = x + o * split.size * split.inner + i
                var best = 0
                for s in 1..<max(1, split.size) where exceeds(start[s * split.inner], start[best * split.inner]) {
                    best = s
                }
                y[o * split.inner + i] = start[best * split.inner]
                indices[o * split.inner + i] = Int64(best)
            }
        }
    }

    package func backward(_ dy: Tensor, needs: [Bool]) throws -> [Tensor?] {
        let dx = try Tensor.zeros(shape)
        let (target, source) = (try dx.mutableFloats(), try dy.floats())
        if dimension == nil {
            let share = source[0] / Float(places.count)
            for place in places { target[place] = share }
        } else {
            for (i, place) in places.enumerated() { target[place] = source[i] }
        }
        return [dx]
    }

    package func keeps(_ shapes: [[Int]], needs: [Bool]) -> [[Int]] { [] }
}

extension Tensor {
    /// The largest element.
    public func max() throws -> Tensor { try Tensor.apply(Maximum(dimension: nil, keepdim: false), [self]) }

    /// The smallest element.
    public func min() throws -> Tensor {
        try Tensor.apply(Maximum(dimension: nil, keepdim: false, isMinimum: true), [self])
    }

    /// The smallest elements along a dimension, and their places in it (the first among equals), counted from 0.
    public func min(_ dimension: Int, keepdim: Bool = false) throws -> (values: Tensor, indices: Tensor) {
        let op = Maximum(dimension: dimension, keepdim: keepdim, isMinimum: true)
        let values = try Tensor.apply(op, [self])
        guard let indices = op.indices else { throw TensorError("min: no result") }
        return (values, indices)
    }

    /// The largest elements along a dimension, and their places in it (the first among equals), counted from 0.
    public func max(_ dimension: Int, keepdim: Bool = false) throws -> (values: Tensor, indices: Tensor) {
        let op = Maximum(dimension: dimension, keepdim: keepdim)
        let values = try Tensor.apply(op, [self])
        guard let indices = op.indices else { throw TensorError("max: no result") }
        return (values, indices)
    }

    /// The place of the smallest element: along a dimension, or of everything in row-major order; counted from 0.
    public func argmin(_ dimension: Int? = nil, keepdim: Bool = false) throws -> Tensor {
        let op = Maximum(dimension: dimension, keepdim: keepdim, isMinimum: true)
        _ = try op.forward([bare()], needs: [false])
        guard let indices = op.indices else { throw TensorError("argmin: no result") }
        return indices
    }

    /// The place of the largest element: along a dimension, or of everything in row-major order; counted from 0.
    public func argmax(_ dimension: Int? = nil, keepdim: Bool = false) throws -> Tensor {
        let op = Maximum(dimension: dimension, keepdim: keepdim)
        _ = try op.forward([bare()], needs: [false])
        guard let indices = op.indices else { throw TensorError("argmax: no result") }
        return indices
    }
}
