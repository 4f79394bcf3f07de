import Kernels
import LuaBridge
import Synchronization

/// Work on many rows that no row needs another for, shared by the threads.
enum RowWork {
    /// Rows that a thread takes at a time: enough to outweigh waking it, few enough that the threads end together.
    private static let pieceSize = 128
    /// Pieces between two looks at whether the user wants to stop.
    private static let round = 64

    /// Results by the number of their piece, and the first row that failed.
    private struct State<Result> {
        var pieces: [[Result]]
        var failure: (row: Int, error: any Error)?
    }

    /// What `body` gives for each row, in order; an error is the first row's that has one, with its number from 1.
    static func map<Result: Sendable>(
        count: Int, _ body: @Sendable (_ row: Int) throws -> Result
    ) throws -> [Result] {
        let total = (count + pieceSize - 1) / pieceSize
        let state = Mutex(State<Result>(pieces: Array(repeating: [], count: total)))
        for first in stride(from: 0, to: total, by: round) {
            try LuaInterrupt.check()
            // Rows are read by shapes as well.
            ShapePass.off {
                Workers.run(pieces: min(round, total - first)) { piece in
                    let place = first + piece
                    var results: [Result] = []
                    results.reserveCapacity(pieceSize)
                    for row in place * pieceSize..<min(count, (place + 1) * pieceSize) {
                        do {
                            results.append(try body(row))
                        } catch {
                            return state.withLock {
                                if row < $0.failure?.row ?? count { $0.failure = (row, error) }
                            }
                        }
                    }
                    state.withLock { [results] in $0.pieces[place] = results }
                }
            }
            if let (row, error) = state.withLock({ $0.failure }) {
                // What stops the run is no fault of the row's, which a recipe might catch.
                if error is LuaInterrupted { throw error }
                throw LuaFault("row \(row + 1): \(error)")
            }
        }
        return state.withLock { Array($0.pieces.joined()) }
    }
}
