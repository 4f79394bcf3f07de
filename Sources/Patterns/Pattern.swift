/// A regular expression out of a file or a recipe.
///
/// Compiling and matching it take a bounded number of steps.
/// There are neither captures nor back-references, so whether the rest of a pattern matches at a place does not depend on
/// the way to it. The matcher uses this: what failed once at a place is not tried there again.
package struct Pattern: Sendable {
    /// Whose syntax a pattern is written in.
    package enum Dialect: Sendable {
        /// Oniguruma's Ruby syntax as far as tokenizer files use it.
        case oniguruma
        /// Python's, as PEFT's options use it.
        case python
    }

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

    enum Anchor: Sendable {
        case textStart, textEnd, lineStart, lineEnd
        /// The end, or before a line feed there.
        case textEndOrNewline
        case wordBoundary, noWordBoundary
    }

    /// Most steps that `matchesAll` and `matchesStart` take.
    static let maxSteps = 20_000_000

    /// The pattern as it was written.
    package let text: String
    /// Programs end in `.accept`; the whole expression begins at 0.
    let program: [Instruction]
    let sets: [ScalarSet]
    /// What each set has of ASCII, apart from it, for a set is not copied for nothing.
    let ascii: [ScalarSet.ASCII]
    /// Whether a loop without end repeats what may be empty: the matcher then must know where it has been.
    let hasEmptyLoop: Bool

    /// Reads a pattern.
    ///
    /// - Throws: `PatternError` that names the place and what is malformed or not supported there.
    package init(_ text: String, dialect: Dialect) throws {
        var parser = try PatternParser(text, dialect)
        var compiler = PatternCompiler()
        compiler.compile(try parser.parse())
        self.text = text
        program = compiler.program
        sets = compiler.sets
        ascii = sets.map(\.ascii)
        hasEmptyLoop = compiler.hasEmptyLoop
    }

    /// The matches in `range` of `bytes` from left to right, none overlapping another; an empty one does not follow a
    /// match directly.
    ///
    /// - Throws: `PatternError` where it takes more steps than `work` has, and what `MemoryBudget.check` throws.
    package func matches(in bytes: [UInt8], range: Range<Int>, work: Work) throws -> [Range<Int>] {
        var matcher = PatternMatcher(self, bytes, range, work)
        var result: [Range<Int>] = []
        var position = range.lowerBound
        var lastEnd: Int?
        while position <= range.upperBound {
            if let end = try matcher.match(at: position), end > position || lastEnd != position {
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
        try matcher.settle()
        return result
    }

    /// Whether all of `text` matches, as Python's `re.fullmatch` says.
    package func matchesAll(of text: String) throws -> Bool { try matches(text, whole: true) }

    /// Whether the beginning of `text` matches, as Python's `re.match` says.
    package func matchesStart(of text: String) throws -> Bool { try matches(text, whole: false) }

    private func matches(_ text: String, whole: Bool) throws -> Bool {
        let bytes = Array(text.utf8)
        var matcher = PatternMatcher(self, bytes, bytes.indices, Work(steps: Self.maxSteps))
        let end = try matcher.match(at: 0, toEnd: whole)
        try matcher.settle()
        return end != nil
    }
}
