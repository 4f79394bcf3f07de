import Options

/// A table of options that a recipe gave, read and found to be as declared.
public typealias LuaOptions = OptionReader<LuaValue>

extension LuaValue: OptionValue {
    /// Whether it is nil.
    public var isAbsent: Bool { isNil }
    /// The elements of a list; a table without keys is one.
    public var asElements: [LuaValue]? { asTable.flatMap { $0.fields.isEmpty ? $0.values : nil } }
    /// The integers of a list of nothing else.
    public var asIntegers: [Int64]? { asTable?.integers() }
    /// The numbers of a list of nothing else.
    public var asNumbers: [Double]? { asTable?.numbers() }
    /// The texts of a list of nothing else.
    public var asStrings: [String]? { asTable?.strings() }
    /// Names and values of a table without a sequence, sorted by name.
    public var asMembers: [(name: String, value: LuaValue)]? {
        asTable.flatMap { table in table.count == 0 ? table.fields.map { ($0.key.description, $0.value) } : nil }
    }
    /// Whether it is a table.
    public var isTable: Bool { asTable != nil }
    /// Whether it is a function of the script's.
    public var isFunction: Bool { asFunction != nil }
    /// The Lua name of a host object's type.
    public var objectName: String? {
        if case .object(let object) = self { LuaHost.typeName(of: object) } else { nil }
    }
}

extension OptionReader<LuaValue> {
    /// Checks a table, its keys in sorted order: the first unknown, refused, missing or wrong one is the error.
    public init(_ table: LuaTable, _ declared: OptionTable, place: String = "") throws {
        try self.init(
            table.fields.map { ($0.key.description, $0.value) }, elements: table.values, declared, place: place)
    }

    /// A table, nil where it is not given.
    public func table(_ name: String) -> LuaTable? { self[name]?.asTable }

    /// A function, nil where it is not given.
    public func function(_ name: String) -> LuaFunction? { self[name]?.asFunction }

    /// An object of class `type`, nil where it is not given.
    public func optionalObject<T: AnyObject>(_ name: String, as type: T.Type = T.self) throws -> T? {
        guard let value = self[name] else { return nil }
        guard let object = value.asObject(type) else { throw error(name, expected: LuaHost.typeName(of: type)) }
        return object
    }

    /// An object of class `type` that must be given.
    public func object<T: AnyObject>(_ name: String, as type: T.Type = T.self) throws -> T {
        guard let object: T = try optionalObject(name) else {
            throw OptionError("\(place)option '\(name)' is missing")
        }
        return object
    }
}
