import Memory

/// Reads tokens into a tree, as section 3.3 and 3.4 of the reference manual of Lua 5.4 have them, and refuses what Lua's compiler refuses.
struct Parser {
    private(set) var lexer: Lexer
    /// The token in progress.
    private(set) var token: Token
    /// The token after it, where it was looked at.
    private var ahead: Token?
    /// Where the token before it ends.
    private(set) var lastEnd: Int

    var functions: [Function] = []
    var variables: [Variable] = []
    var globals: [GlobalUse] = []
    var expressions: [Expression] = []
    var namesEnvironment = false
    /// The functions that are being read, the innermost last.
    var scopes: [FunctionScope] = []
    private var levels = 0

    /// How deep statements and expressions may lie in each other: Lua's own bound of 200 calls, less those of whoever loads a chunk.
    static let mostLevels = 194
    /// Local variables of a function.
    static let mostVariables = 200
    /// Variables of enclosing functions that a function uses.
    static let mostUpvalues = 255

    init(_ source: SourceText) throws {
        lexer = Lexer(source)
        token = try lexer.next()
        lastEnd = source.start
    }

    // MARK: Tokens

    mutating func advance() throws {
        lastEnd = token.range.upperBound
        if let ahead {
            token = ahead
            self.ahead = nil
        } else {
            token = try lexer.next()
        }
    }

    /// The token after the one in progress.
    mutating func lookAhead() throws -> Token {
        if let ahead { return ahead }
        let next = try lexer.next()
        ahead = next
        return next
    }

    /// The line that errors name.
    var line: Int { lexer.line }

    func at(_ symbol: String) -> Bool { token.isSymbol(symbol) }

    /// Takes a sign where it stands here.
    mutating func take(_ symbol: String) throws -> Bool {
        guard at(symbol) else { return false }
        try advance()
        return true
    }

    mutating func expect(_ symbol: String) throws {
        guard try take(symbol) else { throw failure("'\(symbol)' expected") }
    }

    /// Expects what closes a sign or keyword of an earlier line.
    mutating func expect(_ symbol: String, toClose opening: String, at first: Int) throws {
        if try take(symbol) { return }
        throw failure(
            first == line ? "'\(symbol)' expected" : "'\(symbol)' expected (to close '\(opening)' at line \(first))")
    }

    mutating func expectName() throws -> Name {
        guard let text = token.name else { throw failure("<name> expected") }
        let name = Name(text: text, range: token.range)
        try advance()
        return name
    }

    // MARK: Errors

    /// An error at the token in progress.
    func failure(_ message: String) -> SyntaxError {
        let near = token.shown.isEmpty ? "" : " near \(token.shown)"
        return SyntaxError(description: message + near, line: line, range: token.range)
    }

    /// An error of what a program means.
    func refusal(_ message: String, at range: Range<Int>) -> SyntaxError {
        SyntaxError(description: message, line: line, range: range)
    }

    private func tooMany(_ what: String, _ limit: Int, in scope: FunctionScope) -> SyntaxError {
        let place = scope.line == 0 ? "main function" : "function at line \(scope.line)"
        return failure("too many \(what) (limit is \(limit)) in \(place)")
    }

    /// Goes one level deeper for as long as `body` takes.
    mutating func deeper<Result>(_ body: (inout Parser) throws -> Result) throws -> Result {
        try enter()
        defer { levels -= 1 }
        return try body(&self)
    }

    /// Goes deeper until `leave`.
    mutating func enter() throws {
        levels += 1
        guard levels <= Parser.mostLevels else { throw refusal("C stack overflow", at: token.range) }
    }

    mutating func leave(_ count: Int) { levels -= count }

    // MARK: Scopes

    /// The innermost function.
    var scope: FunctionScope {
        get { scopes[scopes.count - 1] }
        set { scopes[scopes.count - 1] = newValue }
    }

    /// Declares a variable, which is visible from `activate` on.
    mutating func declare(_ name: Name) throws -> Int {
        try countVariable()
        variables.append(Variable(name: name, function: scope.function))
        return variables.count - 1
    }

    /// Declares variables that no one can name: the state of a loop.
    mutating func declareHidden(_ count: Int) throws {
        for _ in 0..<count { try countVariable() }
        let last = scopes.count - 1
        for _ in 0..<count {
            scopes[last].active.append(-1)
            scopes[last].names.append("(for state)")
        }
        scopes[last].pending -= count
    }

    private mutating func countVariable() throws {
        let last = scopes.count - 1
        guard scopes[last].active.count + scopes[last].pending < Parser.mostVariables else {
            throw tooMany("local variables", Parser.mostVariables, in: scope)
        }
        scopes[last].pending += 1
    }

    mutating func activate(_ declared: [Int]) {
        let last = scopes.count - 1
        for variable in declared {
            scopes[last].active.append(variable)
            scopes[last].names.append(variables[variable].name.text)
        }
        scopes[last].pending -= declared.count
    }

    /// The variable of a name at this place; nil where it is global.
    private mutating func find(_ name: String) throws -> Int? {
        for depth in scopes.indices.reversed() {
            guard let place = scopes[depth].names.lastIndex(of: name) else { continue }
            let variable = scopes[depth].active[place]
            try use(variable, from: depth + 1)
            return variable
        }
        return nil
    }

    private mutating func use(_ variable: Int, from depth: Int) throws {
        for inner in scopes.indices.dropFirst(depth) where scopes[inner].upvalues.insert(variable).inserted {
            guard scopes[inner].upvalues.count <= Parser.mostUpvalues else {
                throw tooMany("upvalues", Parser.mostUpvalues, in: scopes[inner])
            }
        }
    }

    /// What a name stands for.
    mutating func resolve(_ name: Name) throws -> ExpressionID {
        if let variable = try find(name.text) {
            if name.text == "_ENV" { namesEnvironment = true }
            let id = add(.local(variable), name.range)
            variables[variable].uses.append(id)
            return id
        }
        if try find("_ENV") != nil { namesEnvironment = true } else { try use(-1, from: 1) }
        if name.text == "_ENV" { namesEnvironment = true }
        globals.append(GlobalUse(name: name, function: scope.function))
        return add(.global(name.text), name.range)
    }

    mutating func enterBlock(isLoop: Bool = false) {
        let last = scopes.count - 1
        scopes[last].enter(isLoop: isLoop)
    }

    mutating func leaveBlock() throws {
        let last = scopes.count - 1
        guard let jump = scopes[last].leave() else { return }
        let message =
            jump.name == FunctionScope.breakLabel
            ? "break outside a loop at line \(jump.line)"
            : "no visible label '\(jump.name)' for <goto> at line \(jump.line)"
        throw refusal(message, at: jump.range)
    }

    // MARK: The tree

    mutating func add(_ kind: Expression.Kind, _ range: Range<Int>, over parts: [ExpressionID] = []) -> ExpressionID {
        let depth = parts.reduce(0) { max($0, expressions[$1.place].depth) } + 1
        expressions.append(Expression(kind: kind, range: range, depth: depth))
        return ExpressionID(place: expressions.count - 1)
    }

    func range(_ id: ExpressionID) -> Range<Int> { expressions[id.place].range }

    /// The bytes from a place to the end of the token before this one.
    func since(_ start: Int) -> Range<Int> { start..<max(start, lastEnd) }

    /// Reads the whole text.
    mutating func chunk() throws {
        let whole = lexer.source.start..<lexer.source.bytes.count
        functions.append(Function(enclosing: nil, isVararg: true, range: whole))
        scopes.append(FunctionScope(function: 0, line: 0))
        enterBlock()
        functions[0].body = try statements()
        guard token.kind == .end else { throw failure("<eof> expected") }
        try leaveBlock()
    }
}
