import LuaBridge

/// The chunks of a session that worked, as a recipe that does the same.
struct SessionRecord {
    private struct Entry {
        let text: String
        let gaveValues: Bool
    }

    private var entries: [Entry] = []

    /// Whether there is nothing to save.
    var isEmpty: Bool { entries.isEmpty }

    /// Keeps a chunk; `gaveValues` where it was an expression that was printed.
    ///
    /// What asks for help is no part of a recipe.
    mutating func add(_ text: String, gaveValues: Bool) {
        guard LuaToken.scan(Array(text.utf8)).first?.text != "help" else { return }
        entries.append(Entry(text: text, gaveValues: gaveValues))
    }

    /// Keeps the text of a file that was run; one that returns would end the recipe.
    mutating func add(file text: String) {
        var (depth, returns) = (0, false)
        for token in LuaToken.scan(Array(text.utf8)) where token.kind == .keyword {
            switch token.text {
            case "function", "do", "if", "repeat": depth += 1
            case "end", "until": depth -= 1
            case "return": returns = returns || depth == 0
            default: break
            }
        }
        entries.append(Entry(text: returns ? "(function(...)\n\(text)\nend)()" : text, gaveValues: false))
    }

    /// The chunks as a recipe.
    ///
    /// An expression that is no call is printed there, since Lua has no statement that is one. Where a chunk asks for `_`, the last value,
    /// the expressions before it are kept in `_`.
    var recipe: String {
        let usesLast = entries.contains { entry in
            LuaToken.scan(Array(entry.text.utf8)).contains { $0.kind == .name && $0.text == "_" }
        }
        let lines = entries.map { entry -> String in
            let text = entry.text.hasPrefix("=") ? String(entry.text.dropFirst()) : entry.text
            guard entry.gaveValues else { return text }
            if usesLast { return "_ = \(text)\nprint(_)" }
            return SessionRecord.isCall(text) ? text : "print(\(text))"
        }
        return "local lorawb = require \"lorawb\"\n\n" + lines.joined(separator: "\n") + "\n"
    }

    /// Whether an expression that is known to be whole ends in a call, and is nothing else: such a one is a statement too.
    private static func isCall(_ text: String) -> Bool {
        let tokens = LuaToken.scan(Array(text.utf8)).filter { $0.kind != .comment }
        guard let first = tokens.first, let last = tokens.last, first.kind == .name,
            last.text == ")" || last.text == "}" || last.kind == .string
        else { return false }
        var depth = 0
        for (place, token) in tokens.enumerated() {
            switch token.text {
            case "(", "{", "[": depth += 1
            case ")", "}", "]": depth -= 1
            default:
                guard depth == 0 else { continue }
                // A keyword or an operator outside brackets: the call is a part of something.
                if token.kind == .keyword || token.kind == .number { return false }
                if token.kind == .symbol, token.text != ".", token.text != ":" { return false }
                if token.kind == .string, place != tokens.count - 1 { return false }
            }
        }
        return true
    }
}
