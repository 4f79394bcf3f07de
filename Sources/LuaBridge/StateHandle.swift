import CLuaShim

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
