import Formats

/// What stands for one scalar: literals, escapes, brackets.
extension PatternParser {
    /// One end of a range in brackets, or a class.
    private enum Item {
        case scalar(UInt32)
        case members(ScalarSet.Class, isNegated: Bool)
    }

    func literal(_ scalar: Unicode.Scalar) throws -> ScalarSet {
        if ignoresCase, !scalar.isASCII { throw refuse("ignoring the case of a letter beyond ASCII is not supported") }
        return ScalarSet(scalar.value, ignoringCase: ignoresCase)
    }

    /// The set of a backslash and what follows it.
    mutating func escape() throws -> ScalarSet {
        switch try escapedItem() {
        case .scalar(let scalar): return ScalarSet(scalar, ignoringCase: ignoresCase)
        case .members(let kind, let isNegated): return ScalarSet(kind, negated: isNegated)
        }
    }

    mutating func bracket() throws -> ScalarSet {
        let start = index
        index += 1
        var set = ScalarSet()
        let isNegated = take("^")
        let first = index
        while next != "]" || (index == first && dialect == .python) {
            let place = index
            let low = try item(start)
            guard case .scalar(let low) = low else {
                if case .members(let kind, let isNegated) = low { set.insert(kind, negated: isNegated) }
                if dialect == .python, isRange { throw refuse("a class as the end of a range", at: place) }
                continue
            }
            var high = low
            if isRange {
                index += 1
                guard case .scalar(let end) = try item(start) else {
                    throw refuse("a class as the end of a range", at: place)
                }
                high = end
            }
            guard low <= high else { throw refuse("a range whose end is below its start", at: place) }
            if ignoresCase, high >= 0x80 {
                throw refuse("ignoring the case of a letter beyond ASCII is not supported", at: place)
            }
            set.insert(low...high, ignoringCase: ignoresCase)
        }
        if index == first { throw refuse("empty brackets", at: start) }
        index += 1
        if isNegated { set.negate() }
        set.freeze()
        return set
    }

    /// Whether a '-' follows that stands between the ends of a range.
    private var isRange: Bool { next == "-" && index + 1 < scalars.count && scalars[index + 1] != "]" }

    /// What stands at a place in brackets that began at `start`.
    private mutating func item(_ start: Int) throws -> Item {
        guard let scalar = next else { throw refuse("'[' without its ']'", at: start) }
        if scalar == "\\" { return try escapedItem(inBrackets: true) }
        if dialect == .oniguruma {
            if scalar == "[" { throw refuse("a '[' within brackets is not supported (escape it)") }
            if scalar == "&", index + 1 < scalars.count, scalars[index + 1] == "&" {
                throw refuse("'&&' within brackets is not supported")
            }
        }
        index += 1
        return .scalar(scalar.value)
    }

    private mutating func escapedItem(inBrackets: Bool = false) throws -> Item {
        let start = index
        guard index + 1 < scalars.count else { throw refuse("a '\\' at the end") }
        let letter = scalars[index + 1]
        index += 2
        let isPython = dialect == .python
        switch letter {
        case "s", "S": return .members(isPython ? .pythonWhitespace : .whitespace, isNegated: letter == "S")
        case "w", "W": return .members(isPython ? .pythonWord : .word, isNegated: letter == "W")
        case "d", "D": return .members(.categories(ScalarSet.Categories(.decimalNumber)), isNegated: letter == "D")
        case "p" where !isPython, "P" where !isPython: return try property(start, isNegated: letter == "P")
        case "n": return .scalar(10)
        case "r": return .scalar(13)
        case "t": return .scalar(9)
        case "f": return .scalar(12)
        case "v": return .scalar(11)
        case "a" where isPython: return .scalar(7)
        case "b" where isPython && inBrackets: return .scalar(8)
        case "x" where isPython: return .scalar(try hexadecimal(2, start))
        case "u" where isPython: return .scalar(try hexadecimal(4, start))
        case "0"..."9": throw refuse("a back-reference or octal number ('\\\(letter)') is not supported", at: start)
        case "a"..."z", "A"..."Z": throw refuse("'\\\(letter)' is not supported", at: start)
        default: return .scalar(letter.value)
        }
    }

    /// `\p{..}` and `\P{..}`, of which the braces are still to be read.
    private mutating func property(_ start: Int, isNegated: Bool) throws -> Item {
        var name = ""
        var isNegated = isNegated
        guard take("{") else { throw refuse("'\\p' without its '{'", at: start) }
        if take("^") { isNegated.toggle() }
        while let scalar = next, scalar != "}" {
            name.unicodeScalars.append(scalar)
            index += 1
        }
        guard take("}"), let kind = ScalarSet.property(name) else {
            throw refuse("the property '\(FormatError.shown(name))' is not supported", at: start)
        }
        return .members(kind, isNegated: isNegated)
    }

    private mutating func hexadecimal(_ count: Int, _ start: Int) throws -> UInt32 {
        let digits = scalars[index...].prefix(count)
        guard digits.count == count, digits.allSatisfy(\.properties.isASCIIHexDigit),
            let value = UInt32(String(String.UnicodeScalarView(digits)), radix: 16)
        else { throw refuse("an escape without its \(count) hexadecimal digits", at: start) }
        index += count
        return value
    }
}
