import Formats

/// Takes options out of a table one by one, checking their types and ranges; errors name the option.
struct ArgumentReader {
    private var left: [String: Value] = [:]
    /// Names that were given, in order.
    let given: [String]

    init(_ entries: [Value.Entry]) throws {
        for entry in entries {
            guard left.updateValue(entry.value, forKey: entry.key) == nil else {
                throw TrainingError("args: '\(entry.key)' is given twice")
            }
        }
        given = entries.map(\.key)
    }

    /// Whether the option was given and not yet taken.
    func has(_ name: String) -> Bool { left[name] != nil }

    /// Takes the value as it is; nil where it was not given or is nothing.
    mutating func take(_ name: String) -> Value? {
        let value = left.removeValue(forKey: name)
        return value == .null ? nil : value
    }

    /// Puts a value under another name.
    mutating func put(_ name: String, _ value: Value) { left[name] = value }

    mutating func integer(_ name: String, into target: inout Int, atLeast minimum: Int = .min) throws {
        guard let value = take(name) else { return }
        guard let whole = value.whole, whole >= minimum else {
            throw Self.mismatch(name, value, minimum == .min ? "an integer" : "an integer of at least \(minimum)")
        }
        target = whole
    }

    mutating func integer(_ name: String, into target: inout Int?, atLeast minimum: Int = .min) throws {
        guard let value = take(name) else { return }
        put(name, value)
        var whole = 0
        try integer(name, into: &whole, atLeast: minimum)
        target = whole
    }

    mutating func number(
        _ name: String, into target: inout Double, atLeast minimum: Double = -.infinity, below limit: Double = .infinity
    ) throws {
        guard let value = take(name) else { return }
        guard let number = value.number, number.isFinite, number >= minimum, number < limit else {
            let low = minimum == -.infinity ? "" : " of at least \(Self.plain(minimum))"
            let high = limit == .infinity ? "" : "\(low.isEmpty ? "" : " and") below \(Self.plain(limit))"
            throw Self.mismatch(name, value, "a number\(low)\(high)")
        }
        target = number
    }

    mutating func boolean(_ name: String, into target: inout Bool) throws {
        guard let value = take(name) else { return }
        guard case .boolean(let flag) = value else { throw Self.mismatch(name, value, "true or false") }
        target = flag
    }

    mutating func string(_ name: String, into target: inout String?) throws {
        guard let value = take(name) else { return }
        guard case .string(let text) = value else { throw Self.mismatch(name, value, "a string") }
        target = text
    }

    /// Takes a name out of a set; another is an error that says which there are.
    mutating func choice<Choice: RawRepresentable<String>>(
        _ name: String, into target: inout Choice, among choices: [Choice]
    ) throws {
        var text: String?
        try string(name, into: &text)
        guard let text else { return }
        guard let choice = choices.first(where: { $0.rawValue == text }) else {
            let known = choices.map { "'\($0.rawValue)'" }.joined(separator: ", ")
            throw TrainingError(
                "args: \(name) is '\(text)'; expected one of \(known)"
                    + nearestNameHint(for: text, in: choices.map(\.rawValue)))
        }
        target = choice
    }

    /// Steps, or a share of all steps below 1; whole from 1 on.
    mutating func steps(_ name: String, into target: inout Double, mayBeZero: Bool = false) throws {
        guard let value = take(name) else { return }
        let expected = "a whole number of steps, or a share of all steps between 0 and 1"
        guard let number = value.number, number.isFinite, number > 0 || (mayBeZero && number == 0),
            number < 1 || number.rounded() == number
        else { throw Self.mismatch(name, value, expected) }
        target = number
    }

    /// What was given and never taken, in the order of the table.
    var untaken: [(name: String, value: Value)] {
        given.compactMap { name in left[name].map { (name, $0) } }
    }

    static func mismatch(_ name: String, _ value: Value, _ expected: String) -> TrainingError {
        switch value {
        case .integer, .float: TrainingError("args: \(name) is \(value.quoted); expected \(expected)")
        case .boolean, .string: TrainingError("args: \(name) is \(value.quoted), \(value.kind); expected \(expected)")
        default: TrainingError("args: \(name) is \(value.kind); expected \(expected)")
        }
    }

    private static func plain(_ number: Double) -> String {
        Int(exactly: number).map(String.init) ?? "\(number)"
    }
}
