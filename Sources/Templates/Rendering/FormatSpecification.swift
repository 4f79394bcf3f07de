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

/// What both ways to format do with a text.
extension Rendering {
    /// A text cut to the precision, where one is given.
    func cut(_ text: Text, _ specification: FormatSpecification) -> Text {
        guard let precision = specification.precision, precision < text.count else { return text }
        return Text(text.scalars[..<precision], isMarkup: text.isMarkup)
    }

    /// A text with its sign filled up to the width.
    func padded(_ text: Text, _ specification: FormatSpecification, isNumber: Bool = true) throws -> Text {
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
}

extension Text {
    /// With what is not ASCII as escapes (Python's `ascii`).
    var asciiOnly: Text {
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
