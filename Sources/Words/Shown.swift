/// Texts out of data, files and recipes as messages and terminals may show them.
///
/// What would move the cursor, begin a line or turn the direction of writing is shown as \u{...}, so that no name draws something that
/// the program did not say.
public enum Shown {
    /// A name as messages quote it, in one line; cut after `limit` characters where a limit is given.
    public static func name(_ text: String, atMost limit: Int? = nil) -> String {
        let isLong = limit.map { text.unicodeScalars.count > $0 } ?? false
        let whole = limit.map { String(text.unicodeScalars.prefix($0)) } ?? text
        let shown = escaped(whole) { scalar in
            if scalar.isASCII { return scalar.value < 0x20 || scalar.value == 0x7F }
            return switch scalar.properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator: true
            default: false
            }
        }
        return isLong ? shown + "…" : shown
    }

    /// A message in one line.
    public static func line(_ text: String) -> String {
        escaped(text) { isHidden($0) || $0.value == 0x0A || $0.value == 0x2028 || $0.value == 0x2029 }
    }

    /// A text of any number of lines: line feeds and tabs stay.
    public static func text(_ text: String) -> String { escaped(text, isHidden) }

    private static func isHidden(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x09, 0x0A: false
        case 0..<0x20, 0x7F..<0xA0, 0x061C, 0x200E, 0x200F, 0x202A...0x202E, 0x2066...0x2069: true
        default: false
        }
    }

    private static func escaped(_ text: String, _ isEscaped: (Unicode.Scalar) -> Bool) -> String {
        guard text.unicodeScalars.contains(where: isEscaped) else { return text }
        var shown = ""
        for scalar in text.unicodeScalars {
            if isEscaped(scalar) {
                shown += "\\u{\(String(scalar.value, radix: 16))}"
            } else {
                shown.unicodeScalars.append(scalar)
            }
        }
        return shown
    }
}
