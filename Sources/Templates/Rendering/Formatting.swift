/// `%` and `str.format`.
extension Rendering {
    // MARK: the operator %

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

    private func cut(_ text: Text, _ specification: FormatSpecification) -> Text {
        guard let precision = specification.precision, precision < text.count else { return text }
        return Text(text.scalars[..<precision], isMarkup: text.isMarkup)
    }

    /// A text with its sign filled up to the width.
    private func padded(_ text: Text, _ specification: FormatSpecification, isNumber: Bool = true) throws -> Text {
        try expect(characters: max(text.count, specification.width))
        if specification.padsZeros, specification.align == nil || specification.align == "=" {
            let prefix = specification.prefixCount(text)
            let zeros = Array(
                repeating: specification.fill ?? Unicode.Scalar("0"), count: max(0, specification.width - text.count))
            return Text(text.scalars[..<prefix] + zeros + text.scalars[prefix...])
        }
        let fill = specification.fill ?? " "
        switch specification.align ?? (isNumber ? ">" : "<") {
        case "<": return text.padded(to: specification.width, with: fill) { _ in 0 }
        case "^": return text.padded(to: specification.width, with: fill) { $0 / 2 }
        case "=":
            let prefix = specification.prefixCount(text)
            let filling = Array(repeating: fill, count: max(0, specification.width - text.count))
            return Text(text.scalars[..<prefix] + filling + text.scalars[prefix...])
        default: return text.padded(to: specification.width, with: fill) { $0 }
        }
    }

    // MARK: str.format

    /// `format.format(...)`.
    func formatted(_ format: Text, _ arguments: Arguments, isMap: Bool = false) throws -> Text {
        var arguments = arguments
        if isMap {
            guard arguments.named.isEmpty else {
                throw TemplateError.type("format_map() takes no keyword arguments")
            }
            guard arguments.positional.count == 1 else {
                throw TemplateError.type(
                    "format_map() takes exactly one argument (\(arguments.positional.count) given)")
            }
            guard case .dict(let dict) = arguments.positional[0] else {
                throw TemplateError.type("format_map() wants a mapping")
            }
            arguments = Arguments([], named: dict.entries.compactMap { ($0.key.text?.string ?? "", $0.value) })
        }
        var automatic: Int? = 0
        let text = try formatted(format, arguments, &automatic, depth: 2)
        return Text(text.scalars, isMarkup: format.isMarkup)
    }

    private func formatted(_ format: Text, _ arguments: Arguments, _ automatic: inout Int?, depth: Int) throws -> Text {
        guard depth > 0 else { throw TemplateError.value("Max string recursion exceeded") }
        var result: [Unicode.Scalar] = []
        let scalars = format.scalars
        var index = 0
        while index < scalars.count {
            let scalar = scalars[index]
            index += 1
            if scalar == "}" {
                guard index < scalars.count, scalars[index] == "}" else {
                    throw TemplateError.value("Single '}' encountered in format string")
                }
                index += 1
            } else if scalar == "{" {
                guard index < scalars.count else {
                    throw TemplateError.value("Single '{' encountered in format string")
                }
                guard scalars[index] == "{" else {
                    var (end, nesting) = (index, 1)
                    while end < scalars.count {
                        nesting += scalars[end] == "{" ? 1 : scalars[end] == "}" ? -1 : 0
                        if nesting == 0 { break }
                        end += 1
                    }
                    guard nesting == 0 else { throw TemplateError.value("expected '}' before end of string") }
                    let text = try field(
                        Text(scalars[index..<end]), arguments, &automatic, depth: depth, isMarkup: format.isMarkup)
                    try expect(characters: result.count + text.count)
                    result += text.scalars
                    index = end + 1
                    continue
                }
                index += 1
            }
            result.append(scalar)
        }
        return Text(result)
    }

    private func field(
        _ field: Text, _ arguments: Arguments, _ automatic: inout Int?, depth: Int, isMarkup: Bool
    ) throws -> Text {
        let scalars = field.scalars
        var end = 0
        var brackets = false
        while end < scalars.count, brackets || (scalars[end] != "!" && scalars[end] != ":") {
            if scalars[end] == "[" { brackets = true } else if scalars[end] == "]" { brackets = false }
            end += 1
        }
        let name = Text(scalars[..<end])
        var conversion: Unicode.Scalar?
        if end < scalars.count, scalars[end] == "!" {
            guard end + 1 < scalars.count else {
                throw TemplateError.value("end of string while looking for conversion specifier")
            }
            conversion = scalars[end + 1]
            end += 2
            guard end == scalars.count || scalars[end] == ":" else {
                throw TemplateError.value("expected ':' after conversion specifier")
            }
        }
        var value = try value(of: name, arguments, &automatic)
        var specification = end < scalars.count ? Text(scalars[(end + 1)...]) : Text()
        if specification.scalars.contains("{") || specification.scalars.contains("}") {
            specification = try formatted(specification, arguments, &automatic, depth: depth - 1)
        }
        switch conversion {
        case nil: break
        case "s": value = .text(try text(of: value))
        case "r": value = .string(try represented(value))
        case "a": value = .text(Text(try represented(value)).asciiOnly)
        case let other?: throw TemplateError.value("Unknown conversion specifier \(other)")
        }
        let text = try formatted(value, specification)
        return isMarkup ? text.escaped : text
    }

    private func value(of name: Text, _ arguments: Arguments, _ automatic: inout Int?) throws -> Value {
        let scalars = name.scalars
        var index = 0
        while index < scalars.count, scalars[index] != ".", scalars[index] != "[" { index += 1 }
        let first = Text(scalars[..<index]).string
        var value: Value
        if first.isEmpty || first.allSatisfy({ $0.isASCII && $0.isNumber }) {
            if first.isEmpty {
                guard let place = automatic else {
                    throw TemplateError.value(
                        "cannot switch from manual field specification to automatic field numbering")
                }
                automatic = place + 1
                value = try positional(place, arguments)
            } else {
                if let place = automatic, place > 0 {
                    throw TemplateError.value(
                        "cannot switch from manual field specification to automatic field numbering")
                }
                automatic = nil
                value = try positional(Int(first) ?? Int.max, arguments)
            }
        } else {
            guard let found = arguments.named(first) else {
                throw TemplateError("KeyError", Text(first).represented)
            }
            value = found
        }
        while index < scalars.count {
            if scalars[index] == "." {
                let start = index + 1
                index = start
                while index < scalars.count, scalars[index] != ".", scalars[index] != "[" { index += 1 }
                guard index > start else { throw TemplateError.value("Empty attribute in format string") }
                value = try attribute(Text(scalars[start..<index]).string, of: value)
            } else if scalars[index] == "[" {
                guard let end = scalars[index...].firstIndex(of: "]") else {
                    throw TemplateError.value("Missing ']' in format string")
                }
                let key = Text(scalars[(index + 1)..<end])
                guard !key.isEmpty else { throw TemplateError.value("Empty attribute in format string") }
                let isNumber = key.scalars.allSatisfy(\.isDigit)
                value = try item(of: value, isNumber ? Int(key.string).map(Value.integer) ?? .text(key) : .text(key))
                index = end + 1
            } else {
                throw TemplateError.value("Only '.' or '[' may follow ']' in format field specifier")
            }
        }
        return value
    }

    private func positional(_ place: Int, _ arguments: Arguments) throws -> Value {
        guard place < arguments.positional.count else {
            throw TemplateError("IndexError", "tuple index out of range")
        }
        return arguments.positional[place]
    }

    /// `format(value, specification)`.
    private func formatted(_ value: Value, _ text: Text) throws -> Text {
        if text.isEmpty { return try self.text(of: value) }
        var specification = try FormatSpecification(text)
        let code = specification.kind
        func unknown() -> TemplateError {
            .value(
                "Unknown format code '\(code.map { String($0) } ?? "")' for object of type '\(value.typeName)'")
        }
        switch value {
        case .text(let text):
            guard code == nil || code == "s" else { throw unknown() }
            if specification.sign != nil { throw TemplateError.value("Sign not allowed in string format specifier") }
            if specification.align == "=" {
                throw TemplateError.value("'=' alignment not allowed in string format specifier")
            }
            if specification.padsZeros {
                (specification.fill, specification.padsZeros) = (specification.fill ?? "0", false)
            }
            return try padded(cut(text, specification), specification, isNumber: false)
        case .bool, .integer:
            let integer = value.integer ?? 0
            switch code {
            case nil, "d", "n", "x", "X", "o", "b":
                if specification.precision != nil {
                    throw TemplateError.value("Precision not allowed in integer format specifier")
                }
                let radix = code == "x" || code == "X" ? 16 : code == "o" ? 8 : code == "b" ? 2 : 10
                return try padded(specification.signed(integer, radix: radix), specification)
            case "c":
                guard let code = UInt32(exactly: integer), let scalar = Unicode.Scalar(code) else {
                    throw TemplateError.overflow("%c arg not in range(0x110000)")
                }
                return try padded(Text([scalar]), specification, isNumber: false)
            case "e", "E", "f", "F", "g", "G", "%":
                if specification.precision == nil { specification.precision = 6 }
                return try padded(try specification.signed(Double(integer)), specification)
            default: throw unknown()
            }
        case .float(let number):
            switch code {
            case nil, "e", "E", "f", "F", "g", "G", "n", "%":
                if code != nil, specification.precision == nil { specification.precision = 6 }
                return try padded(try specification.signed(number), specification)
            default: throw unknown()
            }
        case .undefined:
            throw TemplateError.type("unsupported format string passed to Undefined.__format__")
        default:
            throw TemplateError.type("unsupported format string passed to \(value.typeName).__format__")
        }
    }
}

/// How a value is formatted: Python's `[[fill]align][sign][#][0][width][,][.precision][kind]`.
struct FormatSpecification {
    var fill: Unicode.Scalar?
    var align: Unicode.Scalar?
    var sign: Unicode.Scalar?
    var isAlternate = false
    var padsZeros = false
    var width = 0
    var grouping: Unicode.Scalar?
    var precision: Int?
    var kind: Unicode.Scalar?

    init() {}

    init(_ text: Text) throws {
        var rest = text.scalars[...]
        func isAlign(_ scalar: Unicode.Scalar?) -> Bool { scalar.map { "<>=^".unicodeScalars.contains($0) } ?? false }
        if isAlign(rest.dropFirst().first) {
            (fill, align) = (rest.removeFirst(), rest.removeFirst())
        } else if isAlign(rest.first) {
            align = rest.removeFirst()
        }
        if let scalar = rest.first, "+- ".unicodeScalars.contains(scalar) { sign = rest.removeFirst() }
        if rest.first == "#" {
            isAlternate = true
            rest.removeFirst()
        }
        if rest.first == "0" {
            padsZeros = true
            rest.removeFirst()
        }
        func digits() throws -> Int? {
            var text = ""
            while let scalar = rest.first, scalar.isDigit { text.unicodeScalars.append(rest.removeFirst()) }
            if text.isEmpty { return nil }
            guard let number = Int(text) else { throw TemplateError.value("Too many decimal digits in format string") }
            return number
        }
        width = try digits() ?? 0
        if let scalar = rest.first, scalar == "," || scalar == "_" { grouping = rest.removeFirst() }
        if rest.first == "." {
            rest.removeFirst()
            guard let count = try digits() else { throw TemplateError.value("Format specifier missing precision") }
            precision = count
        }
        if !rest.isEmpty { kind = rest.removeFirst() }
        guard rest.isEmpty else {
            throw TemplateError.value("Invalid format specifier")
        }
    }

    /// How much of a number's text stands before its digits.
    func prefixCount(_ text: Text) -> Int {
        var count = 0
        if let first = text.scalars.first, "+- ".unicodeScalars.contains(first) { count = 1 }
        if isAlternate, text.count > count + 1, text.scalars[count] == "0", text.scalars[count + 1].isLetter {
            count += 2
        }
        return count
    }

    private func withSign(_ digits: String, isNegative: Bool) -> Text {
        Text((isNegative ? "-" : sign == "+" ? "+" : sign == " " ? " " : "") + digits)
    }

    /// The digits with a separator after each three of the whole part.
    private func grouped(_ digits: String, by size: Int = 3) -> String {
        guard let grouping else { return digits }
        let whole = digits.prefix { $0.isHexDigit }
        var result = ""
        for (index, digit) in whole.enumerated() {
            if index > 0, (whole.count - index) % size == 0 { result.unicodeScalars.append(grouping) }
            result.append(digit)
        }
        return result + digits.dropFirst(whole.count)
    }

    func signed(_ integer: Int, radix: Int) -> Text {
        var digits = grouped(String(integer.magnitude, radix: radix), by: radix == 10 ? 3 : 4)
        if let precision, precision > digits.count, precision <= Numbers.maxPrecision {
            digits = String(repeating: "0", count: precision - digits.count) + digits
        }
        if isAlternate, radix != 10 { digits = (radix == 16 ? "0x" : radix == 8 ? "0o" : "0b") + digits }
        return withSign(kind == "X" ? digits.uppercased() : digits, isNegative: integer < 0)
    }

    func signed(_ number: Double) throws -> Text {
        if let precision, precision > Numbers.maxPrecision {
            throw TemplateError.value("precision \(precision), at most \(Numbers.maxPrecision) digits are written")
        }
        let magnitude = number.magnitude
        let digits: String
        switch kind {
        case "f", "F":
            digits = Numbers.fixed(magnitude, precision ?? 6) + (isAlternate && precision == 0 ? "." : "")
        case "e", "E": digits = Numbers.exponential(magnitude, precision ?? 6)
        case "%": digits = Numbers.fixed(magnitude * 100, precision ?? 6) + "%"
        case "g", "G", "n": digits = Numbers.general(magnitude, precision ?? 6, keepsZeros: isAlternate)
        default:
            guard let precision else {
                digits = Numbers.represented(magnitude)
                break
            }
            // Like `g`, with a digit after the point at least.
            let general = Numbers.general(magnitude, precision)
            let isWhole = general.allSatisfy { $0.isNumber }
            digits =
                isWhole && general.count < max(1, precision)
                ? general + ".0"
                : isWhole ? Numbers.exponentialWhole(magnitude, precision) : general
        }
        let upper = kind == "E" || kind == "F" || kind == "G"
        return withSign(
            grouped(upper ? digits.uppercased() : digits), isNegative: number.sign == .minus && !number.isNaN)
    }
}

extension Numbers {
    /// `format(number, ".<precision>")` of a number whose digits are used up by its whole part.
    fileprivate static func exponentialWhole(_ number: Double, _ precision: Int) -> String {
        let text = exponential(number, max(1, precision) - 1)
        guard let split = text.firstIndex(of: "e") else { return text }
        var digits = text[..<split]
        if digits.contains(".") {
            while digits.last == "0" { digits.removeLast() }
            if digits.last == "." { digits.removeLast() }
        }
        return String(digits) + text[split...]
    }
}

extension Text {
    /// With what is not ASCII as escapes (Python's `ascii`).
    fileprivate var asciiOnly: Text {
        var result: [Unicode.Scalar] = []
        for scalar in scalars {
            if scalar.isASCII {
                result.append(scalar)
            } else {
                let digits = String(scalar.value, radix: 16)
                let (letter, width) = scalar.value < 0x100 ? ("x", 2) : scalar.value < 0x10000 ? ("u", 4) : ("U", 8)
                let escape = "\\\(letter)" + String(repeating: "0", count: width - digits.count) + digits
                result.append(contentsOf: escape.unicodeScalars)
            }
        }
        return Text(result)
    }
}
