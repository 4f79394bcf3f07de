import COpenBLAS

/// Matrix products in row-major order.
public enum Matmul {
    /// Columns of C that one piece of work computes; fixed, so that results do not depend on the number of threads.
    static let columnsPerPiece = 384

    /// C[m, n] = alpha · op(A)[m, k] · op(B)[k, n] + beta · C, row-major with leading dimensions.
    public static func gemm(
        transposeA: Bool = false, transposeB: Bool = false, m: Int, n: Int, k: Int, alpha: Float = 1,
        _ a: UnsafePointer<Float>, lda: Int, _ b: UnsafePointer<Float>, ldb: Int, beta: Float = 0,
        _ c: UnsafeMutablePointer<Float>, ldc: Int
    ) {
        guard m > 0, n > 0 else { return }
        let pieces = m * n * k < 1 << 18 ? 1 : (n + columnsPerPiece - 1) / columnsPerPiece
        let width = ((n + pieces - 1) / pieces + 15) / 16 * 16
        nonisolated(unsafe) let (a, b, c) = (a, b, c)
        Workers.run(pieces: pieces) { piece in
            let first = piece * width
            let columns = min(width, n - first)
            guard columns > 0 else { return }
            single(
                transposeA: transposeA, transposeB: transposeB, m: m, n: columns, k: k, alpha: alpha, a, lda: lda,
                b + (transposeB ? first * ldb : first), ldb: ldb, beta: beta, c + first, ldc: ldc)
        }
    }

    /// As `gemm`, in one piece on the calling thread.
    public static func single(
        transposeA: Bool = false, transposeB: Bool = false, m: Int, n: Int, k: Int, alpha: Float = 1,
        _ a: UnsafePointer<Float>, lda: Int, _ b: UnsafePointer<Float>, ldb: Int, beta: Float = 0,
        _ c: UnsafeMutablePointer<Float>, ldc: Int
    ) {
        guard m > 0, n > 0 else { return }
        guard k > 0 else {
            for row in 0..<m {
                let row = c + row * ldc
                if beta == 0 { Loops.zero(row, n) } else { Loops.scale(beta, row, row, n) }
            }
            return
        }
        cblas_sgemm(
            CblasRowMajor, transposeA ? CblasTrans : CblasNoTrans, transposeB ? CblasTrans : CblasNoTrans,
            blasint(m), blasint(n), blasint(k), alpha, a, blasint(lda), b, blasint(ldb), beta, c, blasint(ldc))
    }
}
