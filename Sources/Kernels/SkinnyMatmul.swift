/// Products with a matrix of few rows, as low-rank adapters need them, with dropout applied on the way.
///
/// Shapes: x, y [rows, width]; W [rank, width]; c [rows, rank]. An adapter's A[r, in] is such a W as it is; of B[out, r]
/// use the transpose (`transpose`), [r, out]. The mask, where there is one, is on [rows, width] and is drawn again
/// wherever it is needed, so nothing of that size is kept. With these, for y += s · drop(x) Aᵀ Bᵀ:
///
///     forward   c = project(x, A, mask);  expand(c, Bᵀ, scale: s) into y
///     backward  dc = project(dy, Bᵀ, scale: s);  dBᵀ = outer(c, dy, scale: s);  dA = outer(dc, x, mask);
///               expand(dc, A, mask) into dx
public enum SkinnyMatmul {
    /// Up to this rank our own loops are used, which read the wide matrix once; OpenBLAS above.
    static let largestRank = 16
    /// Rows that OpenBLAS gets at once where they must be masked first.
    private static let blockRows = 32

    /// c[rows, rank] = scale · drop(x)[rows, width] · Wᵀ.
    public static func project(
        _ x: UnsafePointer<Float>, rows: Int, width: Int, _ w: UnsafePointer<Float>, rank: Int, scale: Float = 1,
        mask: DropoutMask? = nil, into c: UnsafeMutablePointer<Float>
    ) {
        let mask = active(mask)
        if rank > largestRank, mask == nil {
            Matmul.gemm(
                transposeB: true, m: rows, n: rank, k: width, alpha: scale, x, lda: width, w, ldb: width, c, ldc: rank)
            return
        }
        nonisolated(unsafe) let (x, w, c) = (x, w, c)
        let blocks = (rows + blockRows - 1) / blockRows
        Workers.run(pieces: blocks) { block in
            let first = block * blockRows
            let count = min(blockRows, rows - first)
            withScratch(mask == nil ? 0 : count * width) { scratch in
                var source = x + first * width
                if let mask {
                    drop(mask, rows: first, count, source, width, column: 0, width, scratch)
                    source = UnsafePointer(scratch)
                }
                if rank > largestRank {
                    Matmul.single(
                        transposeB: true, m: count, n: rank, k: width, alpha: scale, source, lda: width, w, ldb: width,
                        c + first * rank, ldc: rank)
                } else {
                    for row in 0..<count {
                        Loops.project(
                            source + row * width, w, rank: rank, width: width, scale: scale, c + (first + row) * rank)
                    }
                }
            }
        }
    }

    /// y[rows, width] += drop(scale · c[rows, rank] · W).
    public static func expand(
        _ c: UnsafePointer<Float>, rows: Int, rank: Int, _ w: UnsafePointer<Float>, width: Int, scale: Float = 1,
        mask: DropoutMask? = nil, into y: UnsafeMutablePointer<Float>
    ) {
        let mask = active(mask)
        if rank > largestRank, mask == nil {
            Matmul.gemm(
                m: rows, n: width, k: rank, alpha: scale, c, lda: rank, w, ldb: width, beta: 1, y, ldc: width)
            return
        }
        nonisolated(unsafe) let (c, w, y) = (c, w, y)
        let blocks = (rows + blockRows - 1) / blockRows
        Workers.run(pieces: blocks) { block in
            let first = block * blockRows
            let count = min(blockRows, rows - first)
            withScratch(mask == nil ? 0 : count * width) { scratch in
                guard let mask else {
                    for row in first..<first + count {
                        Loops.combine(c + row * rank, w, rank: rank, step: width, scale: scale, y + row * width, width)
                    }
                    return
                }
                if rank > largestRank {
                    Matmul.single(
                        m: count, n: width, k: rank, alpha: scale, c + first * rank, lda: rank, w, ldb: width, scratch,
                        ldc: width)
                } else {
                    Loops.zero(scratch, count * width)
                    for row in 0..<count {
                        Loops.combine(
                            c + (first + row) * rank, w, rank: rank, step: width, scale: scale, scratch + row * width,
                            width)
                    }
                }
                drop(mask, rows: first, count, UnsafePointer(scratch), width, column: 0, width, scratch)
                Loops.accumulate(scratch, y + first * width, count * width)
            }
        }
    }

    /// g[rank, width] = scale · cᵀ · drop(x)[rows, width], summed over the rows in order.
    public static func outer(
        _ c: UnsafePointer<Float>, rows: Int, rank: Int, _ x: UnsafePointer<Float>, width: Int, scale: Float = 1,
        mask: DropoutMask? = nil, into g: UnsafeMutablePointer<Float>
    ) {
        let mask = active(mask)
        if rank > largestRank, mask == nil {
            Matmul.gemm(
                transposeA: true, m: rank, n: width, k: rows, alpha: scale, c, lda: rank, x, ldb: width, g, ldc: width)
            return
        }
        nonisolated(unsafe) let (c, x, g) = (c, x, g)
        let columns = 128
        Workers.run(pieces: (width + columns - 1) / columns) { piece in
            let column = piece * columns
            let count = min(columns, width - column)
            for j in 0..<rank { Loops.zero(g + j * width + column, count) }
            withScratch(blockRows * count) { scratch in
                for first in stride(from: 0, to: rows, by: blockRows) {
                    let block = min(blockRows, rows - first)
                    var (source, step) = (x + first * width + column, width)
                    if let mask {
                        drop(mask, rows: first, block, source, width, column: column, count, scratch)
                        (source, step) = (UnsafePointer(scratch), count)
                    }
                    if rank > largestRank {
                        Matmul.single(
                            transposeA: true, m: rank, n: count, k: block, c + first * rank, lda: rank, source,
                            ldb: step, beta: 1, g + column, ldc: width)
                    } else {
                        for row in 0..<block {
                            Loops.addOuter(
                                c + (first + row) * rank, source + row * step, rank: rank, step: width, g + column,
                                count)
                        }
                    }
                }
            }
            if scale != 1 {
                for j in 0..<rank { Loops.scale(scale, g + j * width + column, g + j * width + column, count) }
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

    private static func active(_ mask: DropoutMask?) -> DropoutMask? {
        guard let mask, mask.p > 0 else { return nil }
        return mask
    }

    /// Masks `count` rows from `rows` on, `width` columns from `column` on, to a dense block.
    private static func drop(
        _ mask: DropoutMask, rows: Int, _ count: Int, _ source: UnsafePointer<Float>, _ step: Int, column: Int,
        _ width: Int, _ target: UnsafeMutablePointer<Float>
    ) {
        for row in 0..<count {
            mask.apply(row: rows + row, column: column, source + row * step, into: target + row * width, count: width)
        }
    }

    private static func withScratch(_ count: Int, _ body: (UnsafeMutablePointer<Float>) -> Void) {
        withUnsafeTemporaryAllocation(of: Float.self, capacity: max(1, count)) { buffer in
            if let start = buffer.baseAddress { body(start) }
        }
    }
}
