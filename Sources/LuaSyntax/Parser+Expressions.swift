/// Expressions.
extension Parser {
    /// How tightly binary operators bind, to the left and to the right.
    private static let priorities: [String: (left: Int, right: Int)] = [
        "or": (1, 1), "and": (2, 2), "<": (3, 3), ">": (3, 3), "<=": (3, 3), ">=": (3, 3), "~=": (3, 3), "==": (3, 3),
        "|": (4, 4), "~": (5, 5), "&": (6, 6), "<<": (7, 7), ">>": (7, 7), "..": (9, 8), "+": (10, 10), "-": (10, 10),
        "*": (11, 11), "/": (11, 11), "//": (11, 11), "%": (11, 11), "^": (14, 13),
    ]
    private static let unaryPriority = 12
    private static let unaryOperators: Set<String> = ["not", "-", "#", "~"]

    /// One expression.
    mutating func expression() throws -> ExpressionID { try expression(above: 0) }

    /// Expressions with commas between them.
    mutating func expressionList() throws -> [ExpressionID] {
        var list = [try expression()]
        while try take(",") { list.append(try expression()) }
        return list
    }

    /// An expression whose operators bind more tightly than `limit`.
    private mutating func expression(above limit: Int) throws -> ExpressionID {
        try deeper { parser in
            let start = parser.token.range.lowerBound
            var left: ExpressionID
            if case .symbol(let sign) = parser.token.kind, Parser.unaryOperators.contains(sign) {
                try parser.advance()
                let operand = try parser.expression(above: Parser.unaryPriority)
                left = parser.add(.unary(sign, operand), parser.since(start), over: [operand])
            } else {
                left = try parser.simple()
            }
            while case .symbol(let sign) = parser.token.kind, let priority = Parser.priorities[sign],
                priority.left > limit
            {
                try parser.advance()
                let right = try parser.expression(above: priority.right)
                left = parser.add(.binary(sign, left, right), parser.since(start), over: [left, right])
            }
            return left
        }
    }

    private mutating func simple() throws -> ExpressionID {
        let kind: Expression.Kind
        switch token.kind {
        case .integer(let value): kind = .integer(value)
        case .number(let value): kind = .number(value)
        case .string(let text): kind = .string(text)
        case .symbol("nil"): kind = .nil
        case .symbol("true"): kind = .boolean(true)
        case .symbol("false"): kind = .boolean(false)
        case .symbol("..."):
            guard functions[scope.function].isVararg else {
                throw failure("cannot use '...' outside a vararg function")
            }
            kind = .varargs
        case .symbol("{"): return try table()
        case .symbol("function"):
            let (start, line) = (token.range.lowerBound, line)
            try advance()
            return try function(isMethod: false, from: start, line: line)
        default: return try suffixed()
        }
        let range = token.range
        try advance()
        return add(kind, range)
    }

    private mutating func primary() throws -> ExpressionID {
        if token.name != nil { return try resolve(try expectName()) }
        guard at("(") else { throw failure("unexpected symbol") }
        let (start, line) = (token.range.lowerBound, line)
        try advance()
        let inner = try expression()
        try expect(")", toClose: "(", at: line)
        return add(.parenthesis(inner), since(start), over: [inner])
    }

    /// A name or parenthesis with what follows it: fields, elements, calls.
    mutating func suffixed() throws -> ExpressionID {
        let start = token.range.lowerBound
        var value = try primary()
        while true {
            if try take(".") {
                let name = try expectName()
                value = add(.field(of: value, name), since(start), over: [value])
            } else if at("[") {
                try advance()
                let key = try expression()
                try expect("]")
                value = add(.element(of: value, key: key), since(start), over: [value, key])
            } else if try take(":") {
                let name = try expectName()
                let arguments = try arguments()
                value = add(
                    .methodCall(of: value, name, arguments: arguments), since(start), over: [value] + arguments)
            } else if startsArguments {
                let arguments = try arguments()
                value = add(.call(value, arguments: arguments), since(start), over: [value] + arguments)
            } else {
                return value
            }
        }
    }

    private var startsArguments: Bool {
        if case .string = token.kind { return true }
        return at("(") || at("{")
    }

    private mutating func arguments() throws -> [ExpressionID] {
        if case .string(let text) = token.kind {
            let range = token.range
            try advance()
            return [add(.string(text), range)]
        }
        if at("{") { return [try table()] }
        guard at("(") else { throw failure("function arguments expected") }
        let line = line
        try advance()
        if try take(")") { return [] }
        let list = try expressionList()
        try expect(")", toClose: "(", at: line)
        return list
    }

    private mutating func table() throws -> ExpressionID {
        let (start, line) = (token.range.lowerBound, line)
        try expect("{")
        var entries: [TableEntry] = []
        while !at("}") {
            entries.append(try entry())
            guard try take(",") || take(";") else { break }
        }
        try expect("}", toClose: "{", at: line)
        let parts = entries.flatMap { entry -> [ExpressionID] in
            if case .computed(let key) = entry.key { [key, entry.value] } else { [entry.value] }
        }
        return add(.table(entries), since(start), over: parts)
    }

    private mutating func entry() throws -> TableEntry {
        if at("[") {
            try advance()
            let key = try expression()
            try expect("]")
            try expect("=")
            return TableEntry(key: .computed(key), value: try expression())
        }
        if token.name != nil, try lookAhead().isSymbol("=") {
            let name = try expectName()
            try expect("=")
            return TableEntry(key: .name(name), value: try expression())
        }
        return TableEntry(key: .next, value: try expression())
    }

    /// A function from its parameters on.
    mutating func function(isMethod: Bool, from start: Int, line: Int) throws -> ExpressionID {
        let place = functions.count
        functions.append(Function(enclosing: scope.function, range: start..<start))
        scopes.append(FunctionScope(function: place, line: line))
        enterBlock()
        try expect("(")
        if isMethod {
            let variable = try declare(Name(text: "self", range: start..<start))
            activate([variable])
            functions[place].parameters.append(variable)
        }
        try parameters(of: place)
        try expect(")")
        functions[place].body = try statements()
        try expect("end", toClose: "function", at: line)
        try leaveBlock()
        scopes.removeLast()
        functions[place].range = since(start)
        return add(.function(place), since(start))
    }

    private mutating func parameters(of place: Int) throws {
        guard !at(")") else { return }
        var declared: [Int] = []
        repeat {
            if token.name != nil {
                declared.append(try declare(try expectName()))
            } else if try take("...") {
                functions[place].isVararg = true
            } else {
                throw failure("<name> or '...' expected")
            }
        } while try !functions[place].isVararg && take(",")
        activate(declared)
        functions[place].parameters += declared
    }
}
