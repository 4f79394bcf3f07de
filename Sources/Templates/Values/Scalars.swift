extension Unicode.Scalar {
    /// Whether Python's `str.isspace` and `\s` take it for space.
    var isSpace: Bool {
        switch value {
        case 9...13, 28...32, 0x85, 0xA0, 0x1680, 0x2000...0x200A, 0x2028, 0x2029, 0x202F, 0x205F, 0x3000: true
        default: false
        }
    }
    /// Whether `str.splitlines` ends a line at it.
    var endsLine: Bool {
        switch value {
        case 10...13, 28...30, 0x85, 0x2028, 0x2029: true
        default: false
        }
    }
    /// Whether it is one of 0 to 9.
    var isDigit: Bool { "0"..."9" ~= self }
    /// The value of a hexadecimal digit.
    var hexDigit: UInt32? {
        switch self {
        case "0"..."9": value - 48
        case "a"..."f": value - 87
        case "A"..."F": value - 55
        default: nil
        }
    }
    /// Whether `str.isalpha` takes it for a letter.
    var isLetter: Bool {
        if isASCII { return "a"..."z" ~= self || "A"..."Z" ~= self }
        return switch properties.generalCategory {
        case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter: true
        default: false
        }
    }
    /// Whether `str.isdecimal` takes it for a digit.
    var isDecimal: Bool { isASCII ? isDigit : properties.generalCategory == .decimalNumber }
    /// Whether `str.isdigit` takes it for a digit.
    var isAnyDigit: Bool {
        if isASCII { return isDigit }
        return switch properties.numericType {
        case .decimal, .digit: true
        default: false
        }
    }
    /// Whether `str.isnumeric` takes it for a number.
    var isNumeric: Bool { isASCII ? isDigit : properties.numericType != nil }
    /// Whether `str.isalnum` takes it.
    var isAlphanumeric: Bool { isLetter || isNumeric }
    /// Whether a name or `\w` may hold it.
    var isWord: Bool {
        if isASCII { return isAlphanumeric || self == "_" }
        return isAlphanumeric || properties.isXIDContinue
    }
    /// Whether `repr` writes it as it is.
    var isPrintable: Bool {
        if isASCII { return value >= 32 && value != 127 }
        return switch properties.generalCategory {
        case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator,
            .spaceSeparator:
            false
        default: true
        }
    }
}
