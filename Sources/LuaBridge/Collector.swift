import CLuaShim

/// Collects garbage of a state on behalf of code on any thread: small handles may hold large tensors.
public struct LuaCollector: @unchecked Sendable {
    let state: StateHandle

    /// Collects where this thread runs the script; elsewhere nothing can be done.
    public func collect() {
        if lw_is_running(state.raw), !lw_is_elsewhere(state.raw) { lw_collect(state.raw) }
    }
}
