import Formats

/// The parameters that a recipe declares with `lorawb.args`, and what the user typed for them.
///
/// A parameter's type is its default's unless it is named. Values of type path and model are made absolute by the caller and
/// granted, since the user typed them.
public struct RecipeParameters: Sendable {
    /// Types that a parameter can have.
    public enum Kind: String, Sendable, CaseIterable { case string, number, integer, boolean, path, model }

    /// A value of a parameter.
    public enum Value: Sendable, Equatable, CustomStringConvertible {
        case string(String)
        case number(Double)
        case integer(Int64)
        case boolean(Bool)

        /// Text as the user would type it.
        public var description: String {
            switch self {
            case .string(let text): text
            case .number(let number):
                Int64(exactly: number).map { "\($0)" } ?? "\(number)"
            case .integer(let integer): "\(integer)"
            case .boolean(let flag): flag ? "true" : "false"
            }
        }
    }

    /// One declared parameter.
    public struct Parameter: Sendable {
        /// Name, as in `--name value`.
        public let name: String
        /// Value where the user says nothing.
        public let defaultValue: Value
        /// Type of the value.
        public let kind: Kind
        /// What the parameter is for.
        public let help: String?
        /// Smallest value allowed.
        public let minimum: Double?
        /// Largest value allowed.
        public let maximum: Double?
        /// The values allowed, where they are listed.
        public let oneOf: [Value]?

        /// Parameter with its checks; the default is held to them too.
        public init(
            name: String, defaultValue: Value, kind: Kind? = nil, help: String? = nil, minimum: Double? = nil,
            maximum: Double? = nil, oneOf: [Value]? = nil
        ) throws {
            guard let first = name.utf8.first, first != UInt8(ascii: "-"),
                name.utf8.allSatisfy({ $0 == 95 || $0 == 45 || (48...57).contains($0) || (97...122).contains($0 | 32) })
            else { throw RecipeParameterError("args: '\(name)' is not a name that can be typed as --\(name)") }
            self.name = name
            self.kind = kind ?? Parameter.kind(of: defaultValue)
            self.defaultValue = try Parameter.fit(defaultValue, self.kind, name: name)
            (self.help, self.minimum, self.maximum, self.oneOf) = (help, minimum, maximum, oneOf)
            try check(self.defaultValue, typed: false)
        }

        private static func kind(of value: Value) -> Kind {
            switch value {
            case .string: .string
            case .number: .number
            case .integer: .integer
            case .boolean: .boolean
            }
        }

        private static func fit(_ value: Value, _ kind: Kind, name: String) throws -> Value {
            switch (value, kind) {
            case (.string, .string), (.string, .path), (.string, .model), (.number, .number), (.integer, .integer),
                (.boolean, .boolean):
                return value
            case (.integer(let integer), .number): return .number(Double(integer))
            case (.number(let number), .integer):
                if let integer = Int64(exactly: number) { return .integer(integer) }
            default: break
            }
            throw RecipeParameterError("args: the default of '\(name)', \(value), is not of type \(kind.rawValue)")
        }

        /// Value of the text that the user typed.
        func parse(_ text: String) throws -> Value {
            let value: Value?
            switch kind {
            case .string, .path, .model: value = .string(text)
            case .number: value = Double(text).flatMap { $0.isFinite ? .number($0) : nil }
            case .integer:
                value =
                    Int64(text).map { .integer($0) } ?? Double(text).flatMap(Int64.init(exactly:)).map { .integer($0) }
            case .boolean:
                value =
                    ["true", "yes", "on", "1"].contains(text)
                    ? .boolean(true)
                    : ["false", "no", "off", "0"].contains(text) ? .boolean(false) : nil
            }
            guard let value else {
                let expected =
                    kind == .integer ? "an integer" : kind == .boolean ? "true or false" : "a \(kind.rawValue)"
                throw RecipeParameterError("--\(name) expects \(expected), got '\(text)'")
            }
            try check(value, typed: true)
            return value
        }

        private func check(_ value: Value, typed: Bool) throws {
            let subject = typed ? "--\(name)" : "args: the default of '\(name)'"
            let number: Double? =
                switch value {
                case .number(let number): number
                case .integer(let integer): Double(integer)
                default: nil
                }
            if let number, let minimum, number < minimum {
                throw RecipeParameterError("\(subject) is \(value); the smallest allowed is \(Value.number(minimum))")
            }
            if let number, let maximum, number > maximum {
                throw RecipeParameterError("\(subject) is \(value); the largest allowed is \(Value.number(maximum))")
            }
            if let oneOf, !oneOf.contains(where: { $0 == value || $0.description == value.description }) {
                let allowed = oneOf.map(\.description).joined(separator: ", ")
                throw RecipeParameterError("\(subject) is '\(value)'; allowed are \(allowed)")
            }
        }
    }

    /// The declared parameters in the order in which help lists them.
    public let parameters: [Parameter]

    /// Declared parameters, in any order.
    public init(_ parameters: [Parameter]) { self.parameters = parameters.sorted { $0.name < $1.name } }

    /// Values for the words the user typed after the recipe (`--name value`, `--name=value`, `--flag`, `--no-flag`).
    ///
    /// - Returns: the value of each parameter by name, and the names that the user typed.
    public func parse(_ words: [String]) throws -> (values: [String: Value], typed: Set<String>) {
        var values = Dictionary(uniqueKeysWithValues: parameters.map { ($0.name, $0.defaultValue) })
        var typed = Set<String>()
        var rest = words[...]
        while let word = rest.popFirst() {
            guard word.hasPrefix("--"), word.count > 2 else {
                throw RecipeParameterError("unexpected argument '\(word)'; parameters are typed as --name value")
            }
            let body = word.dropFirst(2)
            let parts = body.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let parameter = try find(String(parts[0]).replacing("-", with: "_"), orFlag: String(parts[0]))
            let text: String
            if parts.count == 2 {
                text = String(parts[1])
            } else if parameter.kind == .boolean, !["true", "false", "yes", "no"].contains(rest.first) {
                text = parts[0].hasPrefix("no-") && parameter.name != String(parts[0]) ? "false" : "true"
            } else if let next = rest.popFirst() {
                text = next
            } else {
                throw RecipeParameterError("--\(parameter.name) needs a value")
            }
            values[parameter.name] = try parameter.parse(text)
            typed.insert(parameter.name)
        }
        return (values, typed)
    }

    /// The words without `--seed value`, and that value: the session's seed where a recipe has no such parameter.
    static func withoutSeed(_ words: [String]) throws -> (rest: [String], seed: Int?) {
        var rest: [String] = []
        var seed: Int?
        var pending = words[...]
        while let word = pending.popFirst() {
            guard word == "--seed" || word.hasPrefix("--seed=") else {
                rest.append(word)
                continue
            }
            let text = word == "--seed" ? pending.popFirst() : String(word.dropFirst(7))
            guard let number = text.flatMap({ Int($0) }) else {
                throw RecipeParameterError("--seed expects an integer, got '\(text ?? "nothing")'")
            }
            seed = number
        }
        return (rest, seed)
    }

    private func find(_ name: String, orFlag flag: String) throws -> Parameter {
        let candidates =
            [flag, name] + (flag.hasPrefix("no-") ? [String(flag.dropFirst(3)), String(name.dropFirst(3))] : [])
        for candidate in candidates {
            if let found = parameters.first(where: { $0.name == candidate }) { return found }
        }
        let names = parameters.map(\.name)
        if let nearest = nearestName(to: name, in: names) {
            throw RecipeParameterError("unknown parameter --\(flag); did you mean --\(nearest)?")
        }
        throw RecipeParameterError(
            names.isEmpty
                ? "unknown parameter --\(flag); this recipe takes none"
                : "unknown parameter --\(flag); this recipe takes \(names.map { "--\($0)" }.joined(separator: ", "))")
    }

    /// The parameters as `--help` lists them.
    public func help() -> String {
        guard !parameters.isEmpty else { return "  (none)\n" }
        let heads = parameters.map { "  --\($0.name) <\($0.kind.rawValue)>" }
        let width = min(34, heads.map(\.count).max() ?? 0)
        var text = ""
        for (head, parameter) in zip(heads, parameters) {
            var notes = [String]()
            if let help = parameter.help { notes.append(help) }
            if let oneOf = parameter.oneOf {
                notes.append("one of " + oneOf.map(\.description).joined(separator: ", "))
            }
            if let minimum = parameter.minimum { notes.append("at least \(Value.number(minimum))") }
            if let maximum = parameter.maximum { notes.append("at most \(Value.number(maximum))") }
            let note = notes.joined(separator: "; ")
            text += head + String(repeating: " ", count: max(2, width - head.count + 2))
            text += note + (note.isEmpty ? "" : " ") + "(default: \(parameter.defaultValue))\n"
        }
        return text
    }
}

/// A parameter that was declared or typed wrongly.
public struct RecipeParameterError: Error, CustomStringConvertible, Sendable {
    /// The message, as users read it.
    public let description: String

    init(_ description: String) { self.description = description }
}
