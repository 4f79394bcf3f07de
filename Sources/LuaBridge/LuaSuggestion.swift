import Words

/// What an error says of a name that does not exist.
public enum LuaSuggestion {
    /// `; did you mean 'x'?`, or nothing.
    public static func hint(for name: String, in candidates: some Sequence<String>) -> String {
        nearestNameHint(for: name, in: candidates)
    }

    static func refusal(of value: String, choices: [String]) -> String {
        let list = choices.map { "'\($0)'" }.joined(separator: ", ")
        return "one of \(list) expected, got '\(value)'\(hint(for: value, in: choices))"
    }
}
