import Kernels

/// y[T, heads · d]: pairs (a, b) of each head's first r numbers become (a · c − b · s, b · c + a · s), the others stay (Su and others
/// 2021, arXiv:2104.09864).
///
/// c, s[T, r/2] are cosine and sine of the row's angles, r ≤ d; which numbers make a pair is `Rotation.Layout`. Backward: the
/// gradient rotated by the negated angles. Keeps the angles, which belong to the whole pass.
package final class RotaryEmbedding: Op {
    package static let name = "rotary_embedding"
    private let angles: RotaryAngles
    private let width: Int
    private let layout: Rotation.Layout
    private let isOverwriting: Bool

    /// Rotates heads of `width` numbers; where `overwriting` is set the result takes the input's place in memory.
    package init(_ angles: RotaryAngles, width: Int, layout: Rotation.Layout, overwriting: Bool) {
        (self.angles, self.width, self.layout, isOverwriting) = (angles, width, layout, overwriting)
    }

    package func forward(_ inputs: [Tensor], needs: [Bool]) throws -> Tensor {
        let x = inputs[0]
        let (rows, columns) = try x.matrixShape("rotary_embedding")
        guard width > 0, columns % width == 0, 2 * angles.pairs <= width, angles.rows == rows else {
            throw TensorError(
                "rotary_embedding: input of shape \(x.shape) in heads of \(width), angles of shape \(angles.cos.shape)")
        }
        let y = isOverwriting ? try x.detach() : try Tensor(uninitialized: x.shape)
        try rotate(try x.floats(), rows, columns, back: false, into: y)
        return y
    }

    package func backward(_ dy: Tensor, needs: [Bool]) throws -> [Tensor?] {
        let dx = try Tensor(uninitialized: dy.shape)
        try rotate(try dy.floats(), dy.shape[0], dy.shape[1], back: true, into: dx)
        return [dx]
    }

    private func rotate(
        _ x: UnsafePointer<Float>, _ rows: Int, _ columns: Int, back: Bool, into y: Tensor
    ) throws {
        Rotation.rotate(
            x: x, cos: try angles.cos.floats(), sin: try angles.sin.floats(), rows: rows, heads: columns / width,
            width: width, pairs: angles.pairs, layout: layout, back: back, into: try y.mutableFloats())
    }
}

extension Tensor {
    /// Rows [T, heads · width] rotated by their angles; see `RotaryEmbedding`.
    ///
    /// With `overwriting` the result is written over the values of this tensor, which must be fresh: nobody else reads them, and what
    /// made them keeps them for no backward (a linear, LoRA's update).
    public func rotary(
        _ angles: RotaryAngles, width: Int, layout: Rotation.Layout = .halves, overwriting: Bool = false
    ) throws -> Tensor {
        try Tensor.apply(RotaryEmbedding(angles, width: width, layout: layout, overwriting: overwriting), [self])
    }
}
