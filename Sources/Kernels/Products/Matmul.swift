import COpenBLAS

/// Matrix products in row-major order.
public enum Matmul {
    /// Columns of C that one piece of work computes, where there are enough of them.
    ///
    /// Fixed, so that results do not depend on the number of threads. Measured in processor time, products cut into
    /// columns of 192 cost within 2 % of whole ones; cut into halves of the rows they cost 5 to 40 % more.
    static let columnsPerPiece = 192
    /// Rows of C that one piece computes where the columns alone make fewer than four pieces.
    static let rowsPerPiece = 128
    /// Products of fewer multiplications stay on one thread.
    static let smallest = 1 << 19
    /// A piece of more multiplications goes in blocks of rows, so that it can be stopped between two.
    static let longest = 1 << 30

    /// C[m, n] = alpha · op(A)[m, k] · op(B)[k, n] + beta · C, row-major with leading dimensions.
    public static func gemm(
        transposeA: Bool = false, transposeB: Bool = false, m: Int, n: Int, k: Int, alpha: Float = 1,
        _ a: UnsafePointer<Float>, lda: Int, _ b: UnsafePointer<Float>, ldb: Int, beta: Float = 0,
        _ c: UnsafeMutablePointer<Float>, ldc: Int
    ) {
        guard m > 0, n > 0 else { return }
        if let pass = ShapePass.current {
            return pass.add(ProductCounter.Product(m: m, n: n, k: k, form: .plain(transposed: transposeB)))
        }
        let start = ProductCounter.start()
        defer { ProductCounter.add(m: m, n: n, k: k, .plain(transposed: transposeB), since: start) }
        let small = m * n * k < smallest
        let across = small ? 1 : (n + columnsPerPiece - 1) / columnsPerPiece
        let down = small || across >= 4 ? 1 : (m + rowsPerPiece - 1) / rowsPerPiece
        let width = ((n + across - 1) / across + 15) / 16 * 16
        let height = ((m + down - 1) / down + 15) / 16 * 16
        nonisolated(unsafe) let (a, b, c) = (a, b, c)
        Workers.run(pieces: across * down) { piece in
            let (column, row) = (piece % across * width, piece / across * height)
            let (columns, rows) = (min(width, n - column), min(height, m - row))
            guard columns > 0, rows > 0 else { return }
            let block = max(64, longest / max(1, columns * k))
            for part in (row..<row + rows).pieces(of: block) where !Trouble.isStopping {
                let first = part.lowerBound
                multiply(
                    transposeA: transposeA, transposeB: transposeB, m: part.count, n: columns, k: k, alpha: alpha,
                    a + (transposeA ? first : first * lda), lda: lda, b + (transposeB ? column * ldb : column),
                    ldb: ldb, beta: beta, c + first * ldc + column, ldc: ldc)
            }
        }
    }

    /// As `gemm`, in one piece on the calling thread.
    public static func single(
        transposeA: Bool = false, transposeB: Bool = false, m: Int, n: Int, k: Int, alpha: Float = 1,
        _ a: UnsafePointer<Float>, lda: Int, _ b: UnsafePointer<Float>, ldb: Int, beta: Float = 0,
        _ c: UnsafeMutablePointer<Float>, ldc: Int
    ) {
        guard m > 0, n > 0 else { return }
        if let pass = ShapePass.current { return pass.add(flops: 2 * m * n * k) }
        ProductCounter.add(flops: 2 * m * n * k)
        multiply(
            transposeA: transposeA, transposeB: transposeB, m: m, n: n, k: k, alpha: alpha, a, lda: lda, b, ldb: ldb,
            beta: beta, c, ldc: ldc)
    }

    /// As `single`, for whoever counts what it multiplies itself.
    static func uncounted(
        transposeA: Bool, m: Int, n: Int, k: Int, _ a: UnsafePointer<Float>, lda: Int, _ b: UnsafePointer<Float>,
        ldb: Int, beta: Float, _ c: UnsafeMutablePointer<Float>, ldc: Int
    ) {
        multiply(
            transposeA: transposeA, transposeB: false, m: m, n: n, k: k, alpha: 1, a, lda: lda, b, ldb: ldb, beta: beta,
            c, ldc: ldc)
    }

    private static func multiply(
        transposeA: Bool, transposeB: Bool, m: Int, n: Int, k: Int, alpha: Float, _ a: UnsafePointer<Float>, lda: Int,
        _ b: UnsafePointer<Float>, ldb: Int, beta: Float, _ c: UnsafeMutablePointer<Float>, ldc: Int
    ) {
        guard k > 0 else {
            for row in 0..<m {
                let row = c + row * ldc
                if beta == 0 { Loops.zero(row, n) } else { Loops.scale(beta, row, row, n) }
            }
            return
        }
        // Sizes beyond those of the library's integers: a row of what fits at a time.
        guard let sizes = Sizes(m, n, k, lda, ldb, ldc) else {
            return beyond(
                transposeA: transposeA, transposeB: transposeB, m: m, n: n, k: k, alpha: alpha, a, lda: lda, b,
                ldb: ldb, beta: beta, c, ldc: ldc)
        }
        let run = {
            blas_sgemm(
                transposeA ? 1 : 0, transposeB ? 1 : 0, sizes.m, sizes.n, sizes.k, alpha, a, sizes.lda, b, sizes.ldb,
                beta, c, sizes.ldc) == 0
        }
        do {
            // Once more where somebody raised the number of threads since: a product is never left undone unsaid.
            while !run() { try BLAS.open() }
        } catch {
            Trouble.note(error)
            for row in 0..<m { Loops.zero(c + row * ldc, n) }
        }
    }

    /// Sizes as the library takes them.
    private struct Sizes {
        let (m, n, k): (Int32, Int32, Int32)
        let (lda, ldb, ldc): (Int32, Int32, Int32)

        /// Nil where one of them is too large.
        init?(_ m: Int, _ n: Int, _ k: Int, _ lda: Int, _ ldb: Int, _ ldc: Int) {
            guard max(max(m, n, k), max(lda, ldb, ldc)) <= Int(Int32.max) else { return nil }
            (self.m, self.n, self.k) = (Int32(m), Int32(n), Int32(k))
            (self.lda, self.ldb, self.ldc) = (Int32(lda), Int32(ldb), Int32(ldc))
        }
    }

    /// As `multiply`, one number after the other: for sizes that nobody multiplies for speed.
    private static func beyond(
        transposeA: Bool, transposeB: Bool, m: Int, n: Int, k: Int, alpha: Float, _ a: UnsafePointer<Float>, lda: Int,
        _ b: UnsafePointer<Float>, ldb: Int, beta: Float, _ c: UnsafeMutablePointer<Float>, ldc: Int
    ) {
        for row in 0..<m {
            for column in 0..<n {
                var sum = 0.0
                for i in 0..<k {
                    let x = transposeA ? a[i * lda + row] : a[row * lda + i]
                    let y = transposeB ? b[column * ldb + i] : b[i * ldb + column]
                    sum += Double(x) * Double(y)
                }
                let place = row * ldc + column
                c[place] = alpha * Float(sum) + (beta == 0 ? 0 : beta * c[place])
            }
        }
    }
}
