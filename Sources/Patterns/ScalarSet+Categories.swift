extension ScalarSet {
    /// General categories of Unicode.
    struct Categories: OptionSet, Sendable {
        let rawValue: UInt32

        static let all = Categories(rawValue: 1 << 30 - 1)

        init(rawValue: UInt32) { self.rawValue = rawValue }

        init(_ categories: [Unicode.GeneralCategory]) {
            self = categories.reduce(into: []) { $0.formUnion(Categories($1)) }
        }

        init(_ category: Unicode.GeneralCategory) {
            let place: UInt32 =
                switch category {
                case .uppercaseLetter: 0
                case .lowercaseLetter: 1
                case .titlecaseLetter: 2
                case .modifierLetter: 3
                case .otherLetter: 4
                case .nonspacingMark: 5
                case .spacingMark: 6
                case .enclosingMark: 7
                case .decimalNumber: 8
                case .letterNumber: 9
                case .otherNumber: 10
                case .connectorPunctuation: 11
                case .dashPunctuation: 12
                case .openPunctuation: 13
                case .closePunctuation: 14
                case .initialPunctuation: 15
                case .finalPunctuation: 16
                case .otherPunctuation: 17
                case .mathSymbol: 18
                case .currencySymbol: 19
                case .modifierSymbol: 20
                case .otherSymbol: 21
                case .spaceSeparator: 22
                case .lineSeparator: 23
                case .paragraphSeparator: 24
                case .control: 25
                case .format: 26
                case .surrogate: 27
                case .privateUse: 28
                case .unassigned: 29
                @unknown default: 29
                }
            self.init(rawValue: 1 << place)
        }
    }

    /// The class of a property name as in `\p{L}`; nil for a name that is not supported.
    static func property(_ name: String) -> Class? { categories(name).map { .categories($0) } }

    private static func categories(_ name: String) -> Categories? {
        switch name {
        case "L", "Letter":
            Categories([.uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter])
        case "Lu": Categories([.uppercaseLetter])
        case "Ll": Categories([.lowercaseLetter])
        case "Lt": Categories([.titlecaseLetter])
        case "Lm": Categories([.modifierLetter])
        case "Lo": Categories([.otherLetter])
        case "M", "Mark": Categories([.nonspacingMark, .spacingMark, .enclosingMark])
        case "Mn": Categories([.nonspacingMark])
        case "Mc": Categories([.spacingMark])
        case "Me": Categories([.enclosingMark])
        case "N", "Number": Categories([.decimalNumber, .letterNumber, .otherNumber])
        case "Nd": Categories([.decimalNumber])
        case "Nl": Categories([.letterNumber])
        case "No": Categories([.otherNumber])
        case "P", "Punctuation":
            Categories([
                .connectorPunctuation, .dashPunctuation, .openPunctuation, .closePunctuation, .initialPunctuation,
                .finalPunctuation, .otherPunctuation,
            ])
        case "S", "Symbol": Categories([.mathSymbol, .currencySymbol, .modifierSymbol, .otherSymbol])
        case "Sm": Categories([.mathSymbol])
        case "Sc": Categories([.currencySymbol])
        case "Sk": Categories([.modifierSymbol])
        case "So": Categories([.otherSymbol])
        case "Z", "Separator": Categories([.spaceSeparator, .lineSeparator, .paragraphSeparator])
        case "Zs": Categories([.spaceSeparator])
        default: nil
        }
    }
}
