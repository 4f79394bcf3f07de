/// Reads a pattern into a tree: groups, alternatives, repetitions.
///
/// What stands for one scalar is in PatternParser+Sets.
///
/// What the two dialects write alike is read once; what one of them does not know, or means otherwise, asks `dialect`.
struct PatternParser {
    /// Most characters that a pattern may have.
    private static let maxLength = 20_000
    /// Most repetitions that an interval may ask for.
    private static let maxCount = 1000

    let dialect: Pattern.Dialect
    private let pattern: String
    let scalars: [Unicode.Scalar]
    var index = 0
    private(set) var ignoresCase = false
    private var depth = 0

    init(_ pattern: String, _ dialect: Pattern.Dialect) throws {
        (self.pattern, self.dialect) = (pattern, dialect)
        scalars = Array(pattern.unicodeScalars)
        guard scalars.count <= Self.maxLength else {
            throw PatternError(pattern, "has \(scalars.count) characters, at most \(Self.maxLength) are read")
        }
    }

    mutating func parse() throws -> PatternTree {
        let tree = try choice()
        guard index == scalars.count else { throw refuse("unmatched ')'") }
        return tree
    }

    var next: Unicode.Scalar? { index < scalars.count ? scalars[index] : nil }

    mutating func take(_ text: String) -> Bool {
        let wanted = text.unicodeScalars
        guard scalars[index...].starts(with: wanted) else { return false }
        index += wanted.count
        return true
    }

    /// An error about what stands at `place`, or where reading is.
    func refuse(_ what: String, at place: Int? = nil) -> PatternError {
        PatternError(pattern, what, character: (place ?? index) + 1)
    }

    /// The tree of a part that is neither too large nor too deep.
    private func tree(_ kind: PatternTree.Kind, at start: Int) throws -> PatternTree {
        let tree = PatternTree(kind)
        guard tree.size <= PatternTree.maxSize else {
            throw refuse("too large: its repetitions stand for more than \(PatternTree.maxSize) steps", at: start)
        }
        guard tree.depth <= PatternTree.maxDepth else { throw tooDeep(start) }
        return tree
    }

    private func tooDeep(_ place: Int) -> PatternError {
        refuse("groups and repetitions nested deeper than \(PatternTree.maxDepth)", at: place)
    }

    private mutating func choice() throws -> PatternTree {
        depth += 1
        defer { depth -= 1 }
        guard depth <= PatternTree.maxDepth else { throw tooDeep(index) }
        let start = index
        var branches = [try sequence()]
        while take("|") { branches.append(try sequence()) }
        return branches.count == 1 ? branches[0] : try tree(.choice(branches), at: start)
    }

    private mutating func sequence() throws -> PatternTree {
        let start = index
        var parts: [PatternTree] = []
        while let scalar = next, scalar != "|", scalar != ")" {
            let place = index
            parts.append(try repeated(try atom(scalar), at: place))
        }
        return parts.count == 1 ? parts[0] : try tree(.sequence(parts), at: start)
    }

    private mutating func repeated(_ atom: PatternTree, at start: Int) throws -> PatternTree {
        var result = atom
        var isRepeated = false
        while true {
            let place = index
            guard let (min, max, isInterval) = try quantifier() else { return result }
            if case .anchor = atom.kind, scalars[start] != "(", dialect == .python {
                throw refuse("nothing to repeat", at: start)
            }
            if isRepeated, dialect == .python { throw refuse("multiple repeat", at: place) }
            isRepeated = true
            var mode = PatternTree.LoopMode.greedy
            if take("?") {
                mode = .lazy
            } else if dialect == .python || !isInterval, take("+") {
                guard dialect == .oniguruma else { throw refuse("possessive repetition is not supported", at: place) }
                mode = .possessive
            }
            // Oniguruma has rules of its own for where such a loop ends.
            if result.canBeEmpty, max > 1, dialect == .oniguruma {
                throw refuse("repeating what can be empty is not supported", at: place)
            }
            result = try tree(.loop(result, min: min, max: max, mode: mode), at: place)
        }
    }

    private mutating func quantifier() throws -> (min: Int, max: Int, isInterval: Bool)? {
        if take("*") { return (0, Int.max, false) }
        if take("+") { return (1, Int.max, false) }
        if take("?") { return (0, 1, false) }
        guard next == "{" else { return nil }
        return try interval().map { ($0.min, $0.max, true) }
    }

    /// `{n}`, `{n,}`, `{,m}` or `{n,m}`; nil where Python reads the brace as itself.
    private mutating func interval() throws -> (min: Int, max: Int)? {
        let start = index
        index += 1
        let low = number()
        let hasComma = take(",")
        let high = hasComma ? number() : low
        guard take("}"), low != nil || high != nil || (hasComma && dialect == .python) else {
            index = start
            if dialect == .python { return nil }
            throw refuse("a '{' that begins no interval (escape it)")
        }
        let bounds = (min: low ?? 0, max: high ?? Int.max)
        guard bounds.min <= Self.maxCount, high ?? 0 <= Self.maxCount else {
            throw refuse("repeating more than \(Self.maxCount) times is not supported", at: start)
        }
        guard bounds.min <= bounds.max else { throw refuse("an interval whose end is below its start", at: start) }
        return bounds
    }

    /// Digits as a number, which stops growing beyond `maxCount`.
    private mutating func number() -> Int? {
        var value: Int?
        while let scalar = next, ("0"..."9").contains(scalar) {
            index += 1
            value = min((value ?? 0) * 10 + Int(scalar.value) - 48, Self.maxCount + 1)
        }
        return value
    }

    private mutating func atom(_ scalar: Unicode.Scalar) throws -> PatternTree {
        switch scalar {
        case "(": return try group()
        case "[": return PatternTree(.set(try bracket()))
        case ".":
            index += 1
            var set = ScalarSet()
            set.insert(10...10)
            set.negate()
            set.freeze()
            return PatternTree(.set(set))
        case "^":
            index += 1
            return PatternTree(.anchor(dialect == .python ? .textStart : .lineStart))
        case "$":
            index += 1
            return PatternTree(.anchor(dialect == .python ? .textEndOrNewline : .lineEnd))
        case "*", "+", "?": throw refuse("'\(scalar)' with nothing to repeat")
        case "\\":
            if let anchor = anchorEscape() { return PatternTree(.anchor(anchor)) }
            return PatternTree(.set(try escape()))
        default:
            index += 1
            return PatternTree(.set(try literal(scalar)))
        }
    }

    private mutating func anchorEscape() -> Pattern.Anchor? {
        if take("\\A") { return .textStart }
        switch dialect {
        case .oniguruma: return take("\\z") ? .textEnd : nil
        case .python: return take("\\Z") ? .textEnd : take("\\b") ? .wordBoundary : take("\\B") ? .noWordBoundary : nil
        }
    }

    private mutating func group() throws -> PatternTree {
        let (start, outer) = (index, ignoresCase)
        defer { ignoresCase = outer }
        let wrap = try opening()
        let body = try choice()
        guard take(")") else { throw refuse("'(' without its ')'", at: start) }
        guard let wrap else { return body }
        return try tree(wrap(body), at: start)
    }

    /// Reads how a group begins; gives what its body becomes, nil where it stays what it is.
    private mutating func opening() throws -> ((PatternTree) -> PatternTree.Kind)? {
        let start = index
        if take("(?:") { return nil }
        if take("(?=") { return { .look($0, negative: false) } }
        if take("(?!") { return { .look($0, negative: true) } }
        switch dialect {
        case .oniguruma:
            if take("(?>") { return { .atomic($0) } }
            if take("(?i:") {
                ignoresCase = true
                return nil
            }
        case .python:
            if take("(?P<") {
                try groupName(start)
                return nil
            }
        }
        if take("(?<=") || take("(?<!") { throw refuse("lookbehind is not supported", at: start) }
        if take("(?P=") || take("(?k") { throw refuse("a back-reference is not supported", at: start) }
        if take("(?>") { throw refuse("an atomic group is not supported", at: start) }
        if take("(?#") { throw refuse("a comment is not supported", at: start) }
        if take("(?(") { throw refuse("a conditional group is not supported", at: start) }
        if take("(?") { throw refuse("flags and other groups that begin with '(?' are not supported", at: start) }
        index += 1
        return nil
    }

    private mutating func groupName(_ start: Int) throws {
        let first = index
        while let scalar = next, ScalarClass.isPythonWord(scalar.value) { index += 1 }
        guard index > first, take(">") else { throw refuse("a group without its name", at: start) }
    }
}
