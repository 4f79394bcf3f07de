/// Low-rank updates of matrices that read the same input x[rows, columns]: y_i += s · (m x) Aᵀ Bᵀ.
///
/// Shapes: A[rank, columns], B[outputs, rank], m a dropout mask over 1 − p with a row's key for every row of x. All updates of a
/// group go through together: x is read once, in blocks of rows that stay in cache, every update's own mask is drawn there,
/// in backward again, and down-projections without masks are one product. With u = (m x) Aᵀ and v = s · dy B:
/// dB = s · dyᵀ u, dA = vᵀ (m x), dx = Σ m · (v A).
public struct LowRankUpdates {
    /// One update.
    public struct Update {
        let a: UnsafePointer<Float>
        let b: UnsafePointer<Float>
        let rank: Int
        let outputs: Int
        let scale: Float
        let mask: DropoutMask?
        let target: Int

        /// The update of y number `target` with A[rank, columns] and B[outputs, rank].
        public init(
            a: UnsafePointer<Float>, b: UnsafePointer<Float>, rank: Int, outputs: Int, scale: Float,
            mask: DropoutMask?, target: Int
        ) {
            (self.a, self.b, self.rank, self.outputs) = (a, b, rank, outputs)
            (self.scale, self.target) = (scale, target)
            self.mask = (mask?.p ?? 0) > 0 ? mask : nil
        }
    }

    /// Gradients of one update; nil where none is wanted.
    public struct Gradient {
        let a: UnsafeMutablePointer<Float>?
        let b: UnsafeMutablePointer<Float>?

        /// Gradients into a[rank, columns] and b[outputs, rank].
        public init(a: UnsafeMutablePointer<Float>?, b: UnsafeMutablePointer<Float>?) { (self.a, self.b) = (a, b) }
    }

    private let rows: Int
    private let columns: Int
    private let updates: [Update]
    private let offsets: [Int]
    /// Sum of the ranks.
    public let rank: Int

    /// Rows that go through at once.
    private static let blockRows = 32

    /// Updates of what x[rows, columns] gives.
    public init(rows: Int, columns: Int, _ updates: [Update]) {
        (self.rows, self.columns, self.updates) = (rows, columns, updates)
        var offsets: [Int] = []
        var rank = 0
        for update in updates {
            offsets.append(rank)
            rank += update.rank
        }
        (self.offsets, self.rank) = (offsets, rank)
    }

    private var isMasked: Bool { updates.contains { $0.mask != nil } }

    /// Adds the updates to every y[rows, outputs]; writes u[rows, rank].
    public func forward(
        x: UnsafePointer<Float>, ys: [UnsafeMutablePointer<Float>], u: UnsafeMutablePointer<Float>
    ) {
        ShapePass.current?.add(flops: updates.reduce(0) { $0 + 2 * rows * $1.rank * (columns + $1.outputs) })
        nonisolated(unsafe) let (x, ys, u, me) = (x, ys, u, self)
        withStack { stack in
            nonisolated(unsafe) let stack = stack
            me.forBlocks { first, count in
                let block = x + first * me.columns
                if let stack {
                    Matmul.single(
                        transposeB: true, m: count, n: me.rank, k: me.columns, block, lda: me.columns, stack,
                        ldb: me.columns, u + first * me.rank, ldc: me.rank)
                } else {
                    for (update, offset) in zip(me.updates, me.offsets) {
                        me.dropped(block, update, first: first, count: count, column: 0, me.columns) { dropped in
                            Matmul.single(
                                transposeB: true, m: count, n: update.rank, k: me.columns, dropped, lda: me.columns,
                                update.a, ldb: me.columns, u + first * me.rank + offset, ldc: me.rank)
                        }
                    }
                }
                for (update, offset) in zip(me.updates, me.offsets) {
                    Matmul.single(
                        transposeB: true, m: count, n: update.outputs, k: update.rank, alpha: update.scale,
                        u + first * me.rank + offset, lda: me.rank, update.b, ldb: update.rank, beta: 1,
                        ys[update.target] + first * update.outputs, ldc: update.outputs)
                }
            }
        }
    }

    /// Gradients for those of every y (nil where none came), dx on top of what is there where `adding` is set; u is what forward
    /// wrote, v[rows, rank] working memory.
    public func backward(
        x: UnsafePointer<Float>, u: UnsafePointer<Float>, dys: [UnsafePointer<Float>?],
        v: UnsafeMutablePointer<Float>, dx: UnsafeMutablePointer<Float>?, adding: Bool = false,
        gradients: [Gradient]
    ) {
        ShapePass.current?.add(
            flops: updates.reduce(0) { $0 + 2 * rows * $1.rank * ((dx == nil ? 1 : 2) * columns + 2 * $1.outputs) })
        nonisolated(unsafe) let (x, u, dys, v, dx, gradients, me) = (x, u, dys, v, dx, gradients, self)
        withStack { stack in
            nonisolated(unsafe) let stack = stack
            me.forBlocks { first, count in
                for (update, offset) in zip(me.updates, me.offsets) {
                    let target = v + first * me.rank + offset
                    guard let dy = dys[update.target] else {
                        for row in 0..<count { Loops.zero(target + row * me.rank, update.rank) }
                        continue
                    }
                    Matmul.single(
                        m: count, n: update.rank, k: update.outputs, alpha: update.scale,
                        dy + first * update.outputs, lda: update.outputs, update.b, ldb: update.rank, target,
                        ldc: me.rank)
                }
                if let dx {
                    me.inputGradient(first, count, v: v, stack: stack, into: dx + first * me.columns, adding: adding)
                }
            }
        }
        let width = Matmul.columnsPerPiece
        var pieces: [(update: Int, isA: Bool, column: Int)] = []
        for (index, (update, gradient)) in zip(updates, gradients).enumerated() where dys[update.target] != nil {
            if gradient.a != nil { pieces += stride(from: 0, to: columns, by: width).map { (index, true, $0) } }
            if gradient.b != nil { pieces += stride(from: 0, to: update.outputs, by: width).map { (index, false, $0) } }
        }
        let work = pieces
        Workers.run(pieces: work.count) { piece in
            let (index, isA, column) = work[piece]
            if isA, let a = gradients[index].a {
                me.gradientOfA(index, x: x, v: v, column: column, min(width, me.columns - column), into: a)
            } else if let b = gradients[index].b, let dy = dys[me.updates[index].target] {
                me.gradientOfB(index, dy: dy, u: u, column: column, width, into: b)
            }
        }
    }

    /// dx (+)= Σ m · (v A) for some rows.
    private func inputGradient(
        _ first: Int, _ count: Int, v: UnsafePointer<Float>, stack: UnsafePointer<Float>?,
        into dx: UnsafeMutablePointer<Float>, adding: Bool
    ) {
        if let stack {
            Matmul.single(
                m: count, n: columns, k: rank, v + first * rank, lda: rank, stack, ldb: columns,
                beta: adding ? 1 : 0, dx, ldc: columns)
            return
        }
        for (place, (update, offset)) in zip(updates, offsets).enumerated() {
            let isFirst = place == 0 && !adding
            let product = { (target: UnsafeMutablePointer<Float>, beta: Float) in
                Matmul.single(
                    m: count, n: columns, k: update.rank, v + first * rank + offset, lda: rank, update.a,
                    ldb: columns, beta: beta, target, ldc: columns)
            }
            guard let mask = update.mask else {
                product(dx, isFirst ? 0 : 1)
                continue
            }
            Scratch.with(count * columns) { part in
                let target = isFirst ? dx : part
                product(target, 0)
                for row in 0..<count {
                    let start = target + row * columns
                    mask.apply(row: first + row, start, into: start, count: columns)
                }
                if !isFirst { Loops.accumulate(part, dx, count * columns) }
            }
        }
    }

    /// dA = vᵀ (m x), some columns of it, summed over the rows in order.
    private func gradientOfA(
        _ index: Int, x: UnsafePointer<Float>, v: UnsafePointer<Float>, column: Int, _ width: Int,
        into a: UnsafeMutablePointer<Float>
    ) {
        let (update, offset) = (updates[index], offsets[index])
        guard update.mask != nil else {
            Matmul.single(
                transposeA: true, m: update.rank, n: width, k: rows, v + offset, lda: rank, x + column, ldb: columns,
                a + column, ldc: columns)
            return
        }
        for row in 0..<update.rank { Loops.zero(a + row * columns + column, width) }
        for first in stride(from: 0, to: rows, by: LowRankUpdates.blockRows) {
            let count = min(LowRankUpdates.blockRows, rows - first)
            dropped(x + first * columns, update, first: first, count: count, column: column, width) { dropped in
                Matmul.single(
                    transposeA: true, m: update.rank, n: width, k: count, v + first * rank + offset, lda: rank,
                    dropped, ldb: width, beta: 1, a + column, ldc: columns)
            }
        }
    }

    /// dB = s · dyᵀ u, some rows of it.
    private func gradientOfB(
        _ index: Int, dy: UnsafePointer<Float>, u: UnsafePointer<Float>, column: Int, _ width: Int,
        into b: UnsafeMutablePointer<Float>
    ) {
        let (update, offset) = (updates[index], offsets[index])
        let count = min(width, update.outputs - column)
        Scratch.with(update.rank * count) { transposed in
            Matmul.single(
                transposeA: true, m: update.rank, n: count, k: rows, alpha: update.scale, u + offset, lda: rank,
                dy + column, ldb: update.outputs, transposed, ldc: count)
            for row in 0..<count {
                for j in 0..<update.rank { b[(column + row) * update.rank + j] = transposed[j * count + row] }
            }
        }
    }

    /// Columns of some rows of x with the update's mask applied; x itself where it has none and all columns are asked for.
    private func dropped(
        _ x: UnsafePointer<Float>, _ update: Update, first: Int, count: Int, column: Int, _ width: Int,
        _ body: (UnsafePointer<Float>) -> Void
    ) {
        guard let mask = update.mask else { return body(x) }
        Scratch.with(count * width) { block in
            for row in 0..<count {
                mask.apply(
                    row: first + row, column: column, x + row * columns + column, into: block + row * width,
                    count: width)
            }
            body(UnsafePointer(block))
        }
    }

    /// All A under one another where nothing is masked; nil otherwise.
    private func withStack(_ body: (UnsafePointer<Float>?) -> Void) {
        guard !isMasked else { return body(nil) }
        if updates.count == 1 { return body(updates[0].a) }
        Scratch.with(rank * columns) { stack in
            for (update, offset) in zip(updates, offsets) {
                (stack + offset * columns).update(from: update.a, count: update.rank * columns)
            }
            body(UnsafePointer(stack))
        }
    }

    private func forBlocks(_ body: @Sendable (_ first: Int, _ count: Int) -> Void) {
        let (rows, size) = (rows, LowRankUpdates.blockRows)
        Workers.run(pieces: (rows + size - 1) / size) { block in
            body(block * size, min(size, rows - block * size))
        }
    }
}
