import CLuaShim
import Memory

/// One value that a chunk or an interactive line gave.
public struct LuaResult {
    /// The value kept alive, nil where it is nil.
    public let value: LuaReference?
    /// The value as tostring tells it.
    public var text: String { value?.text() ?? "nil" }
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
    /// The first value is kept in the global `_`; local variables at the top level live on in later lines. Throws a failure of kind
    /// `.incomplete` where the line could go on.
    ///
    /// - Parameter isFile: whether the text is a file's: no expression is meant.
    public func evaluate(_ line: LuaString, name: String = "=stdin", isFile: Bool = false) throws(LuaFailure)
        -> [LuaResult]
    {
        try evaluate(line, name: name, isFile: isFile, onlyCompiled: false)
    }

    /// What would be wrong with an interactive line, before anything of it runs; nil where it compiles.
    public func check(_ line: LuaString) -> LuaFailure? {
        do {
            _ = try evaluate(line, name: "=stdin", isFile: false, onlyCompiled: true)
            return nil
        } catch {
            return error
        }
    }

    private func evaluate(
        _ line: LuaString, name: String, isFile: Bool, onlyCompiled: Bool
    ) throws(LuaFailure) -> [LuaResult] {
        try prepare([])
        let session = SessionLine(line)
        if !onlyCompiled, let second = session.second {
            _ = try evaluate(line, name: name, isFile: isFile, onlyCompiled: true)
            let (first, rest) = (line.utf8[..<second], line.utf8[second...])
            _ = try evaluate(LuaString(bytes: Array(first)), name: name, isFile: true, onlyCompiled: false)
            // Lines keep their numbers.
            let above = first.filter { $0 == 0x0A }
            return try evaluate(LuaString(bytes: above + rest), name: name, isFile: true, onlyCompiled: false)
        }
        var results = lw_results()
        line.withBytes { source, length in
            LuaString(bytes: session.statement).withBytes { statement, statementLength in
                session.declared.withCString { declared in
                    session.used.withCString { used in
                        var typed = lw_line(
                            source: source, length: length, statement: statement, statement_length: statementLength,
                            declared: declared, used: used, is_file: isFile,
                            only_compiled: onlyCompiled)
                        results = lw_evaluate(state.raw, &typed, name)
                    }
                }
            }
        }
        guard results.status == LW_OK else { throw takeFailure(results.status) }
        guard let thread = results.thread, results.count > 0 else {
            lw_pop(results)
            return []
        }
        let values = (1...results.count).map { index -> LuaReference? in
            guard Int(lw_read(thread, results.base + index).tag) != LW_NIL else { return nil }
            let key = lw_reference(state.raw, thread, results.base + index)
            return key > 0 ? LuaReference(state: state, key: key) : nil
        }
        lw_pop(results)
        return values.map { LuaResult(value: $0) }
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
        kind = message.contains(MemoryRefusal.prefix) ? .memoryLimit : .error
        self.message = message
        traceback = []
        value = nil
    }
}
