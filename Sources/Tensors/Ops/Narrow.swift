import Kernels

/// y[outer, length, inner] = x[outer, start..<start + length, inner].
///
/// Backward: dx = dy there, 0 elsewhere. Keeps nothing.
package final class Narrow: Op {
    package static let name = "narrow"
    private let (dimension, start, length): (Int, Int, Int)
    private var source: [Int] = []

    /// Part of a dimension; the caller has checked the range.
    package init(dimension: Int, start: Int, length: Int) {
        (self.dimension, self.start, self.length) = (dimension, start, length)
    }

    package func forward(_ inputs: [Tensor], needs: [Bool]) throws -> Tensor {
        let x = inputs[0]
        source = x.shape
        var shape = x.shape
        shape[dimension] = length
        let y = try Tensor(uninitialized: shape, dtype: x.dtype)
        let (outer, size, inner) = Shape.split(x.shape, at: dimension)
        try Blocks.copy(
            from: x, offset: start * inner, step: size * inner, to: y, offset: 0, step: length * inner,
            count: length * inner, blocks: outer)
        return y
    }

    package func backward(_ dy: Tensor, needs: [Bool]) throws -> [Tensor?] {
        let dx = try Tensor.zeros(source)
        let (outer, size, inner) = Shape.split(source, at: dimension)
        try Blocks.copy(
            from: dy, offset: 0, step: length * inner, to: dx, offset: start * inner, step: size * inner,
            count: length * inner, blocks: outer)
        return [dx]
    }
}

/// Copies of equal blocks at equal distances, for any element type.
enum Blocks {
    static func copy(
        from x: Tensor, offset: Int, step: Int, to y: Tensor, offset target: Int, step targetStep: Int, count: Int,
        blocks: Int
    ) throws {
        switch x.dtype {
        case .float32:
            let (p, q) = (try x.floats() + offset, try y.mutableFloats() + target)
            for i in 0..<blocks { (q + i * targetStep).update(from: p + i * step, count: count) }
        case .int64:
            let (p, q) = (try x.integers() + offset, try y.mutableIntegers() + target)
            for i in 0..<blocks { (q + i * targetStep).update(from: p + i * step, count: count) }
        }
    }
}
