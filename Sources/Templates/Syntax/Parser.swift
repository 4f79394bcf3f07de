/// Makes a tree of a template's tokens (jinja2 3.1's parser.py, with the tags of transformers' environment).
struct Parser {
    /// How deeply statements and expressions may lie in one another.
    private static let maxDepth = 100
    /// How many operators may follow one another: each makes the tree deeper.
    private static let maxChain = 400

    private var lexer: Lexer
    private(set) var current: Token
    private var looked: Token?
    private var tags: [String] = []
    private var expectedEnds: [[String]] = []
    private var depth = 0
    /// How many places where a name stands, and how many scopes, were numbered.
    private(set) var places = 0
    private(set) var scopes = 0

    init(_ source: String) throws {
        lexer = Lexer(source)
        current = Token(kind: .end, line: 1)
        current = try lexer.next()
    }

    /// The whole template.
    mutating func template() throws -> Statement.Body {
        let scope = newScope()
        return Statement.Body(scope: scope, statements: try statements(until: nil))
    }

    // MARK: tokens

    @discardableResult
    mutating func advance() throws -> Token {
        let token = current
        if let next = looked {
            (current, looked) = (next, nil)
        } else if current.kind != .end {
            let next = try lexer.next()
            // The end has the line of the last token.
            current = next.kind == .end ? Token(kind: .end, line: token.line) : next
        }
        return token
    }

    /// The token after the current one.
    mutating func look() throws -> Token {
        if let looked { return looked }
        guard current.kind != .end else { return current }
        let next = try lexer.next()
        let token = next.kind == .end ? Token(kind: .end, line: current.line) : next
        looked = token
        return token
    }

    mutating func skip(symbol: String) throws -> Bool {
        guard current.isSymbol(symbol) else { return false }
        try advance()
        return true
    }

    mutating func skip(name: String) throws -> Bool {
        guard current.isName(name) else { return false }
        try advance()
        return true
    }

    func fail(_ message: String, line: Int? = nil) -> TemplateError {
        .syntax(message, line: line ?? current.line)
    }

    private func unexpected(_ wanted: String) -> TemplateError {
        if current.kind == .end { return fail("unexpected end of template, expected '\(wanted)'.") }
        return fail("expected token '\(wanted)', got \(Text(current.described).represented)")
    }

    @discardableResult
    mutating func expect(symbol: String) throws -> Token {
        guard current.isSymbol(symbol) else { throw unexpected(symbol) }
        return try advance()
    }

    @discardableResult
    mutating func expect(_ kind: Token.Kind) throws -> Token {
        guard current.kind == kind else {
            throw unexpected(kind == .name ? "name" : Token(kind: kind, line: 0).described)
        }
        return try advance()
    }

    @discardableResult
    mutating func expect(name: String) throws -> Token {
        guard current.isName(name) else { throw unexpected(name) }
        return try advance()
    }

    mutating func newName(_ name: String) -> Expression.Name {
        places += 1
        return Expression.Name(name: name, place: places - 1)
    }

    private mutating func newScope() -> Int {
        scopes += 1
        return scopes - 1
    }

    /// Runs `body` one level deeper.
    mutating func deeper<Result>(_ body: (inout Parser) throws -> Result) throws -> Result {
        depth += 1
        defer { depth -= 1 }
        guard depth <= Self.maxDepth else { throw fail("nested deeper than \(Self.maxDepth)") }
        return try body(&self)
    }

    func checkChain(_ length: Int) throws {
        guard length <= Self.maxChain else { throw fail("more than \(Self.maxChain) operators in a row") }
    }

    // MARK: statements

    private mutating func statements(until ends: [String]?) throws -> [Statement] {
        var body: [Statement] = []
        var pieces: [Statement.Piece] = []
        if let ends { expectedEnds.append(ends) }
        defer { if ends != nil { expectedEnds.removeLast() } }
        func flush() {
            if !pieces.isEmpty { body.append(.output(pieces)) }
            pieces = []
        }
        while current.kind != .end {
            switch current.kind {
            case .data: pieces.append(.data(try advance().text))
            case .variableBegin:
                let line = try advance().line
                pieces.append(.expression(try tuple(), line: line))
                try expect(.variableEnd)
            case .blockBegin:
                flush()
                try advance()
                if let ends, current.kind == .name, ends.contains(current.text.string) { return body }
                body += try deeper { try $0.statement() }
                try expect(.blockEnd)
            default: throw fail("unexpected \(Text(current.described).represented)")
            }
        }
        flush()
        return body
    }

    /// Statements of a body, up to one of the words that end it.
    private mutating func statements(upTo ends: String...) throws -> [Statement] {
        _ = try skip(symbol: ":")
        try expect(.blockEnd)
        let body = try statements(until: ends)
        if current.kind == .end { throw unknownTag(nil, expectedEnds + [ends]) }
        return body
    }

    private mutating func body(upTo end: String) throws -> Statement.Body {
        let scope = newScope()
        let statements = try statements(upTo: end)
        try advance()
        return Statement.Body(scope: scope, statements: statements)
    }

    private func unknownTag(_ name: String?, _ ends: [[String]], line: Int? = nil) -> TemplateError {
        var message = name.map { "Encountered unknown tag \(Text($0).represented)." } ?? "Unexpected end of template."
        if let last = ends.last {
            let wanted = last.map { "'\($0)'" }.joined(separator: " or ")
            if let name, ends.contains(where: { $0.contains(name) }) {
                message +=
                    " You probably made a nesting mistake. Jinja is expecting this tag, but currently looking for \(wanted)."
            } else {
                message += " Jinja was looking for the following tags: \(wanted)."
            }
        }
        if let tag = tags.last {
            message += " The innermost block that needs to be closed is \(Text(tag).represented)."
        }
        return fail(message, line: line)
    }

    private mutating func statement() throws -> [Statement] {
        guard current.kind == .name else { throw fail("tag name expected") }
        let (tag, line) = (current.text.string, current.line)
        tags.append(tag)
        defer { tags.removeLast() }
        switch tag {
        case "for": return [try loop()]
        case "if": return [try choice()]
        case "set": return [try assignment()]
        case "macro": return [try macro()]
        case "call": return [try callBlock()]
        case "filter": return [try filterBlock()]
        case "with": return [try with()]
        case "block": return [try block()]
        case "print": return [try printed()]
        case "autoescape": return [try autoescape()]
        case "generation":
            try advance()
            return [.generation(try body(upTo: "endgeneration"), line: line)]
        case "break", "continue":
            try advance()
            return [.leave(tag == "break" ? .leave : .next, line: line)]
        case "include", "import", "from", "extends":
            throw TemplateError(
                "TypeError",
                "no loader for this environment specified: '\(tag)' reads another template, and there is none",
                line: line)
        default:
            tags.removeLast()
            defer { tags.append(tag) }
            throw unknownTag(tag, expectedEnds, line: line)
        }
    }

    private mutating func loop() throws -> Statement {
        let line = try expect(name: "for").line
        let target = try target()
        try expect(name: "in")
        let elements = try tuple(withConditional: false)
        let test = try skip(name: "if") ? try expression() : nil
        let isRecursive = try skip(name: "recursive")
        let (scope, testScope) = (newScope(), newScope())
        let body = Statement.Body(scope: scope, statements: try statements(upTo: "endfor", "else"))
        var otherwise = Statement.Body(scope: newScope(), statements: [])
        if try advance().text.string == "else" { otherwise = try self.body(upTo: "endfor") }
        return .loop(
            Statement.Loop(
                target: target, elements: elements, test: test, body: body, testScope: testScope, otherwise: otherwise,
                isRecursive: isRecursive, line: line))
    }

    private mutating func choice() throws -> Statement {
        var branches: [Statement.Choice.Branch] = []
        var otherwise: [Statement] = []
        var line = try expect(name: "if").line
        while true {
            let test = try tuple(withConditional: false)
            let body = try statements(upTo: "elif", "else", "endif")
            branches.append(Statement.Choice.Branch(test: test, body: body, line: line))
            let token = try advance()
            if token.isName("elif") {
                line = token.line
                continue
            }
            if token.isName("else") {
                otherwise = try statements(upTo: "endif")
                try advance()
            }
            return .choice(Statement.Choice(branches: branches, otherwise: otherwise))
        }
    }

    private mutating func assignment() throws -> Statement {
        let line = try advance().line
        let target = try target(withNamespace: true)
        if try skip(symbol: "=") { return .assignment(target, try tuple(), line: line) }
        let filter = current.isSymbol("|") ? try self.filter(nil) : nil
        return .capture(
            Statement.Capture(target: target, filter: filter, body: try body(upTo: "endset"), line: line))
    }

    private mutating func with() throws -> Statement {
        let line = try advance().line
        var targets: [Statement.Target] = []
        var values: [Expression] = []
        while current.kind != .blockEnd {
            if !targets.isEmpty { try expect(symbol: ",") }
            targets.append(try target())
            try expect(symbol: "=")
            values.append(try expression())
        }
        return .with(
            Statement.With(targets: targets, values: values, body: try body(upTo: "endwith"), line: line))
    }

    private mutating func autoescape() throws -> Statement {
        let line = try advance().line
        guard case .constant(.bool(false)) = try expression() else {
            throw fail("autoescape is not supported but for 'autoescape false'", line: line)
        }
        return .scope(try body(upTo: "endautoescape"))
    }

    private mutating func block() throws -> Statement {
        let line = try advance().line
        let name = try expect(.name).text.string
        let isScoped = try skip(name: "scoped")
        let isRequired = try skip(name: "required")
        if current.isSymbol("-") {
            throw fail(
                "Block names in Jinja have to be valid Python identifiers and may not contain hyphens, use an underscore instead."
            )
        }
        let body = try body(upTo: "endblock")
        let isEmpty = body.statements.allSatisfy { statement in
            guard case .output(let pieces) = statement else { return false }
            return pieces.allSatisfy {
                if case .data(let text) = $0 { text.scalars.allSatisfy(\.isSpace) } else { false }
            }
        }
        if isRequired, !isEmpty { throw fail("Required blocks can only contain comments or whitespace") }
        _ = try skip(name: name)
        return .block(Statement.Block(name: name, isScoped: isScoped, isRequired: isRequired, body: body, line: line))
    }

    private mutating func parameters() throws -> Statement.Parameters {
        var parameters = Statement.Parameters()
        try expect(symbol: "(")
        while !current.isSymbol(")") {
            if !parameters.names.isEmpty { try expect(symbol: ",") }
            parameters.names.append(try nameTarget())
            if try skip(symbol: "=") {
                parameters.defaults.append(try expression())
            } else if !parameters.defaults.isEmpty {
                throw fail("non-default argument follows default argument")
            }
        }
        try expect(symbol: ")")
        return parameters
    }

    private mutating func macro() throws -> Statement {
        let line = try advance().line
        let name = try nameTarget()
        let parameters = try parameters()
        return .macro(
            Statement.Macro(name: name, parameters: parameters, body: try body(upTo: "endmacro"), line: line))
    }

    private mutating func callBlock() throws -> Statement {
        let line = try advance().line
        let parameters = current.isSymbol("(") ? try parameters() : Statement.Parameters()
        let call = try expression()
        guard case .call = call else { throw fail("expected call", line: line) }
        return .call(
            Statement.CallBlock(call: call, parameters: parameters, body: try body(upTo: "endcall"), line: line))
    }

    private mutating func filterBlock() throws -> Statement {
        let line = try advance().line
        let filter = try filter(nil, startsInline: true)
        return .filter(Statement.FilterBlock(filter: filter, body: try body(upTo: "endfilter"), line: line))
    }

    private mutating func printed() throws -> Statement {
        let line = try advance().line
        var pieces: [Statement.Piece] = []
        while current.kind != .blockEnd {
            if !pieces.isEmpty { try expect(symbol: ",") }
            pieces.append(.expression(try expression(), line: line))
        }
        return .output(pieces)
    }

    // MARK: targets

    private mutating func nameTarget() throws -> Expression.Name {
        let token = try expect(.name)
        let name = token.text.string
        if ["true", "false", "none", "True", "False", "None"].contains(name) {
            throw fail("can't assign to 'name'", line: token.line)
        }
        return newName(name)
    }

    private mutating func target(withNamespace: Bool = false) throws -> Statement.Target {
        let line = current.line
        let expression = try tuple(isSimple: true, withNamespace: withNamespace)
        guard let target = Self.target(expression) else {
            throw fail("can't assign to '\(expression.nodeName)'", line: line)
        }
        return target
    }

    private static func target(_ expression: Expression) -> Statement.Target? {
        switch expression {
        case .name(let name): return .name(name)
        case .namespaceAttribute(let name, let attribute): return .attribute(name, attribute)
        case .tuple(let items):
            let targets = items.compactMap(target)
            return targets.count == items.count ? .tuple(targets) : nil
        default: return nil
        }
    }
}
