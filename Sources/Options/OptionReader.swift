import Words

/// An option that was given wrongly.
public struct OptionError: Error, CustomStringConvertible, Sendable {
    /// The message, as users read it: where, what was wrong, what was there.
    public let description: String

    /// An error of a message.
    public init(_ description: String) { self.description = description }
}

/// A table of options that was read and found to be as declared.
///
/// Getters give the declared default where an option was not given. Rows of data sets are tokenized with options, one by one: what
/// reads them is inlinable, so that it is compiled for its values.
public struct OptionReader<Value: OptionValue> {
    /// What it may hold.
    public let declared: OptionTable
    /// What stands before the option in errors: "args: ".
    public let place: String
    /// The names that were given, as the table has them, in its order.
    public let given: [String]
    @usableFromInline let values: [(name: String, value: Value)]

    /// Checks a table: the first unknown, refused, missing or wrong option is the error.
    ///
    /// - Parameters:
    ///   - members: names and values, in the order in which errors look at them.
    ///   - elements: the sequence of the table.
    ///   - ignoresUnknown: whether names that are not declared are left out, as in files that others write.
    @inlinable public init(
        _ members: [(name: String, value: Value)], elements: [Value] = [], _ declared: OptionTable,
        place: String = "", ignoresUnknown: Bool = false
    ) throws {
        (self.declared, self.place) = (declared, place)
        given = members.map { $0.name }
        var values: [(name: String, value: Value)] = []
        values.reserveCapacity(members.count)
        for (name, value) in members {
            guard let option = declared.option(name) else {
                try OptionReader.checkUndeclared(name, value, declared, place, ignoresUnknown)
                continue
            }
            if value.isAbsent { continue }
            guard option.type.accepts(value) else { throw OptionReader.refusal(name, option.type, value, place) }
            if values.contains(where: { $0.name == option.name }) {
                throw OptionError("\(place)options '\(option.name)' and '\(name)' mean the same; give one")
            }
            values.append((option.name, value))
        }
        if !elements.isEmpty {
            guard let positional = declared.positional else {
                throw OptionError("\(place)options expected as name = value, got a list of \(elements.count)")
            }
            for (index, value) in elements.enumerated() where !positional.accepts(value) {
                throw OptionError("\(place)entry \(index + 1) expected \(positional.phrase), got \(value.shown)")
            }
        }
        for name in declared.required where !values.contains(where: { $0.name == name }) {
            throw OptionError("\(place)option '\(name)' is missing")
        }
        self.values = values
    }

    /// Throws where a name that is no option may not be given with this value.
    public static func checkUndeclared(
        _ name: String, _ value: Value, _ declared: OptionTable, _ place: String, _ ignoresUnknown: Bool = false
    ) throws {
        if try !isWithoutEffect(name, value, declared, place, ignoresUnknown) {
            throw OptionError("\(place)unknown option '\(name)'\(declared.hint(for: name))")
        }
    }

    /// Whether a name that is no option may be given with this value; throws where it is refused.
    @usableFromInline static func isWithoutEffect(
        _ name: String, _ value: Value, _ declared: OptionTable, _ place: String, _ ignoresUnknown: Bool
    ) throws -> Bool {
        if let reason = declared.refused[name] {
            if ignoresUnknown, value.isAbsent { return true }
            throw OptionError("\(place)option '\(name)' \(reason)")
        }
        if let inert = declared.inert[name] {
            guard value.isAbsent || inert.accepted?.contains(where: { $0.equals(value) }) ?? true else {
                throw OptionError("\(place)option '\(name)' = \(value.literal) is not supported: \(inert.reason)")
            }
            return true
        }
        return ignoresUnknown
    }

    /// The error of an option whose value is of the wrong type or out of its range.
    public static func refusal(_ name: String, _ type: OptionType, _ value: Value, _ place: String)
        -> OptionError
    {
        if let text = value.asString, !type.choices.isEmpty, let nearest = nearestName(to: text, in: type.choices) {
            return OptionError(
                "\(place)option '\(name)' expected \(type.phrase), got '\(text)'; did you mean '\(nearest)'?")
        }
        if let entry = type.wrongEntry(of: value) {
            return OptionError(
                "\(place)option '\(name)' expected \(type.phrase), got \(entry.shown) at place \(entry.place)")
        }
        return OptionError("\(place)option '\(name)' expected \(type.phrase), got \(value.shown)")
    }

    /// The error of an option whose value is of the right type and wrong: `option 'r' expected a positive integer, got 0`.
    public func error(_ name: String, expected: String) -> OptionError {
        OptionError("\(place)option '\(name)' expected \(expected), got \(self[name]?.shown ?? "nothing")")
    }

    /// The value of an option, nil where it is not given.
    @inlinable public subscript(name: String) -> Value? {
        for entry in values where entry.name == name { return entry.value }
        return nil
    }

    /// Whether an option is given.
    @inlinable public func has(_ name: String) -> Bool { self[name] != nil }

    @inlinable func standard(_ name: String) -> OptionLiteral? { declared.option(name)?.standard }

    @inlinable func required<T>(_ name: String, _ value: T?) throws -> T {
        guard let value else { throw OptionError("\(place)option '\(name)' is missing") }
        return value
    }

    /// An integer; the default where it is not given, nil where there is none.
    @inlinable public func optionalInteger(_ name: String) -> Int? {
        if let value = self[name] { return value.asInteger }
        if case .integer(let integer) = standard(name) { return integer }
        return nil
    }

    /// A number; the default where it is not given, nil where there is none.
    @inlinable public func optionalNumber(_ name: String) -> Double? {
        if let value = self[name] { return value.asNumber }
        switch standard(name) {
        case .number(let number): return number
        case .integer(let integer): return Double(integer)
        default: return nil
        }
    }

    /// A text; the default where it is not given, nil where there is none.
    @inlinable public func optionalString(_ name: String) -> String? {
        if let value = self[name] { return value.asString }
        if case .string(let text) = standard(name) { return text }
        return nil
    }

    /// true or false; the default where it is not given, nil where there is none.
    @inlinable public func optionalBoolean(_ name: String) -> Bool? {
        if let value = self[name] { return value.asBoolean }
        if case .boolean(let flag) = standard(name) { return flag }
        return nil
    }

    /// An integer that is given or has a default.
    @inlinable public func integer(_ name: String) throws -> Int { try required(name, optionalInteger(name)) }
    /// A number that is given or has a default.
    @inlinable public func number(_ name: String) throws -> Double { try required(name, optionalNumber(name)) }
    /// A text that is given or has a default.
    @inlinable public func string(_ name: String) throws -> String { try required(name, optionalString(name)) }
    /// true or false, given or by default.
    @inlinable public func boolean(_ name: String) throws -> Bool { try required(name, optionalBoolean(name)) }

    /// A list of texts, nil where it is not given; one text is a list of one.
    @inlinable public func strings(_ name: String) -> [String]? {
        self[name].flatMap { value in value.asString.map { [$0] } ?? value.asStrings }
    }
    /// A list of integers, nil where it is not given.
    @inlinable public func integers(_ name: String) -> [Int64]? { self[name]?.asIntegers }
    /// A list of numbers, nil where it is not given.
    @inlinable public func numbers(_ name: String) -> [Double]? { self[name]?.asNumbers }

    /// A choice by its text; the default where it is not given, nil where there is none.
    public func choice<Choice: RawRepresentable<String>>(_ name: String, _: Choice.Type = Choice.self) -> Choice? {
        optionalString(name).flatMap(Choice.init(rawValue:))
    }

    /// A table of options within this one, read by its own declaration; nil where it is not given.
    public func nested(_ name: String) throws -> OptionReader<Value>? {
        guard let value = self[name], let table = declared.option(name)?.type.table else { return nil }
        guard let members = value.asMembers else {
            throw OptionError("\(place)option '\(name)' expected name = value, got \(value.shown)")
        }
        return try OptionReader(members, table, place: "\(place)\(name): ")
    }
}

/// Options of whatever kind of values, for what is read from recipes and from files alike.
public protocol OptionSource {
    /// Whether an option is given.
    func has(_ name: String) -> Bool
    /// An integer; the default where it is not given, nil where there is none.
    func optionalInteger(_ name: String) -> Int?
    /// A number; the default where it is not given, nil where there is none.
    func optionalNumber(_ name: String) -> Double?
    /// A text; the default where it is not given, nil where there is none.
    func optionalString(_ name: String) -> String?
    /// true or false; the default where it is not given, nil where there is none.
    func optionalBoolean(_ name: String) -> Bool?
    /// A list of texts, nil where it is not given; one text is a list of one.
    func strings(_ name: String) -> [String]?
    /// A list of integers, nil where it is not given.
    func integers(_ name: String) -> [Int64]?
    /// A list of numbers, nil where it is not given.
    func numbers(_ name: String) -> [Double]?
    /// A table of finite numbers by name, nil where it is not given.
    func numbersByName(_ name: String) throws -> [(name: String, value: Double)]?
    /// The error of an option whose value is of the right type and wrong.
    func error(_ name: String, expected: String) -> OptionError
}

extension OptionReader: OptionSource {
    /// A table of finite numbers by name, nil where it is not given.
    public func numbersByName(_ name: String) throws -> [(name: String, value: Double)]? {
        guard let value = self[name] else { return nil }
        guard let members = value.asMembers else { throw error(name, expected: "a table of numbers by name") }
        return try members.map { key, value in
            guard let number = value.asNumber, number.isFinite else {
                throw OptionError("\(place)option '\(name)': '\(key)' expected a number, got \(value.shown)")
            }
            return (key, number)
        }
    }
}
