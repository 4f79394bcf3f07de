/// One search: a backtracking machine whose stack lies on the heap.
struct PatternMatcher {
    /// Steps between two looks at what is left of the work.
    ///
    /// A match that takes longer begins to note where it was.
    private static let slice = 4096
    /// Most places that are noted; a text too long for this is matched without, within the bound on steps.
    private static let maxPlaces = 1 << 26

    private let pattern: Pattern
    private let bytes: [UInt8]
    private let range: Range<Int>
    private let work: Work
    private var steps = Self.slice
    /// How often a slice was used up.
    private var slices = 0
    private var stack: [Alternative] = []
    /// What failed at places of this search, while nothing has matched since.
    private var failed: Visited?

    /// Where to go on when a path fails: at `program`, with the text at `position`; a run may give back down to
    /// `minimum`.
    private struct Alternative {
        var program: Int
        var position: Int
        var minimum: Int
    }

    /// Instructions that were tried at places of the text.
    private struct Visited {
        private var bits: [UInt64]
        private let width: Int
        private let firstInstruction: Int
        private let firstPosition: Int

        /// - Parameter places: Instructions of the program × positions of the text from `start` on.
        init(_ program: Range<Int>, from start: Int, places: Int) {
            bits = Array(repeating: 0, count: places / 64 + 1)
            (width, firstInstruction, firstPosition) = (program.count, program.lowerBound, start)
        }

        /// Notes a place; false where it is noted already.
        mutating func insert(_ instruction: Int, _ position: Int) -> Bool {
            let place = (position - firstPosition) * width + instruction - firstInstruction
            let bit = UInt64(1) << UInt64(place & 63)
            guard bits[place >> 6] & bit == 0 else { return false }
            bits[place >> 6] |= bit
            return true
        }
    }

    init(_ pattern: Pattern, _ bytes: [UInt8], _ range: Range<Int>, _ work: Work) {
        self.pattern = pattern
        self.bytes = bytes
        self.range = range
        self.work = work
    }

    /// The end of the match that begins at `start`, or nil; `toEnd` accepts only one that ends where the range ends.
    mutating func match(at start: Int, toEnd: Bool = false) throws -> Int? {
        try match(0..<pattern.program.count, at: start, toEnd: toEnd)
    }

    /// Takes the steps since the last look from the work.
    mutating func settle() throws {
        let taken = Self.slice - steps
        steps = Self.slice
        guard try work.spend(taken) else { throw tooLong() }
    }

    private func tooLong() -> PatternError { PatternError(pattern.text, "takes too many steps on this text") }

    private mutating func match(_ code: Range<Int>, at start: Int, toEnd: Bool) throws -> Int? {
        let bottom = stack.count
        let slicesBefore = slices
        var program = code.lowerBound
        var position = start
        var visited: Visited?
        let isWhole = code.lowerBound == 0
        if isWhole, failed != nil {
            swap(&visited, &failed)
        } else if pattern.hasEmptyLoop {
            visited = try note(code, from: start)
            guard visited != nil else { throw tooLong() }
        }
        var isNoting = visited != nil
        while true {
            steps -= 1
            if steps < 0 {
                try settle()
                slices += 1
                // Noting places pays once the match has taken more steps than clearing the notes takes.
                if !isNoting, Self.slice * (slices - slicesBefore - 1) > places(code, from: start) / 64 {
                    visited = try note(code, from: start)
                    isNoting = visited != nil
                }
            }
            var isAlive = true
            if isNoting, visited?.insert(program, position) == false {
                isAlive = false
            } else {
                switch pattern.program[program] {
                case .accept:
                    if !toEnd || position == range.upperBound {
                        stack.removeLast(stack.count - bottom)
                        return position
                    }
                    isAlive = false
                case .one(let set):
                    if let next = step(set, pattern.ascii[set], position) { position = next } else { isAlive = false }
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
                    let end = try match(program + 1..<next, at: position, toEnd: false)
                    isAlive = (end != nil) != negative
                    program = next
                case .atomic(let next):
                    if let end = try match(program + 1..<next, at: position, toEnd: false) {
                        position = end
                    } else {
                        isAlive = false
                    }
                    program = next
                case .anchor(let anchor):
                    isAlive = holds(anchor, position)
                    program += 1
                }
            }
            if isAlive { continue }
            guard stack.count > bottom, var other = stack.popLast() else {
                // Nothing matches here, so what failed on the way fails for the matches that begin later, too.
                if isNoting, isWhole { swap(&visited, &failed) }
                return nil
            }
            if other.position > other.minimum {
                // A run: give back one scalar, and stay on the stack while there is more to give.
                other.position = bytes.scalarStart(before: other.position)
                if other.position > other.minimum { stack.append(other) }
            }
            program = other.program
            position = other.position
        }
    }

    private func places(_ code: Range<Int>, from start: Int) -> Int {
        let (places, overflow) = (range.upperBound - start + 1).multipliedReportingOverflow(by: code.count)
        return overflow ? Int.max : places
    }

    private func note(_ code: Range<Int>, from start: Int) throws -> Visited? {
        let places = places(code, from: start)
        guard places <= Self.maxPlaces else { return nil }
        guard try work.spend(places / 64) else { throw tooLong() }
        return Visited(code, from: start, places: places)
    }

    /// Where a scalar of the set that stands at `position` ends; nil where another stands there.
    @inline(__always)
    private func step(_ set: Int, _ ascii: ScalarSet.ASCII, _ position: Int) -> Int? {
        guard position < range.upperBound else { return nil }
        let byte = bytes[position]
        if byte < 0x80 { return ascii.contains(byte) ? position + 1 : nil }
        let (scalar, length) = bytes.scalar(at: position)
        return pattern.sets[set].contains(scalar) ? position + length : nil
    }

    private mutating func run(
        _ set: Int, _ min: Int, _ max: Int, _ possessive: Bool, at position: inout Int, program: Int
    ) -> Bool {
        let ascii = pattern.ascii[set]
        var count = 0
        var minimum = position
        var end = position
        while count < max, let next = step(set, ascii, end) {
            end = next
            count += 1
            if count <= min { minimum = next }
        }
        steps -= count
        guard count >= min else { return false }
        position = end
        if !possessive, end > minimum {
            stack.append(Alternative(program: program, position: end, minimum: minimum))
        }
        return true
    }

    private func holds(_ anchor: Pattern.Anchor, _ position: Int) -> Bool {
        switch anchor {
        case .textStart: return position == range.lowerBound
        case .textEnd: return position == range.upperBound
        case .lineStart:
            return position == range.lowerBound || (bytes[position - 1] == 10 && position < range.upperBound)
        case .lineEnd: return position == range.upperBound || bytes[position] == 10
        case .textEndOrNewline:
            return position == range.upperBound || (position == range.upperBound - 1 && bytes[position] == 10)
        case .wordBoundary, .noWordBoundary:
            func isWord(_ index: Int) -> Bool { ScalarClass.isPythonWord(bytes.scalar(at: index).value) }
            let before = position > range.lowerBound && isWord(bytes.scalarStart(before: position))
            let after = position < range.upperBound && isWord(position)
            // Python before 3.14 finds neither a boundary nor its opposite in an empty text.
            return !range.isEmpty && (before != after) == (anchor == .wordBoundary)
        }
    }
}
