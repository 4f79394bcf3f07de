/// A value that goes to or comes from Lua.
///
/// A table is a copy: what a script does to it later is not seen, and nothing done here reaches the script's own. To keep
/// the script's own table use `LuaCall.reference`.
public enum LuaValue {
    /// Nothing.
    case `nil`
    /// true or false.
    case boolean(Bool)
    /// An integer.
    case integer(Int64)
    /// A float.
    case number(Double)
    /// A string of bytes.
    case string(LuaString)
    /// A copy of a table.
    case table(LuaTable)
    /// A function of the script's.
    case function(LuaFunction)
    /// A host object whose class has a registered `LuaType`.
    case object(AnyObject)
    /// A function made in Swift; reading never gives one.
    case callable(LuaCallable)
    /// Any Lua value kept alive, which goes back to Lua as itself; reading never gives one unless asked.
    case reference(LuaReference)
    /// A value that the host has no use for, by the name of its type, such as a coroutine; it goes back as nil.
    case other(String)
}

extension LuaValue {
    /// A string of text.
    public static func string(_ text: String) -> LuaValue { .string(LuaString(text)) }

    /// An integer.
    public static func integer(_ value: Int) -> LuaValue { .integer(Int64(value)) }

    /// A float.
    public static func number(_ value: Float) -> LuaValue { .number(Double(value)) }

    /// A list.
    public static func list(_ values: [LuaValue]) -> LuaValue { .table(LuaTable(values)) }

    /// A list of strings.
    public static func strings(_ values: [String]) -> LuaValue { .table(LuaTable(values.map { .string($0) })) }

    /// A list of integers.
    public static func integers(_ values: [Int64]) -> LuaValue { .table(LuaTable(integers: values)) }

    /// A list of integers.
    public static func integers(_ values: [Int]) -> LuaValue { .table(LuaTable(integers: values.map(Int64.init))) }

    /// A list of floats.
    public static func numbers(_ values: [Double]) -> LuaValue { .table(LuaTable(numbers: values)) }

    /// A table with string keys, whose missing fields are an error that calls it `name`; nil says that a field is absent this time.
    public static func fields(
        _ name: String, _ fields: [String: LuaValue], _ strictness: LuaTable.Strictness = .reading
    ) -> LuaValue {
        // In one order always: what pairs gives in Lua depends on it.
        .table(LuaTable(strict: name, fields.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }, strictness))
    }

    /// Whether it is nil.
    public var isNil: Bool {
        if case .nil = self { true } else { false }
    }

    /// The integer that it is: an integer, or a float with an integer's value, never a string.
    public var asInteger: Int? {
        switch self {
        case .integer(let value): Int(exactly: value)
        case .number(let value): Int(exactly: value)
        default: nil
        }
    }

    /// The number that it is, never a string.
    public var asNumber: Double? {
        switch self {
        case .integer(let value): Double(value)
        case .number(let value): value
        default: nil
        }
    }

    /// The text that it is, nil also where it is not UTF-8.
    public var asString: String? {
        if case .string(let string) = self { string.validText } else { nil }
    }

    /// The boolean that it is.
    public var asBoolean: Bool? {
        if case .boolean(let value) = self { value } else { nil }
    }

    /// The table that it is a copy of.
    public var asTable: LuaTable? {
        if case .table(let table) = self { table } else { nil }
    }

    /// The function that it is.
    public var asFunction: LuaFunction? {
        if case .function(let function) = self { function } else { nil }
    }

    /// The object of class `type` that it is.
    public func asObject<T: AnyObject>(_ type: T.Type = T.self) -> T? {
        if case .object(let object) = self { object as? T } else { nil }
    }
}

/// What a host function gives: nothing, one value or several.
public enum LuaReturn {
    /// No value.
    case nothing
    /// One value.
    case value(LuaValue)
    /// Several values.
    case values([LuaValue])

    /// nil, as a value.
    public static var `nil`: LuaReturn { .value(.nil) }
    /// true or false.
    public static func boolean(_ value: Bool) -> LuaReturn { .value(.boolean(value)) }
    /// An integer.
    public static func integer(_ value: Int) -> LuaReturn { .value(.integer(Int64(value))) }
    /// An integer.
    public static func integer(_ value: Int64) -> LuaReturn { .value(.integer(value)) }
    /// A float.
    public static func number(_ value: Double) -> LuaReturn { .value(.number(value)) }
    /// A string.
    public static func string(_ text: String) -> LuaReturn { .value(.string(text)) }
    /// A host object.
    public static func object(_ object: AnyObject) -> LuaReturn { .value(.object(object)) }
    /// A table.
    public static func table(_ table: LuaTable) -> LuaReturn { .value(.table(table)) }
    /// A list.
    public static func list(_ values: [LuaValue]) -> LuaReturn { .value(.list(values)) }
    /// A table with string keys, whose missing fields are an error that calls it `name`; nil says that a field is absent this time.
    public static func fields(_ name: String, _ fields: [String: LuaValue]) -> LuaReturn {
        .value(.fields(name, fields))
    }
    /// A function made in Swift.
    public static func callable(_ callable: LuaCallable) -> LuaReturn { .value(.callable(callable)) }
}
