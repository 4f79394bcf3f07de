import Kernels

/// y = tensors one after the other along a dimension; their other sizes are equal.
///
/// Backward: each gets its part of dy. Keeps nothing.
package final class Cat: Op {
    package static let name = "cat"
    private let dimension: Int
    private var shapes: [[Int]] = []

    /// Joins along `dimension`.
    package init(dimension: Int) { self.dimension = dimension }

    package func forward(_ inputs: [Tensor], needs: [Bool]) throws -> Tensor {
        guard let first = inputs.first else { throw TensorError("cat: expected at least one tensor") }
        let at = try Shape.dimension(dimension, of: first.shape, "cat")
        shapes = inputs.map(\.shape)
        var total = 0
        for x in inputs {
            var others = x.shape
            if others.count > at { others[at] = first.shape[at] }
            guard others == first.shape else {
                throw TensorError("cat: shapes \(first.shape) and \(x.shape) differ beside dimension \(at + 1)")
            }
            total += x.shape[at]
        }
        let dtype: Tensor.DType = inputs.contains { $0.dtype == .float32 } ? .float32 : .int64
        var shape = first.shape
        shape[at] = total
        let y = try Tensor(uninitialized: shape, dtype: dtype)
        let (outer, _, inner) = Shape.split(shape, at: at)
        var place = 0
        for x in inputs {
            let count = x.shape[at] * inner
            try Blocks.copy(
                from: try x.to(dtype), offset: 0, step: count, to: y, offset: place, step: total * inner, count: count,
                blocks: outer)
            place += count
        }
        return y
    }

    package func backward(_ dy: Tensor, needs: [Bool]) throws -> [Tensor?] {
        let at = try Shape.dimension(dimension, of: dy.shape, "cat")
        let (outer, size, inner) = Shape.split(dy.shape, at: at)
        var place = 0
        return try zip(shapes, needs).map { shape, need in
            let count = shape[at] * inner
            defer { place += count }
            guard need else { return nil }
            let dx = try Tensor(uninitialized: shape)
            try Blocks.copy(
                from: dy, offset: place, step: size * inner, to: dx, offset: 0, step: count, count: count, blocks: outer
            )
            return dx
        }
    }
}

extension Tensor {
    /// Tensors one after the other along a dimension.
    public static func cat(_ tensors: [Tensor], _ dimension: Int = 0) throws -> Tensor {
        try Tensor.apply(Cat(dimension: dimension), tensors)
    }

    /// Tensors of one shape side by side in a new dimension.
    public static func stack(_ tensors: [Tensor], _ dimension: Int = 0) throws -> Tensor {
        guard let first = tensors.first else { throw TensorError("stack: expected at least one tensor") }
        let at = try Shape.dimension(dimension, of: first.shape + [1], "stack")
        if let other = tensors.first(where: { $0.shape != first.shape }) {
            throw TensorError("stack: shapes \(first.shape) and \(other.shape) differ")
        }
        var shape = first.shape
        shape.insert(1, at: at)
        return try cat(tensors.map { try $0.reshape(shape) }, at)
    }
}
