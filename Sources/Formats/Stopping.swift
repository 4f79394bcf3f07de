import Synchronization

/// Whether the host wants long work to stop.
///
/// The rooms that know nothing of signals and time limits ask `check` every few milliseconds of a loop whose length their
/// input decides.
public enum Stopping {
    private static let hook = Mutex<(@Sendable () throws -> Void)?>(nil)

    /// Sets what `check` calls, and gives what was set before; it runs on any thread, and throws where work is to stop.
    @discardableResult
    public static func setCheck(_ check: (@Sendable () throws -> Void)?) -> (@Sendable () throws -> Void)? {
        hook.withLock { hook in
            defer { hook = check }
            return hook
        }
    }

    /// Throws what the host throws where work is to stop; without a host nothing.
    public static func check() throws { try hook.withLock { $0 }?() }
}
