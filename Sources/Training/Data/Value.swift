/// A value in a row of a dataset or in a table of options: what JSON and recipes can say.
public indirect enum Value: Sendable, Equatable {
    case null
    case boolean(Bool)
    case integer(Int)
    case float(Double)
    case string(String)
    /// Whole numbers, held compactly: token ids.
    case integers([Int32])
    case list([Value])
    case object([Entry])

    /// A key of an object with its value.
    public struct Entry: Sendable, Equatable {
        /// The key.
        public let key: String
        /// Its value.
        public let value: Value

        /// An entry.
        public init(_ key: String, _ value: Value) { (self.key, self.value) = (key, value) }
    }

    /// What kind of value it is, as errors say it.
    public var kind: String {
        switch self {
        case .null: "nothing"
        case .boolean: "a boolean"
        case .integer: "an integer"
        case .float: "a number"
        case .string: "a string"
        case .integers, .list: "a list"
        case .object: "a table"
        }
    }

    /// Bytes that it takes in memory, more or less.
    var size: Int {
        switch self {
        case .null, .boolean, .integer, .float: 16
        case .string(let text): 16 + (text.utf8.count < 16 ? 0 : text.utf8.count + 32)
        case .integers(let ids): 48 + 4 * ids.count
        case .list(let values): values.reduce(48) { $0 + $1.size }
        case .object(let entries): entries.reduce(48) { $0 + 32 + $1.value.size }
        }
    }

    /// The number, where it is one.
    public var number: Double? {
        switch self {
        case .integer(let value): Double(value)
        case .float(let value): value
        default: nil
        }
    }

    /// The whole number, where it is one; 3.0 counts.
    public var whole: Int? {
        switch self {
        case .integer(let value): value
        case .float(let value): Int(exactly: value)
        default: nil
        }
    }

    /// The list of values, where it is a list.
    public var elements: [Value]? {
        switch self {
        case .integers(let ids): ids.map { .integer(Int($0)) }
        case .list(let values): values
        default: nil
        }
    }

    /// The value as errors quote it, cut where it is long.
    public var quoted: String {
        switch self {
        case .null: return "nothing"
        case .boolean(let value): return "\(value)"
        case .integer(let value): return "\(value)"
        case .float(let value): return "\(value)"
        case .string(let value): return value.count > 40 ? "'\(value.prefix(40))…'" : "'\(value)'"
        case .integers(let ids): return "a list of \(ids.count) integers"
        case .list(let values): return "a list of \(values.count) values"
        case .object(let entries): return "a table of \(entries.count) keys"
        }
    }
}
