import Synchronization

/// Whether the host wants long work to stop.
///
/// The rooms that know nothing of signals and time limits ask `check` every few milliseconds of a loop whose length their
/// input decides.
public enum Stopping {
    /// A closure in an object: one that a mutex of a generic type holds is wrapped anew each time it is read.
    private final class Hook: Sendable {
        let check: @Sendable () throws -> Void

        init(_ check: @escaping @Sendable () throws -> Void) { self.check = check }
    }

    private static let hook = Mutex<Hook?>(nil)

    /// Sets what `check` calls, and gives what was set before; it runs on any thread, and throws where work is to stop.
    @discardableResult
    public static func setCheck(_ check: (@Sendable () throws -> Void)?) -> (@Sendable () throws -> Void)? {
        let new = check.map { Hook($0) }
        let old = hook.withLock { hook in
            defer { hook = new }
            return hook
        }
        return old?.check
    }

    /// Throws what the host throws where work is to stop; without a host nothing.
    public static func check() throws { try hook.withLock { $0 }?.check() }
}
