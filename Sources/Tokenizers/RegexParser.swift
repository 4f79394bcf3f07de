/// Reads a pattern into a tree.
struct RegexParser {
    indirect enum Tree {
        case set(ScalarSet)
        case sequence([Tree])
        case choice([Tree])
        case loop(Tree, min: Int, max: Int, mode: Mode)
        case look(Tree, negative: Bool)
        case atomic(Tree)
        case anchor(Regex.Anchor)

        /// Whether it can match without taking a scalar.
        var canBeEmpty: Bool {
            switch self {
            case .set: false
            case .sequence(let parts): parts.allSatisfy(\.canBeEmpty)
            case .choice(let parts): parts.contains(where: \.canBeEmpty)
            case .loop(let tree, let min, _, _): min == 0 || tree.canBeEmpty
            case .atomic(let tree): tree.canBeEmpty
            case .look, .anchor: true
            }
        }
    }

    enum Mode { case greedy, lazy, possessive }

    private let pattern: String
    private let scalars: [Unicode.Scalar]
    private var index = 0
    private var ignoresCase = false
    private var depth = 0

    init(_ pattern: String) {
        self.pattern = pattern
        scalars = Array(pattern.unicodeScalars)
    }

    mutating func parse() throws -> Tree {
        let tree = try choice()
        guard index == scalars.count else { throw refuse("an unmatched ')'") }
        return tree
    }

    private var next: Unicode.Scalar? { index < scalars.count ? scalars[index] : nil }

    private mutating func take(_ text: String) -> Bool {
        let wanted = Array(text.unicodeScalars)
        guard index + wanted.count <= scalars.count, Array(scalars[index..<index + wanted.count]) == wanted else {
            return false
        }
        index += wanted.count
        return true
    }

    private func refuse(_ what: String) -> TokenizerError {
        .unsupportedPattern(pattern, what: what, at: index)
    }

    private mutating func choice() throws -> Tree {
        depth += 1
        defer { depth -= 1 }
        guard depth < 50 else { throw refuse("groups nested deeper than 50") }
        var branches = [try sequence()]
        while take("|") { branches.append(try sequence()) }
        return branches.count == 1 ? branches[0] : .choice(branches)
    }

    private mutating func sequence() throws -> Tree {
        var parts: [Tree] = []
        while let scalar = next, scalar != "|", scalar != ")" {
            parts.append(try repetition(of: try atom()))
        }
        return parts.count == 1 ? parts[0] : .sequence(parts)
    }

    private mutating func repetition(of atom: Tree) throws -> Tree {
        var tree = atom
        while let scalar = next {
            var (min, max) = (0, Int.max)
            var isInterval = false
            switch scalar {
            case "*": index += 1
            case "+": (index, min) = (index + 1, 1)
            case "?": (index, max) = (index + 1, 1)
            case "{":
                guard let bounds = try interval() else { return tree }
                (min, max) = bounds
                isInterval = true
            default: return tree
            }
            var mode = Mode.greedy
            if take("?") {
                mode = .lazy
            } else if !isInterval, take("+") {
                mode = .possessive
            }
            if tree.canBeEmpty, max > 1 { throw refuse("a repeated group that can be empty") }
            tree = .loop(tree, min: min, max: max, mode: mode)
        }
        return tree
    }

    /// `{n}`, `{n,}`, `{,m}` or `{n,m}`; nil where the brace is a literal.
    private mutating func interval() throws -> (Int, Int)? {
        let start = index
        index += 1
        let low = try number()
        var high = low
        let hasComma = take(",")
        if hasComma { high = try number() }
        guard take("}"), low != nil || high != nil else {
            index = start
            throw refuse("a '{' that begins no interval (escape it)")
        }
        let bounds = (low ?? 0, high ?? (hasComma ? Int.max : low ?? 0))
        guard bounds.0 <= bounds.1 else { throw refuse("an interval whose end is below its start") }
        return bounds
    }

    private mutating func number() throws -> Int? {
        var value: Int?
        while let scalar = next, let digit = Int(String(scalar)), scalar.isASCII {
            index += 1
            value = (value ?? 0) * 10 + digit
            guard value ?? 0 <= 1000 else { throw refuse("an interval beyond 1000") }
        }
        return value
    }

    private mutating func atom() throws -> Tree {
        guard let scalar = next else { return .sequence([]) }
        switch scalar {
        case "(": return try group()
        case "[": return .set(try bracket())
        case ".":
            index += 1
            var set = ScalarSet(10)
            set.negate()
            set.freeze()
            return .set(set)
        case "^", "$":
            index += 1
            return .anchor(scalar == "^" ? .lineStart : .lineEnd)
        case "*", "+", "?": throw refuse("a '\(scalar)' with nothing to repeat")
        case "\\":
            if take("\\A") { return .anchor(.textStart) }
            if take("\\z") { return .anchor(.textEnd) }
            return .set(try escape())
        default:
            index += 1
            return .set(try literal(scalar))
        }
    }

    private func literal(_ scalar: Unicode.Scalar) throws -> ScalarSet {
        if ignoresCase, !scalar.isASCII { throw refuse("a letter beyond ASCII where case is ignored") }
        return ScalarSet(scalar.value, ignoringCase: ignoresCase)
    }

    private mutating func group() throws -> Tree {
        let outer = ignoresCase
        defer { ignoresCase = outer }
        var wrap: (Tree) -> Tree = { $0 }
        if take("(?:") {
        } else if take("(?i:") {
            ignoresCase = true
        } else if take("(?=") {
            wrap = { .look($0, negative: false) }
        } else if take("(?!") {
            wrap = { .look($0, negative: true) }
        } else if take("(?>") {
            wrap = { .atomic($0) }
        } else if take("(?") {
            throw refuse("the group '(?\(next.map(String.init) ?? "")'")
        } else {
            index += 1
        }
        let tree = try choice()
        guard take(")") else { throw refuse("a group without its ')'") }
        return wrap(tree)
    }

    private mutating func bracket() throws -> ScalarSet {
        index += 1
        var set = ScalarSet()
        let isNegated = take("^")
        var isEmpty = true
        while !take("]") {
            guard let scalar = next else { throw refuse("a '[' without its ']'") }
            if scalar == "[" { throw refuse("a '[' within brackets (escape it)") }
            if scalar == "&", index + 1 < scalars.count, scalars[index + 1] == "&" {
                throw refuse("'&&' within brackets")
            }
            isEmpty = false
            if scalar == "\\", let kind = try classEscape() {
                set.insert(kind.kind, negated: kind.isNegated)
                continue
            }
            let low = try bracketScalar()
            var high = low
            if next == "-", index + 1 < scalars.count, scalars[index + 1] != "]" {
                index += 1
                high = try bracketScalar()
            }
            guard low <= high else { throw refuse("a range whose end is below its start") }
            if ignoresCase, high >= 0x80 { throw refuse("a letter beyond ASCII where case is ignored") }
            set.insert(low...high, ignoringCase: ignoresCase)
        }
        if isEmpty { throw refuse("empty brackets") }
        if isNegated { set.negate() }
        set.freeze()
        return set
    }

    private mutating func bracketScalar() throws -> UInt32 {
        guard let scalar = next else { throw refuse("a '[' without its ']'") }
        if scalar == "\\" { return try scalarEscape() }
        index += 1
        return scalar.value
    }

    private mutating func escape() throws -> ScalarSet {
        if let kind = try classEscape() { return ScalarSet(kind.kind, negated: kind.isNegated) }
        return ScalarSet(try scalarEscape(), ignoringCase: ignoresCase)
    }

    /// `\s \S \d \D \w \W \p{..} \P{..}`; nil where another escape stands.
    private mutating func classEscape() throws -> (kind: ScalarSet.Class, isNegated: Bool)? {
        guard index + 1 < scalars.count else { throw refuse("a '\\' at the end") }
        let letter = scalars[index + 1]
        switch letter {
        case "s", "S": index += 2; return (.whitespace, letter == "S")
        case "d", "D": index += 2; return (.categories([.decimalNumber]), letter == "D")
        case "w", "W": index += 2; return (.word, letter == "W")
        case "p", "P":
            let start = index
            index += 2
            var isNegated = letter == "P"
            var name = ""
            if take("{") {
                if take("^") { isNegated.toggle() }
                while let scalar = next, scalar != "}" {
                    name.unicodeScalars.append(scalar)
                    index += 1
                }
                _ = take("}")
            }
            guard let kind = ScalarSet.property(name) else {
                index = start
                throw refuse("the property '\(name)'")
            }
            return (kind, isNegated)
        default: return nil
        }
    }

    private mutating func scalarEscape() throws -> UInt32 {
        guard index + 1 < scalars.count else { throw refuse("a '\\' at the end") }
        let letter = scalars[index + 1]
        switch letter {
        case "n": index += 2; return 10
        case "r": index += 2; return 13
        case "t": index += 2; return 9
        case "f": index += 2; return 12
        case "v": index += 2; return 11
        case "a"..."z", "A"..."Z", "0"..."9": throw refuse("'\\\(letter)'")
        default: index += 2; return letter.value
        }
    }
}
