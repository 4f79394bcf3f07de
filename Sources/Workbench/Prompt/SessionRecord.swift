import LuaBridge

/// The chunks of a session that worked, as a recipe that does the same.
struct SessionRecord {
    private struct Entry {
        let text: String
        /// Whether it is an expression, which has a value.
        let isExpression: Bool
        /// The number of the value that it printed; nil where it printed none.
        let number: Int?
    }

    private var entries: [Entry] = []

    /// Whether there is nothing to save.
    var isEmpty: Bool { entries.isEmpty }

    /// Keeps a chunk that worked.
    ///
    /// What asks for help is no part of a recipe.
    mutating func add(_ text: String, _ host: LuaHost, number: Int?) {
        let tokens = LuaToken.scan(Array(text.utf8)).filter { $0.kind != .comment }
        guard tokens.first?.text != "help" else { return }
        let isExpression = tokens.contains { $0.text != ";" } && host.check(LuaString("return " + body(text))) == nil
        // The arguments of a recipe are others than those of a session, which has none.
        guard !isExpression || tokens.map(\.text) != ["..."] else { return }
        entries.append(Entry(text: text, isExpression: isExpression, number: number))
    }

    /// Keeps the text of a file that was run.
    mutating func add(file text: String) {
        entries.append(Entry(text: text, isExpression: false, number: nil))
    }

    /// An expression without the = in front of it, and the semicolons and comments behind.
    private func body(_ text: String) -> String {
        let bytes = Array(text.utf8)
        let tokens = LuaToken.scan(bytes).filter { $0.kind != .comment }
        let start = tokens.first?.text == "=" ? tokens[0].range.upperBound : 0
        let end = tokens.last { $0.text != ";" }?.range.upperBound ?? start
        return String(decoding: bytes[start..<max(start, end)], as: UTF8.self)
    }

    /// The chunks as a recipe.
    ///
    /// An expression that is no call is printed there, since Lua has no statement that is one. Where a chunk asks for `_`, the last value,
    /// or for `_2`, an earlier one, they are kept as the session keeps them.
    var recipe: String {
        let usesLast = entries.contains { entry in
            LuaToken.scan(Array(entry.text.utf8)).contains {
                $0.kind == .name && ($0.text == "_" || EarlierValues.isName($0.text))
            }
        }
        let lines = entries.map { entry -> String in
            guard entry.isExpression else { return statement(entry, usesLast) }
            let text = body(entry.text)
            if usesLast, let number = entry.number { return "show(\(number), \(text))" }
            return SessionRecord.isCall(text) ? text : "print(\(text))"
        }
        let show =
            "local function show(n, ...) if select(\"#\", ...) > 0 then _ = (...) _G[\"_\" .. n] = _ print(...) end end -- as the session does\n\n"
        return "local lorawb = require \"lorawb\"\n\n" + (usesLast ? show : "") + lines.joined(separator: "\n") + "\n"
    }

    /// A chunk of statements.
    ///
    /// One that returns would end the recipe, and a label may be there twice: both get a block of their own, before which their local
    /// variables are declared.
    private func statement(_ entry: Entry, _ usesLast: Bool) -> String {
        // The blocks that are open, true for a function's.
        var (blocks, returns, hasLabel): ([Bool], Bool, Bool) = ([], false, false)
        for token in LuaToken.scan(Array(entry.text.utf8)) where token.kind != .comment && token.kind != .string {
            switch token.text {
            case "function": blocks.append(true)
            case "do", "if", "repeat": blocks.append(false)
            case "end", "until": _ = blocks.popLast()
            case "return": returns = returns || !blocks.contains(true)
            case "::": hasLabel = true
            default: break
            }
        }
        guard returns || hasLabel else { return entry.text }
        let line = SessionLine(LuaString(entry.text))
        let names = line.declared.split(separator: " ").map { $0.hasPrefix("!") ? $0.dropFirst() : $0 }
        let text = String(decoding: line.statement, as: UTF8.self)
        let head = names.isEmpty ? "" : "local \(names.joined(separator: ", "))\n"
        guard returns else { return head + "do\n\(text)\nend" }
        let call = "(function(...)\n\(text)\nend)()"
        guard let number = entry.number else { return head + ";" + call }
        return head + (usesLast ? "show(\(number), \(call))" : "print(\(call))")
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
