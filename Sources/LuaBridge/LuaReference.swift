import CLuaShim

/// A Lua value kept alive by the host: a table with its identity, an error object.
///
/// It may be passed to and released on any thread, and used on the one that uses the host.
public final class LuaReference: @unchecked Sendable {
    let state: StateHandle
    let key: Int64

    init(state: StateHandle, key: Int64) {
        self.state = state
        self.key = key
    }

    deinit { lw_unreference(state.raw, key) }

    /// A copy of the value as it is now.
    public func value() throws -> LuaValue {
        guard let host = state.host, lw_is_open(state.raw), !lw_is_elsewhere(state.raw) else {
            throw LuaFault("the lua state is closed or running on another thread")
        }
        guard lw_snapshot_reference(state.raw, key) == LW_OK else { throw state.fault }
        return try host.inboxValue()
    }

    /// The value as Lua's tostring tells it, which may run the script's `__tostring`: protected, and stopped like any script.
    ///
    /// - Parameter seconds: what a `__tostring` may take; without bound where nil.
    public func text(within seconds: Double? = nil) -> String {
        _ = lw_describe(state.raw, key, seconds ?? 0)
        return state.message
    }
}

/// A function of the script's, kept alive by the host.
public final class LuaFunction: Sendable {
    /// The function itself, which goes back to Lua as the same function.
    public let reference: LuaReference

    init(_ reference: LuaReference) { self.reference = reference }

    /// Calls the function on the coroutine in progress, or on the main one between runs.
    ///
    /// Throws `LuaError` when the script fails; let it pass to raise the same error value again. Anything may happen during
    /// the call: objects that the host holds may be freed by the script.
    @discardableResult
    public func call(_ arguments: [LuaValue] = []) throws -> [LuaValue] {
        let state = reference.state
        guard let host = state.host else { throw LuaFault("the lua state is closed") }
        guard !lw_is_elsewhere(state.raw) else { throw LuaFault("the lua state is running on another thread") }
        try host.encode(arguments)
        let results = lw_call_function(state.raw, reference.key)
        guard results.status == LW_OK else { throw LuaError(host.takeFailure(results.status)) }
        defer { lw_pop(results) }
        return try host.read(results)
    }
}

/// A function made in Swift that goes to Lua as a value, such as an iterator.
public final class LuaCallable {
    /// What errors call it.
    public let name: String
    let parameters: [LuaParameter]?
    let body: LuaBody
    /// Its path in the documentation, where it has one.
    let path: String?

    /// Makes a function of a closure; arguments are checked where `parameters` declares them.
    public init(_ name: String, parameters: [LuaParameter]? = nil, _ body: @escaping LuaBody) {
        (self.name, path, self.parameters, self.body) = (name, nil, parameters, body)
    }

    init(_ declaration: LuaFunctionDeclaration, path: String) {
        (name, self.path) = (declaration.name, path)
        (parameters, body) = (declaration.signature.parameters, declaration.body)
    }
}

/// The body of a host function.
public typealias LuaBody = (borrowing LuaCall) throws -> LuaReturn
