import Memory

extension JSON {
    /// Text as Python's `json.dumps(value, indent=indent, sort_keys=sortedKeys, ensure_ascii=asciiOnly)` writes it.
    public func serialized(indent: Int? = nil, sortedKeys: Bool = false, asciiOnly: Bool = true) -> String {
        var writer = JSONWriter<Never>(indent: indent, sortsKeys: sortedKeys, asciiOnly: asciiOnly)
        writer.write(self, level: 0)
        return String(decoding: writer.bytes, as: UTF8.self)
    }

    /// Text without any space, non-ASCII characters as they are (serde_json's form, but for the exponents of numbers).
    public func compact() -> String {
        var writer = JSONWriter<Never>(indent: nil, sortsKeys: false, asciiOnly: false)
        (writer.comma, writer.colon) = (",", ":")
        writer.write(self, level: 0)
        return String(decoding: writer.bytes, as: UTF8.self)
    }
}

extension Folder {
    /// Writes a value as JSON with a line end, whole or not at all; the text is never in memory as a whole.
    public func write(_ name: String, _ json: JSON, indent: Int? = nil, asciiOnly: Bool = true) throws {
        try write(name) { file in
            var writer = JSONWriter<any Error>(indent: indent, sortsKeys: false, asciiOnly: asciiOnly) { bytes in
                try MemoryBudget.check()
                try file.append(bytes)
            }
            try writer.write(json, level: 0)
            try writer.finish("\n")
        }
    }
}

/// Makes the bytes of a JSON text, and gathers them or hands them on piece by piece.
struct JSONWriter<Failure: Error> {
    let indent: Int?
    let sortsKeys: Bool
    let asciiOnly: Bool
    var comma: StaticString = ", "
    var colon: StaticString = ": "
    private(set) var bytes: [UInt8] = []
    /// Takes the bytes so far, which are forgotten then; nil where they are gathered.
    private let handOn: (([UInt8]) throws(Failure) -> Void)?
    /// Bytes after which they are handed on.
    private static var piece: Int { 1 << 16 }

    init(
        indent: Int?, sortsKeys: Bool, asciiOnly: Bool, handOn: (([UInt8]) throws(Failure) -> Void)? = nil
    ) {
        (self.indent, self.sortsKeys, self.asciiOnly, self.handOn) = (indent, sortsKeys, asciiOnly, handOn)
    }

    /// Ends the text with `text`, and hands on what is left.
    mutating func finish(_ text: StaticString) throws(Failure) {
        add(text)
        try handOn?(bytes)
        bytes = []
    }

    /// Writes a value and a line end.
    mutating func writeLine(_ json: JSON) throws(Failure) {
        try write(json, level: 0)
        add("\n")
    }

    mutating func write(_ json: JSON, level: Int) throws(Failure) {
        if let handOn, bytes.count >= Self.piece {
            try handOn(bytes)
            bytes.removeAll(keepingCapacity: true)
        }
        switch json {
        case .null: add("null")
        case .bool(let flag): add(flag ? "true" : "false")
        case .integer(let integer): bytes.append(contentsOf: String(integer).utf8)
        case .number(let number): bytes.append(contentsOf: JSONWriter.text(of: number).utf8)
        case .string(let string): quote(string)
        case .array(let elements):
            add("[")
            for (index, element) in elements.enumerated() {
                separate(index, level: level)
                try write(element, level: level + 1)
            }
            end("]", isEmpty: elements.isEmpty, level: level)
        case .object(let members):
            add("{")
            var order = Array(members.indices)
            // By code points, as Python does; the order of UTF-8's bytes is the same.
            if sortsKeys { order.sort { members[$0].key.utf8.lexicographicallyPrecedes(members[$1].key.utf8) } }
            for (index, place) in order.enumerated() {
                separate(index, level: level)
                let (key, value) = members[place]
                quote(key)
                add(colon)
                try write(value, level: level + 1)
            }
            end("}", isEmpty: members.isEmpty, level: level)
        }
    }

    private mutating func add(_ text: StaticString) { text.withUTF8Buffer { bytes.append(contentsOf: $0) } }

    private mutating func separate(_ index: Int, level: Int) {
        guard indent != nil else { return index > 0 ? add(comma) : () }
        if index > 0 { add(",") }
        breakLine(level: level + 1)
    }

    private mutating func end(_ close: StaticString, isEmpty: Bool, level: Int) {
        if !isEmpty { breakLine(level: level) }
        add(close)
    }

    private mutating func breakLine(level: Int) {
        guard let indent else { return }
        add("\n")
        bytes.append(contentsOf: repeatElement(UInt8(ascii: " "), count: max(0, indent) * level))
    }

    private mutating func quote(_ string: String) {
        add("\"")
        for scalar in string.unicodeScalars {
            switch scalar {
            case "\"": add("\\\"")
            case "\\": add("\\\\")
            case "\n": add("\\n")
            case "\r": add("\\r")
            case "\t": add("\\t")
            case "\u{8}": add("\\b")
            case "\u{C}": add("\\f")
            case _ where scalar.value < 32 || (asciiOnly && scalar.value > 126):
                for unit in UTF16.encode(scalar) ?? UTF16.encodedReplacementCharacter {
                    add("\\u")
                    for shift in [12, 8, 4, 0] {
                        let digit = UInt8(unit >> UInt16(shift) & 15)
                        bytes.append(digit < 10 ? digit + 48 : digit + 87)
                    }
                }
            case _ where scalar.value < 128: bytes.append(UInt8(truncatingIfNeeded: scalar.value))
            default: bytes.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
            }
        }
        add("\"")
    }

    /// A number as Python's repr writes it: the shortest digits that read back equal.
    static func text(of number: Double) -> String {
        if number.isNaN { return "NaN" }
        if number.isInfinite { return number < 0 ? "-Infinity" : "Infinity" }
        // Swift's description has the same digits; it differs in where it uses exponents and how it writes them.
        let swift = "\(number.magnitude)"
        let sign = number.sign == .minus ? "-" : ""
        let parts = swift.split(separator: "e")
        let mantissa = parts[0].split(separator: ".", omittingEmptySubsequences: false)
        var digits = String(mantissa[0]) + (mantissa.count > 1 ? String(mantissa[1]) : "")
        var point = mantissa[0].count + (parts.count > 1 ? Int(parts[1]) ?? 0 : 0)
        let leading = digits.prefix { $0 == "0" }.count
        guard leading < digits.count else { return sign + "0.0" }
        (digits, point) = (String(digits.dropFirst(leading)), point - leading)
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
}
