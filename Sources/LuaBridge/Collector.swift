import CLuaShim

/// Collects garbage of a state on behalf of code on any thread.
struct Collector: @unchecked Sendable {
    let state: StateHandle

    var memory: Int { Int(lw_memory(state.raw)) }

    /// Collects where this thread runs the script; elsewhere nothing can be done.
    func collect() {
        if lw_is_running(state.raw), !lw_is_elsewhere(state.raw) { lw_collect(state.raw) }
    }
}
