/// Products with a matrix of few rows, as low-rank adapters need them, with dropout applied on the way.
///
/// Shapes: x, y [rows, width]; W [rank, width]; c [rows, rank]. An adapter's A[r, in] is such a W as it is; of B[out, r]
/// use the transpose (`transpose`), [r, out]. The mask, where there is one, is on [rows, width] and is drawn again
/// wherever it is needed, block by block in cache, so nothing of that size is kept. For y += s · drop(x) Aᵀ Bᵀ:
///
///     forward   c = project(x, A, mask);  expand(c, Bᵀ, scale: s) into y
///     backward  dc = project(dy, Bᵀ, scale: s);  dBᵀ = outer(c, dy, scale: s);  dA = outer(dc, x, mask);
///               expand(dc, A, mask) into dx
///
/// Loops of our own that read the wide matrix once were slower than OpenBLAS at every rank from 4 on.
public enum SkinnyMatmul {
    /// Rows that are masked at once.
    private static let blockRows = 32

    /// c[rows, rank] = scale · drop(x)[rows, width] · Wᵀ.
    public static func project(
        _ x: UnsafePointer<Float>, rows: Int, width: Int, _ w: UnsafePointer<Float>, rank: Int, scale: Float = 1,
        mask: DropoutMask? = nil, into c: UnsafeMutablePointer<Float>
    ) {
        guard let mask, mask.p > 0 else {
            Matmul.gemm(
                transposeB: true, m: rows, n: rank, k: width, alpha: scale, x, lda: width, w, ldb: width, c, ldc: rank)
            return
        }
        nonisolated(unsafe) let (x, w, c) = (x, w, c)
        forBlocks(rows) { first, count in
            Scratch.with(count * width) { block in
                drop(mask, first, count, x + first * width, step: width, column: 0, width, block)
                Matmul.single(
                    transposeB: true, m: count, n: rank, k: width, alpha: scale, block, lda: width, w, ldb: width,
                    c + first * rank, ldc: rank)
            }
        }
    }

    /// y[rows, width] += drop(scale · c[rows, rank] · W).
    public static func expand(
        _ c: UnsafePointer<Float>, rows: Int, rank: Int, _ w: UnsafePointer<Float>, width: Int, scale: Float = 1,
        mask: DropoutMask? = nil, into y: UnsafeMutablePointer<Float>
    ) {
        guard let mask, mask.p > 0 else {
            Matmul.gemm(
                m: rows, n: width, k: rank, alpha: scale, c, lda: rank, w, ldb: width, beta: 1, y, ldc: width)
            return
        }
        nonisolated(unsafe) let (c, w, y) = (c, w, y)
        forBlocks(rows) { first, count in
            Scratch.with(count * width) { block in
                Matmul.single(
                    m: count, n: width, k: rank, alpha: scale, c + first * rank, lda: rank, w, ldb: width, block,
                    ldc: width)
                drop(mask, first, count, UnsafePointer(block), step: width, column: 0, width, block)
                Loops.accumulate(block, y + first * width, count * width)
            }
        }
    }

    /// g[rank, width] = scale · cᵀ · drop(x)[rows, width], summed over the rows in order.
    public static func outer(
        _ c: UnsafePointer<Float>, rows: Int, rank: Int, _ x: UnsafePointer<Float>, width: Int, scale: Float = 1,
        mask: DropoutMask? = nil, into g: UnsafeMutablePointer<Float>
    ) {
        guard let mask, mask.p > 0 else {
            Matmul.gemm(
                transposeA: true, m: rank, n: width, k: rows, alpha: scale, c, lda: rank, x, ldb: width, g, ldc: width)
            return
        }
        nonisolated(unsafe) let (c, x, g) = (c, x, g)
        let columns = Matmul.columnsPerPiece
        Workers.run(pieces: (width + columns - 1) / columns) { piece in
            let column = piece * columns
            let count = min(columns, width - column)
            for j in 0..<rank { Loops.zero(g + j * width + column, count) }
            Scratch.with(blockRows * count) { block in
                for first in stride(from: 0, to: rows, by: blockRows) {
                    let some = min(blockRows, rows - first)
                    drop(mask, first, some, x + first * width + column, step: width, column: column, count, block)
                    Matmul.single(
                        transposeA: true, m: rank, n: count, k: some, alpha: scale, c + first * rank, lda: rank, block,
                        ldb: count, beta: 1, g + column, ldc: width)
                }
            }
        }
    }

    /// target[columns, rows] = source[rows, columns]ᵀ; for the small matrices of adapters.
    public static func transpose(
        _ source: UnsafePointer<Float>, rows: Int, columns: Int, into target: UnsafeMutablePointer<Float>
    ) {
        for column in 0..<columns {
            for row in 0..<rows { target[column * rows + row] = source[row * columns + column] }
        }
    }

    private static func forBlocks(_ rows: Int, _ body: @Sendable (_ first: Int, _ count: Int) -> Void) {
        Workers.run(pieces: (rows + blockRows - 1) / blockRows) { block in
            body(block * blockRows, min(blockRows, rows - block * blockRows))
        }
    }

    /// Masks `count` rows from `first` on, `width` columns from `column` on, to a dense block.
    private static func drop(
        _ mask: DropoutMask, _ first: Int, _ count: Int, _ source: UnsafePointer<Float>, step: Int, column: Int,
        _ width: Int, _ target: UnsafeMutablePointer<Float>
    ) {
        for row in 0..<count {
            mask.apply(row: first + row, column: column, source + row * step, into: target + row * width, count: width)
        }
    }
}
