/// A set of scalars as a regular expression names it: ranges, classes, and their negation.
struct ScalarSet: Sendable {
    /// A class that Unicode defines.
    enum Class: Sendable, Equatable {
        case whitespace
        case word
        case categories(Set<Unicode.GeneralCategory>)
        case any
    }

    private struct Member {
        var kind: Class
        var isNegated: Bool
    }

    private var ranges: [ClosedRange<UInt32>] = []
    private var members: [Member] = []
    private var isNegated = false
    /// The answer for ASCII, filled by `freeze()`.
    private var ascii: (UInt64, UInt64) = (0, 0)

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
        members.append(Member(kind: kind, isNegated: negated))
    }

    mutating func negate() { isNegated.toggle() }

    /// Computes the answers for ASCII; to be called after the last change.
    mutating func freeze() {
        ascii = (0, 0)
        for value in UInt32(0)..<64 where compute(value) { ascii.0 |= 1 << UInt64(value) }
        for value in UInt32(64)..<128 where compute(value) { ascii.1 |= 1 << UInt64(value - 64) }
    }

    @inline(__always)
    func contains(_ value: UInt32) -> Bool {
        if value < 64 { return ascii.0 >> UInt64(value) & 1 != 0 }
        if value < 128 { return ascii.1 >> UInt64(value - 64) & 1 != 0 }
        return compute(value)
    }

    private func compute(_ value: UInt32) -> Bool {
        for range in ranges where range.contains(value) { return !isNegated }
        var category: Unicode.GeneralCategory?
        for member in members {
            let isIn: Bool
            switch member.kind {
            case .any: isIn = true
            case .whitespace: isIn = ScalarClass.isWhitespace(value)
            case .word:
                // Oniguruma takes Latin-1's small numbers and fractions as well, but no joiners.
                isIn = value & ~1 != 0x200C && ScalarClass.isWord(value) || value < 0xBF && ScalarClass.isNumeric(value)
            case .categories(let set):
                let known = category ?? ScalarClass.category(value)
                category = known
                isIn = set.contains(known)
            }
            if isIn != member.isNegated { return !isNegated }
        }
        return isNegated
    }

    /// The class of a property name as in `\p{L}`; nil for a name that is not supported.
    static func property(_ name: String) -> Class? {
        switch name {
        case "L", "Letter":
            .categories([.uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter])
        case "Lu": .categories([.uppercaseLetter])
        case "Ll": .categories([.lowercaseLetter])
        case "Lt": .categories([.titlecaseLetter])
        case "Lm": .categories([.modifierLetter])
        case "Lo": .categories([.otherLetter])
        case "M", "Mark": .categories([.nonspacingMark, .spacingMark, .enclosingMark])
        case "Mn": .categories([.nonspacingMark])
        case "Mc": .categories([.spacingMark])
        case "Me": .categories([.enclosingMark])
        case "N", "Number": .categories([.decimalNumber, .letterNumber, .otherNumber])
        case "Nd": .categories([.decimalNumber])
        case "Nl": .categories([.letterNumber])
        case "No": .categories([.otherNumber])
        case "P", "Punctuation":
            .categories([
                .connectorPunctuation, .dashPunctuation, .openPunctuation, .closePunctuation, .initialPunctuation,
                .finalPunctuation, .otherPunctuation,
            ])
        case "S", "Symbol": .categories([.mathSymbol, .currencySymbol, .modifierSymbol, .otherSymbol])
        case "Sm": .categories([.mathSymbol])
        case "Sc": .categories([.currencySymbol])
        case "Sk": .categories([.modifierSymbol])
        case "So": .categories([.otherSymbol])
        case "Z", "Separator": .categories([.spaceSeparator, .lineSeparator, .paragraphSeparator])
        case "Zs": .categories([.spaceSeparator])
        default: nil
        }
    }
}
