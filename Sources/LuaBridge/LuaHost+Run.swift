import CLuaShim

/// One value that a chunk or an interactive line gave.
public struct LuaResult {
    /// The value kept alive, nil where it is nil.
    public let value: LuaReference?
    /// The value as tostring tells it.
    public let text: String
}

extension LuaHost {
    /// Runs a program.
    ///
    /// Its name begins with @ for a file (`@recipe.lua`) and with = for anything else (`=stdin`).
    ///
    /// A first line that begins with # is skipped. Only text is run, never precompiled chunks.
    public func run(_ source: LuaString, name: String, arguments: [LuaValue] = []) throws(LuaFailure) {
        try prepare(arguments)
        var results = lw_results()
        source.withBytes { results = lw_run(state.raw, $0, $1, name) }
        guard results.status == LW_OK else { throw takeFailure(results.status) }
        lw_pop(results)
    }

    /// Runs an interactive line: the values of an expression, or a statement.
    ///
    /// The first value is kept in the global `_`. Throws a failure of kind `.incomplete` where the line could go on. Values are shown by tostring, protected.
    public func evaluate(_ line: LuaString, name: String = "=stdin") throws(LuaFailure) -> [LuaResult] {
        try prepare([])
        var results = lw_results()
        line.withBytes { results = lw_evaluate(state.raw, $0, $1, name) }
        guard results.status == LW_OK else { throw takeFailure(results.status) }
        guard let thread = results.thread, results.count > 0 else {
            lw_pop(results)
            return []
        }
        let values = (1...results.count).map { index -> LuaReference? in
            let key = lw_reference(state.raw, thread, results.base + index)
            return key > 0 ? LuaReference(state: state, key: key) : nil
        }
        lw_pop(results)
        return values.map { LuaResult(value: $0, text: $0?.text() ?? "nil") }
    }

    /// Gives a module as a script's `require` would.
    public func require(_ name: String) throws -> LuaReference {
        lw_out_reset(state.raw)
        var results = lw_results()
        LuaString(name).withBytes { results = lw_require(state.raw, $0, $1) }
        guard results.status == LW_OK else { throw LuaError(takeFailure(results.status)) }
        defer { lw_pop(results) }
        guard let thread = results.thread else { throw LuaFault("the lua state is closed") }
        return try reference(thread: thread, place: results.base + 1)
    }

    private func prepare(_ arguments: [LuaValue]) throws(LuaFailure) {
        do { try encode(arguments) } catch { throw LuaFailure(message: "\(error)") }
    }
}

extension LuaFailure {
    init(message: String) {
        kind = .error
        self.message = message
        traceback = []
        value = nil
    }
}
