import Memory

/// Statements.
extension Parser {
    /// Whether a block ends here.
    private func endsBlock(withUntil: Bool) -> Bool {
        token.kind == .end || at("else") || at("elseif") || at("end") || (withUntil && at("until"))
    }

    /// Statements up to the end of their block.
    mutating func statements() throws -> Block {
        var block = Block()
        while !endsBlock(withUntil: true) {
            let isLast = at("return")
            if let statement = try statement() { block.statements.append(statement) }
            if isLast { break }
        }
        return block
    }

    /// A block with variables of its own.
    private mutating func block() throws -> Block {
        enterBlock()
        let block = try statements()
        try leaveBlock()
        return block
    }

    /// One statement; nil for a semicolon.
    private mutating func statement() throws -> Statement? {
        try MemoryBudget.check()
        return try deeper { parser in
            let start = parser.token.range.lowerBound
            guard let kind = try parser.kind(start) else { return nil }
            return Statement(kind: kind, range: parser.since(start))
        }
    }

    private mutating func kind(_ start: Int) throws -> Statement.Kind? {
        let line = line
        guard case .symbol(let symbol) = token.kind else { return try expressionStatement() }
        switch symbol {
        case ";":
            try advance()
            return nil
        case "if": return try branches(line)
        case "while":
            try advance()
            let condition = try expression()
            enterBlock(isLoop: true)
            try expect("do")
            let body = try block()
            try expect("end", toClose: "while", at: line)
            try leaveBlock()
            return .whileLoop(condition, body)
        case "do":
            try advance()
            let body = try block()
            try expect("end", toClose: "do", at: line)
            return .block(body)
        case "for": return try loop(line)
        case "repeat":
            enterBlock(isLoop: true)
            enterBlock()
            try advance()
            let body = try statements()
            try expect("until", toClose: "repeat", at: line)
            let condition = try expression()
            try leaveBlock()
            try leaveBlock()
            return .repeatLoop(body, until: condition)
        case "function": return try functionStatement(start, line)
        case "local":
            try advance()
            if at("function") { return try localFunction(start) }
            return try local()
        case "::":
            try advance()
            return try label(line)
        case "return":
            try advance()
            var values: [ExpressionID] = []
            if !endsBlock(withUntil: true), !at(";") { values = try expressionList() }
            _ = try take(";")
            return .returning(values)
        case "break":
            jump(to: FunctionScope.breakLabel, line, token.range)
            try advance()
            return .breaking
        case "goto":
            try advance()
            return try goto(start)
        default: return try expressionStatement()
        }
    }

    // MARK: Jumps

    private mutating func jump(to name: String, _ line: Int, _ range: Range<Int>) {
        let jump = FunctionScope.Jump(name: name, line: line, range: range, variables: scope.active.count)
        let last = scopes.count - 1
        scopes[last].jumps.append(jump)
    }

    private mutating func goto(_ start: Int) throws -> Statement.Kind {
        let line = line
        let name = try expectName()
        if !scope.labels.contains(where: { $0.name == name.text }) { jump(to: name.text, line, since(start)) }
        return .goto(name.text)
    }

    private mutating func label(_ line: Int) throws -> Statement.Kind {
        let name = try expectName()
        try expect("::")
        while at(";") || at("::") { _ = try statement() }
        if let other = scope.labels.first(where: { $0.name == name.text }) {
            throw refusal("label '\(name.text)' already defined on line \(other.line)", at: name.range)
        }
        // At the end of a block its variables are no longer there.
        let isLast = endsBlock(withUntil: false)
        let count = isLast ? scope.levels.last?.variables ?? 0 : scope.active.count
        let label = FunctionScope.Label(name: name.text, line: line, variables: count)
        let last = scopes.count - 1
        scopes[last].labels.append(label)
        if let jump = scopes[last].resolve(label) {
            throw refusal(
                "<goto \(jump.name)> at line \(jump.line) jumps into the scope of local '\(scope.names[jump.variables])'",
                at: jump.range)
        }
        return .label(name.text)
    }

    // MARK: Blocks

    private mutating func branches(_ line: Int) throws -> Statement.Kind {
        var branches: [Statement.Branch] = []
        repeat {
            try advance()
            let condition = try expression()
            try expect("then")
            branches.append(Statement.Branch(condition: condition, body: try block()))
        } while at("elseif")
        let otherwise = try take("else") ? try block() : nil
        try expect("end", toClose: "if", at: line)
        return .branches(branches, otherwise: otherwise)
    }

    private mutating func loop(_ line: Int) throws -> Statement.Kind {
        enterBlock(isLoop: true)
        try advance()
        let first = try expectName()
        let kind: Statement.Kind
        if at("=") {
            try declareHidden(3)
            let variable = try declare(first)
            try advance()
            var bounds = [try expression()]
            try expect(",")
            bounds.append(try expression())
            if try take(",") { bounds.append(try expression()) }
            variables[variable].origin = .counter
            kind = .numericFor(variable, bounds, try loopBody([variable]))
        } else if at(",") || at("in") {
            try declareHidden(4)
            var declared = [try declare(first)]
            while try take(",") { declared.append(try declare(try expectName())) }
            try expect("in")
            let values = try expressionList()
            for (place, variable) in declared.enumerated() { variables[variable].origin = .loop(values, place) }
            kind = .genericFor(declared, values, try loopBody(declared))
        } else {
            throw failure("'=' or 'in' expected")
        }
        try expect("end", toClose: "for", at: line)
        try leaveBlock()
        return kind
    }

    private mutating func loopBody(_ declared: [Int]) throws -> Block {
        try expect("do")
        enterBlock()
        activate(declared)
        let body = try block()
        try leaveBlock()
        return body
    }

    // MARK: Variables

    private mutating func localFunction(_ start: Int) throws -> Statement.Kind {
        let line = line
        try advance()
        let variable = try declare(try expectName())
        activate([variable])
        let function = try function(isMethod: false, from: start, line: line)
        variables[variable].origin = .declaration(function)
        return .localFunction(variable, function)
    }

    private mutating func local() throws -> Statement.Kind {
        var declared: [Int] = []
        var hasClosed = false
        repeat {
            let variable = try declare(try expectName())
            if try take("<") {
                let attribute = try expectName()
                try expect(">")
                switch attribute.text {
                case "const": variables[variable].attribute = .constant
                case "close":
                    guard !hasClosed else {
                        throw refusal("multiple to-be-closed variables in local list", at: attribute.range)
                    }
                    hasClosed = true
                    variables[variable].attribute = .closed
                default: throw refusal("unknown attribute '\(attribute.text)'", at: attribute.range)
                }
            }
            declared.append(variable)
        } while try take(",")
        let values = try take("=") ? try expressionList() : []
        for (place, variable) in declared.enumerated() {
            variables[variable].origin = origin(place, values)
        }
        activate(declared)
        return .local(declared, values: values)
    }

    /// Where the value at a place of an assignment comes from.
    private func origin(_ place: Int, _ values: [ExpressionID]) -> Variable.Origin {
        if place < values.count { return .declaration(values[place]) }
        guard let last = values.last, givesSeveral(last) else { return .declaration(nil) }
        return .result(last, place - values.count + 1)
    }

    /// Whether an expression may have more values than one.
    private func givesSeveral(_ id: ExpressionID) -> Bool {
        switch expressions[id.place].kind {
        case .call, .methodCall, .varargs: true
        default: false
        }
    }

    private mutating func functionStatement(_ start: Int, _ line: Int) throws -> Statement.Kind {
        try advance()
        let first = token.range.lowerBound
        let name = try expectName()
        var target = try resolve(name)
        var isMethod = false
        while at(".") || at(":") {
            isMethod = at(":")
            try advance()
            let field = try expectName()
            target = add(.field(of: target, field), since(first), over: [target])
            if isMethod { break }
        }
        if case .global = expressions[target.place].kind { globals[globals.count - 1].isAssigned = true }
        let function = try function(isMethod: isMethod, from: start, line: line)
        try assign(function, to: target)
        return .function(target, isMethod: isMethod, function)
    }

    private mutating func expressionStatement() throws -> Statement.Kind {
        var targets = [try suffixed()]
        guard at("=") || at(",") else {
            switch expressions[targets[0].place].kind {
            case .call, .methodCall: return .call(targets[0])
            default: throw failure("syntax error")
            }
        }
        try checkAssignable(targets[0])
        var entered = 0
        while try take(",") {
            targets.append(try suffixed())
            try enter()
            entered += 1
            try checkAssignable(targets[targets.count - 1])
        }
        try expect("=")
        let values = try expressionList()
        leave(entered)
        for (place, target) in targets.enumerated() {
            if case .declaration(let value?) = origin(place, values) {
                try assign(value, to: target)
            } else {
                try assign(nil, to: target)
            }
        }
        return .assignment(targets, values: values)
    }

    /// Throws where an expression cannot be assigned to.
    private mutating func checkAssignable(_ target: ExpressionID) throws {
        switch expressions[target.place].kind {
        case .local(let variable): try checkRegular(variable, at: range(target))
        case .global:
            let place = range(target)
            if let use = globals.lastIndex(where: { $0.name.range == place }) { globals[use].isAssigned = true }
        case .field, .element: break
        default: throw failure("syntax error")
        }
    }

    private func checkRegular(_ variable: Int, at range: Range<Int>) throws {
        guard variables[variable].attribute != .regular else { return }
        throw refusal("attempt to assign to const variable '\(variables[variable].name.text)'", at: range)
    }

    /// Notes what a variable is given.
    private mutating func assign(_ value: ExpressionID?, to target: ExpressionID) throws {
        guard case .local(let variable) = expressions[target.place].kind else { return }
        try checkRegular(variable, at: range(target))
        variables[variable].assigned.append(value)
    }
}
