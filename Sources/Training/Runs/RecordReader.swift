import Formats
import Words

/// Reads what a run recorded of itself, each number within its range: a file may say anything.
struct RecordReader {
    private let json: JSON
    /// The file, and the member of it that is read, for errors.
    private let source: String
    private let path: String

    /// Counts that are summed over a whole run, such as tokens: up to where a Double holds every whole number, so that a run goes on
    /// counting without an overflow.
    static let sums = 0...1 << 53

    /// Reads the members of `json`, which is `member` of the file `source`, or all of it.
    init(_ json: JSON, source: String, member: String? = nil) throws {
        (self.json, self.source, path) = (json, source, member.map { $0 + "." } ?? "")
        guard json.object != nil else {
            throw TrainingError("\(source): \(member.map { "'\($0)' " } ?? "")expected an object, got \(json.kind)")
        }
    }

    /// The error that a member is not what it should be.
    func error(_ key: String, _ got: String, expected: String) -> TrainingError {
        TrainingError(
            "\(source): '\(path)\(key)' is \(got); expected \(expected): the file was changed, so the run cannot go on from this checkpoint"
        )
    }

    private func optional<Value>(_ key: String, _ expected: String, _ read: (JSON) -> Value?) throws -> Value? {
        guard let member = json[key], !member.isNull else { return nil }
        guard let value = read(member) else { throw error(key, member.kind, expected: expected) }
        return value
    }

    private func required<Value>(_ key: String, _ expected: String, _ read: (JSON) -> Value?) throws -> Value {
        guard let value = try optional(key, expected, read) else {
            throw error(key, json[key] == nil ? "missing" : "null", expected: expected)
        }
        return value
    }

    /// A whole number of a range.
    func count(_ key: String, _ range: ClosedRange<Int>) throws -> Int {
        try required(key, RecordReader.text(range)) { $0.int.flatMap { range.contains($0) ? $0 : nil } }
    }

    /// A whole number of a range, or nothing.
    func optionalCount(_ key: String, _ range: ClosedRange<Int>) throws -> Int? {
        try optional(key, RecordReader.text(range)) { $0.int.flatMap { range.contains($0) ? $0 : nil } }
    }

    private static func text(_ range: ClosedRange<Int>) -> String {
        range.lowerBound == range.upperBound
            ? "\(range.lowerBound)" : "a whole number from \(range.lowerBound) to \(range.upperBound)"
    }

    /// A finite number, of a range where one is given.
    func number(_ key: String, _ range: ClosedRange<Double> = -.greatestFiniteMagnitude ... .greatestFiniteMagnitude)
        throws -> Double
    {
        let expected =
            range.upperBound < .greatestFiniteMagnitude
            ? "a number from \(Figures.plain(range.lowerBound)) to \(Figures.plain(range.upperBound))"
            : range.lowerBound == 0 ? "a finite number of at least 0" : "a finite number"
        return try required(key, expected) { $0.double.flatMap { range.contains($0) ? $0 : nil } }
    }

    /// Any number, NaN and the infinities too, or nothing: what a metric gave.
    func anyNumber(_ key: String) throws -> Double? { try optional(key, "a number") { $0.double } }

    /// A boolean.
    func flag(_ key: String) throws -> Bool { try required(key, "true or false") { $0.bool } }

    /// A text that `read` takes.
    func text<Value>(_ key: String, _ expected: String, _ read: (String) -> Value?) throws -> Value {
        try required(key, expected) { $0.string.flatMap(read) }
    }

    /// A text, or nothing.
    func optionalText(_ key: String) throws -> String? { try optional(key, "a string") { $0.string } }

    /// A list of texts that are all among `known`, or nothing.
    func optionalNames(_ key: String, among known: Set<String>) throws -> [String]? {
        try optional(key, "a list of names of trained tensors") { value in
            guard let elements = value.array else { return nil }
            let names = elements.compactMap(\.string)
            return names.count == elements.count && names.allSatisfy(known.contains) ? names : nil
        }
    }

    /// A list of objects, each read by `read`.
    func objects<Value>(_ key: String, _ read: (JSON) -> Value?) throws -> [Value] {
        try required(key, "a list of objects") { RecordReader.list($0, read) }
    }

    /// The same, empty where there is none.
    func optionalObjects<Value>(_ key: String, _ read: (JSON) -> Value?) throws -> [Value] {
        try optional(key, "a list of objects") { RecordReader.list($0, read) } ?? []
    }

    private static func list<Value>(_ json: JSON, _ read: (JSON) -> Value?) -> [Value]? {
        guard let elements = json.array else { return nil }
        let values = elements.compactMap(read)
        return values.count == elements.count ? values : nil
    }
}
