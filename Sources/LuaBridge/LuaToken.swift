/// One word or sign of a Lua text, with its place in bytes.
public struct LuaToken: Sendable, Equatable {
    /// What it is.
    public enum Kind: Sendable {
        /// A name that is no keyword.
        case name
        /// A keyword.
        case keyword
        /// A string with its quotes.
        case string
        /// A number.
        case number
        /// A comment.
        case comment
        /// Anything else: a sign of one to three bytes.
        case symbol
    }

    /// What it is.
    public let kind: Kind
    /// Its bytes.
    public let range: Range<Int>
    /// Its text.
    public let text: String
    /// Whether the text ends within it: a string without its closing quote, a long comment.
    public let isOpen: Bool

    /// Lua's keywords.
    public static let keywords: Set<String> = [
        "and", "break", "do", "else", "elseif", "end", "false", "for", "function", "goto", "if", "in", "local", "nil",
        "not", "or", "repeat", "return", "then", "true", "until", "while",
    ]

    /// The tokens of a text; bytes that begin none are symbols of their own, so that any text has tokens.
    public static func scan(_ bytes: [UInt8]) -> [LuaToken] {
        var scanner = LuaScanner(bytes: bytes)
        var tokens: [LuaToken] = []
        while let token = scanner.next() { tokens.append(token) }
        return tokens
    }
}

/// Cuts a Lua text into tokens.
private struct LuaScanner {
    let bytes: [UInt8]
    var place = 0

    private func byte(_ offset: Int = 0) -> UInt8 { place + offset < bytes.count ? bytes[place + offset] : 0 }

    private static func isLetter(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: "_") || (byte | 0x20 >= UInt8(ascii: "a") && byte | 0x20 <= UInt8(ascii: "z"))
    }

    private static func isDigit(_ byte: UInt8) -> Bool { byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9") }

    mutating func next() -> LuaToken? {
        while place < bytes.count, bytes[place] == 0x20 || (bytes[place] >= 0x09 && bytes[place] <= 0x0D) { place += 1 }
        guard place < bytes.count else { return nil }
        let start = place
        var isOpen = false
        let kind: LuaToken.Kind
        let first = byte()
        if Self.isLetter(first) {
            while Self.isLetter(byte()) || Self.isDigit(byte()) { place += 1 }
            kind = .name
        } else if Self.isDigit(first) || (first == UInt8(ascii: ".") && Self.isDigit(byte(1))) {
            number()
            kind = .number
        } else if first == UInt8(ascii: "-"), byte(1) == UInt8(ascii: "-") {
            place += 2
            if let level = longBracket() {
                isOpen = !skipLong(level)
            } else {
                while place < bytes.count, bytes[place] != 0x0A { place += 1 }
                isOpen = place == bytes.count
            }
            kind = .comment
        } else if first == UInt8(ascii: "\"") || first == UInt8(ascii: "'") {
            isOpen = !skipQuoted(first)
            kind = .string
        } else if let level = longBracket() {
            isOpen = !skipLong(level)
            kind = .string
        } else {
            symbol()
            kind = .symbol
        }
        let text = String(decoding: bytes[start..<place], as: UTF8.self)
        return LuaToken(
            kind: kind == .name && LuaToken.keywords.contains(text) ? .keyword : kind, range: start..<place, text: text,
            isOpen: isOpen)
    }

    private mutating func number() {
        let isHexadecimal = byte() == UInt8(ascii: "0") && byte(1) | 0x20 == UInt8(ascii: "x")
        let exponent = isHexadecimal ? UInt8(ascii: "p") : UInt8(ascii: "e")
        while place < bytes.count {
            let sign = byte(1) == UInt8(ascii: "+") || byte(1) == UInt8(ascii: "-")
            if byte() | 0x20 == exponent, sign {
                place += 2
            } else if Self.isDigit(byte()) || Self.isLetter(byte()) || byte() == UInt8(ascii: ".") {
                place += 1
            } else {
                return
            }
        }
    }

    /// The level of a long bracket that opens here.
    private func longBracket() -> Int? {
        guard byte() == UInt8(ascii: "[") else { return nil }
        var level = 0
        while byte(1 + level) == UInt8(ascii: "=") { level += 1 }
        return byte(1 + level) == UInt8(ascii: "[") ? level : nil
    }

    private mutating func skipLong(_ level: Int) -> Bool {
        let end = [UInt8(ascii: "]")] + [UInt8](repeating: UInt8(ascii: "="), count: level) + [UInt8(ascii: "]")]
        place += level + 2
        while place + end.count <= bytes.count {
            if bytes[place] == end[0], bytes[place..<place + end.count].elementsEqual(end) {
                place += end.count
                return true
            }
            place += 1
        }
        place = bytes.count
        return false
    }

    private mutating func skipQuoted(_ quote: UInt8) -> Bool {
        place += 1
        while place < bytes.count {
            switch bytes[place] {
            case quote:
                place += 1
                return true
            case UInt8(ascii: "\\"):
                // \z goes on over line ends, and so does an escaped one.
                let isSkip = byte(1) == UInt8(ascii: "z")
                place += 2
                while isSkip, place < bytes.count, bytes[place] == 0x20 || (bytes[place] >= 9 && bytes[place] <= 13) {
                    place += 1
                }
            case 0x0A: return false
            default: place += 1
            }
        }
        place = min(place, bytes.count)
        return false
    }

    private mutating func symbol() {
        let three = String(decoding: bytes[place..<min(bytes.count, place + 3)], as: UTF8.self)
        for sign in ["...", "..", "::", "<<", ">>", "//", "==", "~=", "<=", ">="] where three.hasPrefix(sign) {
            place += sign.utf8.count
            return
        }
        place += 1
        while place < bytes.count, bytes[place] & 0xC0 == 0x80 { place += 1 }
    }
}
