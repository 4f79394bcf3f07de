/// A line of a conversation that is for the program and not for the model: `/reset`.
struct ChatCommand {
    /// The commands with what they do.
    static let all: [(name: String, argument: String, doc: String)] = [
        ("help", "", "this list"),
        ("adapter", "DIR|off", "goes on with another adapter, or without one"),
        ("system", "TEXT", "what the model is told before the conversation; begins it anew"),
        ("reset", "", "begins the conversation anew"),
        ("save", "FILE", "the conversation as JSON: { \"messages\": [...] }, on one line in a .jsonl file"),
    ]

    let name: String
    let argument: String

    /// The command that a line is; nil where it is for the model.
    ///
    /// Two slashes begin a line to the model that begins with one.
    init?(_ line: String) {
        guard line.hasPrefix("/"), !line.hasPrefix("//") else { return nil }
        let words = line.dropFirst().split(separator: " ", maxSplits: 1, omittingEmptySubsequences: false)
        name = words.first.map(String.init) ?? ""
        argument = words.count > 1 ? ChatCommand.trimmed(words[1]) : ""
    }

    private static func trimmed(_ text: Substring) -> String {
        String(text.drop(while: \.isWhitespace).reversed().drop(while: \.isWhitespace).reversed())
    }

    /// What `/help` prints.
    static var help: String {
        all.map { name, argument, doc in
            let head = "/\(name)" + (argument.isEmpty ? "" : " \(argument)")
            return head + String(repeating: " ", count: max(1, 18 - head.count)) + doc
        }.joined(separator: "\n")
            + "\n// begins a message that begins with a slash; Ctrl-C stops an answer, Ctrl-D ends"
    }
}
