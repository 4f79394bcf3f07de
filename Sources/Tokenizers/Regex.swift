/// A regular expression as tokenizer files carry them, matched with a bound on steps.
///
/// The syntax is the part of Oniguruma's (its Ruby syntax, which the reference uses) that such files need: literals,
/// classes and properties, groups, alternation, greedy, lazy and possessive repetition, lookahead, atomic groups,
/// anchors. All else is refused by name when the pattern is read.
struct Regex: Sendable {
    /// The pattern as it was written.
    let pattern: String
    /// Programs end in `.accept`; the whole expression begins at 0.
    let program: [Instruction]
    let sets: [ScalarSet]

    enum Instruction: Sendable {
        /// One scalar of the set.
        case one(Int)
        /// As many scalars of the set as there are, at least `min`, at most `max`; gives back unless `possessive`.
        case run(Int, min: Int, max: Int, possessive: Bool)
        /// Goes on at the first, and at the second if that fails.
        case split(Int, Int)
        case jump(Int)
        /// Tries the program that follows without moving; goes on at `next`.
        case look(negative: Bool, next: Int)
        /// Matches the program that follows, without going back into it; goes on at `next`.
        case atomic(next: Int)
        case anchor(Anchor)
        case accept
    }

    enum Anchor: Sendable { case textStart, textEnd, lineStart, lineEnd }

    /// Reads a pattern.
    ///
    /// - Throws: `TokenizerError` that names what is not supported and where.
    init(_ pattern: String) throws {
        var parser = RegexParser(pattern)
        let tree = try parser.parse()
        var compiler = RegexCompiler(pattern: pattern)
        try compiler.compile(tree)
        self.pattern = pattern
        self.program = compiler.program
        self.sets = compiler.sets
    }

    /// The matches in `range` of `bytes` from left to right, none overlapping another; an empty one does not follow a
    /// match directly.
    ///
    /// - Throws: `TokenizerError` where the pattern takes more steps than any pattern of use takes.
    func matches(in bytes: [UInt8], range: Range<Int>) throws -> [Range<Int>] {
        var matcher = RegexMatcher(regex: self, bytes: bytes, range: range)
        var result: [Range<Int>] = []
        var position = range.lowerBound
        var lastEnd: Int?
        while position <= range.upperBound {
            if let end = try matcher.match(from: 0, at: position), end > position || lastEnd != position {
                result.append(position..<end)
                lastEnd = end
                if end > position {
                    position = end
                    continue
                }
            }
            guard position < range.upperBound else { break }
            position += bytes.scalar(at: position).length
        }
        return result
    }
}

/// One search: a backtracking machine whose stack lies on the heap.
struct RegexMatcher {
    private let regex: Regex
    private let bytes: [UInt8]
    private let range: Range<Int>
    private var steps: Int
    private var stack: [Alternative] = []

    /// Where to go on when a path fails: at `program`, with the text at `position`; a run may give back down to
    /// `minimum`.
    private struct Alternative {
        var program: Int
        var position: Int
        var minimum: Int
    }

    init(regex: Regex, bytes: [UInt8], range: Range<Int>) {
        self.regex = regex
        self.bytes = bytes
        self.range = range
        self.steps = 10_000 + 500 * range.count
    }

    /// The end of the match that begins at `start`, or nil.
    mutating func match(from program: Int, at start: Int) throws -> Int? {
        let bottom = stack.count
        var program = program
        var position = start
        while true {
            steps -= 1
            guard steps > 0 else { throw TokenizerError.tooManySteps(regex.pattern) }
            var isAlive = true
            switch regex.program[program] {
            case .accept:
                stack.removeLast(stack.count - bottom)
                return position
            case .one(let set):
                if let next = step(set, position) { position = next } else { isAlive = false }
                program += 1
            case .run(let set, let min, let max, let possessive):
                isAlive = run(set, min, max, possessive, at: &position, program: program + 1)
                program += 1
            case .split(let first, let second):
                stack.append(Alternative(program: second, position: position, minimum: position))
                program = first
            case .jump(let target):
                program = target
            case .look(let negative, let next):
                isAlive = try (match(from: program + 1, at: position) != nil) != negative
                program = next
            case .atomic(let next):
                if let end = try match(from: program + 1, at: position) { position = end } else { isAlive = false }
                program = next
            case .anchor(let anchor):
                isAlive = holds(anchor, position)
                program += 1
            }
            if isAlive { continue }
            guard stack.count > bottom, var other = stack.popLast() else { return nil }
            if other.position > other.minimum {
                // A run: give back one scalar, and stay on the stack while there is more to give.
                other.position = bytes.scalarStart(before: other.position)
                if other.position > other.minimum { stack.append(other) }
            }
            program = other.program
            position = other.position
        }
    }

    @inline(__always)
    private func step(_ set: Int, _ position: Int) -> Int? {
        guard position < range.upperBound else { return nil }
        let (scalar, length) = bytes.scalar(at: position)
        return regex.sets[set].contains(scalar) ? position + length : nil
    }

    private mutating func run(
        _ set: Int, _ min: Int, _ max: Int, _ possessive: Bool, at position: inout Int, program: Int
    ) -> Bool {
        var count = 0
        var minimum = position
        while count < max, let next = step(set, position) {
            position = next
            count += 1
            steps -= 1
            if count <= min { minimum = next }
        }
        guard count >= min else { return false }
        if !possessive, position > minimum {
            stack.append(Alternative(program: program, position: position, minimum: minimum))
        }
        return true
    }

    private func holds(_ anchor: Regex.Anchor, _ position: Int) -> Bool {
        switch anchor {
        case .textStart: position == range.lowerBound
        case .textEnd: position == range.upperBound
        case .lineStart: position == range.lowerBound || (bytes[position - 1] == 10 && position < range.upperBound)
        case .lineEnd: position == range.upperBound || bytes[position] == 10
        }
    }
}
