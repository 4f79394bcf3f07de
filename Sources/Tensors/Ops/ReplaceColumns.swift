import Kernels

/// y[T, V] with y[:, columns[i]] = x · R[i]ᵀ: outputs of a linear of which some rows are trained apart from its matrix.
///
/// Shapes: y [T, V], x [T, d], R[n, d]; a column stands once in `columns`. Backward: dz = dy[:, columns], dy goes on with zeros there,
/// dx = dz · R, dR = dzᵀ · x. Keeps x and R.
package final class ReplaceColumns: Op {
    package static let name = "replace_columns"
    private let columns: [Int]
    private var kept: (x: Saved, rows: Tensor)?

    /// Replaces these columns.
    package init(_ columns: [Int]) { self.columns = columns }

    /// Inputs are y, x and R; y is written over, so it must be fresh.
    package func forward(_ inputs: [Tensor], needs: [Bool]) throws -> Tensor {
        let (y, x, rows) = (try inputs[0].detach(), inputs[1], inputs[2])
        let (total, classes) = try y.matrixShape("replace_columns")
        guard x.shape.count == 2, x.shape[0] == total, rows.shape == [columns.count, x.shape[1]],
            columns.allSatisfy({ (0..<classes).contains($0) })
        else {
            throw TensorError(
                "replace_columns: columns of input \(x.shape) and rows \(rows.shape) in an output of shape \(y.shape)")
        }
        let z = try Tensor(uninitialized: [total, columns.count])
        let (width, n) = (x.shape[1], columns.count)
        Matmul.gemm(
            transposeB: true, m: total, n: n, k: width, try x.floats(), lda: width, try rows.floats(), ldb: width,
            try z.mutableFloats(), ldc: n)
        try Columns.scatter(z.floats(), into: y.mutableFloats(), columns, m: total, classes: classes)
        if needs[1] || needs[2] { kept = (Saved(x), rows) }
        return y
    }

    package func backward(_ dy: Tensor, needs: [Bool]) throws -> [Tensor?] {
        var gradients: [Tensor?] = [nil, nil, nil]
        let (total, classes) = (dy.shape[0], dy.shape[1])
        if needs[0] {
            let rest = try dy.clone()
            try Columns.clear(rest.mutableFloats(), columns, m: total, classes: classes)
            gradients[0] = rest
        }
        guard let kept else { return gradients }
        let (x, rows) = (try kept.x.value(), kept.rows)
        let (width, n) = (x.shape[1], columns.count)
        let dz = try Tensor(uninitialized: [total, n])
        try Columns.gather(dy.floats(), into: dz.mutableFloats(), columns, m: total, classes: classes)
        if needs[1] {
            let dx = try Tensor(uninitialized: x.shape)
            Matmul.gemm(
                m: total, n: width, k: n, try dz.floats(), lda: n, try rows.floats(), ldb: width,
                try dx.mutableFloats(), ldc: width)
            gradients[1] = dx
        }
        if needs[2] {
            let drows = try Tensor(uninitialized: rows.shape)
            Matmul.gemm(
                transposeA: true, m: n, n: width, k: total, try dz.floats(), lda: n, try x.floats(), ldb: width,
                try drows.mutableFloats(), ldc: width)
            gradients[2] = drows
        }
        return gradients
    }

    package func keeps(_ shapes: [[Int]], needs: [Bool]) -> [[Int]] {
        needs[1] || needs[2] ? [shapes[1], shapes[2]] : []
    }
}

extension Tensor {
    /// This fresh output [T, V], which is written over, with x · R[i]ᵀ as its column `columns[i]`, for x[T, d] and R[n, d]; see `ReplaceColumns`.
    public func replacingColumns(_ columns: [Int], with rows: Tensor, of x: Tensor) throws -> Tensor {
        try Tensor.apply(ReplaceColumns(columns), [self, x, rows])
    }
}

/// Some columns of a matrix [m, classes], as a matrix [m, n] of their own.
enum Columns {
    /// Writes the columns `columns` of `source` to `target` [m, n].
    static func gather(
        _ source: UnsafePointer<Float>, into target: UnsafeMutablePointer<Float>, _ columns: [Int], m: Int, classes: Int
    ) {
        for row in 0..<m {
            for (place, column) in columns.enumerated() {
                target[row * columns.count + place] = source[row * classes + column]
            }
        }
    }

    /// Writes `source` [m, n] over the columns `columns` of `target`.
    static func scatter(
        _ source: UnsafePointer<Float>, into target: UnsafeMutablePointer<Float>, _ columns: [Int], m: Int, classes: Int
    ) {
        for row in 0..<m {
            for (place, column) in columns.enumerated() {
                target[row * classes + column] = source[row * columns.count + place]
            }
        }
    }

    /// Makes the columns `columns` of `target` zero.
    static func clear(_ target: UnsafeMutablePointer<Float>, _ columns: [Int], m: Int, classes: Int) {
        for row in 0..<m { for column in columns { target[row * classes + column] = 0 } }
    }
}
