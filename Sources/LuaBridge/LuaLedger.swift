import Synchronization
import Words

/// Counts the memory that Lua's collector cannot see, and has it collect when there is much of it.
///
/// A handle of a few bytes may hold megabytes. When what is alive passes a threshold all garbage is collected and the threshold set
/// to half again of what survived; what would pass the limit even then is refused.
public final class LuaLedger: Sendable {
    /// Bytes that may be alive, Lua's own included.
    public let limit: Int
    private let floor: Int
    private let threshold: Mutex<Int>
    private let collector: Collector

    /// Counts for a host: `limit` bytes in all, collecting no earlier than at `floor` bytes.
    public init(host: LuaHost, limit: Int, floor: Int = 256 << 20) {
        self.limit = limit
        self.floor = floor
        threshold = Mutex(floor)
        collector = Collector(state: host.state)
    }

    /// Asks for `more` bytes on top of those alive; `live` gives what is alive, now and after a collection.
    ///
    /// Throws where the limit would be passed. Only the thread that runs the script collects.
    public func reserve(_ more: Int, live: () -> Int) throws {
        guard more > 0 else { return }
        var alive = live()
        if isAbove(alive, more, threshold.withLock { $0 }) {
            collector.collect()
            alive = live()
            threshold.withLock { $0 = max(floor, alive + alive / 2) }
        }
        guard isAbove(alive, more, limit - min(limit, collector.memory)) else { return }
        collector.collect()
        alive = live()
        guard isAbove(alive, more, limit - min(limit, collector.memory)) else { return }
        throw LuaFault(
            "\(LuaLedger.refusal)\(ByteSize.memory(more)) more on top of \(ByteSize.memory(alive + collector.memory)) would pass "
                + ByteSize.memory(limit))
    }

    /// How a refusal begins; a failure that says so is one of the memory limit.
    static let refusal = "memory limit: "

    private func isAbove(_ alive: Int, _ more: Int, _ bound: Int) -> Bool {
        let (sum, overflow) = alive.addingReportingOverflow(more)
        return overflow || sum > bound
    }
}
