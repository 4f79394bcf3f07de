import Formats
import Options
import Words

/// The parameters that a recipe declares with `lorawb.args`, and what the user typed for them.
///
/// A parameter's type is its default's unless it is named. Values of type path and model are made absolute by the caller and
/// granted, since the user typed them.
public struct RecipeParameters: Sendable {
    /// Types that a parameter can have.
    public enum Kind: String, Sendable, CaseIterable {
        case string, number, integer, boolean, path, model

        /// The type of a default.
        init(of value: JSON) {
            self =
                switch value {
                case .integer: .integer
                case .number: .number
                case .bool: .boolean
                default: .string
                }
        }

        /// What values may be, between two bounds where they are numbers.
        func type(_ minimum: Double?, _ maximum: Double?) -> OptionType {
            switch self {
            case .string: .string
            case .path: .path
            case .model: .model
            case .boolean: .boolean
            case .number:
                .number(NumberRange(minimum ?? -.greatestFiniteMagnitude, maximum ?? .greatestFiniteMagnitude))
            case .integer:
                .integer(ClosedRange<Int>.between(minimum.map { $0.rounded(.up) }, maximum.map { $0.rounded(.down) }))
            }
        }
    }

    /// One declared parameter.
    public struct Parameter: Sendable {
        /// Name, as in `--name value`.
        public let name: String
        /// Value where the user says nothing; nil where the user must say one.
        public let defaultValue: JSON?
        /// Type of the value.
        public let kind: Kind
        /// What it may be, with its range.
        public let type: OptionType
        /// What the parameter is for.
        public let help: String?
        /// The values allowed, where they are listed.
        public let oneOf: [JSON]?

        /// Parameter with its checks; the default is held to them too, and a parameter without one is required.
        public init(
            name: String, defaultValue: JSON?, kind: Kind? = nil, help: String? = nil, minimum: Double? = nil,
            maximum: Double? = nil, oneOf: [JSON]? = nil
        ) throws {
            guard let first = name.utf8.first, first != UInt8(ascii: "-"),
                name.utf8.allSatisfy({ $0 == 95 || $0 == 45 || (48...57).contains($0) || (97...122).contains($0 | 32) })
            else { throw RecipeParameterError("args: '\(name)' is not a name that can be typed as --\(name)") }
            let kind = kind ?? defaultValue.map(Kind.init(of:)) ?? .string
            (self.name, self.kind, self.help, self.oneOf) = (name, kind, help, oneOf)
            type = kind.type(minimum, maximum)
            self.defaultValue = defaultValue.map { Self.plain($0, kind) }
            if let value = self.defaultValue { try check(value, "args: the default of '\(name)'") }
        }

        /// A value of the type's own kind: a number may be written without its point.
        private static func plain(_ value: JSON, _ kind: Kind) -> JSON {
            if kind == .number, let number = value.double { return .number(number) }
            if kind == .integer, let integer = value.int { return .integer(Int64(integer)) }
            return value
        }

        /// A value that a run recorded; `source` names the record.
        func recorded(_ value: JSON, _ source: String) throws -> JSON {
            try check(value, "\(source): '\(name)'")
            return Self.plain(value, kind)
        }

        /// The parameter as it is typed.
        var usage: String { "--\(name) <\(kind.rawValue)>" }

        /// Value of the text that the user typed.
        func parse(_ text: String) throws -> JSON {
            let value: JSON =
                switch kind {
                case .string, .path, .model: .string(text)
                case .number: Double(text).map { .number($0) } ?? .string(text)
                case .integer:
                    Int64(text).map { .integer($0) } ?? Double(text).map { .number($0) } ?? .string(text)
                case .boolean:
                    ["true", "yes", "on", "1"].contains(text)
                        ? .bool(true) : ["false", "no", "off", "0"].contains(text) ? .bool(false) : .string(text)
                }
            try check(value, "--\(name)")
            return kind == .integer ? .integer(Int64(value.int ?? 0)) : value
        }

        private func check(_ value: JSON, _ subject: String) throws {
            guard type.accepts(value) else {
                throw RecipeParameterError("\(subject) expected \(type.phrase), got '\(value.typed)'")
            }
            if let oneOf, !oneOf.contains(where: { $0 == value || $0.typed == value.typed }) {
                let allowed = oneOf.map(\.typed)
                let hint = nearestName(to: value.typed, in: allowed).map { "; did you mean '\($0)'?" } ?? ""
                throw RecipeParameterError(
                    "\(subject) expected one of \(allowed.joined(separator: ", ")), got '\(value.typed)'\(hint)")
            }
        }
    }

    /// Options of lorawb that can stand among the parameters.
    public static let hostOptions = [
        "threads", "run-dir", "resume", "edited", "allow-read", "allow-write", "time-limit", "max-memory", "help",
        "seed", "locked",
    ]

    /// The declared parameters in the order in which help lists them.
    public let parameters: [Parameter]

    /// Declared parameters, in any order.
    public init(_ parameters: [Parameter]) { self.parameters = parameters.sorted { $0.name < $1.name } }

    /// Values for the words the user typed after the recipe (`--name value`, `--name=value`, `--flag`, `--no-flag`).
    ///
    /// - Parameters:
    ///   - others: options that can stand among them, for a name that is neither.
    ///   - recorded: values of the run that is continued, which count before the defaults, and what errors call them.
    ///   - recipe: the recipe, for the line that says how it is called.
    /// - Returns: the value of each parameter by name, and the names that the user typed.
    public func parse(
        _ words: [String], others: [String] = RecipeParameters.hostOptions,
        recorded: (values: JSON, source: String)? = nil, recipe: String = "recipe.lua"
    ) throws -> (values: [String: JSON], typed: Set<String>) {
        var values: [String: JSON] = [:]
        for parameter in parameters { values[parameter.name] = parameter.defaultValue }
        var typed = Set<String>()
        var rest = words[...]
        while let word = rest.popFirst() {
            guard word.hasPrefix("--"), word.count > 2 else {
                throw RecipeParameterError("unexpected argument '\(word)'; parameters are typed as --name value")
            }
            let body = word.dropFirst(2)
            let parts = body.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let parameter = try find(String(parts[0]).replacing("-", with: "_"), orFlag: String(parts[0]), others)
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
            guard typed.insert(parameter.name).inserted else {
                throw RecipeParameterError("--\(parameter.name) is given twice")
            }
        }
        if let recorded {
            for parameter in parameters where !typed.contains(parameter.name) {
                guard let value = recorded.values[parameter.name] else { continue }
                values[parameter.name] = try parameter.recorded(value, recorded.source)
            }
        }
        let missing = parameters.filter { values[$0.name] == nil }
        guard missing.isEmpty else {
            let names = missing.map { parameter in "--\(parameter.name)" + (parameter.help.map { " (\($0))" } ?? "") }
            throw RecipeParameterError(
                Shown.line("\(recipe) needs \(names.joined(separator: " and ")); usage: \(usage(recipe))"))
        }
        return (values, typed)
    }

    /// How the recipe is called: with what is required.
    func usage(_ recipe: String) -> String {
        let required = parameters.filter { $0.defaultValue == nil }.map(\.usage) + ["[--name value ...]"]
        return "lorawb run \(recipe) " + required.joined(separator: " ")
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
            guard seed == nil else { throw RecipeParameterError("--seed is given twice") }
            seed = number
        }
        return (rest, seed)
    }

    private func find(_ name: String, orFlag flag: String, _ others: [String]) throws -> Parameter {
        let candidates =
            [flag, name] + (flag.hasPrefix("no-") ? [String(flag.dropFirst(3)), String(name.dropFirst(3))] : [])
        for candidate in candidates {
            if let found = parameters.first(where: { $0.name == candidate }) { return found }
        }
        let names = parameters.map(\.name)
        if let nearest = nearestName(to: name, in: names) ?? nearestName(to: flag, in: others) {
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
        let heads = parameters.map { Shown.line("  \($0.usage)") }
        let width = min(34, heads.map(\.count).max() ?? 0)
        var text = ""
        for (head, parameter) in zip(heads, parameters) {
            var notes = [String]()
            if let help = parameter.help { notes.append(help) }
            if let oneOf = parameter.oneOf {
                notes.append("one of " + oneOf.map(\.typed).joined(separator: ", "))
            }
            if let range = parameter.type.range { notes.append(range) }
            let note = Shown.line(notes.joined(separator: "; "))
            text += head + String(repeating: " ", count: max(2, width - head.count + 2))
            let standard = parameter.defaultValue.map { "(default: \(Shown.line($0.typed)))" } ?? "(required)"
            text += note + (note.isEmpty ? "" : " ") + standard + "\n"
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

extension JSON {
    /// A value as the user would type it.
    var typed: String {
        switch self {
        case .string(let text): text
        case .number(let number): Int64(exactly: number).map { "\($0)" } ?? "\(number)"
        case .integer(let integer): "\(integer)"
        case .bool(let flag): "\(flag)"
        default: kind
        }
    }
}

extension ClosedRange<Int> {
    /// Integers between two numbers, either of which may be absent or beyond what an integer holds; an empty range is its lower end.
    fileprivate static func between(_ lowest: Double?, _ highest: Double?) -> ClosedRange<Int> {
        let low = lowest.map { Int(exactly: $0) ?? ($0 < 0 ? .min : .max) } ?? .min
        let high = highest.map { Int(exactly: $0) ?? ($0 < 0 ? .min : .max) } ?? .max
        return low...Swift.max(low, high)
    }
}
