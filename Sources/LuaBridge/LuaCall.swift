import CLuaShim

/// One call of a host function: its arguments, by position from 1 and without self.
///
/// It cannot be kept: it ends with the function. Arguments are read when they are asked for.
public struct LuaCall: ~Copyable {
    // Both outlive the call: counting references to them would be a fifth of its time.
    private unowned(unsafe) let owner: LuaHost
    private unowned(unsafe) let function: HostFunction
    let thread: OpaquePointer
    let total: Int32

    init(host: LuaHost, function: HostFunction, thread: OpaquePointer, total: Int32) {
        owner = host
        self.function = function
        self.thread = thread
        self.total = total
    }

    /// The host that the call came to.
    public var host: LuaHost { owner }

    var isMethod: Bool { function.isMethod }

    /// What the function declares of its arguments.
    var declared: [LuaParameter]? { function.parameters }

    /// How many arguments there are, trailing nils included.
    public var count: Int { Int(total) - (isMethod ? 1 : 0) }

    /// The name of the function, as registered.
    public var functionName: String { function.name }

    func place(_ position: Int) -> Int32 { Int32(clamping: position + (isMethod ? 1 : 0)) }

    func raw(_ position: Int) -> lw_value {
        let place = place(position)
        guard place >= 1, place <= total else {
            var none = lw_value()
            none.length = 1
            return none
        }
        return lw_read(thread, place)
    }

    /// Whether an argument is absent or nil.
    public func isNil(_ position: Int) -> Bool { Int(raw(position).tag) == LW_NIL }

    /// Whether an argument is a table.
    public func isTable(_ position: Int) -> Bool { Int(raw(position).tag) == LW_TABLE }

    /// Whether an argument is a function.
    public func isFunction(_ position: Int) -> Bool { Int(raw(position).tag) == LW_FUNCTION }

    /// Whether an argument is a string.
    public func isString(_ position: Int) -> Bool { Int(raw(position).tag) == LW_STRING }

    /// Whether an argument is an object of class `type`, closed ones excepted.
    public func isObject<T: AnyObject>(_ position: Int, as type: T.Type) -> Bool {
        let value = raw(position)
        guard Int(value.tag) == LW_OBJECT, let object = value.pointer else { return false }
        return Unmanaged<AnyObject>.fromOpaque(object).takeUnretainedValue() is T
    }

    /// Whether an argument is an integer or a float.
    public func isNumber(_ position: Int) -> Bool {
        let tag = Int(raw(position).tag)
        return tag == LW_INTEGER || tag == LW_NUMBER
    }

    /// An argument of any type; tables are copied.
    public func value(_ position: Int) throws -> LuaValue {
        try host.read(raw(position), thread: thread, place: place(position))
    }

    /// All arguments from a position on.
    public func values(from position: Int = 1) throws -> [LuaValue] {
        guard position <= count else { return [] }
        return try (position...count).map { try value($0) }
    }

    /// An argument kept alive as itself, nil where it is nil.
    public func reference(_ position: Int) throws -> LuaReference? {
        guard !isNil(position) else { return nil }
        return try host.reference(thread: thread, place: place(position))
    }

    /// Self of a method of a `LuaTableType`, or the module of a module's property, as a copy.
    public func selfValue() throws -> LuaValue {
        try host.read(lw_read(thread, 1), thread: thread, place: 1)
    }

    /// Self kept alive as itself.
    public func selfReference() throws -> LuaReference { try host.reference(thread: thread, place: 1) }

    /// The error of a wrong argument, in Lua's words: `bad argument #1 'size' to 'zeros' (integer expected, got nil)`.
    public func argumentError(_ position: Int, _ name: String? = nil, _ what: String) -> LuaFault {
        let shown = name.map { " '\($0)'" } ?? ""
        return LuaFault(complete: "bad argument #\(position)\(shown) to '\(functionName)' (\(what))")
    }

    func typeError(_ position: Int, _ name: String?, _ expected: String) -> LuaFault {
        argumentError(
            position, name,
            "\(expected) expected, got \(host.shown(raw(position), thread: thread, place: place(position)))")
    }
}
