extension Rendering {
    /// The value of an expression.
    func value(of expression: Expression, _ scope: Scope) throws -> Value {
        try deeper {
            switch expression {
            case .constant(let constant): constant.value
            case .name(let name): read(name, scope)
            case .namespaceAttribute(let name, let attribute): try self.attribute(attribute, of: read(name, scope))
            case .list(let items): .list(try values(of: items, scope))
            case .tuple(let items): .tuple(try values(of: items, scope))
            case .dict(let pairs): try dict(pairs, scope)
            case .attribute(let object, let name): try attribute(name, of: try value(of: object, scope))
            case .item(let object, let key):
                try item(of: try value(of: object, scope), try value(of: key, scope))
            case .slice(let object, let slice): try self.slice(object, slice, scope)
            case .call: try call(expression, scope)
            case .filter(let applied): try filtered(applied, nil, scope)
            case .test(let applied): try tested(applied, scope)
            case .negative(let value): try negative(try self.value(of: value, scope))
            case .positive(let value): try positive(try self.value(of: value, scope))
            case .not(let value): .bool(!(try isTrue(try self.value(of: value, scope))))
            case .and(let left, let right): try and(left, right, scope)
            case .or(let left, let right): try or(left, right, scope)
            case .arithmetic(let operation, let left, let right): try arithmetic(operation, left, right, scope)
            case .concatenation(let items): try concatenation(items, scope)
            case .comparison(let value, let operands): try comparison(value, operands, scope)
            case .conditional(let choice): try conditional(choice, scope)
            }
        }
    }

    private func read(_ name: Expression.Name, _ scope: Scope) -> Value {
        scope.value(reference(name)) ?? .undefined(Undefined(reason: .name(name.name)))
    }

    private func values(of expressions: [Expression], _ scope: Scope) throws -> [Value] {
        try expressions.map { try value(of: $0, scope) }
    }

    private func dict(_ pairs: [Expression.Pair], _ scope: Scope) throws -> Value {
        .dict(try Dict(pairs.map { (try value(of: $0.key, scope), try value(of: $0.value, scope)) }))
    }

    private func slice(_ object: Expression, _ slice: Expression.Slice, _ scope: Scope) throws -> Value {
        let object = try value(of: object, scope)
        let bounds = try [slice.start, slice.stop, slice.step].map { try $0.map { try value(of: $0, scope) } ?? .none }
        return try self.slice(of: object, start: bounds[0], stop: bounds[1], step: bounds[2])
    }

    private func and(_ left: Expression, _ right: Expression, _ scope: Scope) throws -> Value {
        let value = try value(of: left, scope)
        return try isTrue(value) ? try self.value(of: right, scope) : value
    }

    private func or(_ left: Expression, _ right: Expression, _ scope: Scope) throws -> Value {
        let value = try value(of: left, scope)
        return try isTrue(value) ? value : try self.value(of: right, scope)
    }

    /// A row of operators of one rank lies deep on the left; it is computed from there without going deeper.
    private func arithmetic(
        _ operation: Expression.Arithmetic, _ left: Expression, _ right: Expression, _ scope: Scope
    ) throws -> Value {
        var pending = [(operation, right)]
        var first = left
        while case .arithmetic(let operation, let left, let right) = first {
            pending.append((operation, right))
            first = left
        }
        var result = try value(of: first, scope)
        for (operation, right) in pending.reversed() {
            try spend()
            result = try compute(operation, result, try value(of: right, scope))
        }
        return result
    }

    private func concatenation(_ items: [Expression], _ scope: Scope) throws -> Value {
        var result = Text()
        for item in items {
            let text = try text(of: try value(of: item, scope))
            try expect(characters: result.count + text.count)
            result.scalars += text.scalars
        }
        return .text(result)
    }

    private func comparison(_ value: Expression, _ operands: [Expression.Operand], _ scope: Scope) throws -> Value {
        var left = try self.value(of: value, scope)
        for operand in operands {
            let right = try self.value(of: operand.value, scope)
            guard try compare(operand.comparison, left, right) else { return .bool(false) }
            left = right
        }
        return .bool(true)
    }

    private func conditional(_ choice: Expression.Conditional, _ scope: Scope) throws -> Value {
        if try isTrue(try value(of: choice.test, scope)) { return try value(of: choice.value, scope) }
        if let other = choice.other { return try value(of: other, scope) }
        let hint =
            "the inline if-expression on line \(choice.line) evaluated to false and no else section was defined."
        return .undefined(Undefined(reason: .hint(hint)))
    }

    // MARK: calls

    func call(_ expression: Expression, _ scope: Scope, caller: Macro? = nil) throws -> Value {
        guard case .call(let callee, let given) = expression else { return try value(of: expression, scope) }
        let function = try value(of: callee, scope)
        var arguments = try self.arguments(given, scope)
        if let caller {
            if arguments.named("caller") != nil {
                throw TemplateError("SyntaxError", "keyword argument repeated: caller")
            }
            arguments.named.append(("caller", .object(caller)))
        }
        return try call(function, arguments)
    }

    func call(_ function: Value, _ arguments: Arguments) throws -> Value {
        try deeper {
            switch function {
            case .undefined(let undefined): throw undefined.error
            case .object(let object): try object.call(arguments, self)
            default: throw TemplateError.type("'\(function.typeName)' object is not callable")
            }
        }
    }

    private func arguments(_ given: Expression.CallArguments, _ scope: Scope) throws -> Arguments {
        var arguments = Arguments(try values(of: given.positional, scope))
        if let unpacked = given.unpacked {
            let value = try value(of: unpacked, scope)
            arguments.positional += try list(of: value)
        }
        arguments.named = try given.named.map { ($0.name, try value(of: $0.value, scope)) }
        if let unpacked = given.unpackedNamed {
            let value = try value(of: unpacked, scope)
            guard case .dict(let dict) = value else {
                throw TemplateError.type("argument after ** must be a mapping, not \(value.typeName)")
            }
            for (key, value) in dict.entries {
                guard let name = key.text?.string else { throw TemplateError.type("keywords must be strings") }
                if arguments.named(name) != nil {
                    throw TemplateError.type("got multiple values for keyword argument '\(name)'")
                }
                arguments.named.append((name, value))
            }
        }
        return arguments
    }

    /// The value of a filter; `text` stands for what the innermost of them is applied to where it is a block.
    func filtered(_ expression: Expression, _ text: Text, _ scope: Scope) throws -> Value {
        guard case .filter(let applied) = expression else { return try value(of: expression, scope) }
        return try filtered(applied, text, scope)
    }

    private func filtered(_ applied: Expression.Applied, _ text: Text?, _ scope: Scope) throws -> Value {
        let subject: Value
        switch applied.subject {
        case .filter(let inner)?: subject = try deeper { try filtered(inner, text, scope) }
        case let expression?: subject = try value(of: expression, scope)
        case nil: subject = .text(text ?? Text())
        }
        var arguments = try arguments(applied.arguments, scope)
        guard let filter = Filters.all[applied.name] else {
            throw TemplateError.runtime("No filter named \(Text(applied.name).represented) found.")
        }
        arguments.positional.insert(subject, at: 0)
        return try filter.call(arguments, self)
    }

    private func tested(_ applied: Expression.Applied, _ scope: Scope) throws -> Value {
        let subject = try applied.subject.map { try value(of: $0, scope) } ?? .none
        var arguments = try arguments(applied.arguments, scope)
        guard let test = Tests.all[applied.name] else {
            throw TemplateError.runtime("No test named \(Text(applied.name).represented) found.")
        }
        arguments.positional.insert(subject, at: 0)
        return .bool(try test.call(arguments, self).isTrue)
    }
}

extension Expression.Constant {
    fileprivate var value: Value {
        switch self {
        case .none: .none
        case .bool(let flag): .bool(flag)
        case .integer(let integer): .integer(integer)
        case .float(let number): .float(number)
        case .text(let text): .text(text)
        }
    }
}
