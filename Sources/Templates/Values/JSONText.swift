/// Values as `json.dumps` writes them, with the options that transformers' `tojson` takes.
struct JSONText {
    var isASCII = false
    var indent: Text?
    var comma: Text = ", "
    var colon: Text = ": "
    var sortsKeys = false
    private let rendering: Rendering
    private var output: [Unicode.Scalar] = []
    private var paid = 0

    init(_ rendering: Rendering) { self.rendering = rendering }

    mutating func text(of value: Value) throws -> Text {
        try write(value, level: 0)
        return Text(output)
    }

    private mutating func add(_ text: String) { output.append(contentsOf: text.unicodeScalars) }

    private mutating func write(_ value: Value, level: Int) throws {
        if output.count - paid > 1 << 12 {
            try rendering.expect(characters: output.count)
            paid = output.count
        }
        switch value {
        case .none: add("null")
        case .bool(let flag): add(flag ? "true" : "false")
        case .integer(let integer): add(String(integer))
        case .float(let number): add(Self.text(number))
        case .text(let text): quote(text)
        case .list(let list), .tuple(let list):
            try write(list.items.count, "[", "]", level) { writer, index in
                try writer.write(list.items[index], level: level + 1)
            }
        case .dict(let dict):
            let entries = sortsKeys ? try sorted(dict) : dict.entries
            try write(entries.count, "{", "}", level) { writer, index in
                writer.quote(try writer.key(entries[index].key))
                writer.output += writer.colon.scalars
                try writer.write(entries[index].value, level: level + 1)
            }
        case .undefined, .object:
            throw TemplateError.type("Object of type \(value.typeName) is not JSON serializable")
        }
    }

    private mutating func write(
        _ count: Int, _ open: String, _ close: String, _ level: Int,
        _ element: (inout JSONText, Int) throws -> Void
    ) throws {
        add(open)
        for index in 0..<count {
            if index > 0 { output += comma.scalars }
            breakLine(level + 1)
            try rendering.deeper { try element(&self, index) }
        }
        if count > 0 { breakLine(level) }
        add(close)
    }

    private mutating func breakLine(_ level: Int) {
        guard let indent else { return }
        add("\n")
        for _ in 0..<level { output += indent.scalars }
    }

    private func sorted(_ dict: Dict) throws -> [(key: Value, value: Value)] {
        try dict.entries.sorted { try rendering.isOrdered($0.key, $1.key) }
    }

    private func key(_ key: Value) throws -> Text {
        switch key {
        case .text(let text): return text
        case .none: return "null"
        case .bool(let flag): return flag ? "true" : "false"
        case .integer(let integer): return Text(String(integer))
        case .float(let number): return Text(Self.text(number))
        default:
            throw TemplateError.type("keys must be str, int, float, bool or None, not \(key.typeName)")
        }
    }

    private static func text(_ number: Double) -> String {
        if number.isNaN { return "NaN" }
        if number.isInfinite { return number < 0 ? "-Infinity" : "Infinity" }
        return Numbers.represented(number)
    }

    private mutating func quote(_ text: Text) {
        add("\"")
        for scalar in text.scalars {
            switch scalar {
            case "\"": add("\\\"")
            case "\\": add("\\\\")
            case "\n": add("\\n")
            case "\r": add("\\r")
            case "\t": add("\\t")
            case "\u{8}": add("\\b")
            case "\u{C}": add("\\f")
            case _ where scalar.value < 32 || (isASCII && scalar.value > 126):
                escape(scalar)
            default: output.append(scalar)
            }
        }
        add("\"")
    }

    private mutating func escape(_ scalar: Unicode.Scalar) {
        for unit in String(scalar).utf16 {
            let digits = String(unit, radix: 16)
            add("\\u" + String(repeating: "0", count: 4 - digits.count) + digits)
        }
    }
}
