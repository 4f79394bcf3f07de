extension [Statement] {
    /// Those of `wanted` that are read before they are assigned.
    func undeclared(_ wanted: Set<String>) -> Set<String> {
        var search = UndeclaredNames(wanted: wanted)
        search.visit(self)
        return search.found
    }
}

/// Looks for names that are read before they are assigned, in the order of the reference's fields.
private struct UndeclaredNames {
    var wanted: Set<String>
    var found: Set<String> = []

    mutating func visit(_ statements: [Statement]) { for statement in statements { visit(statement) } }

    private mutating func visit(_ expression: Expression) {
        if case .name(let name) = expression, wanted.contains(name.name) { found.insert(name.name) }
        for child in expression.children { visit(child) }
    }
    private mutating func assign(_ target: Statement.Target) { for name in target.names { wanted.remove(name) } }
    private mutating func visit(_ parameters: Statement.Parameters) {
        for name in parameters.names { wanted.remove(name.name) }
        for value in parameters.defaults { visit(value) }
    }

    private mutating func visit(_ statement: Statement) {
        switch statement {
        case .output(let pieces): for case .expression(let expression, _) in pieces { visit(expression) }
        case .assignment(let target, let value, _):
            assign(target)
            visit(value)
        case .choice(let choice):
            for branch in choice.branches {
                visit(branch.test)
                visit(branch.body)
            }
            visit(choice.otherwise)
        case .loop(let loop):
            assign(loop.target)
            visit(loop.elements)
            visit(loop.body.statements)
            visit(loop.otherwise.statements)
            if let test = loop.test { visit(test) }
        case .macro(let macro):
            visit(macro.parameters)
            visit(macro.body.statements)
        case .call(let block):
            visit(block.call)
            visit(block.parameters)
            visit(block.body.statements)
        case .capture(let capture):
            assign(capture.target)
            if let filter = capture.filter { visit(filter) }
            visit(capture.body.statements)
        case .filter(let block):
            visit(block.body.statements)
            visit(block.filter)
        case .with(let with):
            for target in with.targets { assign(target) }
            for value in with.values { visit(value) }
            visit(with.body.statements)
        case .generation(let body, _), .scope(let body): visit(body.statements)
        case .block, .leave: break
        }
    }
}
