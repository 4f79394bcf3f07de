import CLuaShim

/// Where `print` writes.
public enum LuaOutput {
    /// Standard output; on a terminal control characters are made visible, so that a script cannot draw a forged question.
    public static func standard(_ text: LuaString) {
        let shown = lw_is_terminal() ? LuaString(visible(text.text)) : text
        shown.withBytes { lw_write($0, $1) }
    }

    /// The text with control characters other than newline and tab, and those that turn the direction of writing, as \u{...}.
    public static func visible(_ text: String) -> String {
        guard text.unicodeScalars.contains(where: isHidden) else { return text }
        var result = ""
        for scalar in text.unicodeScalars {
            if isHidden(scalar) {
                result += "\\u{\(String(scalar.value, radix: 16))}"
            } else {
                result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    private static func isHidden(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x09, 0x0A: false
        case 0..<0x20, 0x7F..<0xA0, 0x200E, 0x200F, 0x202A...0x202E, 0x2066...0x2069: true
        default: false
        }
    }
}
