/// A JSON value; objects keep the order of their keys.
public enum JSON: Sendable, Equatable {
    case null
    case bool(Bool)
    case integer(Int64)
    case number(Double)
    case string(String)
    case array([JSON])
    case object(JSONObject)

    /// A key of an object with its value, where a list of them is more than an object: rows of data, metrics in their order.
    public struct Member: Sendable, Equatable {
        /// The key.
        public let key: String
        /// Its value.
        public let value: JSON

        /// A member.
        public init(_ key: String, _ value: JSON) { (self.key, self.value) = (key, value) }
    }

    /// An object of the given members; of equal keys the last counts.
    public init(_ members: [Member]) { self = .object(JSONObject(members.lazy.map { ($0.key, $0.value) })) }

    /// A whole number.
    public static func integer(_ value: Int) -> JSON { .integer(Int64(value)) }

    /// An array of whole numbers, such as token ids.
    ///
    /// Inlinable, so that it is compiled for its integers: rows of data hold many.
    @inlinable public static func integers(_ values: some Sequence<some FixedWidthInteger & SignedInteger>) -> JSON {
        var elements: [JSON] = []
        elements.reserveCapacity(values.underestimatedCount)
        for value in values { elements.append(.integer(Int64(truncatingIfNeeded: value))) }
        return .array(elements)
    }

    /// Value of `bytes` (RFC 8259); `source` names the file in errors.
    ///
    /// The last of equal keys wins, as in Python, unless `refusesEqualKeys`. `allowsNonFinite` accepts Python's NaN,
    /// Infinity and -Infinity. Half of a surrogate pair becomes U+FFFD. An integer beyond 64 bits becomes a number.
    public init(
        parsing bytes: [UInt8], source: String, allowsNonFinite: Bool = false, refusesEqualKeys: Bool = false
    ) throws {
        self = try bytes.withUnsafeBufferPointer {
            try JSON(
                parsing: $0, source: source, allowsNonFinite: allowsNonFinite, refusesEqualKeys: refusesEqualKeys)
        }
    }

    /// Value of bytes that need not be copied, such as those of a mapped file.
    ///
    /// `line` is the number of the first line, for errors.
    public init(
        parsing bytes: UnsafeBufferPointer<UInt8>, source: String, line: Int = 1, allowsNonFinite: Bool = false,
        refusesEqualKeys: Bool = false
    ) throws {
        var parser = JSONParser(bytes: bytes, source: source)
        (parser.firstLine, parser.allowsNonFinite) = (line, allowsNonFinite)
        parser.refusesEqualKeys = refusesEqualKeys
        self = try parser.document()
    }

    /// Value of `text`.
    public init(parsing text: String, source: String, allowsNonFinite: Bool = false) throws {
        try self.init(parsing: Array(text.utf8), source: source, allowsNonFinite: allowsNonFinite)
    }

    /// Member of an object; nil where this is no object or has no such key.
    public subscript(key: String) -> JSON? {
        if case .object(let members) = self { return members[key] }
        return nil
    }

    /// The text of a string.
    public var string: String? { if case .string(let text) = self { text } else { nil } }
    /// The truth value of a boolean.
    public var bool: Bool? { if case .bool(let flag) = self { flag } else { nil } }
    /// The elements of an array.
    public var array: [JSON]? { if case .array(let elements) = self { elements } else { nil } }
    /// The members of an object.
    public var object: JSONObject? { if case .object(let members) = self { members } else { nil } }
    /// Whether this is null.
    public var isNull: Bool { self == .null }
    /// The value of an integer, or of a number without fraction.
    public var int: Int? {
        switch self {
        case .integer(let integer): Int(exactly: integer)
        case .number(let number): Int(exactly: number)
        default: nil
        }
    }
    /// The value of any number.
    public var double: Double? {
        switch self {
        case .integer(let integer): Double(integer)
        case .number(let number): number
        default: nil
        }
    }

    /// What kind of value this is, for messages: "integer 3", "string 'x'", "an object".
    public var kind: String {
        switch self {
        case .null: "null"
        case .bool(let flag): flag ? "true" : "false"
        case .integer(let integer): "integer \(integer)"
        case .number(let number): "number \(number)"
        case .string(let text): "string '\(FormatError.shown(text))'"
        case .array: "an array"
        case .object: "an object"
        }
    }

    /// The value as messages about data quote it, cut where it is long: "nothing", "3", "'x'", "a list of 5 integers".
    public var quoted: String {
        switch self {
        case .null: return "nothing"
        case .bool(let flag): return "\(flag)"
        case .integer(let integer): return "\(integer)"
        case .number(let number): return "\(number)"
        case .string(let text): return text.count > 40 ? "'\(text.prefix(40))…'" : "'\(text)'"
        case .array(let elements):
            let areIntegers = !elements.isEmpty && elements.allSatisfy { if case .integer = $0 { true } else { false } }
            return "a list of \(elements.count) \(areIntegers ? "integers" : "values")"
        case .object(let members): return "a table of \(members.count) keys"
        }
    }

    /// Member `key` as converted by `read`; throws `<source>: 'key' expected <what>, got <kind>`.
    public func required<Value>(
        _ key: String, _ what: String, source: String, _ read: (JSON) -> Value?
    ) throws -> Value {
        guard case .object(let members) = self else { throw FormatError("\(source): expected an object, got \(kind)") }
        guard let member = members[key] else { throw FormatError("\(source): '\(key)' is missing") }
        guard let value = read(member) else {
            throw FormatError("\(source): '\(key)' expected \(what), got \(member.kind)")
        }
        return value
    }

    /// Member `key` as converted by `read`, nil where it is absent or null; throws where it is something else.
    public func optional<Value>(
        _ key: String, _ what: String, source: String, _ read: (JSON) -> Value?
    ) throws -> Value? {
        guard let member = self[key], !member.isNull else { return nil }
        guard let value = read(member) else {
            throw FormatError("\(source): '\(key)' expected \(what), got \(member.kind)")
        }
        return value
    }
}
