import LuaBridge

/// Texts as Lua writes them.
enum TextLiteral {
    /// A text in quotes, cut after `limit` bytes or so.
    static func quoted(_ text: String, limit: Int) -> String {
        var (taken, used) = (String.UnicodeScalarView(), 0)
        for scalar in text.unicodeScalars {
            if used >= limit { return "\"" + escaped(String(taken), quote: "\"") + "\"..." }
            used += UTF8.width(scalar)
            taken.append(scalar)
        }
        return "\"" + escaped(text, quote: "\"") + "\""
    }

    /// A text as it stands between quotes.
    static func escaped(_ text: String, quote: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\t": result += "\\t"
            case "\r": result += "\\r"
            case _ where String(scalar) == quote: result += "\\" + quote
            default:
                if scalar.value < 0x20 || scalar.value == 0x7F {
                    result += "\\\(scalar.value)"
                } else {
                    result.unicodeScalars.append(scalar)
                }
            }
        }
        return result
    }

    /// The text that `escaped` gave; other escapes stay as they are.
    static func unescaped(_ text: String) -> String {
        var (result, rest) = (String.UnicodeScalarView(), text.unicodeScalars[...])
        while let scalar = rest.popFirst() {
            guard scalar == "\\", let next = rest.first else {
                result.append(scalar)
                continue
            }
            let digits = rest.prefix(3).prefix { $0.value >= 48 && $0.value <= 57 }
            if let code = UInt8(String(digits)), code < 0x80 {
                result.append(Unicode.Scalar(code))
                rest = rest.dropFirst(digits.count)
                continue
            }
            rest = rest.dropFirst()
            result.append(next == "n" ? "\n" : next == "t" ? "\t" : next == "r" ? "\r" : next)
        }
        return String(result)
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
