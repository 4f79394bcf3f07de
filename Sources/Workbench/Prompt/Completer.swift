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
        guard let last = tokens.last else { return names(prefix: "") }
        if last.kind == .comment { return last.isOpen ? nil : names(prefix: "") }
        let code = CodeContext(tokens: tokens.filter { $0.kind != .comment }, host: host)
        if last.kind == .string, last.isOpen { return string(last, code) }
        let touches = last.range.upperBound == text.count
        let isWord = touches && (last.kind == .name || last.kind == .keyword)
        let prefix = isWord ? last.text : ""
        let end = code.tokens.count - (isWord ? 1 : 0)
        if end > 0, code.tokens[end - 1].text == "." || code.tokens[end - 1].text == ":" {
            return members(code, end, prefix)
        }
        if let found = option(code, end, prefix) { return found }
        return touches && !isWord && last.kind == .number ? nil : names(prefix: prefix)
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
        guard let target = code.target(endingAt: end - 1) else { return nil }
        return Completion(code.members(of: target, isCall: code.tokens[end - 1].text == ":"), prefix: prefix)
    }

    // MARK: Options

    /// Options of the call whose table the cursor is in, or what one of them may hold.
    private func option(_ code: CodeContext, _ end: Int, _ prefix: String) -> Completion? {
        guard end > 0, let scope = OptionScope(code, endingAt: end) else { return nil }
        switch code.tokens[end - 1].text {
        case "{", ",", ";":
            let free = scope.options.map(\.name).filter { !scope.given.contains($0) }
            return Completion(free, prefix: prefix) { _ in " = " }
        case "=":
            guard let option = scope.option(named: code.text(end - 2)) else { return nil }
            let words = OptionScope.choices(option.type).map { "\"\($0)\"" } + OptionScope.words(option.type)
            return words.isEmpty ? nil : Completion(words, prefix: prefix)
        default: return nil
        }
    }

    // MARK: Strings

    private func string(_ token: LuaToken, _ code: CodeContext) -> Completion? {
        let quote = token.text.first.map(String.init) ?? ""
        guard quote != "[" else { return nil }
        let typed = String(token.text.dropFirst())
        let place = code.tokens.count - 1
        let option = optionOfValue(code, place)
        if let choices = option.map({ OptionScope.choices($0.type) }), !choices.isEmpty {
            return Completion(choices, prefix: typed) { _ in quote }
        }
        if place > 0, code.text(place - 1) == "[", let target = code.target(endingAt: place - 1) {
            return Completion(code.members(of: target, isCall: false), prefix: typed) { _ in quote + "]" }
        }
        var found = PathCompletion(context: context).entries(TextLiteral.unescaped(typed))
        if code.callee(ofArgumentAt: place).map(Completer.takesModel) == true {
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

    private static func takesModel(_ path: String) -> Bool {
        ["lorawb.load_model", "lorawb.load_tokenizer", "lorawb.find_model"].contains(path)
    }

    /// The option whose value begins at a token.
    private func optionOfValue(_ code: CodeContext, _ place: Int) -> Option? {
        guard place > 2, code.text(place - 1) == "=" else { return nil }
        return OptionScope(code, endingAt: place)?.option(named: code.text(place - 2))
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
        case ":load", ":save":
            let found = PathCompletion(context: context).entries(argument)
            return Completion(found.map(\.text), prefix: argument)
        case ":help":
            return Completion(
                host.documentation.filter { $0.kind != .metamethod }.map(\.path)
                    + SessionCommand.all.map { ":" + $0.name },
                prefix: argument)
        case ":time": return complete(Array(argument.utf8))
        default: return nil
        }
    }
}
