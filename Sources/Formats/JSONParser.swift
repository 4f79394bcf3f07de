import Memory

/// Reads one JSON document out of bytes (RFC 8259).
struct JSONParser {
    static let maximumDepth = 512

    private let bytes: UnsafeBufferPointer<UInt8>
    private let source: String
    private var position = 0
    var firstLine = 1
    var allowsNonFinite = false
    var refusesEqualKeys = false

    init(bytes: UnsafeBufferPointer<UInt8>, source: String) { (self.bytes, self.source) = (bytes, source) }

    mutating func document() throws -> JSON {
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { position = 3 }
        let value = try value(depth: 0)
        skipSpace()
        guard position == bytes.count else { throw error("expected the end, got \(shown)") }
        return value
    }

    /// The byte at the position; 0, which no token begins with, at the end.
    @inline(__always) private var current: UInt8 { position < bytes.count ? bytes[position] : 0 }

    private var shown: String {
        guard position < bytes.count else { return "the end" }
        return (33...126).contains(current) ? "'\(Character(Unicode.Scalar(current)))'" : "byte \(current)"
    }

    private func error(_ message: String, at place: Int? = nil) -> FormatError {
        var (line, column) = (firstLine, 1)
        for byte in bytes[..<min(place ?? position, bytes.count)] {
            if byte == 10 { (line, column) = (line + 1, 1) } else { column += 1 }
        }
        return FormatError("\(source):\(line):\(column): \(message)")
    }

    @inline(__always) private mutating func skipSpace() {
        while position < bytes.count {
            let byte = bytes[position]
            guard byte == 32 || byte == 10 || byte == 13 || byte == 9 else { return }
            position += 1
        }
    }

    private mutating func value(depth: Int) throws -> JSON {
        guard depth < JSONParser.maximumDepth else {
            throw error("nested deeper than \(JSONParser.maximumDepth) levels")
        }
        skipSpace()
        try MemoryBudget.reserve(MemoryLayout<JSON>.stride)
        switch current {
        case UInt8(ascii: "{"): return try object(depth: depth)
        case UInt8(ascii: "["): return try array(depth: depth)
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try word("true", .bool(true))
        case UInt8(ascii: "f"): return try word("false", .bool(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        case UInt8(ascii: "N") where allowsNonFinite: return try word("NaN", .number(.nan))
        case UInt8(ascii: "I") where allowsNonFinite: return try word("Infinity", .number(.infinity))
        case UInt8(ascii: "-"), 48...57: return try number()
        default: throw error("expected a value, got \(shown)")
        }
    }

    private mutating func word(_ text: StaticString, _ value: JSON) throws -> JSON {
        let start = position
        let isThere = text.withUTF8Buffer { bytes[start...].starts(with: $0) }
        guard isThere else { throw error("expected a value, got \(shown)") }
        position += text.utf8CodeUnitCount
        return value
    }

    private mutating func object(depth: Int) throws -> JSON {
        if MemoryBudget.isStopping { try MemoryBudget.check() }
        position += 1
        var members = JSONObject()
        skipSpace()
        if current == UInt8(ascii: "}") {
            position += 1
            return .object(members)
        }
        while true {
            skipSpace()
            let start = position
            guard current == UInt8(ascii: "\"") else { throw error("expected a key in quotes, got \(shown)") }
            let key = try string()
            skipSpace()
            guard current == UInt8(ascii: ":") else {
                throw error("expected ':' after the key '\(FormatError.shown(key))', got \(shown)")
            }
            position += 1
            let value = try value(depth: depth + 1)
            if members.updateValue(value, forKey: key), refusesEqualKeys {
                throw error("the key '\(FormatError.shown(key))' is there twice", at: start)
            }
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
        if MemoryBudget.isStopping { try MemoryBudget.check() }
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

    // MARK: Numbers

    private mutating func number() throws -> JSON {
        let start = position
        let isNegative = current == UInt8(ascii: "-")
        if isNegative { position += 1 }
        if allowsNonFinite, current == UInt8(ascii: "I") { return try word("Infinity", .number(-.infinity)) }
        let first = position
        let whole = digits()
        guard whole > 0, whole == 1 || bytes[first] != UInt8(ascii: "0") else {
            throw error("malformed number", at: start)
        }
        var isInteger = true
        if current == UInt8(ascii: ".") {
            (isInteger, position) = (false, position + 1)
            guard digits() > 0 else { throw error("malformed number", at: start) }
        }
        if current | 32 == UInt8(ascii: "e") {
            (isInteger, position) = (false, position + 1)
            if current == UInt8(ascii: "+") || current == UInt8(ascii: "-") { position += 1 }
            guard digits() > 0 else { throw error("malformed number", at: start) }
        }
        if isInteger, whole <= 18 {
            var integer: Int64 = 0
            for byte in bytes[first..<position] { integer = integer &* 10 &+ Int64(byte &- 48) }
            return .integer(isNegative ? -integer : integer)
        }
        let text = String(decoding: bytes[start..<position], as: UTF8.self)
        if isInteger, let integer = Int64(text) { return .integer(integer) }
        guard let number = Double(text) else { throw error("malformed number", at: start) }
        guard number.isFinite || allowsNonFinite else {
            throw error("the number \(FormatError.shown(text)) is too large", at: start)
        }
        return .number(number)
    }

    /// Passes over digits and says how many there were.
    private mutating func digits() -> Int {
        let start = position
        while position < bytes.count, 48...57 ~= bytes[position] { position += 1 }
        return position - start
    }

    // MARK: Strings

    private mutating func string() throws -> String {
        let start = position
        position += 1
        passPlain()
        if current == UInt8(ascii: "\"") {
            defer { position += 1 }
            return try text(UnsafeBufferPointer(rebasing: bytes[start + 1..<position]), from: start)
        }
        var decoded = Array(bytes[start + 1..<position])
        while position < bytes.count {
            switch current {
            case UInt8(ascii: "\""):
                position += 1
                return try decoded.withUnsafeBufferPointer { try text($0, from: start) }
            case UInt8(ascii: "\\"):
                position += 1
                try escape(into: &decoded)
            case let byte: throw error("a string holds the control character \(byte)")
            }
            let first = position
            passPlain()
            decoded.append(contentsOf: bytes[first..<position])
        }
        throw error("a string does not end", at: start)
    }

    /// Passes over what stands for itself in a string.
    @inline(__always) private mutating func passPlain() {
        while position < bytes.count {
            let byte = bytes[position]
            guard byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\"), byte >= 32 else { return }
            position += 1
        }
    }

    private func text(_ bytes: UnsafeBufferPointer<UInt8>, from start: Int) throws -> String {
        // A short text lies in its value.
        if bytes.count > 15 { try MemoryBudget.reserve(bytes.count + 32) }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw error("a string is not UTF-8", at: start)
        }
        return text
    }

    private mutating func escape(into decoded: inout [UInt8]) throws {
        let byte = current
        position += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): decoded.append(byte)
        case UInt8(ascii: "b"): decoded.append(8)
        case UInt8(ascii: "f"): decoded.append(12)
        case UInt8(ascii: "n"): decoded.append(10)
        case UInt8(ascii: "r"): decoded.append(13)
        case UInt8(ascii: "t"): decoded.append(9)
        case UInt8(ascii: "u"):
            // A surrogate without its other half has no place in UTF-8.
            let scalar = Unicode.Scalar(try codePoint()) ?? "\u{FFFD}"
            decoded.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
        default: throw error("unknown escape in a string", at: position - 2)
        }
    }

    /// The code point after `\u`, two escapes where they are a surrogate pair.
    private mutating func codePoint() throws -> UInt32 {
        let code = try hexadecimal()
        guard (0xD800..<0xDC00).contains(code), bytes[position...].starts(with: [0x5C, 0x75]) else { return code }
        let mark = position
        position += 2
        let low = try hexadecimal()
        if (0xDC00..<0xE000).contains(low) { return 0x10000 + (code - 0xD800) << 10 + (low - 0xDC00) }
        position = mark
        return code
    }

    private mutating func hexadecimal() throws -> UInt32 {
        var code: UInt32 = 0
        for _ in 0..<4 {
            let digit: UInt8
            switch current {
            case let byte where 48...57 ~= byte: digit = byte - 48
            case let byte where 97...102 ~= byte | 32: digit = (byte | 32) - 87
            default: throw error("\\u needs four hexadecimal digits")
            }
            code = code << 4 | UInt32(digit)
            position += 1
        }
        return code
    }
}
