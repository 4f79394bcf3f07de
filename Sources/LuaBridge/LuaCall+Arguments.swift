import CLuaShim
import Options
import Words

extension LuaCall {
    /// An integer, or a float with an integer's value.
    public func integer(_ position: Int, _ name: String? = nil) throws -> Int {
        let value = raw(position)
        switch Int(value.tag) {
        case LW_INTEGER:
            if let integer = Int(exactly: value.integer) { return integer }
        case LW_NUMBER:
            if let integer = Int(exactly: value.number) { return integer }
            throw argumentError(position, name, "number \(value.number) has no integer representation")
        default: break
        }
        throw typeError(position, name, "integer")
    }

    /// A number.
    public func number(_ position: Int, _ name: String? = nil) throws -> Double {
        let value = raw(position)
        switch Int(value.tag) {
        case LW_INTEGER: return Double(value.integer)
        case LW_NUMBER: return value.number
        default: throw typeError(position, name, "number")
        }
    }

    /// A text; bytes that are not UTF-8 are an error.
    public func string(_ position: Int, _ name: String? = nil) throws -> String {
        guard Int(raw(position).tag) == LW_STRING else { throw typeError(position, name, "string") }
        guard let text = try bytes(position, name).validText else {
            throw argumentError(position, name, "text expected, got bytes that are not UTF-8")
        }
        return text
    }

    /// A string of any bytes.
    public func bytes(_ position: Int, _ name: String? = nil) throws -> LuaString {
        guard case .string(let string) = try value(position) else { throw typeError(position, name, "string") }
        return string
    }

    /// One of several texts.
    public func string(_ position: Int, _ name: String? = nil, oneOf choices: [String]) throws -> String {
        let value = try string(position, name)
        guard choices.contains(value) else {
            let hint = nearestNameHint(for: value, in: choices)
            throw argumentError(position, name, "\(OptionType.oneOf(choices).phrase) expected, got '\(value)'\(hint)")
        }
        return value
    }

    /// true or false; nothing else passes for one.
    public func boolean(_ position: Int, _ name: String? = nil) throws -> Bool {
        let value = raw(position)
        guard Int(value.tag) == LW_BOOLEAN else { throw typeError(position, name, "boolean") }
        return value.integer != 0
    }

    /// A copy of a table.
    public func table(_ position: Int, _ name: String? = nil) throws -> LuaTable {
        guard Int(raw(position).tag) == LW_TABLE else { throw typeError(position, name, "table") }
        guard case .table(let table) = try value(position) else { throw typeError(position, name, "table") }
        return table
    }

    /// A function.
    public func function(_ position: Int, _ name: String? = nil) throws -> LuaFunction {
        guard Int(raw(position).tag) == LW_FUNCTION else { throw typeError(position, name, "function") }
        return LuaFunction(try host.reference(thread: thread, place: place(position)))
    }

    /// An object of class `type`.
    public func object<T: AnyObject>(_ position: Int, as type: T.Type = T.self, _ name: String? = nil) throws -> T {
        let value = raw(position)
        guard Int(value.tag) == LW_OBJECT else { throw typeError(position, name, LuaHost.typeName(of: type)) }
        guard let pointer = value.pointer else {
            throw argumentError(position, name, "the \(LuaHost.typeName(of: type)) was closed")
        }
        guard let object = Unmanaged<AnyObject>.fromOpaque(pointer).takeUnretainedValue() as? T else {
            throw typeError(position, name, LuaHost.typeName(of: type))
        }
        return object
    }

    /// A list of integers, in the range that the function declares for it.
    public func integers(_ position: Int, _ name: String? = nil) throws -> [Int64] {
        let table = try table(position, name)
        guard let list = table.integers() else {
            throw argumentError(
                position, name, "a list of integers expected\(table.firstNoInteger.map { ", got \($0)" } ?? "")")
        }
        if let range = listRange(position), let wrong = list.first(where: { !range.contains(Int($0)) }) {
            throw argumentError(position, name, "\(OptionType.integers(range).phrase) expected, got \(wrong)")
        }
        return list
    }

    /// All arguments from a position on as integers; one list of them is as good.
    public func integers(from position: Int, _ name: String? = nil) throws -> [Int] {
        if count == position, isTable(position) { return try integers(position, name).map(Int.init) }
        guard position <= count else { return [] }
        return try (position...count).map { try integer($0, name) }
    }

    /// A list of texts; one text is a list of one.
    public func strings(_ position: Int, _ name: String? = nil) throws -> [String] {
        if isString(position) { return [try string(position, name)] }
        guard let list = try table(position, name).strings() else {
            throw argumentError(position, name, "a string or a list of strings expected")
        }
        return list
    }

    /// An option table read by its declaration; an absent one is empty.
    public func options(_ position: Int, _ declared: OptionTable) throws -> LuaOptions {
        if isNil(position) { return try LuaOptions(LuaTable(), declared) }
        return try LuaOptions(try table(position, "options"), declared)
    }

    // MARK: absent arguments

    /// An integer, nil where absent.
    public func optionalInteger(_ position: Int, _ name: String? = nil) throws -> Int? {
        isNil(position) ? nil : try integer(position, name)
    }

    /// A number, nil where absent.
    public func optionalNumber(_ position: Int, _ name: String? = nil) throws -> Double? {
        isNil(position) ? nil : try number(position, name)
    }

    /// A text, nil where absent.
    public func optionalString(_ position: Int, _ name: String? = nil) throws -> String? {
        isNil(position) ? nil : try string(position, name)
    }

    /// true or false, nil where absent.
    public func optionalBoolean(_ position: Int, _ name: String? = nil) throws -> Bool? {
        isNil(position) ? nil : try boolean(position, name)
    }

    /// A copy of a table, nil where absent.
    public func optionalTable(_ position: Int, _ name: String? = nil) throws -> LuaTable? {
        isNil(position) ? nil : try table(position, name)
    }

    /// A function, nil where absent.
    public func optionalFunction(_ position: Int, _ name: String? = nil) throws -> LuaFunction? {
        isNil(position) ? nil : try function(position, name)
    }

    /// An object, nil where absent.
    public func optionalObject<T: AnyObject>(_ position: Int, as type: T.Type = T.self, _ name: String? = nil) throws
        -> T?
    {
        isNil(position) ? nil : try object(position, as: type, name)
    }
}
