import LuaBridge
import Options

/// Finds what may stand at the cursor: names, fields, methods, options of a call, choices of an option, paths.
///
/// Nothing of the recipe's is run: tables are read without metamethods, and what host objects have is known from the documentation.
struct Completer {
    private let host: LuaHost
    private let context: RecipeContext

    init(host: LuaHost, context: RecipeContext) { (self.host, self.context) = (host, context) }

    /// What Tab does at the end of `text`.
    func complete(_ text: [UInt8]) -> Completion? {
        let line = String(decoding: text, as: UTF8.self)
        if line.hasPrefix(":"), !line.contains("\n") { return command(line) }
        let tokens = LuaToken.scan(text)
        let code = CodeContext(tokens: tokens.filter { $0.kind != .comment }, host: host)
        var found = candidates(text, tokens, code)
        guard found?.insertion.isEmpty ?? true, let hint = hint(tokens, code, text.count) else { return found }
        if found == nil { return Completion(hint) }
        found?.hint = hint
        return found
    }

    /// What is said of the call that the end of `text` is in.
    func hint(_ text: [UInt8]) -> CallHint? {
        guard text.first != UInt8(ascii: ":"), text.count <= Completer.longest else { return nil }
        let tokens = LuaToken.scan(text)
        return hint(tokens, CodeContext(tokens: tokens.filter { $0.kind != .comment }, host: host), text.count)
    }

    /// Bytes of an entry beyond which nothing is said as it is typed.
    private static let longest = 4096

    private func hint(_ tokens: [LuaToken], _ code: CodeContext, _ end: Int) -> CallHint? {
        guard let last = tokens.last, last.kind != .comment || !last.isOpen else { return nil }
        // A word that is being typed belongs to the place where it begins.
        let isWithin = last.range.upperBound == end && last.kind != .symbol && last.kind != .comment
        return CallHint(code, endingAt: code.tokens.count - (isWithin ? 1 : 0))
    }

    private func candidates(_ text: [UInt8], _ tokens: [LuaToken], _ code: CodeContext) -> Completion? {
        guard let last = tokens.last else { return names(prefix: "") }
        if last.kind == .comment { return last.isOpen ? nil : names(prefix: "") }
        if last.kind == .string, last.isOpen { return string(last, code) }
        let touches = last.range.upperBound == text.count
        let isWord = touches && (last.kind == .name || last.kind == .keyword)
        let prefix = isWord ? last.text : ""
        let end = code.tokens.count - (isWord ? 1 : 0)
        if end > 0, code.tokens[end - 1].text == "." || code.tokens[end - 1].text == ":" {
            return members(code, end, prefix)
        }
        if let found = option(code, end, prefix) { return found }
        if touches && !isWord && last.kind == .number { return nil }
        // All names are no help to who wants to know what a call takes.
        let begins = ["(", ",", "{", "=", ";"].contains(code.text(end - 1))
        return prefix.isEmpty && begins && code.call(around: end) != nil ? nil : names(prefix: prefix)
    }

    /// The value that a dotted path of names leads to, without metamethods.
    static func value(ofPath path: String, _ host: LuaHost) -> LuaReference? {
        let tokens = LuaToken.scan(Array(path.utf8))
        let code = CodeContext(tokens: tokens, host: host)
        switch code.target(endingAt: tokens.count) {
        case .value(let value): return value
        default: return nil
        }
    }

    // MARK: Names

    private func names(prefix: String) -> Completion? {
        Completion(SessionNames(host).all.map(\.name).filter(TextLiteral.isName) + LuaToken.keywords, prefix: prefix)
    }

    private func members(_ code: CodeContext, _ end: Int, _ prefix: String) -> Completion? {
        guard let target = code.target(endingAt: end - 1) else {
            return Completion(fields(code, end - 1, prefix), prefix: prefix)
        }
        return Completion(code.members(of: target, isCall: code.tokens[end - 1].text == ":"), prefix: prefix)
    }

    /// The fields of a function's parameter that ends before token `end`, where a call says what they are: a row's are columns.
    private func fields(_ code: CodeContext, _ end: Int, _ prefix: String) -> [String] {
        guard end > 0, code.tokens[end - 1].kind == .name, ![".", ":"].contains(code.text(end - 2)),
            let (slot, place) = code.fieldSlot(ofParameter: code.text(end - 1), before: end - 1),
            let kind = slot.values
        else { return [] }
        return NamedValues(host).names(kind, near: code.objects(around: place), prefix: prefix)
    }

    // MARK: Options

    /// Options of the call whose table the cursor is in, or what one of them may hold.
    private func option(_ code: CodeContext, _ end: Int, _ prefix: String) -> Completion? {
        guard end > 0 else { return nil }
        switch code.tokens[end - 1].text {
        case "{", ",", ";":
            if let scope = OptionScope(code, endingAt: end) {
                let free = scope.options.map(\.name).filter { !scope.given.contains($0) }
                return Completion(free, prefix: prefix) { _ in " = " }
            }
            return keys(code, end, prefix) ?? values(code, end, prefix)
        case "=", "(": return values(code, end, prefix)
        default: return nil
        }
    }

    /// What an option or argument may be: its words, and variables that hold such an object.
    private func values(_ code: CodeContext, _ end: Int, _ prefix: String) -> Completion? {
        guard let slot = code.slot(at: end) else { return nil }
        let words = slot.choices.map { "\"\($0)\"" } + slot.words + NamedValues(host).variables(slot.objectTypes)
        return words.isEmpty ? nil : Completion(words, prefix: prefix)
    }

    /// Keys of a table that names something: new names of columns by their old ones.
    private func keys(_ code: CodeContext, _ end: Int, _ prefix: String) -> Completion? {
        guard let brace = code.openBracket(before: end), code.text(brace) == "{", let slot = code.slot(at: brace),
            case .table = slot.type, let kind = slot.values
        else { return nil }
        let given = OptionScope.given(code, from: brace, to: end)
        let names = NamedValues(host).names(kind, near: code.objects(around: brace), prefix: prefix)
        return Completion(names.filter { TextLiteral.isName($0) && !given.contains($0) }, prefix: prefix) { _ in " = " }
    }

    // MARK: Strings

    private func string(_ token: LuaToken, _ code: CodeContext) -> Completion? {
        let quote = token.text.first.map(String.init) ?? ""
        guard quote != "[" else { return nil }
        let typed = String(token.text.dropFirst())
        let place = code.tokens.count - 1
        let slot = code.slot(at: place)
        if let choices = slot?.choices, !choices.isEmpty {
            return Completion(choices, prefix: typed) { _ in quote }
        }
        if place > 1, code.text(place - 1) == "[" {
            let names =
                code.target(endingAt: place - 1).map { code.members(of: $0, isCall: false) }
                ?? fields(code, place - 1, typed)
            if !names.isEmpty { return Completion(names, prefix: typed) { _ in quote + "]" } }
        }
        if let slot, let kind = slot.values {
            let names = NamedValues(host).names(kind, near: code.objects(around: place), prefix: typed)
            return Completion(names.map { TextLiteral.escaped($0, quote: quote) }, prefix: typed) { _ in quote }
        }
        var found = PathCompletion(context: context).entries(TextLiteral.unescaped(typed))
        if slot?.isModel == true {
            found += ModelCache.names.map { PathCompletion.Entry(text: $0, isFolder: false) }
        }
        // As they are written between these quotes; a name that is no text cannot be.
        found = found.compactMap { entry in
            guard !entry.text.contains("\u{FFFD}") else { return nil }
            return PathCompletion.Entry(text: TextLiteral.escaped(entry.text, quote: quote), isFolder: entry.isFolder)
        }
        let folders = Set(found.filter(\.isFolder).map(\.text))
        return Completion(found.map(\.text), prefix: typed) { folders.contains($0) ? "" : quote }
    }

    // MARK: Commands

    private func command(_ line: String) -> Completion? {
        guard let space = line.firstIndex(of: " ") else {
            return Completion(SessionCommand.all.map { ":" + $0.name }, prefix: line) { name in
                SessionCommand.all.contains { ":" + $0.name == name && !$0.argument.isEmpty } ? " " : ""
            }
        }
        let argument = String(line[line.index(after: space)...].drop { $0 == " " })
        switch line[..<space] {
        case ":load", ":save", ":edit":
            let found = PathCompletion(context: context).entries(argument)
            return Completion(found.map(\.text), prefix: argument)
        case ":help", ":doc":
            return Completion(
                host.documentation.filter { $0.kind != .metamethod }.map(\.path)
                    + SessionCommand.all.map { ":" + $0.name },
                prefix: argument)
        case ":time": return complete(Array(argument.utf8))
        default: return nil
        }
    }
}
