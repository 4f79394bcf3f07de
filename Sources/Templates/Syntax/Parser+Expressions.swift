extension Parser {
    /// An expression, or several with commas between them.
    mutating func tuple(
        isSimple: Bool = false, withConditional: Bool = true, isExplicit: Bool = false, withNamespace: Bool = false
    ) throws -> Expression {
        var items: [Expression] = []
        var isTuple = false
        while true {
            if !items.isEmpty { try expect(symbol: ",") }
            if isTupleEnd { break }
            items.append(
                isSimple
                    ? try primary(withNamespace: withNamespace)
                    : try expression(withConditional: withConditional))
            guard current.isSymbol(",") else { break }
            isTuple = true
        }
        if !isTuple {
            if let item = items.first { return item }
            // Nothing at all in the place of an expression is no empty tuple, unless it stands in parentheses.
            guard isExplicit else {
                throw fail("Expected an expression, got \(Text(current.described).represented)")
            }
        }
        return .tuple(items)
    }

    private var isTupleEnd: Bool {
        switch current.kind {
        case .variableEnd, .blockEnd: true
        case .symbol(let symbol): symbol == ")"
        default: false
        }
    }

    mutating func expression(withConditional: Bool = true) throws -> Expression {
        try deeper { withConditional ? try $0.conditional() : try $0.or() }
    }

    private mutating func conditional() throws -> Expression {
        var line = current.line
        var value = try or()
        var length = 0
        while try skip(name: "if") {
            length += 1
            try checkChain(length)
            let test = try or()
            let other = try skip(name: "else") ? try deeper { try $0.conditional() } : nil
            value = .conditional(Expression.Conditional(test: test, value: value, other: other, line: line))
            line = current.line
        }
        return value
    }

    private mutating func or() throws -> Expression {
        var left = try and()
        var length = 0
        while try skip(name: "or") {
            length += 1
            try checkChain(length)
            left = .or(left, try and())
        }
        return left
    }

    private mutating func and() throws -> Expression {
        var left = try not()
        var length = 0
        while try skip(name: "and") {
            length += 1
            try checkChain(length)
            left = .and(left, try not())
        }
        return left
    }

    private mutating func not() throws -> Expression {
        if try skip(name: "not") { return .not(try deeper { try $0.not() }) }
        return try comparison()
    }

    private mutating func comparison() throws -> Expression {
        let value = try sum()
        var operands: [Expression.Operand] = []
        while true {
            if case .symbol(let symbol) = current.kind, let comparison = Expression.Comparison(rawValue: symbol) {
                try advance()
                operands.append(Expression.Operand(comparison: comparison, value: try sum()))
            } else if try skip(name: "in") {
                operands.append(Expression.Operand(comparison: .contained, value: try sum()))
            } else if current.isName("not"), try look().isName("in") {
                try advance()
                try advance()
                operands.append(Expression.Operand(comparison: .notContained, value: try sum()))
            } else {
                return operands.isEmpty ? value : .comparison(value, operands)
            }
        }
    }

    private mutating func sum() throws -> Expression {
        try chain(["+", "-"]) { try $0.concatenation() }
    }

    private mutating func concatenation() throws -> Expression {
        var items = [try product()]
        while try skip(symbol: "~") { items.append(try product()) }
        return items.count == 1 ? items[0] : .concatenation(items)
    }

    private mutating func product() throws -> Expression {
        try chain(["*", "/", "//", "%"]) { try $0.power() }
    }

    private mutating func power() throws -> Expression { try chain(["**"]) { try $0.unary() } }

    /// Operands with operators of one rank between them, grouped from the left.
    private mutating func chain(
        _ symbols: [String], _ operand: (inout Parser) throws -> Expression
    ) throws -> Expression {
        var left = try operand(&self)
        var length = 0
        while case .symbol(let symbol) = current.kind, symbols.contains(symbol),
            let operation = Expression.Arithmetic(rawValue: symbol)
        {
            length += 1
            try checkChain(length)
            try advance()
            left = .arithmetic(operation, left, try operand(&self))
        }
        return left
    }

    private mutating func unary(withFilter: Bool = true) throws -> Expression {
        var node: Expression
        if try skip(symbol: "-") {
            node = .negative(try deeper { try $0.unary(withFilter: false) })
        } else if try skip(symbol: "+") {
            node = .positive(try deeper { try $0.unary(withFilter: false) })
        } else {
            node = try primary()
        }
        node = try postfix(node)
        return withFilter ? try filters(node) : node
    }

    mutating func primary(withNamespace: Bool = false) throws -> Expression {
        let token = current
        switch token.kind {
        case .name:
            try advance()
            switch token.text.string {
            case "true", "True": return .constant(.bool(true))
            case "false", "False": return .constant(.bool(false))
            case "none", "None": return .constant(.none)
            case let name:
                if withNamespace, try skip(symbol: ".") {
                    return .namespaceAttribute(newName(name), try expect(.name).text.string)
                }
                return .name(newName(name))
            }
        case .string:
            var text = Text()
            while current.kind == .string { text.scalars += try advance().text.scalars }
            return .constant(.text(text))
        case .integer:
            try advance()
            return .constant(.integer(try integer(token)))
        case .float:
            try advance()
            guard let number = Double(token.text.string.filter { $0 != "_" }) else {
                throw fail("number '\(token.text.string)' cannot be read", line: token.line)
            }
            return .constant(.float(number))
        case .symbol("("):
            try advance()
            let value = try deeper { try $0.tuple(isExplicit: true) }
            try expect(symbol: ")")
            return value
        case .symbol("["): return .list(try items(until: "]") { try $0.expression() })
        case .symbol("{"):
            return .dict(
                try items(until: "}") { parser in
                    let key = try parser.expression()
                    try parser.expect(symbol: ":")
                    return Expression.Pair(key: key, value: try parser.expression())
                })
        default: throw fail("unexpected \(Text(token.described).represented)")
        }
    }

    private func integer(_ token: Token) throws -> Int {
        let digits = token.text.string.filter { $0 != "_" }
        let radix =
            switch digits.dropFirst().first {
            case "x", "X": 16
            case "o", "O": 8
            case "b", "B": 2
            default: 10
            }
        guard let integer = Int(radix == 10 ? digits : String(digits.dropFirst(2)), radix: radix) else {
            throw fail("number '\(digits)' does not fit into 64 bits", line: token.line)
        }
        return integer
    }

    /// What stands between brackets, with commas between.
    private mutating func items<Item>(
        until close: String, _ item: (inout Parser) throws -> Item
    ) throws -> [Item] {
        try advance()
        var items: [Item] = []
        while !current.isSymbol(close) {
            if !items.isEmpty { try expect(symbol: ",") }
            if current.isSymbol(close) { break }
            items.append(try deeper(item))
        }
        try expect(symbol: close)
        return items
    }

    private mutating func postfix(_ node: Expression) throws -> Expression {
        var node = node
        var length = 0
        while true {
            length += 1
            try checkChain(length)
            if current.isSymbol(".") || current.isSymbol("[") {
                node = try subscripted(node)
            } else if current.isSymbol("(") {
                node = .call(node, try callArguments())
            } else {
                return node
            }
        }
    }

    private mutating func filters(_ node: Expression) throws -> Expression {
        var node = node
        var length = 0
        while true {
            length += 1
            try checkChain(length)
            if current.isSymbol("|") {
                node = try filter(node)
            } else if current.isName("is") {
                node = try test(node)
            } else if current.isSymbol("(") {
                node = .call(node, try callArguments())
            } else {
                return node
            }
        }
    }

    private mutating func subscripted(_ node: Expression) throws -> Expression {
        if try skip(symbol: ".") {
            let token = try advance()
            if token.kind == .name { return .attribute(node, token.text.string) }
            guard token.kind == .integer else { throw fail("expected name or number", line: token.line) }
            return .item(node, .constant(.integer(try integer(token))))
        }
        try advance()
        var keys: [Expression] = []
        var slices: [Expression.Slice] = []
        while !current.isSymbol("]") {
            if keys.count + slices.count > 0 { try expect(symbol: ",") }
            if let slice = try deeper({ try $0.slice(&keys) }) { slices.append(slice) }
        }
        try expect(symbol: "]")
        if let slice = slices.first {
            guard keys.isEmpty, slices.count == 1 else { throw fail("invalid syntax: a slice among several keys") }
            return .slice(node, slice)
        }
        return .item(node, keys.count == 1 ? keys[0] : .tuple(keys))
    }

    /// A slice; nil where it was a key, which is added to `keys`.
    private mutating func slice(_ keys: inout [Expression]) throws -> Expression.Slice? {
        var start: Expression?
        if !current.isSymbol(":") {
            let key = try expression()
            guard current.isSymbol(":") else {
                keys.append(key)
                return nil
            }
            start = key
        }
        try advance()
        func ends(_ parser: Parser) -> Bool { parser.current.isSymbol("]") || parser.current.isSymbol(",") }
        let stop = current.isSymbol(":") || ends(self) ? nil : try expression()
        var step: Expression?
        if try skip(symbol: ":"), !ends(self) { step = try expression() }
        return Expression.Slice(start: start, stop: stop, step: step)
    }

    private mutating func callArguments() throws -> Expression.CallArguments {
        let line = try expect(symbol: "(").line
        var arguments = Expression.CallArguments()
        var needsComma = false
        func ensure(_ condition: Bool, _ parser: Parser) throws {
            if !condition { throw parser.fail("invalid syntax for function call expression", line: line) }
        }
        while !current.isSymbol(")") {
            if needsComma {
                try expect(symbol: ",")
                if current.isSymbol(")") { break }
            }
            if current.isSymbol("*") {
                try ensure(arguments.unpacked == nil && arguments.unpackedNamed == nil, self)
                try advance()
                arguments.unpacked = try expression()
            } else if current.isSymbol("**") {
                try ensure(arguments.unpackedNamed == nil, self)
                try advance()
                arguments.unpackedNamed = try expression()
            } else if current.kind == .name, try look().isSymbol("=") {
                try ensure(arguments.unpackedNamed == nil, self)
                let name = try advance().text.string
                try advance()
                if arguments.named.contains(where: { $0.name == name }) {
                    throw TemplateError("SyntaxError", "keyword argument repeated: \(name)", line: line)
                }
                arguments.named.append((name, try expression()))
            } else {
                try ensure(
                    arguments.unpacked == nil && arguments.unpackedNamed == nil && arguments.named.isEmpty, self)
                arguments.positional.append(try expression())
            }
            needsComma = true
        }
        try expect(symbol: ")")
        return arguments
    }

    /// Filters after one another.
    mutating func filter(_ node: Expression?, startsInline: Bool = false) throws -> Expression {
        var node = node
        var isInline = startsInline
        var length = 0
        while isInline || current.isSymbol("|") {
            length += 1
            try checkChain(length)
            if !isInline { try advance() }
            isInline = false
            let (name, line) = try dottedName()
            let arguments = current.isSymbol("(") ? try callArguments() : Expression.CallArguments()
            node = .filter(Expression.Applied(subject: node, name: name, arguments: arguments, line: line))
        }
        guard let node else { throw fail("expected token 'name', got \(Text(current.described).represented)") }
        return node
    }

    private mutating func dottedName() throws -> (String, line: Int) {
        let token = try expect(.name)
        var name = token.text.string
        while try skip(symbol: ".") { name += "." + (try expect(.name).text.string) }
        return (name, token.line)
    }

    private mutating func test(_ node: Expression) throws -> Expression {
        let line = try advance().line
        let isNegated = try skip(name: "not")
        let (name, _) = try dottedName()
        var arguments = Expression.CallArguments()
        if current.isSymbol("(") {
            arguments = try callArguments()
        } else if beginsArgument, !current.isName("else"), !current.isName("or"), !current.isName("and") {
            if current.isName("is") { throw fail("You cannot chain multiple tests with is") }
            let argument = try deeper { try $0.primary() }
            arguments.positional = [try postfix(argument)]
        }
        let test = Expression.test(Expression.Applied(subject: node, name: name, arguments: arguments, line: line))
        return isNegated ? .not(test) : test
    }

    private var beginsArgument: Bool {
        switch current.kind {
        case .name, .string, .integer, .float, .symbol("("), .symbol("["), .symbol("{"): true
        default: false
        }
    }
}
