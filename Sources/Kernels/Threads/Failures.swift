import Synchronization

/// Whether any piece of a piece of work failed.
final class Failures: Sendable {
    private let count = Atomic<Int>(0)

    /// Notes a failure.
    func add() { count.wrappingAdd(1, ordering: .relaxed) }

    /// Whether one was noted; to be asked when all pieces are done.
    var any: Bool { count.load(ordering: .relaxed) > 0 }
}
