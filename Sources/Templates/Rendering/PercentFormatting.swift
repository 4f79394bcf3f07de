/// Python's `format % value` (jinja2 3.1 leaves it to str.__mod__).
extension Rendering {
    /// `format % value`.
    func formatted(_ format: Text, with value: Value) throws -> Text {
        var remaining: [Value]
        if case .tuple(let list) = value { remaining = list.items } else { remaining = [value] }
        let isTuple = if case .tuple = value { true } else { false }
        var mapping: Value?
        switch value {
        case .dict, .undefined, .list: mapping = value
        case .object(let object) where object.elements() != nil && object is IntegerRange: mapping = value
        default: break
        }
        var used = 0
        var result: [Unicode.Scalar] = []
        let scalars = format.scalars
        var index = 0
        func next() throws -> Value {
            guard used < remaining.count else { throw TemplateError.type("not enough arguments for format string") }
            used += 1
            return remaining[used - 1]
        }
        var usesMapping = false
        while index < scalars.count {
            guard scalars[index] == "%" else {
                result.append(scalars[index])
                index += 1
                continue
            }
            index += 1
            func current() throws -> Unicode.Scalar {
                guard index < scalars.count else { throw TemplateError.value("incomplete format") }
                return scalars[index]
            }
            var own: Value?
            if try current() == "(" {
                guard let mapping else { throw TemplateError.type("format requires a mapping") }
                var depth = 1
                let start = index + 1
                while depth > 0 {
                    index += 1
                    guard index < scalars.count else { throw TemplateError.value("incomplete format key") }
                    depth += scalars[index] == "(" ? 1 : scalars[index] == ")" ? -1 : 0
                }
                let key = Text(scalars[start..<index])
                index += 1
                usesMapping = true
                guard case .dict(let dict) = mapping else {
                    if case .undefined(let undefined) = mapping { throw undefined.error }
                    throw TemplateError.type("\(mapping.typeName) indices must be integers or slices, not str")
                }
                guard let found = dict.value(of: key) else { throw TemplateError("KeyError", key.represented) }
                own = found
            }
            var specification = FormatSpecification()
            while index < scalars.count, "-+ #0".unicodeScalars.contains(scalars[index]) {
                switch scalars[index] {
                case "-": specification.align = "<"
                case "+": specification.sign = "+"
                case " ": if specification.sign != "+" { specification.sign = " " }
                case "#": specification.isAlternate = true
                default: specification.padsZeros = true
                }
                index += 1
            }
            func count() throws -> Int? {
                if index < scalars.count, scalars[index] == "*" {
                    index += 1
                    guard let integer = try next().integer else { throw TemplateError.type("* wants int") }
                    return integer
                }
                var digits = ""
                while index < scalars.count, scalars[index].isDigit {
                    digits.unicodeScalars.append(scalars[index])
                    index += 1
                }
                if digits.isEmpty { return nil }
                guard let count = Int(digits) else { throw TemplateError.value("width too big") }
                return count
            }
            if let width = try count() {
                if width < 0 { specification.align = "<" }
                specification.width = Int(clamping: width.magnitude)
            }
            if index < scalars.count, scalars[index] == "." {
                index += 1
                specification.precision = max(0, try count() ?? 0)
            }
            while index < scalars.count, "hlL".unicodeScalars.contains(scalars[index]) { index += 1 }
            let code = try current()
            index += 1
            if code == "%" {
                result.append("%")
                continue
            }
            let value = try own ?? next()
            specification.kind = code
            let text = try converted(value, specification, at: index - 1, isMarkup: format.isMarkup)
            try expect(characters: result.count + text.count)
            result += text.scalars
        }
        if used < remaining.count, isTuple || (mapping == nil && !usesMapping) {
            throw TemplateError.type("not all arguments converted during string formatting")
        }
        remaining = []
        return Text(result, isMarkup: format.isMarkup)
    }

    private func converted(
        _ value: Value, _ specification: FormatSpecification, at place: Int, isMarkup: Bool
    ) throws -> Text {
        var specification = specification
        let code = specification.kind ?? "s"
        func number() throws -> Double {
            if case .undefined(let undefined) = value { throw undefined.error }
            guard let number = value.number else {
                throw TemplateError.type("must be real number, not \(value.typeName)")
            }
            return number
        }
        switch code {
        case "s", "r", "a":
            var text = code == "s" ? try self.text(of: value) : Text(try represented(value))
            if code == "a" { text = text.asciiOnly }
            if isMarkup { text = text.escaped }
            specification.padsZeros = false
            return try padded(cut(text, specification), specification, isNumber: true)
        case "c":
            if let text = value.text {
                guard text.count == 1 else { throw TemplateError.type("%c requires int or char") }
                return try padded(text, specification, isNumber: true)
            }
            guard let integer = value.integer else { throw TemplateError.type("%c requires int or char") }
            guard let code = UInt32(exactly: integer), let scalar = Unicode.Scalar(code) else {
                throw TemplateError.overflow("%c arg not in range(0x110000)")
            }
            return try padded(Text([scalar]), specification, isNumber: true)
        case "d", "i", "u":
            if case .undefined(let undefined) = value { throw undefined.error }
            guard let number = value.number else {
                throw TemplateError.type("%\(code) format: a real number is required, not \(value.typeName)")
            }
            guard let integer = value.integer ?? Int(exactly: number.rounded(.towardZero)) else {
                throw TemplateError.tooLarge
            }
            return try padded(specification.signed(integer, radix: 10), specification)
        case "x", "X", "o":
            guard let integer = value.integer else {
                throw TemplateError.type("%\(code) format: an integer is required, not \(value.typeName)")
            }
            return try padded(specification.signed(integer, radix: code == "o" ? 8 : 16), specification)
        case "e", "E", "f", "F", "g", "G":
            let number = try number()
            if specification.precision == nil { specification.precision = 6 }
            return try padded(try specification.signed(number), specification)
        default:
            throw TemplateError.value(
                "unsupported format character '\(code)' (0x\(String(code.value, radix: 16))) at index \(place)")
        }
    }
}
