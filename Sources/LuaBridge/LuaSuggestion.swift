import CLuaShim

/// The nearest name to one that does not exist: an edit distance below 4 and at most half the length.
public enum LuaSuggestion {
    /// The nearest of the candidates, nil where none is near; of equally near ones the first in order.
    public static func nearest(to name: String, in candidates: some Sequence<String>) -> String? {
        let length = name.utf8.count
        var best: (distance: Int, name: String)?
        for candidate in candidates.sorted() {
            let distance = Int(lw_edit_distance(name, length, candidate, candidate.utf8.count))
            guard distance < 4, distance <= length / 2, distance < best?.distance ?? .max else { continue }
            best = (distance, candidate)
        }
        return best?.name
    }

    /// `; did you mean 'x'?`, or nothing.
    public static func hint(for name: String, in candidates: some Sequence<String>) -> String {
        nearest(to: name, in: candidates).map { "; did you mean '\($0)'?" } ?? ""
    }

    static func refusal(of value: String, choices: [String]) -> String {
        let list = choices.map { "'\($0)'" }.joined(separator: ", ")
        return "one of \(list) expected, got '\(value)'\(hint(for: value, in: choices))"
    }
}
