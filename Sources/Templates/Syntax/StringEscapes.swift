/// What stands between the quotes of a string, with Python's escapes read ("unicode-escape").
enum StringEscapes {
    static func decoded(_ source: ArraySlice<Unicode.Scalar>, line: Int) throws -> Text {
        guard source.contains("\\") else { return Text(source) }
        var scalars: [Unicode.Scalar] = []
        var index = source.startIndex
        while index < source.endIndex {
            let scalar = source[index]
            index += 1
            guard scalar == "\\", index < source.endIndex else {
                scalars.append(scalar)
                continue
            }
            let escape = source[index]
            index += 1
            if let plain = plain(escape) {
                scalars.append(plain)
                continue
            }
            switch escape {
            case "\n": break
            case "0"..."7":
                var value = escape.value - 48
                for _ in 0..<2 where index < source.endIndex && "0"..."7" ~= source[index] {
                    value = value * 8 + (source[index].value - 48)
                    index += 1
                }
                scalars.append(Unicode.Scalar(value) ?? "\u{FFFD}")
            case "x": scalars.append(try hexadecimal(source, &index, 2, "truncated \\xXX escape", line))
            case "u":
                let scalar = try hexadecimal(source, &index, 4, "truncated \\uXXXX escape", line)
                scalars.append(scalar)
            case "U": scalars.append(try hexadecimal(source, &index, 8, "truncated \\UXXXXXXXX escape", line))
            case "N":
                throw TemplateError.syntax("characters by name (\\N{...}) are not supported", line: line)
            default:
                // The reference turns what is not ASCII into escapes of its own first, and a backslash before one of these
                // escapes their backslash.
                scalars.append("\\")
                scalars.append(contentsOf: escape.isASCII ? [escape] : Array(written(escape).unicodeScalars))
            }
        }
        return Text(scalars)
    }

    private static func plain(_ scalar: Unicode.Scalar) -> Unicode.Scalar? {
        switch scalar {
        case "\\", "'", "\"": scalar
        case "a": "\u{7}"
        case "b": "\u{8}"
        case "f": "\u{C}"
        case "n": "\n"
        case "r": "\r"
        case "t": "\t"
        case "v": "\u{B}"
        default: nil
        }
    }

    private static func hexadecimal(
        _ source: ArraySlice<Unicode.Scalar>, _ index: inout Int, _ count: Int, _ truncated: String, _ line: Int
    ) throws -> Unicode.Scalar {
        var value: UInt32 = 0
        for _ in 0..<count {
            guard index < source.endIndex, let digit = source[index].hexDigit, value < 1 << 28 else {
                throw TemplateError.syntax(truncated, line: line)
            }
            value = value << 4 | digit
            index += 1
        }
        if value > 0x10FFFF { throw TemplateError.syntax("illegal Unicode character", line: line) }
        // Half of a surrogate pair has no place in UTF-8.
        return Unicode.Scalar(value) ?? "\u{FFFD}"
    }

    /// A scalar beyond ASCII as Python's "backslashreplace" writes it, without the backslash.
    private static func written(_ scalar: Unicode.Scalar) -> String {
        let digits = String(scalar.value, radix: 16)
        let (letter, width) = scalar.value < 0x100 ? ("x", 2) : scalar.value < 0x10000 ? ("u", 4) : ("U", 8)
        return letter + String(repeating: "0", count: width - digits.count) + digits
    }
}
