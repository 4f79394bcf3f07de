import CLuaShim

/// Stopping scripts by signals, which concern the whole process.
///
/// The first Ctrl-C stops running scripts with a failure that they cannot catch; one that comes half a second later or more ends the
/// process with 130. The time limit does the same with 124; SIGTERM with 143, a second after the first or later. Nothing is installed
/// until the program asks.
public enum LuaInterrupt {
    /// Why scripts are to stop.
    public enum Reason: String, Sendable {
        /// Ctrl-C, or the host's own wish.
        case interrupt = "interrupted"
        /// SIGTERM.
        case termination = "terminated"
        /// The time limit.
        case timeLimit = "time limit"

        var code: Int32 {
            switch self {
            case .interrupt, .termination: Int32(LW_INTERRUPT)
            case .timeLimit: Int32(LW_TIME)
            }
        }
    }

    /// Handles SIGINT and SIGALRM from now on.
    public static func install() { lw_install_interrupts() }

    /// Runs `body`, in which SIGTERM is handled; outside it ends the process at once, as one that waits for its user should.
    public static func handlingTermination<Result>(_ body: () throws -> Result) rethrows -> Result {
        lw_handle_termination(true)
        defer { lw_handle_termination(false) }
        return try body()
    }

    /// Whether scripts are to stop: cheap enough for every step of a long loop, on any thread.
    public static var isPending: Bool { lw_pending() != 0 }

    /// Whether a signal came that is meant for the user's line, be it deferred or not: what waits for keys ends then.
    public static var hasArrived: Bool { lw_arrived() }

    /// Lets what runs go on through Ctrl-C, which then waits: it is the work of no line that the user typed.
    ///
    /// The time limit still counts.
    public static func deferInterrupts(_ defers: Bool) {
        _ = lw_defer(Int32(defers ? LW_DEFER_INTERRUPTS : LW_DEFER_NOTHING))
    }

    /// Runs `body`, which must not be left half done, through signals and the time limit; they count again behind it.
    public static func deferring<Result>(_ body: () throws -> Result) rethrows -> Result {
        let before = lw_defer(Int32(LW_DEFER_ALL))
        defer { _ = lw_defer(before) }
        return try body()
    }

    /// Why scripts are to stop.
    public static var pending: Reason? {
        switch Int(lw_pending()) {
        case LW_INTERRUPT: lw_terminated() ? .termination : .interrupt
        case LW_TIME: .timeLimit
        default: nil
        }
    }

    /// Throws `LuaInterrupted` where scripts are to stop.
    public static func check() throws {
        if isPending { throw LuaInterrupted() }
    }

    /// Forgets what is pending: an interactive session goes on after it.
    public static func clear() { lw_clear_pending() }

    /// Stops all running scripts, without counting as a first signal.
    public static func request(_ reason: Reason) { lw_request(reason.code) }

    /// Stops scripts after some seconds, and ends the process `grace` seconds later; nil takes it back.
    public static func setTimeLimit(seconds: Double?, grace: Double = 5) { lw_time_limit(seconds ?? 0, grace) }
}

/// Stops what one host runs, from any thread.
public struct LuaInterrupter: @unchecked Sendable {
    let state: StateHandle

    /// Stops the run in progress with a failure that the script cannot catch; without one nothing happens.
    public func interrupt(_ reason: LuaInterrupt.Reason = .interrupt) { lw_interrupt(state.raw, reason.code) }
}

/// Signals that are no wish of the user's.
public enum LuaGuards {
    /// Ignores SIGPIPE and SIGXFSZ, and ends the process with 74 and `<file>: changed while in use` when a registered mapping fails.
    public static func install() { lw_install_guards() }

    /// Names the file behind a mapped range, in one line; gives the number by which the range is forgotten, nil where memory is out.
    public static func registerMapping(_ range: UnsafeRawBufferPointer, file: String) -> UInt? {
        range.baseAddress.flatMap { lw_map_register($0, range.count, file) }.map { UInt(bitPattern: $0) }
    }

    /// Forgets a mapped range before it is unmapped.
    public static func unregisterMapping(_ number: UInt) {
        lw_map_unregister(UnsafeMutableRawPointer(bitPattern: number))
    }
}
