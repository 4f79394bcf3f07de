/// A regular expression in Python's syntax, as `target_modules` and the pattern options of PEFT use them.
///
/// It only answers whether a text matches, so it runs all alternatives at once (Thompson 1968) in time proportional to
/// program × text, whatever the pattern: an adapter file is input, and may not make us wait. Understood are literals, `.`,
/// classes, `\d \w \s \b` and their opposites, groups, alternation, quantifiers greedy or lazy, `^ $ \A \Z` and lookahead;
/// what needs more (back-references, lookbehind, flags, atomic groups) is refused by name.
package struct PythonRegex: Sendable {
    /// The pattern as it was written.
    let pattern: String
    private let program: Program

    /// Most characters that a pattern may have.
    static let maxPatternLength = 10_000
    /// Most instructions that a pattern may compile to.
    static let maxProgramLength = 20_000
    /// Most instructions that one match may visit.
    static let maxSteps = 20_000_000

    /// Compiles a pattern; throws where it is malformed or needs what is not supported.
    package init(_ pattern: String) throws {
        self.pattern = pattern
        var parser = try RegexParser(pattern)
        program = try Program(parser.parse(), pattern: pattern)
    }

    /// Whether all of `text` matches (`re.fullmatch`).
    package func matchesAll(of text: String) throws -> Bool { try matches(text, whole: true) }

    /// Whether the beginning of `text` matches (`re.match`).
    package func matchesStart(of text: String) throws -> Bool { try matches(text, whole: false) }

    private func matches(_ text: String, whole: Bool) throws -> Bool {
        var steps = 0
        return try program.runs(on: Array(text.unicodeScalars), from: 0, whole: whole, pattern: pattern, steps: &steps)
    }

    /// Error about a pattern.
    static func error(_ pattern: String, _ what: String) -> AdapterError {
        AdapterError(
            "regular expression '\(pattern.count > 200 ? String(pattern.prefix(200)) + "…" : pattern)': \(what)")
    }
}

/// What a pattern says, as a tree.
indirect enum RegexTree: Sendable {
    case empty
    case set(RegexSet)
    case assertion(RegexAssertion)
    case look(RegexTree, negative: Bool)
    case sequence([RegexTree])
    case choice([RegexTree])
    case repeated(RegexTree, least: Int, most: Int?)
}

/// Conditions on a place in the text.
enum RegexAssertion: Sendable { case start, end, endOrNewline, wordBoundary, noWordBoundary }

/// A set of characters.
struct RegexSet: Sendable {
    /// Classes of characters by their letter in an escape.
    enum Class: Character, Sendable { case digit = "d", word = "w", space = "s" }

    var ranges: [ClosedRange<UInt32>] = []
    var classes: [(Class, negated: Bool)] = []
    var isNegated = false

    func contains(_ scalar: Unicode.Scalar) -> Bool {
        let found =
            ranges.contains { $0.contains(scalar.value) }
            || classes.contains { RegexSet.isIn($0.0, scalar) != $0.negated }
        return found != isNegated
    }

    /// Python's classes of Unicode text.
    static func isIn(_ kind: Class, _ scalar: Unicode.Scalar) -> Bool {
        switch kind {
        case .digit: scalar.properties.generalCategory == .decimalNumber
        case .space: scalar.properties.isWhitespace || (0x1C...0x1F).contains(scalar.value)
        case .word:
            scalar == "_" || scalar.properties.numericType != nil
                || [.uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter].contains(
                    scalar.properties.generalCategory)
        }
    }
}

/// A compiled pattern.
private final class Program: Sendable {
    enum Instruction: Sendable {
        case set(RegexSet)
        case split(Int, Int)
        case jump(Int)
        case assertion(RegexAssertion)
        case look(Program, negative: Bool)
        case match
    }

    private let code: [Instruction]

    init(_ tree: RegexTree, pattern: String) throws {
        var code: [Instruction] = []
        try Program.emit(tree, into: &code, pattern: pattern)
        code.append(.match)
        self.code = code
    }

    private static func emit(_ tree: RegexTree, into code: inout [Instruction], pattern: String) throws {
        guard code.count < PythonRegex.maxProgramLength else { throw PythonRegex.error(pattern, "is too large") }
        switch tree {
        case .empty: break
        case .set(let set): code.append(.set(set))
        case .assertion(let assertion): code.append(.assertion(assertion))
        case .look(let tree, let negative):
            code.append(.look(try Program(tree, pattern: pattern), negative: negative))
        case .sequence(let trees): for tree in trees { try emit(tree, into: &code, pattern: pattern) }
        case .choice(let trees):
            var ends: [Int] = []
            for (index, tree) in trees.enumerated() {
                guard index + 1 < trees.count else {
                    try emit(tree, into: &code, pattern: pattern)
                    break
                }
                let split = code.count
                code.append(.split(0, 0))
                try emit(tree, into: &code, pattern: pattern)
                ends.append(code.count)
                code.append(.jump(0))
                code[split] = .split(split + 1, code.count)
            }
            for end in ends { code[end] = .jump(code.count) }
        case .repeated(let tree, let least, let most):
            for _ in 0..<least { try emit(tree, into: &code, pattern: pattern) }
            let first = code.count
            guard let most else {
                code.append(.split(0, 0))
                try emit(tree, into: &code, pattern: pattern)
                code.append(.jump(first))
                code[first] = .split(first + 1, code.count)
                return
            }
            var splits: [Int] = []
            for _ in 0..<max(0, most - least) {
                splits.append(code.count)
                code.append(.split(0, 0))
                try emit(tree, into: &code, pattern: pattern)
            }
            for split in splits { code[split] = .split(split + 1, code.count) }
        }
    }

    /// Follows all alternatives through `text` at once.
    func runs(
        on text: [Unicode.Scalar], from start: Int, whole: Bool, pattern: String, steps: inout Int
    ) throws -> Bool {
        var threads: [Int] = []
        var reached = [Int](repeating: -1, count: code.count)
        var position = start
        var pending = [0]
        while true {
            threads.removeAll(keepingCapacity: true)
            var matched = false
            while let place = pending.popLast() {
                guard reached[place] != position else { continue }
                reached[place] = position
                steps += 1
                guard steps <= PythonRegex.maxSteps else { throw PythonRegex.error(pattern, "takes too many steps") }
                switch code[place] {
                case .set: threads.append(place)
                case .jump(let target): pending.append(target)
                case .split(let first, let second): pending += [second, first]
                case .assertion(let assertion):
                    if Program.holds(assertion, text, position) { pending.append(place + 1) }
                case .look(let program, let negative):
                    let found = try program.runs(
                        on: text, from: position, whole: false, pattern: pattern, steps: &steps)
                    if found != negative { pending.append(place + 1) }
                case .match: matched = true
                }
            }
            if matched, !whole || position == text.count { return true }
            guard position < text.count, !threads.isEmpty else { return false }
            for place in threads {
                if case .set(let set) = code[place], set.contains(text[position]) { pending.append(place + 1) }
            }
            position += 1
        }
    }

    private static func holds(_ assertion: RegexAssertion, _ text: [Unicode.Scalar], _ position: Int) -> Bool {
        switch assertion {
        case .start: return position == 0
        case .end: return position == text.count
        case .endOrNewline:
            return position == text.count || (position == text.count - 1 && text[position] == "\n")
        case .wordBoundary, .noWordBoundary:
            let before = position > 0 && RegexSet.isIn(.word, text[position - 1])
            let after = position < text.count && RegexSet.isIn(.word, text[position])
            // Python before 3.14 finds neither a boundary nor its opposite in an empty text.
            return !text.isEmpty && (before != after) == (assertion == .wordBoundary)
        }
    }
}
