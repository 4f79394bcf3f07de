import COpenBLAS

/// A matrix [rows, columns] of doubles, row by row: for the rare decompositions, by LAPACK out of the library of products.
public struct DoubleMatrix: Sendable {
    /// Number of rows.
    public let rows: Int
    /// Number of columns.
    public let columns: Int
    /// The numbers, row by row.
    public let values: [Double]

    /// Matrix of these numbers, as many as rows × columns; throws where they are others, not finite, or more than LAPACK counts.
    public init(rows: Int, columns: Int, _ values: [Double]) throws {
        let (count, overflow) = rows.multipliedReportingOverflow(by: columns)
        guard rows >= 0, columns >= 0, !overflow, count == values.count, count <= Int(Int32.max) else {
            throw KernelError("a matrix [\(rows), \(columns)] cannot be made of \(values.count) numbers")
        }
        if let wrong = values.firstIndex(where: { !$0.isFinite }) {
            throw KernelError(
                "number \(wrong) of a matrix [\(rows), \(columns)] is \(values[wrong]); expected finite numbers")
        }
        (self.rows, self.columns, self.values) = (rows, columns, values)
    }

    /// Rows as columns.
    public var transposed: [Double] {
        var result = [Double](repeating: 0, count: values.count)
        for row in 0..<rows {
            for column in 0..<columns { result[column * rows + row] = values[row * columns + column] }
        }
        return result
    }

    /// self · other, or self · otherᵀ.
    public func times(_ other: DoubleMatrix, transposed: Bool = false) throws -> DoubleMatrix {
        let (inner, width) = transposed ? (other.columns, other.rows) : (other.rows, other.columns)
        guard columns == inner else {
            throw KernelError("matrices [\(rows), \(columns)] and [\(inner), \(width)] cannot be multiplied")
        }
        var product = [Double](repeating: 0, count: rows * width)
        guard rows > 0, width > 0, inner > 0 else { return try DoubleMatrix(rows: rows, columns: width, product) }
        try BLAS.open()
        guard
            blas_dgemm(
                0, transposed ? 1 : 0, Int32(rows), Int32(width), Int32(inner), values, Int32(inner), other.values,
                Int32(other.columns), &product, Int32(width)) == 0
        else { throw KernelError("the BLAS library lacks cblas_dgemm") }
        return try DoubleMatrix(rows: rows, columns: width, product)
    }

    /// Q[rows, k] with orthonormal columns and R[k, columns] upper triangular, k the smaller size: self = Q R (dgeqrf, dorgqr).
    public func qr() throws -> (q: DoubleMatrix, r: DoubleMatrix) {
        let k = min(rows, columns)
        guard k > 0 else {
            return (try DoubleMatrix(rows: rows, columns: 0, []), try DoubleMatrix(rows: 0, columns: columns, []))
        }
        try BLAS.open()
        let (m, n) = (Int32(rows), Int32(columns))
        // LAPACK goes column after column.
        var a = transposed
        var factors = [Double](repeating: 0, count: k)
        try DoubleMatrix.run("dgeqrf") { blas_dgeqrf(m, n, &a, m, &factors, $0, $1) }
        var r = [Double](repeating: 0, count: k * columns)
        for column in 0..<columns {
            for row in 0...min(column, k - 1) { r[row * columns + column] = a[column * rows + row] }
        }
        try DoubleMatrix.run("dorgqr") { blas_dorgqr(m, Int32(k), Int32(k), &a, m, factors, $0, $1) }
        let q = try DoubleMatrix(rows: k, columns: rows, Array(a[..<(rows * k)]))
        return (try DoubleMatrix(rows: rows, columns: k, q.transposed), try DoubleMatrix(rows: k, columns: columns, r))
    }

    /// U[rows, k], falling singular values s[k] and Vᵀ[k, columns], k the smaller size: self = U S Vᵀ (dgesdd).
    public func svd() throws -> (u: DoubleMatrix, s: [Double], vt: DoubleMatrix) {
        let k = min(rows, columns)
        guard k > 0 else {
            return (try DoubleMatrix(rows: rows, columns: 0, []), [], try DoubleMatrix(rows: 0, columns: columns, []))
        }
        try BLAS.open()
        // Row by row this is the transpose column after column: selfᵀ = V S Uᵀ, and what comes back lies row by row again.
        var a = values
        var s = [Double](repeating: 0, count: k)
        var (u, vt) = ([Double](repeating: 0, count: rows * k), [Double](repeating: 0, count: k * columns))
        var integers = [Int32](repeating: 0, count: 8 * k)
        let (m, n) = (Int32(columns), Int32(rows))
        try DoubleMatrix.run("dgesdd") { blas_dgesdd(m, n, &a, m, &s, &vt, m, &u, Int32(k), $0, $1, &integers) }
        return (
            try DoubleMatrix(rows: rows, columns: k, u), s, try DoubleMatrix(rows: k, columns: columns, vt)
        )
    }

    /// Runs a function of LAPACK twice: first it says in its workspace how large that is to be.
    private static func run(_ name: String, _ body: (UnsafeMutablePointer<Double>, Int32) -> Int32) throws {
        func check(_ info: Int32) throws {
            guard info != 0 else { return }
            if info == -1000 { throw KernelError("the BLAS library has no LAPACK: it lacks \(name)") }
            throw KernelError("\(name) failed: INFO is \(info)" + (info > 0 ? ", it did not converge" : ""))
        }
        var size = 0.0
        try check(body(&size, -1))
        guard let count = Int32(exactly: size.rounded(.up)), count > 0 else {
            throw KernelError("\(name) wants a workspace of \(size) numbers")
        }
        var work = [Double](repeating: 0, count: Int(count))
        try check(work.withUnsafeMutableBufferPointer { $0.baseAddress.map { body($0, count) } ?? -1 })
    }
}
