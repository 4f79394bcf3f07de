/// A set of scalars as a pattern names it: ranges, classes, and their negation.
///
/// Whatever a pattern lists, asking is a search among sorted ranges and one look for each kind of class.
struct ScalarSet: Sendable {
    /// A class that Unicode or a dialect defines.
    enum Class: Sendable, Equatable {
        case whitespace
        case word
        case pythonWhitespace
        case pythonWord
        case categories(Categories)
    }

    private var ranges: [ClosedRange<UInt32>] = []
    private var categories: Categories = []
    /// Classes other than categories, and those whose opposite belongs to the set.
    private var classes: [Class] = []
    private var opposites: [Class] = []
    private var isNegated = false
    /// The answer for ASCII, filled by `freeze()`.
    private(set) var ascii = ASCII()

    /// A set of ASCII characters, a bit each.
    struct ASCII: Sendable {
        private var low: UInt64 = 0
        private var high: UInt64 = 0

        mutating func insert(_ byte: UInt8) {
            if byte < 64 { low |= 1 << UInt64(byte) } else { high |= 1 << UInt64(byte & 63) }
        }

        @inline(__always)
        func contains(_ byte: UInt8) -> Bool { (byte < 64 ? low : high) >> UInt64(byte & 63) & 1 != 0 }
    }

    init() {}

    /// The set of the one scalar, and where `ignoringCase` the others that fold to the same letter.
    init(_ scalar: UInt32, ignoringCase: Bool = false) {
        insert(scalar...scalar, ignoringCase: ignoringCase)
        freeze()
    }

    /// The set of a class.
    init(_ kind: Class, negated: Bool = false) {
        insert(kind, negated: negated)
        freeze()
    }

    mutating func insert(_ range: ClosedRange<UInt32>, ignoringCase: Bool = false) {
        ranges.append(range)
        guard ignoringCase else { return }
        for (letters, distance) in [(UInt32(0x41)...0x5A, UInt32(32)), (0x61...0x7A, 0 &- 32)]
        where letters.overlaps(range) {
            let part = range.clamped(to: letters)
            ranges.append((part.lowerBound &+ distance)...(part.upperBound &+ distance))
        }
        // Unicode folds the long s and the kelvin sign to ASCII letters.
        if range.contains(0x53) || range.contains(0x73) { ranges.append(0x17F...0x17F) }
        if range.contains(0x4B) || range.contains(0x6B) { ranges.append(0x212A...0x212A) }
    }

    mutating func insert(_ kind: Class, negated: Bool = false) {
        if case .categories(let some) = kind {
            // Every scalar has one category, so the opposite of some is all others.
            categories.formUnion(negated ? some.symmetricDifference(.all) : some)
        } else if negated {
            if !opposites.contains(kind) { opposites.append(kind) }
        } else if !classes.contains(kind) {
            classes.append(kind)
        }
    }

    mutating func negate() { isNegated.toggle() }

    /// Sorts the ranges and computes the answers for ASCII; to be called after the last change.
    mutating func freeze() {
        var merged: [ClosedRange<UInt32>] = []
        for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) {
            if let last = merged.last, range.lowerBound <= last.upperBound {
                merged[merged.count - 1] = last.lowerBound...max(last.upperBound, range.upperBound)
            } else {
                merged.append(range)
            }
        }
        ranges = merged
        ascii = ASCII()
        for byte in UInt8(0)..<128 where contains(UInt32(byte)) { ascii.insert(byte) }
    }

    func contains(_ value: UInt32) -> Bool {
        let isIn =
            isInRanges(value)
            || (!categories.isEmpty && categories.contains(Categories(ScalarClass.category(value))))
            || classes.contains { Self.isIn($0, value) } || opposites.contains { !Self.isIn($0, value) }
        return isIn != isNegated
    }

    private func isInRanges(_ value: UInt32) -> Bool {
        var (low, high) = (0, ranges.count)
        while low < high {
            let middle = (low + high) / 2
            if ranges[middle].upperBound < value { low = middle + 1 } else { high = middle }
        }
        return low < ranges.count && ranges[low].contains(value)
    }

    private static func isIn(_ kind: Class, _ value: UInt32) -> Bool {
        switch kind {
        case .whitespace: ScalarClass.isWhitespace(value)
        case .word:
            // Oniguruma takes Latin-1's small numbers and fractions as well, but no joiners.
            value & ~1 != 0x200C && ScalarClass.isWord(value) || value < 0xBF && ScalarClass.isNumeric(value)
        case .pythonWhitespace: ScalarClass.isWhitespace(value) || (0x1C...0x1F).contains(value)
        case .pythonWord: ScalarClass.isPythonWord(value)
        case .categories(let some): some.contains(Categories(ScalarClass.category(value)))
        }
    }
}
