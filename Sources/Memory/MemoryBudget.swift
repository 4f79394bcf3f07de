import CMemory
import Synchronization
import Words

/// What this process may hold in memory: everything that takes much asks here first, and may be refused.
///
/// What counts is what the process holds beyond what it held when the limit was set: the larger of the pages that were touched and
/// are of no file, and of what malloc and the arenas have handed out. Measuring costs some microseconds, so it is done once in a
/// while: between two looks bytes are taken from a credit, one addition on any thread.
public enum MemoryBudget {
    /// What a session does for the budget.
    public struct Session: Sendable {
        /// Throws where the work in progress is to stop: a signal, the time limit.
        let check: @Sendable () throws -> Void
        /// Frees what nothing refers to any more.
        let collect: @Sendable () -> Void

        /// What the budget calls, on whichever thread asks for memory.
        public init(check: @escaping @Sendable () throws -> Void, collect: @escaping @Sendable () -> Void) {
            (self.check, self.collect) = (check, collect)
        }
    }

    private struct State {
        var session: Session?
        /// What give unused memory back.
        var trimmers: [@Sendable () -> Void] = []
        /// Garbage is collected when more than this is held: small handles may hold large tensors.
        var threshold = floor
    }

    private static let floor = 256 << 20
    private static let state = Mutex(State())

    /// Sets the limit in bytes, all of the machine's memory where nil, and who is asked; what is held already does not count.
    public static func begin(limit: Int?, _ session: Session?) {
        state.withLock { ($0.session, $0.threshold) = (session, floor) }
        memory_begin(Int64(limit ?? 0))
    }

    /// Forgets the session and its limit.
    public static func end() { begin(limit: nil, nil) }

    /// Has `trim` called when memory is short.
    public static func whenShort(_ trim: @escaping @Sendable () -> Void) {
        state.withLock { $0.trimmers.append(trim) }
    }

    /// The limit in bytes.
    public static var limit: Int { Int(memory_limit()) }
    /// Bytes that count against it now.
    public static var held: Int { Int(memory_held()) }

    /// The most bytes that were found to count since the limit was set.
    ///
    /// It is looked at whenever an arena grows and whenever much was taken; what comes and goes in between is small.
    public static var peak: Int { max(held, Int(memory_peak())) }

    /// Bytes that may still be taken, of the limit and of what the machine has free.
    public static var available: Int {
        min(max(0, limit - held), Int(clamping: memory_machine_free()))
    }

    /// Asks for `bytes` more, to be called before they are taken; throws `MemoryRefusal` where they would pass the limit.
    ///
    /// It does not ask whether to stop: what is saved after an interrupt needs memory too.
    @inline(__always) public static func reserve(_ bytes: Int) throws {
        if bytes <= 0 || (bytes < 1 << 46 && memory_take(Int64(bytes))) { return }
        try measure(bytes)
    }

    /// Gives back what was reserved for something small that comes and goes all the time.
    ///
    /// For all else that is not needed: the next look finds out.
    @inline(__always) public static func release(_ bytes: Int) { memory_give(Int64(bytes)) }

    /// Asks for `count` times `size` bytes more.
    public static func reserve(_ count: Int, of size: Int) throws {
        let (bytes, overflow) = count.multipliedReportingOverflow(by: size)
        try reserve(overflow ? Int.max : bytes)
    }

    /// Notes that so many bytes were mapped outside of malloc, or unmapped where below zero.
    public static func mapped(_ change: Int) {
        memory_regions(Int64(change))
        if change > 0 { _ = memory_held() }
    }

    /// Whether a signal came after which `check` may throw: cheap enough for every piece of work on any thread.
    public static var isStopping: Bool { memory_is_stopping() }

    /// Throws where the work in progress is to stop; for loops that fill memory.
    public static func check() throws { try state.withLock { $0.session }?.check() }

    /// Collects garbage and gives back what nobody uses.
    public static func tidy() { shrink(state.withLock { $0.session }) }

    /// Throws where `bytes` more do not fit, without taking them.
    public static func expect(_ bytes: Int) throws {
        guard bytes > Int(memory_room(Int64(bytes))) else { return }
        shrink(state.withLock { $0.session })
        guard bytes > Int(memory_room(Int64(bytes))) else { return }
        throw refusal(bytes)
    }

    @inline(never) private static func measure(_ bytes: Int) throws {
        let session = state.withLock { $0.session }
        var room = Int(memory_room(Int64(bytes)))
        let (held, threshold) = (limit - room, state.withLock { $0.threshold })
        if room < bytes || held > threshold - min(threshold, bytes) {
            shrink(session)
            room = Int(memory_room(Int64(bytes)))
            let held = limit - room
            state.withLock { $0.threshold = max(floor, held + held / 2) }
        }
        guard room >= bytes else {
            memory_refill(0)
            throw refusal(bytes)
        }
        memory_refill(Int64(room - bytes))
    }

    private static func shrink(_ session: Session?) {
        session?.collect()
        for trim in state.withLock({ $0.trimmers }) { trim() }
        memory_trim()
    }

    private static func refusal(_ bytes: Int) -> MemoryRefusal {
        let held = Int(memory_held())
        guard limit - held >= bytes else { return MemoryRefusal(more: bytes, held: held, limit: limit) }
        return MemoryRefusal(
            "\(ByteSize.memory(bytes)) more do not fit into the address space that ulimit -v leaves, "
                + ByteSize.memory(Int(memory_address_space())))
    }
}

/// Memory that was asked for and would pass the limit.
public struct MemoryRefusal: Error, CustomStringConvertible, Sendable {
    /// The message, as users read it.
    public let description: String

    /// How the message begins, in an error that a script made of it too.
    public static let prefix = "memory limit: "

    /// What Lua was refused for its own values.
    public static let lua = MemoryRefusal("not enough memory")

    /// What a plan says will be refused.
    public init(planned message: String) { self.init(message) }

    init(_ message: String) { description = MemoryRefusal.prefix + message }

    init(more: Int, held: Int, limit: Int) {
        let size = ByteSize.memory
        self.init("\(size(more)) more on top of \(size(held)) would pass \(size(limit))")
    }
}
