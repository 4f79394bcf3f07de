extension Rendering {
    /// How statements end.
    enum Flow { case on, leave, next }

    func run(_ statements: [Statement], _ scope: Scope) throws -> Flow {
        for statement in statements {
            let flow = try deeper { try run(statement, scope) }
            if flow != .on { return flow }
        }
        return .on
    }

    /// Runs `body` and gives its errors the line, unless they have one.
    func at<Result>(_ line: Int, _ body: () throws -> Result) throws -> Result {
        do {
            return try body()
        } catch var error as TemplateError where error.line == nil {
            error.line = line
            throw error
        }
    }

    private func run(_ statement: Statement, _ scope: Scope) throws -> Flow {
        switch statement {
        case .output(let pieces): try output(pieces, scope)
        case .assignment(let target, let value, let line):
            try at(line) {
                try checkNamespaces(target, scope)
                try assign(target, try self.value(of: value, scope), scope)
            }
        case .choice(let choice): return try run(choice, scope)
        case .loop(let loop): return try run(loop, scope)
        case .capture(let capture): return try run(capture, scope)
        case .macro(let macro):
            let value = try Macro(macro.name.name, macro.parameters, macro.body, scope, self)
            try assign(macro.name, .object(value), scope)
        case .call(let block):
            let caller = try Macro(nil, block.parameters, block.body, scope, self)
            try at(block.line) {
                let value = try call(block.call, scope, caller: caller)
                try write(try text(of: value))
            }
        case .filter(let block): return try run(block, scope)
        case .with(let with): return try run(with, scope)
        case .block(let block): return try run(block, scope)
        case .generation(let body, _):
            let text = try Macro(nil, Statement.Parameters(), body, scope, self).run(Arguments(), self)
            try noteGenerated(text)
            try write(text)
        case .scope(let body): return try run(body.statements, try enter(body.scope, parent: scope))
        case .leave(let leave, _): return leave == .leave ? .leave : .next
        }
        return .on
    }

    private func output(_ pieces: [Statement.Piece], _ scope: Scope) throws {
        for piece in pieces {
            switch piece {
            case .data(let text): try write(text)
            case .expression(let expression, let line):
                try at(line) { try write(try text(of: try value(of: expression, scope))) }
            }
        }
    }

    private func run(_ choice: Statement.Choice, _ scope: Scope) throws -> Flow {
        for branch in choice.branches
        where try at(branch.line, { try isTrue(try value(of: branch.test, scope)) }) {
            return try run(branch.body, scope)
        }
        return try run(choice.otherwise, scope)
    }

    private func run(_ capture: Statement.Capture, _ scope: Scope) throws -> Flow {
        let inner = try enter(capture.body.scope, parent: scope)
        var flow = Flow.on
        let text = try self.capture { flow = try run(capture.body.statements, inner) }
        guard flow == .on else { return flow }
        try at(capture.line) {
            let value = try capture.filter.map { try filtered($0, text, inner) } ?? .text(text)
            try assign(capture.target, value, scope)
        }
        return .on
    }

    private func run(_ block: Statement.FilterBlock, _ scope: Scope) throws -> Flow {
        let inner = try enter(block.body.scope, parent: scope)
        var flow = Flow.on
        let text = try capture { flow = try run(block.body.statements, inner) }
        guard flow == .on else { return flow }
        try at(block.line) { try write(try self.text(of: try filtered(block.filter, text, inner))) }
        return .on
    }

    private func run(_ with: Statement.With, _ scope: Scope) throws -> Flow {
        let inner = try enter(with.body.scope, parent: scope)
        try at(with.line) {
            for (target, value) in zip(with.targets, with.values) {
                try assign(target, try self.value(of: value, scope), inner)
            }
        }
        return try run(with.body.statements, inner)
    }

    private func run(_ block: Statement.Block, _ scope: Scope) throws -> Flow {
        if block.isRequired {
            throw TemplateError(
                "TemplateRuntimeError", "Required block \(Text(block.name).represented) not found", line: block.line)
        }
        // The names of a block are those of the template, and of the scopes around it where it is `scoped`.
        let kept = exported
        defer { exported = kept }
        if block.isScoped {
            var outer: Scope? = scope
            var seen: Set<String> = []
            while let current = outer {
                for (name, slot) in current.layout.names where seen.insert(name).inserted {
                    if let value = current.slots[slot] { exported[name] = value }
                }
                outer = current.parent
            }
        }
        _ = try run(block.body.statements, try enter(block.body.scope, parent: nil))
        return .on
    }

    // MARK: assignment

    func assign(_ name: Expression.Name, _ value: Value, _ scope: Scope) throws {
        let value = try value.shallow()
        let reference = reference(name)
        scope.set(reference, value)
        if scope.isRoot, reference.up == 0 { exported[name.name] = value }
    }

    private func namespace(_ name: Expression.Name, _ scope: Scope) throws -> Namespace {
        guard case .object(let object) = scope.value(reference(name)), let namespace = object as? Namespace else {
            throw TemplateError.runtime("cannot assign attribute on non-namespace object")
        }
        return namespace
    }

    /// Whether attributes are assigned to namespaces only, which is asked before the value is computed.
    private func checkNamespaces(_ target: Statement.Target, _ scope: Scope) throws {
        switch target {
        case .name: break
        case .attribute(let name, _): _ = try namespace(name, scope)
        case .tuple(let targets): for target in targets { try checkNamespaces(target, scope) }
        }
    }

    func assign(_ target: Statement.Target, _ value: Value, _ scope: Scope) throws {
        switch target {
        case .name(let name): try assign(name, value, scope)
        case .attribute(let name, let attribute):
            try namespace(name, scope).set(attribute, value)
        case .tuple(let targets):
            let elements = try self.elements(of: value, unpacking: true)
            var values: [Value] = []
            while let element = try elements.next() {
                guard values.count < targets.count else {
                    throw TemplateError.value("too many values to unpack (expected \(targets.count))")
                }
                values.append(element)
            }
            guard values.count == targets.count else {
                throw TemplateError.value(
                    "not enough values to unpack (expected \(targets.count), got \(values.count))")
            }
            for (target, value) in zip(targets, values) { try assign(target, value, scope) }
        }
    }
}
