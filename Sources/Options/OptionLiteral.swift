/// A value as a declaration states it: a default, or a value that is accepted.
public indirect enum OptionLiteral: Sendable, Equatable {
    case nothing
    case boolean(Bool)
    case integer(Int)
    case number(Double)
    case string(String)
    case list([OptionLiteral])
    case table([String: OptionLiteral])
    /// What cannot be written as one value, in words: "as the folder says".
    case words(String)

    /// As a recipe writes it; words stay words.
    public var shown: String {
        switch self {
        case .nothing: "nil"
        case .boolean(let flag): "\(flag)"
        case .integer(let integer): "\(integer)"
        case .number(let number): Int(exactly: number).map { "\($0)" } ?? "\(number)"
        case .string(let text): "\"\(text)\""
        case .list(let values): values.isEmpty ? "{}" : "{ \(values.map(\.shown).joined(separator: ", ")) }"
        case .table(let members):
            members.isEmpty
                ? "{}"
                : "{ \(members.sorted { $0.key < $1.key }.map { "\($0.key) = \($0.value.shown)" }.joined(separator: ", ")) }"
        case .words(let text): text
        }
    }

    /// Whether a value is this one; 1 and 1.0 are equal, and an empty table is an empty list.
    public func equals<Value: OptionValue>(_ value: Value) -> Bool {
        switch self {
        case .nothing: value.isAbsent
        case .boolean(let flag): value.asBoolean == flag
        case .integer(let integer): value.asInteger == integer
        case .number(let number): value.asNumber == number
        case .string(let text): value.asString == text
        case .list(let values):
            value.asElements.map { $0.count == values.count && zip(values, $0).allSatisfy { $0.equals($1) } } ?? false
        case .table(let members):
            value.asMembers.map { found in
                found.count == members.count && found.allSatisfy { members[$0.name]?.equals($0.value) ?? false }
            } ?? false
        case .words: false
        }
    }
}

extension OptionLiteral: ExpressibleByBooleanLiteral, ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral,
    ExpressibleByStringLiteral
{
    /// A boolean.
    public init(booleanLiteral value: Bool) { self = .boolean(value) }
    /// A integer.
    public init(integerLiteral value: Int) { self = .integer(value) }
    /// A float.
    public init(floatLiteral value: Double) { self = .number(value) }
    /// A string.
    public init(stringLiteral value: String) { self = .string(value) }
}
