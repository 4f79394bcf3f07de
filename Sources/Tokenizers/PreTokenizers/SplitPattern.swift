import Patterns

/// A part of a text that a pattern matched, or the stretch between two matches.
struct PatternPart: Equatable {
    var range: Range<Int>
    var isMatch: Bool
}

/// What a text is searched for: the pattern of Split and Replace, or a class of scalars.
enum SplitPattern: Sendable {
    case literal(Literal)
    case regex(Pattern)
    case scalars(@Sendable (UInt32) -> Bool)

    /// The parts of `range`, matches and stretches between them, that together cover it.
    ///
    /// - Throws: `TokenizerError` where an expression takes more steps than the stage has.
    func matches(in bytes: [UInt8], range: Range<Int>, _ journey: Journey) throws -> [PatternPart] {
        guard !range.isEmpty else { return [PatternPart(range: range, isMatch: false)] }
        let found: [Range<Int>]
        switch self {
        case .literal(let wanted) where wanted.bytes.isEmpty: found = Self.places(in: bytes, range: range)
        case .literal(let wanted): found = wanted.matches(in: bytes, range: range)
        case .regex(let pattern):
            do {
                found = try pattern.matches(in: bytes, range: range, work: journey.work)
            } catch let error as PatternError {
                throw TokenizerError(error.description)
            }
        case .scalars(let isIn): found = Self.find(isIn, in: bytes, range: range)
        }
        var parts: [PatternPart] = []
        parts.reserveCapacity(found.count * 2 + 1)
        var end = range.lowerBound
        for match in found {
            if match.lowerBound > end { parts.append(PatternPart(range: end..<match.lowerBound, isMatch: false)) }
            parts.append(PatternPart(range: match, isMatch: true))
            end = match.upperBound
        }
        if end < range.upperBound { parts.append(PatternPart(range: end..<range.upperBound, isMatch: false)) }
        return parts
    }

    /// Where an empty literal stands: before every scalar and at the end.
    private static func places(in bytes: [UInt8], range: Range<Int>) -> [Range<Int>] {
        var found: [Range<Int>] = []
        var index = range.lowerBound
        while index < range.upperBound {
            found.append(index..<index)
            index += bytes.scalar(at: index).length
        }
        return found + [range.upperBound..<range.upperBound]
    }

    private static func find(_ isIn: (UInt32) -> Bool, in bytes: [UInt8], range: Range<Int>) -> [Range<Int>] {
        var found: [Range<Int>] = []
        var index = range.lowerBound
        while index < range.upperBound {
            let (scalar, length) = bytes.scalar(at: index)
            if isIn(scalar) { found.append(index..<index + length) }
            index += length
        }
        return found
    }
}

/// What becomes of a match when a text is split at it.
enum SplitBehavior: String, Sendable {
    case removed = "Removed"
    case isolated = "Isolated"
    case mergedWithPrevious = "MergedWithPrevious"
    case mergedWithNext = "MergedWithNext"
    case contiguous = "Contiguous"

    /// The ranges that stay, in order.
    func ranges(of parts: [PatternPart]) -> [Range<Int>] {
        switch self {
        case .removed: return parts.filter { !$0.isMatch }.map(\.range)
        case .isolated: return parts.map(\.range)
        case .contiguous:
            var ranges: [Range<Int>] = []
            var previous = false
            for part in parts {
                if part.isMatch == previous, let last = ranges.popLast() {
                    ranges.append(last.lowerBound..<part.range.upperBound)
                } else {
                    ranges.append(part.range)
                }
                previous = part.isMatch
            }
            return ranges
        case .mergedWithPrevious:
            var ranges: [Range<Int>] = []
            var previous = false
            for part in parts {
                if part.isMatch, !previous, let last = ranges.popLast() {
                    ranges.append(last.lowerBound..<part.range.upperBound)
                } else {
                    ranges.append(part.range)
                }
                previous = part.isMatch
            }
            return ranges
        case .mergedWithNext:
            var ranges: [Range<Int>] = []
            var previous = false
            for part in parts.reversed() {
                if part.isMatch, !previous, let last = ranges.popLast() {
                    ranges.append(part.range.lowerBound..<last.upperBound)
                } else {
                    ranges.append(part.range)
                }
                previous = part.isMatch
            }
            return ranges.reversed()
        }
    }
}
