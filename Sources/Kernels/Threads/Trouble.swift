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
    static var isStopping: Bool {
        guard MemoryBudget.isStopping else { return false }
        do {
            try MemoryBudget.check()
            return false
        } catch {
            note(error)
            return true
        }
    }

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
