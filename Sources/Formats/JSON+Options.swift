import Options

extension JSON: OptionValue {
    /// Whether it is nothing: nil, null.
    public var isAbsent: Bool { isNull }
    /// The integer that it is: an integer, or a float with an integer's value, never a string.
    public var asInteger: Int? { int }
    /// The number that it is, never a string.
    public var asNumber: Double? { double }
    /// The text that it is.
    public var asString: String? { string }
    /// The boolean that it is.
    public var asBoolean: Bool? { bool }
    /// The elements of a list; an empty table is an empty list.
    public var asElements: [JSON]? { array ?? (object?.isEmpty == true ? [] : nil) }
    /// The integers of a list of nothing else.
    public var asIntegers: [Int64]? { all { $0.int.map(Int64.init) } }
    /// The numbers of a list of nothing else.
    public var asNumbers: [Double]? { all(\.double) }
    /// The texts of a list of nothing else.
    public var asStrings: [String]? { all(\.string) }
    /// Names and values of a table without a list; an empty list is an empty table.
    public var asMembers: [(name: String, value: JSON)]? {
        if let object { return object.map { ($0.key, $0.value) } }
        return array?.isEmpty == true ? [] : nil
    }
    /// Whether it is a table or list.
    public var isTable: Bool { array != nil || object != nil }
    /// The value as errors tell it: a type, and for short scalars the value.
    public var shown: String { kind }

    /// The value that a declaration states.
    public init(_ literal: OptionLiteral) {
        switch literal {
        case .nothing, .words: self = .null
        case .boolean(let flag): self = .bool(flag)
        case .integer(let integer): self = .integer(integer)
        case .number(let number): self = .number(number)
        case .string(let text): self = .string(text)
        case .list(let values): self = .array(values.map { JSON($0) })
        case .table(let members):
            self = .object(JSONObject(members.sorted { $0.key < $1.key }.map { ($0.key, JSON($0.value)) }))
        }
    }

    private func all<Element>(_ convert: (JSON) -> Element?) -> [Element]? {
        guard let elements = asElements else { return nil }
        let converted = elements.compactMap(convert)
        return converted.count == elements.count ? converted : nil
    }
}
