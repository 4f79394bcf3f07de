extension JSON {
    /// Text as Python's `json.dumps(value, indent=indent, sort_keys=sortedKeys, ensure_ascii=...)` writes it.
    public func serialized(indent: Int? = nil, sortedKeys: Bool = false, asciiOnly: Bool = true) -> String {
        var text = ""
        write(to: &text, indent: indent, sortedKeys: sortedKeys, asciiOnly: asciiOnly, level: 0)
        return text
    }

    /// Text without any space, non-ASCII characters as they are (serde_json's form).
    public func compact() -> String {
        switch self {
        case .array(let elements): "[" + elements.map { $0.compact() }.joined(separator: ",") + "]"
        case .object(let members):
            "{" + members.map { JSON.string($0).compact() + ":" + $1.compact() }.joined(separator: ",") + "}"
        default: serialized(asciiOnly: false)
        }
    }

    private func write(to text: inout String, indent: Int?, sortedKeys: Bool, asciiOnly: Bool, level: Int) {
        switch self {
        case .null: text += "null"
        case .bool(let flag): text += flag ? "true" : "false"
        case .integer(let integer): text += String(integer)
        case .number(let number): text += JSON.text(of: number)
        case .string(let string): JSON.quote(string, to: &text, asciiOnly: asciiOnly)
        case .array(let elements):
            JSON.writeList(elements, "[", "]", to: &text, indent: indent, level: level) { element, text in
                element.write(to: &text, indent: indent, sortedKeys: sortedKeys, asciiOnly: asciiOnly, level: level + 1)
            }
        case .object(let members):
            let keys =
                sortedKeys
                ? members.keys.sorted { $0.unicodeScalars.lexicographicallyPrecedes($1.unicodeScalars) }
                : Array(members.keys)
            JSON.writeList(keys, "{", "}", to: &text, indent: indent, level: level) { key, text in
                JSON.quote(key, to: &text, asciiOnly: asciiOnly)
                text += ": "
                (members[key] ?? .null).write(
                    to: &text, indent: indent, sortedKeys: sortedKeys, asciiOnly: asciiOnly, level: level + 1)
            }
        }
    }

    private static func writeList<Element>(
        _ elements: [Element], _ open: String, _ close: String, to text: inout String, indent: Int?, level: Int,
        _ write: (Element, inout String) -> Void
    ) {
        text += open
        for (index, element) in elements.enumerated() {
            if let indent {
                text += index > 0 ? ",\n" : "\n"
                text += String(repeating: " ", count: indent * (level + 1))
            } else if index > 0 {
                text += ", "
            }
            write(element, &text)
        }
        if let indent, !elements.isEmpty { text += "\n" + String(repeating: " ", count: indent * level) }
        text += close
    }

    /// A number as Python's repr writes it: the shortest digits that read back equal.
    static func text(of number: Double) -> String {
        if number.isNaN { return "NaN" }
        if number.isInfinite { return number < 0 ? "-Infinity" : "Infinity" }
        let swift = "\(number)"
        let sign = swift.hasPrefix("-") ? "-" : ""
        let unsigned = swift.dropFirst(sign.count)
        let parts = unsigned.split(separator: "e")
        let mantissa = parts[0].split(separator: ".", omittingEmptySubsequences: false)
        var digits = String(mantissa[0]) + (mantissa.count > 1 ? String(mantissa[1]) : "")
        var point = mantissa[0].count + (parts.count > 1 ? Int(parts[1]) ?? 0 : 0)
        let leading = digits.prefix { $0 == "0" }.count
        if leading < digits.count {
            (digits, point) = (String(digits.dropFirst(leading)), point - leading)
        } else {
            return sign + "0.0"
        }
        while digits.count > 1, digits.last == "0" { digits.removeLast() }
        let exponent = point - 1
        if exponent < -4 || exponent >= 16 {
            let rest = digits.dropFirst()
            let magnitude = abs(exponent)
            return sign + String(digits.prefix(1)) + (rest.isEmpty ? "" : "." + rest) + "e" + (exponent < 0 ? "-" : "+")
                + (magnitude < 10 ? "0" : "") + String(magnitude)
        }
        if point <= 0 { return sign + "0." + String(repeating: "0", count: -point) + digits }
        if digits.count <= point { return sign + digits + String(repeating: "0", count: point - digits.count) + ".0" }
        return sign + String(digits.prefix(point)) + "." + String(digits.dropFirst(point))
    }

    private static func quote(_ string: String, to text: inout String, asciiOnly: Bool) {
        text += "\""
        for scalar in string.unicodeScalars {
            switch scalar {
            case "\"": text += "\\\""
            case "\\": text += "\\\\"
            case "\n": text += "\\n"
            case "\r": text += "\\r"
            case "\t": text += "\\t"
            case "\u{8}": text += "\\b"
            case "\u{C}": text += "\\f"
            case _ where scalar.value < 32 || (asciiOnly && scalar.value > 126):
                for unit in String(Character(scalar)).utf16 {
                    let hexadecimal = String(unit, radix: 16)
                    text += "\\u" + String(repeating: "0", count: 4 - hexadecimal.count) + hexadecimal
                }
            default: text.unicodeScalars.append(scalar)
            }
        }
        text += "\""
    }
}
