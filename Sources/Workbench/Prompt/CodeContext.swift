import LuaBridge

/// The tokens before a cursor, and what the expressions among them stand for.
struct CodeContext {
    /// What an expression stands for, as far as it is known without running it.
    enum Target {
        /// A value that is there.
        case value(LuaReference)
        /// Some object of a type.
        case type(String)
        /// A documented function.
        case function(String)
    }

    let tokens: [LuaToken]
    let host: LuaHost

    /// Text of a token; empty outside.
    func text(_ place: Int) -> String { tokens.indices.contains(place) ? tokens[place].text : "" }

    private func documented(_ path: String) -> LuaDocumentation? { host.documentation.first { $0.path == path } }

    // MARK: Expressions

    /// What the expression whose last token is before `end` stands for; nil too where it is longer than anybody writes.
    func target(endingAt end: Int, depth: Int = 0) -> Target? {
        guard end > 0, depth < 100 else { return nil }
        let last = tokens[end - 1]
        switch last.kind {
        case .name:
            guard end > 1, text(end - 2) == "." || text(end - 2) == ":" else {
                return SessionNames(host).value(last.text).map { .value($0) }
            }
            return target(endingAt: end - 2, depth: depth + 1).flatMap { member(last.text, of: $0) }
        case .string:
            // A call with a text: f"...".
            guard end > 1, tokens[end - 2].kind == .name else { return nil }
            return result(of: target(endingAt: end - 1, depth: depth + 1))
        case .symbol where last.text == ")" || last.text == "}":
            guard let open = opening(of: end - 1) else { return nil }
            return result(of: target(endingAt: open, depth: depth + 1))
        default: return nil
        }
    }

    /// The bracket that the one at `place` closes.
    private func opening(of place: Int) -> Int? {
        var depth = 0
        for index in stride(from: place, through: 0, by: -1) {
            switch tokens[index].text {
            case ")", "}", "]": depth += 1
            case "(", "{", "[":
                depth -= 1
                if depth == 0 { return index }
            default: break
            }
        }
        return nil
    }

    /// The innermost bracket that is open before `end`.
    func openBracket(before end: Int) -> Int? {
        var depth = 0
        for index in stride(from: end - 1, through: 0, by: -1) where tokens[index].kind == .symbol {
            switch tokens[index].text {
            case ")", "}", "]": depth += 1
            case "(", "{", "[":
                if depth == 0 { return index }
                depth -= 1
            default: break
            }
        }
        return nil
    }

    private func member(_ name: String, of target: Target) -> Target? {
        switch target {
        case .function: return nil
        case .type(let type):
            if documented("\(type):\(name)") != nil { return .function("\(type):\(name)") }
            return documented("\(type).\(name)").flatMap { self.type($0.signature.returns, of: type) }
        case .value(let value):
            guard let look = value.look() else { return nil }
            switch look.kind {
            case .object(let type): return member(name, of: .type(type))
            case .table(let table):
                if let field = value.field(name) { return .value(field) }
                return table.name.flatMap { member(name, of: .type($0)) }
            default: return nil
            }
        }
    }

    /// What a call gives, by its documentation.
    private func result(of function: Target?) -> Target? {
        guard let function, let path = path(of: function), let item = documented(path) else { return nil }
        let owner = path.split(separator: ":").first.map(String.init) ?? ""
        return type(item.signature.returns, of: owner)
    }

    private func type(_ returns: String, of owner: String) -> Target? {
        if returns == "self" { return .type(owner) }
        let first = returns.split(whereSeparator: { "|,? ".contains($0) }).first.map(String.init) ?? ""
        return documented(first)?.kind == .type ? .type(first) : nil
    }

    /// Path of the documentation of a function.
    func path(of target: Target) -> String? {
        switch target {
        case .function(let path): return path
        case .type: return nil
        case .value(let value):
            guard case .function(let function)? = value.look()?.kind else { return nil }
            return function.path
        }
    }

    // MARK: What there is

    /// Names that may follow a dot, or the colon of a call.
    func members(of target: Target, isCall: Bool) -> [String] {
        switch target {
        case .function: return []
        case .type(let type): return documentedMembers(of: type, isCall: isCall)
        case .value(let value):
            guard let look = value.look() else { return [] }
            switch look.kind {
            case .object(let type): return documentedMembers(of: type, isCall: isCall)
            case .table(let table):
                let own = (value.listing(items: 0, fields: 1_000_000)?.fields ?? []).compactMap {
                    key, value -> String? in
                    guard case .plain(.string(let text)) = key, let name = text.validText, TextLiteral.isName(name)
                    else { return nil }
                    return isCall && !Self.isFunction(value) ? nil : name
                }
                return own + (table.name.map { documentedMembers(of: $0, isCall: isCall) } ?? [])
            case .other:
                guard case .string? = try? value.value(), let library = SessionNames(host).value("string") else {
                    return []
                }
                return members(of: .value(library), isCall: true)
            case .function: return []
            }
        }
    }

    private static func isFunction(_ item: LuaListing.Item) -> Bool {
        guard case .reference(let reference) = item, case .function? = reference.look()?.kind else { return false }
        return true
    }

    private func documentedMembers(of type: String, isCall: Bool) -> [String] {
        host.documentation.filter { item in
            item.owner == type && (!isCall || item.kind == .method) && item.kind != .metamethod && item.kind != .type
        }.map(\.name)
    }
}
