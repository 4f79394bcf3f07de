import CLuaShim
import Memory

/// Owns the C state; lives as long as the last reference into it, while the host may be gone.
final class StateHandle: @unchecked Sendable {
    let raw: OpaquePointer
    weak var host: LuaHost?

    init(_ raw: OpaquePointer) { self.raw = raw }

    deinit { lw_free(raw) }

    /// What the last failure said.
    var message: String {
        var length = 0
        return StateHandle.text(lw_failure_message(raw, &length), length)
    }

    /// The last failure of the shim's own: memory that ran out, or what it says.
    var fault: any Error {
        let message = message
        return message == StateHandle.memory ? MemoryRefusal.lua : LuaFault(message)
    }

    /// What Lua and the shim say where memory runs out, and nothing else does.
    private static let memory = "not enough memory"

    var traceback: String {
        var length = 0
        return StateHandle.text(lw_failure_traceback(raw, &length), length)
    }

    private static func text(_ bytes: UnsafePointer<CChar>?, _ length: Int) -> String {
        guard let bytes else { return "" }
        return bytes.withMemoryRebound(to: UInt8.self, capacity: length) {
            String(decoding: UnsafeBufferPointer(start: $0, count: length), as: UTF8.self)
        }
    }
}
