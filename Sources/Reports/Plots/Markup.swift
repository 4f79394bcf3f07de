import Words

/// Texts and numbers as SVG and HTML have them.
enum Markup {
    /// Text between tags and in quoted attributes, as it may stand there.
    static func escaped(_ text: String) -> String {
        var escaped = ""
        for scalar in Shown.text(text).unicodeScalars {
            switch scalar {
            case "&": escaped += "&amp;"
            case "<": escaped += "&lt;"
            case ">": escaped += "&gt;"
            case "\"": escaped += "&quot;"
            case "'": escaped += "&#39;"
            default: escaped.unicodeScalars.append(scalar)
            }
        }
        return escaped
    }

    /// A length with two digits.
    static func length(_ value: Double) -> String { Figures.plain(Figures.rounded(value, 2)) }
}
