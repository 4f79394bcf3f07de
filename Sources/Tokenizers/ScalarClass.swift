/// What the reference takes a scalar to be.
///
/// Each of its parts (tokenizers 0.23.3) carries the Unicode tables of another version, so a scalar that was assigned
/// later than the part's version is unassigned there. The properties here are the standard library's, cut by the
/// version in which the scalar appeared; the scalars whose category changed since are named. All were compared over
/// every scalar.
enum ScalarClass {
    /// White_Space, the same in all versions.
    @inline(__always)
    static func isWhitespace(_ value: UInt32) -> Bool {
        if value < 0x80 { return value == 0x20 || (value >= 9 && value <= 13) }
        switch value {
        case 0x85, 0xA0, 0x1680, 0x2000...0x200A, 0x2028, 0x2029, 0x202F, 0x205F, 0x3000: return true
        default: return false
        }
    }

    /// What BERT's cleaning drops: controls, formats of Unicode 8 and private use; tab, line feed and carriage return
    /// are whitespace to it, and unassigned scalars stay.
    static func isBertControl(_ value: UInt32) -> Bool {
        if value < 0x80 { return (value < 0x20 || value == 0x7F) && value != 9 && value != 10 && value != 13 }
        guard let scalar = Unicode.Scalar(value) else { return true }
        switch scalar.properties.generalCategory {
        case .control, .privateUse: return true
        case .format: return existed(scalar, in: 8)
        default: return value == 0xFFFD
        }
    }

    /// BERT's punctuation: all of ASCII's symbols, and the punctuation of Unicode 8.
    @inline(__always)
    static func isBertPunctuation(_ value: UInt32) -> Bool {
        if value < 0x80 {
            switch value {
            case 0x21...0x2F, 0x3A...0x40, 0x5B...0x60, 0x7B...0x7E: return true
            default: return false
            }
        }
        return isPunctuation8(value)
    }

    private static func isPunctuation8(_ value: UInt32) -> Bool {
        guard let scalar = Unicode.Scalar(value) else { return false }
        switch scalar.properties.generalCategory {
        case .connectorPunctuation, .dashPunctuation, .openPunctuation, .closePunctuation, .initialPunctuation,
            .finalPunctuation, .otherPunctuation:
            return existed(scalar, in: 8)
        default: return value == 0x166D || value == 0x111C9
        }
    }

    /// The blocks of Chinese characters that BERT sets apart (not those of kana or hangul).
    @inline(__always)
    static func isChinese(_ value: UInt32) -> Bool {
        guard value >= 0x3400 else { return false }
        switch value {
        case 0x4E00...0x9FFF, 0x3400...0x4DBF, 0x20000...0x2A6DF, 0x2A700...0x2B81F, 0x2B920...0x2CEAF, 0xF900...0xFAFF,
            0x2F800...0x2FA1F:
            return true
        default: return false
        }
    }

    /// Nonspacing marks of Unicode 8, which BERT's accent stripping drops after NFD.
    static func isNonspacingMark(_ value: UInt32) -> Bool {
        guard value >= 0x300, let scalar = Unicode.Scalar(value) else { return false }
        switch value {
        case 0x1734, 0x1171E: return true
        case 0x1885, 0x1886, 0xA9BD, 0x111C9: return false
        default: return scalar.properties.generalCategory == .nonspacingMark && existed(scalar, in: 8)
        }
    }

    /// Marks of Unicode 9, which the normalizer StripAccents drops.
    static func isMark9(_ value: UInt32) -> Bool {
        guard value >= 0x300, let scalar = Unicode.Scalar(value) else { return false }
        switch value {
        case 0x1CF2, 0x1CF3: return true
        case 0x111C9: return false
        default: return isMark(scalar.properties.generalCategory) && existed(scalar, in: 9)
        }
    }

    /// The canonical combining class in Unicode 9.
    static func combiningClass(_ value: UInt32) -> UInt8 {
        guard value >= 0x300, let scalar = Unicode.Scalar(value) else { return 0 }
        let combining = scalar.properties.canonicalCombiningClass.rawValue
        return combining == 0 || existed(scalar, in: 9) ? combining : 0
    }

    /// The general category in Unicode 16, that of regular expressions.
    static func category(_ value: UInt32) -> Unicode.GeneralCategory {
        guard let scalar = Unicode.Scalar(value) else { return .surrogate }
        if value == 0x295 { return .lowercaseLetter }
        let category = scalar.properties.generalCategory
        return value < 0x80 || category == .unassigned || existed(scalar, in: 16) ? category : .unassigned
    }

    /// `\w` as one part of the reference has it: letters and what is used as such, marks, decimal digits, connectors.
    static func isWord(_ value: UInt32) -> Bool {
        if value < 0x80 {
            return value == 0x5F || (value >= 0x30 && value <= 0x39) || (value | 0x20 >= 0x61 && value | 0x20 <= 0x7A)
        }
        guard let scalar = Unicode.Scalar(value) else { return false }
        let category = Self.category(value)
        switch category {
        case .unassigned: return false
        case .decimalNumber, .connectorPunctuation: return true
        default:
            return isMark(category) || scalar.properties.isAlphabetic || value == 0x200C || value == 0x200D
        }
    }

    /// Any of the number categories, in the newest Unicode.
    static func isNumeric(_ value: UInt32) -> Bool {
        if value < 0x80 { return value >= 0x30 && value <= 0x39 }
        switch Unicode.Scalar(value)?.properties.generalCategory {
        case .decimalNumber, .letterNumber, .otherNumber: return true
        default: return false
        }
    }

    /// Any of the letter categories.
    @inline(__always)
    static func isLetter(_ value: UInt32) -> Bool {
        if value < 0x80 { return value | 0x20 >= 0x61 && value | 0x20 <= 0x7A }
        switch category(value) {
        case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter: return true
        default: return false
        }
    }

    static func isMark(_ category: Unicode.GeneralCategory) -> Bool {
        category == .nonspacingMark || category == .spacingMark || category == .enclosingMark
    }

    private static func existed(_ scalar: Unicode.Scalar, in version: Int) -> Bool {
        guard let age = scalar.properties.age else { return false }
        return age.major < version || (age.major == version && age.minor == 0)
    }
}
