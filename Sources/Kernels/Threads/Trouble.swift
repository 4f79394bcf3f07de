import Memory
import Synchronization

/// What went wrong in a piece of work on some thread, where nothing can be thrown.
///
/// It is noted here; who had the work done asks, throws it, and drops the results.
public enum Trouble {
    private static let isNoted = Atomic<Bool>(false)
    private static let first = Mutex<(any Error)?>(nil)

    /// Notes why a piece of work was not done.
    static func note(_ error: any Error) {
        first.withLock { if $0 == nil { $0 = error } }
        isNoted.store(true, ordering: .releasing)
    }

    /// Whether the work in progress is to stop, which is then noted: products and attentions ask before each piece.
    package static var isStopping: Bool {
        guard MemoryBudget.isStopping else { return false }
        do {
            try MemoryBudget.check()
            return false
        } catch {
            note(error)
            return true
        }
    }

    private static let droppable = Atomic<Int>(0)

    /// Runs `body`, which changes nothing but what it gives: where the work is to stop, pieces of it are left undone and this throws.
    public static func dropping<Result>(_ body: () throws -> Result) throws -> Result {
        droppable.wrappingAdd(1, ordering: .relaxed)
        defer { droppable.wrappingSubtract(1, ordering: .relaxed) }
        let result = try body()
        try check()
        return result
    }

    /// Whether a piece of the work in progress may be left undone, which is then noted.
    static var mayDrop: Bool { droppable.load(ordering: .relaxed) > 0 && isStopping }

    /// Throws what was noted since the last call.
    public static func check() throws {
        guard isNoted.load(ordering: .relaxed) else { return }
        let error = first.withLock { error in
            isNoted.store(false, ordering: .relaxed)
            defer { error = nil }
            return error
        }
        if let error { throw error }
    }
}
