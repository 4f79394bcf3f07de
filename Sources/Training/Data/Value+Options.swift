import Options

extension Value: OptionValue {
    /// Whether it is nothing: nil, null.
    public var isAbsent: Bool { self == .null }
    /// The integer that it is: an integer, or a float with an integer's value, never a string.
    public var asInteger: Int? { whole }
    /// The number that it is, never a string.
    public var asNumber: Double? { number }
    /// The text that it is.
    public var asString: String? { if case .string(let text) = self { text } else { nil } }
    /// The boolean that it is.
    public var asBoolean: Bool? { if case .boolean(let flag) = self { flag } else { nil } }
    /// The elements of a list; an empty table is an empty list.
    public var asElements: [Value]? { self == .object([]) ? [] : elements }
    /// The integers of a list of nothing else.
    public var asIntegers: [Int64]? {
        let found = asElements?.map(\.whole)
        return found?.contains(nil) == false ? found?.compactMap { $0.map(Int64.init) } : nil
    }
    /// The numbers of a list of nothing else.
    public var asNumbers: [Double]? {
        let found = asElements?.map(\.number)
        return found?.contains(nil) == false ? found?.compactMap { $0 } : nil
    }
    /// The texts of a list of nothing else.
    public var asStrings: [String]? {
        let found = asElements?.map(\.asString)
        return found?.contains(nil) == false ? found?.compactMap { $0 } : nil
    }
    /// Names and values of a table without a list; an empty list is an empty table.
    public var asMembers: [(name: String, value: Value)]? {
        if case .object(let entries) = self { return entries.map { ($0.key, $0.value) } }
        return elements?.isEmpty == true ? [] : nil
    }
    /// Whether it is a table or list.
    public var isTable: Bool { elements != nil || asMembers != nil }
    /// The value as errors tell it: a type, and for short scalars the value.
    public var shown: String {
        switch self {
        case .string: "string \(quoted)"
        case .boolean: "boolean \(quoted)"
        case .null: "nil"
        default: quoted
        }
    }

    /// The value that a declaration states.
    init(_ literal: OptionLiteral) {
        switch literal {
        case .nothing, .words: self = .null
        case .boolean(let flag): self = .boolean(flag)
        case .integer(let integer): self = .integer(integer)
        case .number(let number): self = .float(number)
        case .string(let text): self = .string(text)
        case .list(let values): self = .list(values.map { Value($0) })
        case .table(let members):
            self = .object(members.sorted { $0.key < $1.key }.map { Entry($0.key, Value($0.value)) })
        }
    }
}
