/// Reads Python's syntax of regular expressions into a tree.
struct RegexParser {
    private let pattern: String
    private let text: [Unicode.Scalar]
    private var place = 0
    private var depth = 0

    /// Parser of `pattern`.
    init(_ pattern: String) throws {
        (self.pattern, text) = (pattern, Array(pattern.unicodeScalars))
        guard text.count <= PythonRegex.maxPatternLength else {
            throw PythonRegex.error(
                pattern, "has \(text.count) characters, at most \(PythonRegex.maxPatternLength) are read")
        }
    }

    /// The tree of the whole pattern.
    mutating func parse() throws -> RegexTree {
        let tree = try choice()
        guard place == text.count else { throw fail("unbalanced parenthesis") }
        return tree
    }

    private func fail(_ what: String, at position: Int? = nil) -> AdapterError {
        PythonRegex.error(pattern, "\(what) at position \(position ?? place)")
    }

    private var next: Unicode.Scalar? { place < text.count ? text[place] : nil }

    private mutating func take(_ word: String) -> Bool {
        let scalars = Array(word.unicodeScalars)
        guard text[place...].starts(with: scalars) else { return false }
        place += scalars.count
        return true
    }

    private mutating func choice() throws -> RegexTree {
        depth += 1
        defer { depth -= 1 }
        guard depth <= 100 else { throw fail("groups are nested too deeply") }
        var branches = [try sequence()]
        while take("|") { branches.append(try sequence()) }
        return branches.count == 1 ? branches[0] : .choice(branches)
    }

    private mutating func sequence() throws -> RegexTree {
        var items: [RegexTree] = []
        while let scalar = next, scalar != "|", scalar != ")" {
            let start = place
            let item = try atom()
            items.append(try quantified(item, at: start))
        }
        return items.count == 1 ? items[0] : .sequence(items)
    }

    private mutating func quantified(_ item: RegexTree, at start: Int) throws -> RegexTree {
        let quantifierStart = place
        guard let (least, most) = try quantifier() else { return item }
        switch item {
        case .assertion, .empty: throw fail("nothing to repeat", at: start)
        default: break
        }
        if take("+") { throw fail("possessive quantifiers are not supported", at: quantifierStart) }
        _ = take("?")
        let again = place
        if try quantifier() != nil { throw fail("multiple repeat", at: again) }
        return .repeated(item, least: least, most: most)
    }

    private mutating func quantifier() throws -> (Int, Int?)? {
        if take("*") { return (0, nil) }
        if take("+") { return (1, nil) }
        if take("?") { return (0, 1) }
        guard next == "{" else { return nil }
        let start = place
        place += 1
        let least = number()
        var most = least
        if take(",") { most = number() } else if least == nil { most = nil }
        // Python reads a brace that is no quantifier as itself.
        guard take("}"), text[start..<place].count > 2 else {
            place = start
            return nil
        }
        let separated = text[start..<place].contains(",")
        guard (least ?? 0) <= 1_000, (most ?? 0) <= 1_000 else {
            throw fail("repeats more than 1000 times are not supported", at: start)
        }
        if let most, let least, most < least { throw fail("min repeat greater than max repeat", at: start) }
        return (least ?? 0, separated ? most : least)
    }

    private mutating func number() -> Int? {
        var value: Int?
        while let digit = next.flatMap({ Int(exactly: $0.value) }), (48...57).contains(digit) {
            value = min((value ?? 0) * 10 + digit - 48, 1_000_000)
            place += 1
        }
        return value
    }

    private mutating func atom() throws -> RegexTree {
        guard let scalar = next else { return .empty }
        let start = place
        place += 1
        switch scalar {
        case ".": return .set(RegexSet(ranges: [10...10], isNegated: true))
        case "^": return .assertion(.start)
        case "$": return .assertion(.endOrNewline)
        case "*", "+", "?": throw fail("nothing to repeat", at: start)
        case "[": return .set(try set(start: start))
        case "(": return try group(start: start)
        case "\\": return try escape(start: start)
        default: return .set(RegexSet(ranges: [scalar.value...scalar.value]))
        }
    }

    private mutating func group(start: Int) throws -> RegexTree {
        var look: Bool?
        if take("?") {
            if take(":") {
            } else if take("=") {
                look = false
            } else if take("!") {
                look = true
            } else if take("P<") {
                try groupName()
            } else {
                throw fail(unsupportedGroup(), at: start)
            }
        }
        let tree = try choice()
        guard take(")") else { throw fail("missing ), unterminated group", at: start) }
        if let look { return .look(tree, negative: look) }
        return .sequence([tree])
    }

    private mutating func groupName() throws {
        let start = place
        while let scalar = next, scalar != ">" {
            guard RegexSet.isIn(.word, scalar) else { throw fail("bad character in group name", at: start) }
            place += 1
        }
        guard place > start, take(">") else { throw fail("missing group name", at: start) }
    }

    private mutating func unsupportedGroup() -> String {
        if take("<=") || take("<!") { return "lookbehind is not supported" }
        if take("P=") { return "back-references are not supported" }
        if take(">") { return "atomic groups are not supported" }
        if take("#") { return "comments are not supported" }
        if take("(") { return "conditional groups are not supported" }
        return "flags and other (?…) extensions are not supported"
    }

    private mutating func escape(start: Int) throws -> RegexTree {
        switch next {
        case "A": place += 1; return .assertion(.start)
        case "Z": place += 1; return .assertion(.end)
        case "b": place += 1; return .assertion(.wordBoundary)
        case "B": place += 1; return .assertion(.noWordBoundary)
        case .some(let digit) where (49...57).contains(digit.value):
            throw fail("back-references are not supported", at: start)
        default: return .set(try escapedSet(start: start))
        }
    }

    /// What a backslash stands for inside and outside of a class; `place` is after the backslash.
    private mutating func escapedSet(start: Int) throws -> RegexSet {
        guard let scalar = next else { throw fail("bad escape (end of pattern)", at: start) }
        place += 1
        let lower = Character(scalar).lowercased().first ?? " "
        if let kind = RegexSet.Class(rawValue: lower) {
            return RegexSet(classes: [(kind, negated: Character(scalar) != lower)])
        }
        let value: UInt32
        switch scalar {
        case "n": value = 10
        case "t": value = 9
        case "r": value = 13
        case "f": value = 12
        case "v": value = 11
        case "a": value = 7
        case "0": value = 0
        case "x": value = try hexadecimal(2, start: start)
        case "u": value = try hexadecimal(4, start: start)
        default:
            let isLetterOrDigit = scalar.isASCII && (scalar.properties.isAlphabetic || (48...57).contains(scalar.value))
            guard !isLetterOrDigit else { throw fail("bad escape \\\(scalar)", at: start) }
            value = scalar.value
        }
        return RegexSet(ranges: [value...value])
    }

    private mutating func hexadecimal(_ count: Int, start: Int) throws -> UInt32 {
        guard place + count <= text.count else { throw fail("incomplete escape", at: start) }
        let digits = String(String.UnicodeScalarView(text[place..<place + count]))
        guard let value = UInt32(digits, radix: 16), !digits.contains("+") else {
            throw fail("incomplete escape", at: start)
        }
        place += count
        return value
    }

    private mutating func set(start: Int) throws -> RegexSet {
        var result = RegexSet()
        result.isNegated = take("^")
        var isFirst = true
        while let scalar = next, scalar != "]" || isFirst {
            isFirst = false
            let item = try setItem(start: start)
            guard next == "-", place + 1 < text.count, text[place + 1] != "]" else {
                result.ranges += item.ranges
                result.classes += item.classes
                continue
            }
            place += 1
            let end = try setItem(start: start)
            guard item.classes.isEmpty, end.classes.isEmpty, let low = item.ranges.first?.lowerBound,
                let high = end.ranges.first?.lowerBound, low <= high
            else { throw fail("bad character range", at: place) }
            result.ranges.append(low...high)
        }
        guard take("]") else { throw fail("unterminated character set", at: start) }
        return result
    }

    private mutating func setItem(start: Int) throws -> RegexSet {
        guard let scalar = next else { throw fail("unterminated character set", at: start) }
        place += 1
        guard scalar == "\\" else { return RegexSet(ranges: [scalar.value...scalar.value]) }
        if next == "b" {
            place += 1
            return RegexSet(ranges: [8...8])
        }
        return try escapedSet(start: start)
    }
}
