/// Python's `str.format` and `format`: fields in braces.
extension Rendering {
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
