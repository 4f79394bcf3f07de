/// What the reference takes a scalar to be.
///
/// Each of its parts (tokenizers 0.23.3) carries the Unicode tables of another version, so a scalar that was assigned
/// later than the part's version is unassigned there. The properties here are the standard library's, cut by the
/// version in which the scalar appeared; the scalars whose category changed since are named. All were compared over
/// every scalar.
package enum ScalarClass {
    /// White_Space, the same in all versions.
    @inlinable @inline(__always)
    package static func isWhitespace(_ value: UInt32) -> Bool {
        if value < 0x80 { return value == 0x20 || (value >= 9 && value <= 13) }
        switch value {
        case 0x85, 0xA0, 0x1680, 0x2000...0x200A, 0x2028, 0x2029, 0x202F, 0x205F, 0x3000: return true
        default: return false
        }
    }

    /// The general category in Unicode 16, that of regular expressions.
    package static func category(_ value: UInt32) -> Unicode.GeneralCategory {
        guard let scalar = Unicode.Scalar(value) else { return .surrogate }
        if value == 0x295 { return .lowercaseLetter }
        let category = scalar.properties.generalCategory
        return value < 0x80 || category == .unassigned || existed(scalar, in: 16) ? category : .unassigned
    }

    /// `\w` as one part of the reference has it: letters and what is used as such, marks, decimal digits, connectors.
    package static func isWord(_ value: UInt32) -> Bool {
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
    package static func isNumeric(_ value: UInt32) -> Bool {
        if value < 0x80 { return value >= 0x30 && value <= 0x39 }
        switch Unicode.Scalar(value)?.properties.generalCategory {
        case .decimalNumber, .letterNumber, .otherNumber: return true
        default: return false
        }
    }

    /// Any of the letter categories.
    @inline(__always)
    package static func isLetter(_ value: UInt32) -> Bool {
        if value < 0x80 { return value | 0x20 >= 0x61 && value | 0x20 <= 0x7A }
        switch category(value) {
        case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter: return true
        default: return false
        }
    }

    /// Any of the mark categories.
    package static func isMark(_ category: Unicode.GeneralCategory) -> Bool {
        category == .nonspacingMark || category == .spacingMark || category == .enclosingMark
    }

    /// Whether a version of Unicode has the scalar.
    package static func existed(_ scalar: Unicode.Scalar, in version: Int) -> Bool {
        guard let age = scalar.properties.age else { return false }
        return age.major < version || (age.major == version && age.minor == 0)
    }

    /// `\w` of Python: letters, whatever has a numeric value, and the underscore.
    static func isPythonWord(_ value: UInt32) -> Bool {
        if value < 0x80 { return isWord(value) }
        guard let properties = Unicode.Scalar(value)?.properties else { return false }
        switch properties.generalCategory {
        case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter: return true
        default: return properties.numericType != nil
        }
    }
}
