import LuaBridge

/// Texts as Lua writes them.
enum TextLiteral {
    /// A text in quotes, cut after `limit` bytes or so.
    static func quoted(_ text: String, limit: Int) -> String {
        var result = "\""
        var used = 0
        for scalar in text.unicodeScalars {
            if used >= limit { return result + "\"..." }
            used += UTF8.width(scalar)
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\t": result += "\\t"
            case "\r": result += "\\r"
            default:
                if scalar.value < 0x20 || scalar.value == 0x7F {
                    result += "\\\(scalar.value)"
                } else {
                    result.unicodeScalars.append(scalar)
                }
            }
        }
        return result + "\""
    }

    /// Whether a key can be written without brackets.
    static func isName(_ text: String) -> Bool {
        guard let first = text.utf8.first, first < UInt8(ascii: "0") || first > UInt8(ascii: "9") else { return false }
        return !LuaToken.keywords.contains(text)
            && text.utf8.allSatisfy { byte in
                byte == UInt8(ascii: "_") || (byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9"))
                    || (byte | 0x20 >= UInt8(ascii: "a") && byte | 0x20 <= UInt8(ascii: "z"))
            }
    }
}
