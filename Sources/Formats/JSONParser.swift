import OrderedCollections

/// Reads one JSON document out of bytes.
struct JSONParser {
    static let maximumDepth = 512

    let bytes: [UInt8]
    let source: String
    let allowsNonFinite: Bool
    var position = 0

    init(bytes: [UInt8], source: String, allowsNonFinite: Bool) {
        (self.bytes, self.source, self.allowsNonFinite) = (bytes, source, allowsNonFinite)
    }

    mutating func document() throws -> JSON {
        if bytes.count >= 3, byte(0) == 0xEF, byte(1) == 0xBB, byte(2) == 0xBF { position = 3 }
        let value = try value(depth: 0)
        skipSpace()
        guard current == nil else { throw error("expected the end of the file, got \(shown)") }
        return value
    }

    private func byte(_ index: Int) -> UInt8 { bytes[index] }
    private var current: UInt8? { position < bytes.count ? bytes[position] : nil }

    private var shown: String {
        guard let current else { return "the end of the file" }
        return (33...126).contains(current) ? "'\(Character(Unicode.Scalar(current)))'" : "byte \(current)"
    }

    func error(_ message: String, at place: Int? = nil) -> FormatError {
        var (line, column) = (1, 1)
        for index in 0..<min(place ?? position, bytes.count) {
            if byte(index) == 10 { (line, column) = (line + 1, 1) } else { column += 1 }
        }
        return FormatError("\(source):\(line):\(column): \(message)")
    }

    private mutating func skipSpace() {
        while let byte = current, byte == 32 || byte == 10 || byte == 13 || byte == 9 { position += 1 }
    }

    private mutating func value(depth: Int) throws -> JSON {
        guard depth < JSONParser.maximumDepth else {
            throw error("nested deeper than \(JSONParser.maximumDepth) levels")
        }
        skipSpace()
        switch current {
        case UInt8(ascii: "{"): return try object(depth: depth)
        case UInt8(ascii: "["): return try array(depth: depth)
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try word("true", .bool(true))
        case UInt8(ascii: "f"): return try word("false", .bool(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        case UInt8(ascii: "N") where allowsNonFinite: return try word("NaN", .number(.nan))
        case UInt8(ascii: "I") where allowsNonFinite: return try word("Infinity", .number(.infinity))
        case .some(let byte) where byte == UInt8(ascii: "-") || (48...57).contains(byte): return try number()
        default: throw error("expected a value, got \(shown)")
        }
    }

    private mutating func word(_ text: String, _ value: JSON) throws -> JSON {
        let start = position
        for expected in text.utf8 {
            guard current == expected else { throw error("expected '\(text)'", at: start) }
            position += 1
        }
        return value
    }

    private mutating func object(depth: Int) throws -> JSON {
        position += 1
        var members: OrderedDictionary<String, JSON> = [:]
        skipSpace()
        if current == UInt8(ascii: "}") {
            position += 1
            return .object(members)
        }
        while true {
            skipSpace()
            guard current == UInt8(ascii: "\"") else { throw error("expected a key in quotes, got \(shown)") }
            let key = try string()
            skipSpace()
            guard current == UInt8(ascii: ":") else {
                throw error("expected ':' after key '\(key.prefix(40))', got \(shown)")
            }
            position += 1
            members[key] = try value(depth: depth + 1)
            skipSpace()
            switch current {
            case UInt8(ascii: ","): position += 1
            case UInt8(ascii: "}"):
                position += 1
                return .object(members)
            default: throw error("expected ',' or '}', got \(shown)")
            }
        }
    }

    private mutating func array(depth: Int) throws -> JSON {
        position += 1
        var elements: [JSON] = []
        skipSpace()
        if current == UInt8(ascii: "]") {
            position += 1
            return .array(elements)
        }
        while true {
            elements.append(try value(depth: depth + 1))
            skipSpace()
            switch current {
            case UInt8(ascii: ","): position += 1
            case UInt8(ascii: "]"):
                position += 1
                return .array(elements)
            default: throw error("expected ',' or ']', got \(shown)")
            }
        }
    }

    private mutating func number() throws -> JSON {
        let start = position
        var isInteger = true
        if current == UInt8(ascii: "-") { position += 1 }
        if allowsNonFinite, current == UInt8(ascii: "I") { return try word("Infinity", .number(-.infinity)) }
        let first = current
        let whole = digits()
        guard whole > 0, !(first == UInt8(ascii: "0") && whole > 1) else { throw error("malformed number", at: start) }
        if current == UInt8(ascii: ".") {
            (isInteger, position) = (false, position + 1)
            guard digits() > 0 else { throw error("malformed number", at: start) }
        }
        if let byte = current, byte | 32 == UInt8(ascii: "e") {
            (isInteger, position) = (false, position + 1)
            if let sign = current, sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-") { position += 1 }
            guard digits() > 0 else { throw error("malformed number", at: start) }
        }
        let text = String(decoding: bytes[start..<position], as: UTF8.self)
        if isInteger, let integer = Int64(text) { return .integer(integer) }
        guard let number = Double(text) else { throw error("malformed number", at: start) }
        guard number.isFinite || allowsNonFinite else {
            throw error("number \(text.prefix(40)) is too large", at: start)
        }
        return .number(number)
    }

    private mutating func digits() -> Int {
        let start = position
        while let byte = current, byte >= 48, byte <= 57 { position += 1 }
        return position - start
    }

    private mutating func string() throws -> String {
        let start = position
        position += 1
        let first = position
        while let byte = current, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\"), byte >= 32 { position += 1 }
        if current == UInt8(ascii: "\"") {
            defer { position += 1 }
            return try text(Array(bytes[first..<position]), from: start)
        }
        var decoded = Array(bytes[first..<position])
        while let byte = current {
            position += 1
            switch byte {
            case UInt8(ascii: "\""): return try text(decoded, from: start)
            case UInt8(ascii: "\\"): try escape(into: &decoded)
            case 0..<32: throw error("a string holds the control character \(byte)", at: position - 1)
            default: decoded.append(byte)
            }
        }
        throw error("a string does not end", at: start)
    }

    private func text(_ bytes: [UInt8], from start: Int) throws -> String {
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw error("a string is not UTF-8", at: start)
        }
        return text
    }

    private mutating func escape(into decoded: inout [UInt8]) throws {
        guard let byte = current else { throw error("a string does not end") }
        position += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): decoded.append(byte)
        case UInt8(ascii: "b"): decoded.append(8)
        case UInt8(ascii: "f"): decoded.append(12)
        case UInt8(ascii: "n"): decoded.append(10)
        case UInt8(ascii: "r"): decoded.append(13)
        case UInt8(ascii: "t"): decoded.append(9)
        case UInt8(ascii: "u"):
            var code = try hexadecimal()
            if (0xD800..<0xDC00).contains(code), current == UInt8(ascii: "\\") {
                let mark = position
                position += 1
                if current == UInt8(ascii: "u") {
                    position += 1
                    let low = try hexadecimal()
                    if (0xDC00..<0xE000).contains(low) {
                        code = 0x10000 + (code - 0xD800) << 10 + (low - 0xDC00)
                    } else {
                        position = mark
                    }
                } else {
                    position = mark
                }
            }
            // A surrogate without its other half has no place in UTF-8.
            let scalar = Unicode.Scalar(code) ?? "\u{FFFD}"
            decoded.append(contentsOf: String(Character(scalar)).utf8)
        default: throw error("unknown escape in a string", at: position - 2)
        }
    }

    private mutating func hexadecimal() throws -> UInt32 {
        var code: UInt32 = 0
        for _ in 0..<4 {
            guard let byte = current, let digit = Character(Unicode.Scalar(byte)).hexDigitValue else {
                throw error("\\u needs four hexadecimal digits")
            }
            code = code << 4 | UInt32(digit)
            position += 1
        }
        return code
    }
}
