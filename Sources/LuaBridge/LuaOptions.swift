/// An option table that was read and found to be as declared.
public struct LuaOptions {
    /// The table as it was given.
    public let table: LuaTable
    /// What it may hold.
    public let declared: LuaOptionSet

    /// Checks a table, its keys in sorted order: the first unknown, refused, missing or wrong one is the error.
    public init(_ table: LuaTable, _ declared: LuaOptionSet) throws {
        self.table = table
        self.declared = declared
        for field in table.fields { try LuaOptions.check(field.key, field.value, declared) }
        if table.count > 0 {
            guard let positional = declared.positional else {
                throw LuaFault("options expected as name = value, got a list of \(table.count)")
            }
            for (index, value) in table.values.enumerated() where !positional.accepts(value) {
                throw LuaFault("entry \(index + 1) expected \(positional.phrase), got \(value.shown)")
            }
        }
        for option in declared.options where option.isRequired && table[option.name].isNil {
            throw LuaFault("option '\(option.name)' is missing")
        }
    }

    private static func check(_ key: LuaTable.Key, _ value: LuaValue, _ declared: LuaOptionSet) throws {
        let name = key.description
        if let reason = declared.refused[name] { throw LuaFault("option '\(name)' \(reason)") }
        guard key.text != nil, let option = declared.options.first(where: { $0.name == name }) else {
            throw LuaFault("unknown option '\(name)'\(LuaSuggestion.hint(for: name, in: declared.options.map(\.name)))")
        }
        guard option.type.accepts(value) else { throw refusal(option.name, option.type, value) }
    }

    private static func refusal(_ name: String, _ type: LuaOptionType, _ value: LuaValue) -> LuaFault {
        if case .oneOf(let choices) = type, let text = value.asString {
            return LuaFault("option '\(name)': \(LuaSuggestion.refusal(of: text, choices: choices))")
        }
        return LuaFault("option '\(name)' expected \(type.phrase), got \(value.shown)")
    }

    /// The error of an option whose value is of the right type and wrong: `option 'r' expected a positive integer, got 0`.
    public func error(_ name: String, expected: String) -> LuaFault {
        LuaFault("option '\(name)' expected \(expected), got \(self[name].shown)")
    }

    /// The value of a key, nil where it is not given.
    public subscript(name: String) -> LuaValue { table[name] }

    /// Whether a key is given.
    public func has(_ name: String) -> Bool { !table[name].isNil }

    private func read<T>(_ name: String, _ type: LuaOptionType, _ value: T?) throws -> T? {
        if let value { return value }
        guard has(name) else { return nil }
        throw LuaOptions.refusal(name, type, self[name])
    }

    /// An integer.
    public func integer(_ name: String) throws -> Int? { try read(name, .integer, self[name].asInteger) }

    /// An integer in a range.
    public func integer(_ name: String, in range: ClosedRange<Int>) throws -> Int? {
        guard let value = try integer(name) else { return nil }
        guard range.contains(value) else {
            let bounds =
                range.upperBound == .max
                ? "an integer of at least \(range.lowerBound)"
                : "an integer from \(range.lowerBound) to \(range.upperBound)"
            throw error(name, expected: bounds)
        }
        return value
    }

    /// A number.
    public func number(_ name: String) throws -> Double? { try read(name, .number, self[name].asNumber) }

    /// A text.
    public func string(_ name: String) throws -> String? { try read(name, .string, self[name].asString) }

    /// true or false.
    public func boolean(_ name: String) throws -> Bool? { try read(name, .boolean, self[name].asBoolean) }

    /// A table.
    public func table(_ name: String) throws -> LuaTable? { try read(name, .table, self[name].asTable) }

    /// A function.
    public func function(_ name: String) throws -> LuaFunction? { try read(name, .function, self[name].asFunction) }

    /// A list of texts; one text is a list of one.
    public func strings(_ name: String) throws -> [String]? {
        try read(name, .strings, self[name].asString.map { [$0] } ?? self[name].asTable?.strings())
    }

    /// A list of integers.
    public func integers(_ name: String) throws -> [Int64]? {
        try read(name, .integers, self[name].asTable?.integers())
    }

    /// A list of numbers.
    public func numbers(_ name: String) throws -> [Double]? { try read(name, .numbers, self[name].asTable?.numbers()) }

    /// An object of class `type`.
    public func object<T: AnyObject>(_ name: String, as type: T.Type = T.self) throws -> T? {
        try read(name, .object(LuaHost.typeName(of: type)), self[name].asObject(type))
    }
}
