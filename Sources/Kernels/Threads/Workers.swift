/// The threads that share one piece of work.
///
/// Work is cut into pieces by its shape alone, never by the number of threads, so results do not depend on it. OpenBLAS is
/// kept on one thread: products are cut here too (see `Matmul.swift`), so that there is no other pool to wait for.
public enum Workers {
    /// Number of threads that `run` uses, the calling one included.
    public static var count: Int { pool.count }

    /// Sets the number of threads, at least 1; waits for work that is running.
    public static func setCount(_ count: Int) {
        pool.resize(to: max(1, count))
        // OpenBLAS needs a buffer for each thread: the next product sees to it.
        BLAS.forgetThreads()
    }

    /// Calls `body` once for each piece 0..<pieces, on any thread, and returns when all are done, or left undone (`Trouble.dropping`).
    ///
    /// A call from inside a piece runs on its own thread. In a pass over shapes nothing is called.
    public static func run(pieces: Int, _ body: @Sendable (Int) -> Void) {
        guard ShapePass.current == nil else { return }
        if pieces <= 1 || pool.count == 1 || pool.isInside {
            for piece in 0..<pieces where !Trouble.mayDrop { body(piece) }
        } else {
            pool.run(pieces: pieces) { piece in
                if !Trouble.mayDrop { body(piece) }
            }
        }
    }

    /// Calls `body` with ranges that cover 0..<rows, each of about `costPerPiece` / `costPerRow` rows.
    ///
    /// Ranges depend on the two sizes alone.
    public static func run(rows: Int, costPerRow: Int, _ body: @Sendable (Range<Int>) -> Void) {
        guard rows > 0 else { return }
        let size = max(1, costPerPiece / max(1, costPerRow))
        run(pieces: (rows + size - 1) / size) { piece in body(piece * size..<min(rows, (piece + 1) * size)) }
    }

    /// Elements of a plain loop that make a piece: enough to outweigh calling a thread.
    static let costPerPiece = 1 << 15

    private static let pool = WorkerPool()
}
