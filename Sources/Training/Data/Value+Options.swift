import Options

extension Value: OptionValue {
    public var isAbsent: Bool { self == .null }
    public var asInteger: Int? { whole }
    public var asNumber: Double? { number }
    public var asString: String? { if case .string(let text) = self { text } else { nil } }
    public var asBoolean: Bool? { if case .boolean(let flag) = self { flag } else { nil } }
    public var asElements: [Value]? { self == .object([]) ? [] : elements }
    public var asIntegers: [Int64]? {
        let found = asElements?.map(\.whole)
        return found?.contains(nil) == false ? found?.compactMap { $0.map(Int64.init) } : nil
    }
    public var asNumbers: [Double]? {
        let found = asElements?.map(\.number)
        return found?.contains(nil) == false ? found?.compactMap { $0 } : nil
    }
    public var asStrings: [String]? {
        let found = asElements?.map(\.asString)
        return found?.contains(nil) == false ? found?.compactMap { $0 } : nil
    }
    public var asMembers: [(name: String, value: Value)]? {
        if case .object(let entries) = self { return entries.map { ($0.key, $0.value) } }
        return elements?.isEmpty == true ? [] : nil
    }
    public var isTable: Bool { elements != nil || asMembers != nil }
    public var isFunction: Bool { false }
    public var objectName: String? { nil }
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
