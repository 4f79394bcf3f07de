import Patterns

/// What the parts of the reference that are not its regular expressions take a scalar to be.
extension ScalarClass {
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
}
