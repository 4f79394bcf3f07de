/// What an option may hold.
public indirect enum LuaOptionType: Sendable {
    /// An integer, or a float with an integer's value.
    case integer
    /// A number.
    case number
    /// A text.
    case string
    /// true or false.
    case boolean
    /// A table of any kind.
    case table
    /// A list of texts; one text is a list of one.
    case strings
    /// A list of integers.
    case integers
    /// A list of numbers.
    case numbers
    /// A function.
    case function
    /// A host object, by its Lua name.
    case object(String)
    /// One of several texts.
    case oneOf([String])
    /// Any of several types.
    case either([LuaOptionType])
    /// Anything but nil.
    case any

    /// The type with its article, as errors name it: `an integer`.
    public var phrase: String {
        switch self {
        case .integer: "an integer"
        case .number: "a number"
        case .string: "a string"
        case .boolean: "true or false"
        case .table: "a table"
        case .strings: "a string or a list of strings"
        case .integers: "a list of integers"
        case .numbers: "a list of numbers"
        case .function: "a function"
        case .object(let name): name
        case .oneOf(let choices): "one of \(choices.map { "'\($0)'" }.joined(separator: ", "))"
        case .either(let types): types.map(\.phrase).joined(separator: " or ")
        case .any: "a value"
        }
    }

    /// The type in the notation of the Lua language server: `integer`, `string[]`.
    public var annotation: String {
        switch self {
        case .integer: "integer"
        case .number: "number"
        case .string: "string"
        case .boolean: "boolean"
        case .table: "table"
        case .strings: "string|string[]"
        case .integers: "integer[]"
        case .numbers: "number[]"
        case .function: "function"
        case .object(let name): name
        case .oneOf(let choices): choices.map { "\"\($0)\"" }.joined(separator: "|")
        case .either(let types): types.map(\.annotation).joined(separator: "|")
        case .any: "any"
        }
    }

    func accepts(_ value: LuaValue) -> Bool {
        switch self {
        case .integer: value.asInteger != nil
        case .number: value.asNumber != nil
        case .string: value.asString != nil
        case .boolean: value.asBoolean != nil
        case .table: value.asTable != nil
        case .strings: value.asString != nil || value.asTable?.strings() != nil
        case .integers: value.asTable?.integers() != nil
        case .numbers: value.asTable?.numbers() != nil
        case .function: value.asFunction != nil
        case .object(let name):
            if case .object(let object) = value { LuaHost.typeName(of: object) == name } else { false }
        case .oneOf(let choices): value.asString.map(choices.contains) ?? false
        case .either(let types): types.contains { $0.accepts(value) }
        case .any: true
        }
    }
}

/// One key of an option table.
public struct LuaOption: Sendable {
    /// The key.
    public let name: String
    /// What it may hold.
    public let type: LuaOptionType
    /// What it means, with unit and default.
    public let doc: String
    /// Whether it must be given.
    public let isRequired: Bool

    /// Declares a key.
    public init(_ name: String, _ type: LuaOptionType, _ doc: String, required: Bool = false) {
        self.name = name
        self.type = type
        self.doc = doc
        isRequired = required
    }
}

/// The keys that an option table may have, and what to say to keys that it may not.
public struct LuaOptionSet: Sendable {
    /// The keys, in the order in which they are documented.
    public let options: [LuaOption]
    /// Keys that are known elsewhere and refused here, with the reason: `"use_dora": "is not supported"`.
    public let refused: [String: String]
    /// What the sequence of the table may hold, nil where it must be empty.
    public let positional: LuaOptionType?

    /// Declares an option table.
    public init(_ options: [LuaOption], refused: [String: String] = [:], positional: LuaOptionType? = nil) {
        self.options = options
        self.refused = refused
        self.positional = positional
    }
}
