#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Operators with Python's meaning.
extension Rendering {
    func negative(_ value: Value) throws -> Value {
        if case .undefined(let undefined) = value { throw undefined.error }
        if case .float(let number) = value { return .float(-number) }
        guard let integer = value.integer else {
            throw TemplateError.type("bad operand type for unary -: '\(value.typeName)'")
        }
        guard integer != Int.min else { throw TemplateError.tooLarge }
        return .integer(-integer)
    }

    func positive(_ value: Value) throws -> Value {
        if case .undefined(let undefined) = value { throw undefined.error }
        if case .float = value { return value }
        guard let integer = value.integer else {
            throw TemplateError.type("bad operand type for unary +: '\(value.typeName)'")
        }
        return .integer(integer)
    }

    func compute(_ operation: Expression.Arithmetic, _ left: Value, _ right: Value) throws -> Value {
        if operation == .modulo, case .text(let format) = left {
            return .text(try formatted(format, with: right))
        }
        if case .undefined(let undefined) = left { throw undefined.error }
        if case .undefined(let undefined) = right { throw undefined.error }
        if let left = left.integer, let right = right.integer { return try compute(operation, left, right) }
        if let left = left.number, let right = right.number { return .float(try compute(operation, left, right)) }
        switch operation {
        case .add: return try sum(left, right)
        case .multiply:
            if Self.isSequence(left) { return try repeated(left, right) }
            if Self.isSequence(right) { return try repeated(right, left) }
        default: break
        }
        let name = operation == .power ? "** or pow()" : operation.rawValue
        throw TemplateError.type(
            "unsupported operand type(s) for \(name): '\(left.typeName)' and '\(right.typeName)'")
    }

    private func compute(_ operation: Expression.Arithmetic, _ left: Int, _ right: Int) throws -> Value {
        func checked(_ result: (partialValue: Int, overflow: Bool)) throws -> Value {
            guard !result.overflow else { throw TemplateError.tooLarge }
            return .integer(result.partialValue)
        }
        switch operation {
        case .add: return try checked(left.addingReportingOverflow(right))
        case .subtract: return try checked(left.subtractingReportingOverflow(right))
        case .multiply: return try checked(left.multipliedReportingOverflow(by: right))
        case .divide:
            guard right != 0 else { throw TemplateError("ZeroDivisionError", "division by zero") }
            return .float(Double(left) / Double(right))
        case .floorDivide:
            guard right != 0 else {
                throw TemplateError("ZeroDivisionError", "integer division or modulo by zero")
            }
            guard right != -1 else { return try checked(0.subtractingReportingOverflow(left)) }
            let quotient = left / right
            return .integer(left % right != 0 && (left < 0) != (right < 0) ? quotient - 1 : quotient)
        case .modulo:
            guard right != 0 else { throw TemplateError("ZeroDivisionError", "integer modulo by zero") }
            guard right != -1 else { return .integer(0) }
            let rest = left % right
            return .integer(rest != 0 && (rest < 0) != (right < 0) ? rest + right : rest)
        case .power:
            guard right >= 0 else { return .float(try compute(.power, Double(left), Double(right))) }
            var (result, base, exponent) = (1, left, right)
            while exponent > 0 {
                if exponent & 1 == 1 { result = try checkedProduct(result, base) }
                exponent >>= 1
                if exponent > 0 { base = try checkedProduct(base, base) }
            }
            return .integer(result)
        }
    }

    private func checkedProduct(_ left: Int, _ right: Int) throws -> Int {
        let (product, overflow) = left.multipliedReportingOverflow(by: right)
        guard !overflow else { throw TemplateError.tooLarge }
        return product
    }

    private func compute(_ operation: Expression.Arithmetic, _ left: Double, _ right: Double) throws -> Double {
        func divided(_ message: String) throws {
            guard right != 0 else { throw TemplateError("ZeroDivisionError", message) }
        }
        switch operation {
        case .add: return left + right
        case .subtract: return left - right
        case .multiply: return left * right
        case .divide:
            try divided("float division by zero")
            return left / right
        case .floorDivide:
            try divided("float floor division by zero")
            let rest = try compute(.modulo, left, right)
            let quotient = (left - rest) / right
            guard quotient != 0 else { return Double(signOf: left / right, magnitudeOf: 0) }
            let floor = quotient.rounded(.down)
            return quotient - floor > 0.5 ? floor + 1 : floor
        case .modulo:
            try divided("float modulo")
            let rest = fmod(left, right)
            guard rest != 0 else { return Double(signOf: right, magnitudeOf: 0) }
            return (rest < 0) != (right < 0) ? rest + right : rest
        case .power:
            if left == 0, right < 0 {
                throw TemplateError("ZeroDivisionError", "0.0 cannot be raised to a negative power")
            }
            let result = pow(left, right)
            if result.isNaN, !left.isNaN, !right.isNaN {
                throw TemplateError.value("a negative number to the power of a fraction is complex")
            }
            if result.isInfinite, left.isFinite, right.isFinite {
                throw TemplateError.overflow("(34, 'Numerical result out of range')")
            }
            return result
        }
    }

    private static func isSequence(_ value: Value) -> Bool {
        switch value {
        case .text, .list, .tuple: true
        default: false
        }
    }

    private func sum(_ left: Value, _ right: Value) throws -> Value {
        switch (left, right) {
        case (.text(let a), .text(let b)):
            let (a, b) = a.isMarkup || b.isMarkup ? (a.escaped, b.escaped) : (a, b)
            try expect(characters: a.count + b.count)
            return .text(Text(a.scalars + b.scalars, isMarkup: a.isMarkup))
        case (.list(let a), .list(let b)):
            try expect(values: a.items.count + b.items.count)
            return .list(a.items + b.items)
        case (.tuple(let a), .tuple(let b)):
            try expect(values: a.items.count + b.items.count)
            return .tuple(a.items + b.items)
        case (.text(let text), _) where !text.isMarkup:
            throw TemplateError.type("can only concatenate str (not \"\(right.typeName)\") to str")
        case (.list, _), (.tuple, _):
            throw TemplateError.type(
                "can only concatenate \(left.typeName) (not \"\(right.typeName)\") to \(left.typeName)")
        default:
            throw TemplateError.type(
                "unsupported operand type(s) for +: '\(left.typeName)' and '\(right.typeName)'")
        }
    }

    private func repeated(_ value: Value, _ count: Value) throws -> Value {
        guard let times = count.integer else {
            throw TemplateError.type("can't multiply sequence by non-int of type '\(count.typeName)'")
        }
        let times_ = max(0, times)
        func total(_ count: Int) throws -> Int {
            let (total, overflow) = count.multipliedReportingOverflow(by: times_)
            return overflow ? Int.max : total
        }
        switch value {
        case .text(let text):
            try expect(characters: total(text.count))
            return .text(
                Text(
                    Array(repeatElement(text.scalars, count: text.isEmpty ? 0 : times_).joined()),
                    isMarkup: text.isMarkup))
        case .list(let list), .tuple(let list):
            try expect(values: total(list.items.count))
            let items = Array(repeatElement(list.items, count: list.items.isEmpty ? 0 : times_).joined())
            if case .list = value { return .list(items) }
            return .tuple(items)
        default: return value
        }
    }

    // MARK: comparisons

    func compare(_ comparison: Expression.Comparison, _ left: Value, _ right: Value) throws -> Bool {
        switch comparison {
        case .equal: return try isEqual(left, right)
        case .unequal: return try !isEqual(left, right)
        case .contained: return try contains(right, left)
        case .notContained: return try !contains(right, left)
        case .less: return try isLess(left, right, "<")
        case .lessOrEqual: return try isLess(left, right, "<=")
        case .greater: return try isLess(right, left, ">", isSwapped: true)
        case .greaterOrEqual: return try isLess(right, left, ">=", isSwapped: true)
        }
    }

    func isEqual(_ left: Value, _ right: Value) throws -> Bool {
        try deeper {
            switch (left, right) {
            case (.undefined, .undefined), (.none, .none): return true
            case (.text(let a), .text(let b)):
                try spend(min(a.count, b.count) >> 5)
                return a == b
            case (.list(let a), .list(let b)), (.tuple(let a), .tuple(let b)):
                guard a !== b else { return true }
                guard a.items.count == b.items.count else { return false }
                for (a, b) in zip(a.items, b.items) where try !isEqual(a, b) { return false }
                return true
            case (.dict(let a), .dict(let b)):
                guard a !== b else { return true }
                guard a.count == b.count else { return false }
                for (key, value) in a.entries {
                    guard let other = try b.value(of: key), try isEqual(value, other) else { return false }
                }
                return true
            case (.object(let a), .object(let b)):
                if let a = a as? IntegerRange, let b = b as? IntegerRange { return a.values == b.values }
                return a === b
            default:
                if let a = left.integer, let b = right.integer { return a == b }
                if let a = left.number, let b = right.number { return a == b }
                return false
            }
        }
    }

    /// Whether `left` comes before `right`, or is equal to it where the sign says so.
    private func isLess(_ left: Value, _ right: Value, _ sign: String, isSwapped: Bool = false) throws -> Bool {
        try deeper {
            let orEqual = sign.count == 2
            if case .undefined(let undefined) = isSwapped ? right : left { throw undefined.error }
            if case .undefined(let undefined) = isSwapped ? left : right { throw undefined.error }
            if let a = left.integer, let b = right.integer { return orEqual ? a <= b : a < b }
            if let a = left.number, let b = right.number { return orEqual ? a <= b : a < b }
            switch (left, right) {
            case (.text(let a), .text(let b)):
                try spend(min(a.count, b.count) >> 5)
                return orEqual ? !(b < a) : a < b
            case (.list(let a), .list(let b)), (.tuple(let a), .tuple(let b)):
                for (a, b) in zip(a.items, b.items) where try !isEqual(a, b) {
                    return try isLess(a, b, sign, isSwapped: isSwapped)
                }
                return orEqual ? a.items.count <= b.items.count : a.items.count < b.items.count
            default:
                let (a, b) = isSwapped ? (right, left) : (left, right)
                throw TemplateError.type(
                    "'\(sign)' not supported between instances of '\(a.typeName)' and '\(b.typeName)'")
            }
        }
    }

    /// Whether `left` comes before `right`, for sorting.
    func isOrdered(_ left: Value, _ right: Value) throws -> Bool {
        try spend()
        return try isLess(left, right, "<")
    }

    /// `element in container`.
    func contains(_ container: Value, _ element: Value) throws -> Bool {
        switch container {
        case .text(let text):
            guard let part = element.text else {
                throw TemplateError.type(
                    "'in <string>' requires string as left operand, not \(element.typeName)")
            }
            try spend(text.count >> 4)
            return text.firstIndex(of: part) != nil
        case .list(let list), .tuple(let list):
            for item in list.items where try isEqual(item, element) { return true }
            return false
        case .dict(let dict): return try dict.value(of: element) != nil
        case .undefined: return false
        case .object(let object):
            if let elements = object.elements() {
                while let item = try elements.next() {
                    try spend()
                    if try isEqual(item, element) { return true }
                }
                return false
            }
        default: break
        }
        throw TemplateError.type("argument of type '\(container.typeName)' is not iterable")
    }
}
