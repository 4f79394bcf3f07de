import Kernels

/// y[n, d] = x[indices], rows of a matrix x [rows, d].
///
/// Backward: dx[row] = Σ of dy over the places where the row was taken, in their order; other rows 0. Keeps nothing.
package final class GatherRows: Op {
    package static let name = "gather_rows"
    private let indices: [Int]
    private var rows = 0

    /// Takes these rows, counted from 0.
    package init(_ indices: [Int]) { self.indices = indices }

    package func forward(_ inputs: [Tensor], needs: [Bool]) throws -> Tensor {
        let x = inputs[0]
        let (rows, width) = try x.matrixShape("gather_rows")
        self.rows = rows
        let y = try Tensor(uninitialized: [indices.count, width])
        let (source, target) = (try x.floats(), try y.mutableFloats())
        for (place, row) in indices.enumerated() {
            guard row >= 0, row < rows else {
                throw TensorError("gather_rows: row \(Shape.told(row)) is outside 1 to \(rows) of shape \(x.shape)")
            }
            (target + place * width).update(from: source + row * width, count: width)
        }
        return y
    }

    package func backward(_ dy: Tensor, needs: [Bool]) throws -> [Tensor?] {
        let width = dy.shape[1]
        let dx = try Tensor.zeros([rows, width])
        Rows.scatterAdd(
            try dy.floats(), to: indices, width: width, into: try dx.mutableFloats())
        return [dx]
    }
}

extension Tensor {
    /// Rows of this matrix, counted from 0, in the order given; the gradient of a row taken twice is the sum.
    public func gatherRows(_ indices: [Int]) throws -> Tensor { try Tensor.apply(GatherRows(indices), [self]) }
}
