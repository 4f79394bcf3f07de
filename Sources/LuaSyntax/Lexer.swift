/// Cuts a text into tokens, as section 3.1 of the reference manual of Lua 5.4 has them.
///
/// Errors have the words of Lua's own compiler: what it quotes is kept in `buffer` as it keeps it.
struct Lexer {
    let source: SourceText
    /// The line of what was read last, from 1.
    private(set) var line = 1
    var place: Int
    var buffer: [UInt8] = []
    /// Where the token in progress begins.
    var start: Int

    init(_ source: SourceText) {
        self.source = source
        (place, start) = (source.start, source.start)
    }

    /// The byte at `place`, nil at the end.
    var current: UInt8? { place < source.bytes.count ? source.bytes[place] : nil }

    func byte(after count: Int) -> UInt8? {
        place + count < source.bytes.count ? source.bytes[place + count] : nil
    }

    /// Keeps a byte for errors and goes on.
    mutating func keep() {
        if let current { buffer.append(current) }
        place += 1
    }

    /// Goes over the end of a line: two different ones beside each other are one.
    mutating func passLineEnd() {
        guard let old = current else { return }
        place += 1
        if let next = current, Lexer.isLineEnd(next), next != old { place += 1 }
        line += 1
    }

    static func isLineEnd(_ byte: UInt8?) -> Bool { byte == 0x0A || byte == 0x0D }
    static func isLetter(_ byte: UInt8?) -> Bool {
        guard let byte else { return false }
        return byte == UInt8(ascii: "_") || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
    }
    static func isDigit(_ byte: UInt8?) -> Bool {
        byte.map { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) } ?? false
    }
    /// The value of a hexadecimal digit.
    static func hexadecimal(_ byte: UInt8?) -> Int? {
        guard let byte else { return nil }
        if isDigit(byte) { return Int(byte) - 48 }
        let letter = byte | 0x20
        return (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(letter) ? Int(letter) - 87 : nil
    }

    /// The error of what stands in the buffer.
    func failure(_ message: String) -> SyntaxError {
        SyntaxError(
            description: "\(message) near '\(Lexer.shown(buffer))'", line: line, range: start..<max(start, place))
    }

    /// The error of a token that the text ends within.
    func failureAtEnd(_ message: String) -> SyntaxError {
        SyntaxError(description: "\(message) near <eof>", line: line, range: source.bytes.count..<source.bytes.count)
    }

    /// Bytes as an error of Lua's shows them: up to the first zero.
    static func shown(_ bytes: [UInt8]) -> String { String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self) }

    /// The next token.
    mutating func next() throws -> Token {
        try skipBlank()
        start = place
        buffer.removeAll(keepingCapacity: true)
        guard let first = current else { return Token(kind: .end, range: start..<start, shown: "<eof>") }
        if Lexer.isLetter(first) { return word() }
        if Lexer.isDigit(first) || (first == UInt8(ascii: ".") && Lexer.isDigit(byte(after: 1))) {
            let value = try number()
            return Token(kind: value, range: start..<place, shown: "'\(Lexer.shown(buffer))'")
        }
        if first == UInt8(ascii: "\"") || first == UInt8(ascii: "'") {
            let text = try quoted(first)
            return Token(kind: .string(text), range: start..<place, shown: "'\(Lexer.shown(buffer))'")
        }
        if first == UInt8(ascii: "[") {
            if let level = longBracket() {
                let text = try long("string", level: level)
                return Token(kind: .string(text), range: start..<place, shown: "'\(Lexer.shown(buffer))'")
            }
            if byte(after: 1) == UInt8(ascii: "=") {
                keep()
                while current == UInt8(ascii: "=") { keep() }
                throw failure("invalid long string delimiter")
            }
        }
        return sign(first)
    }

    private mutating func skipBlank() throws {
        while let byte = current {
            if Lexer.isLineEnd(byte) {
                passLineEnd()
            } else if byte == 0x20 || (0x09...0x0D).contains(byte) {
                place += 1
            } else if byte == UInt8(ascii: "-"), self.byte(after: 1) == UInt8(ascii: "-") {
                start = place
                place += 2
                buffer.removeAll(keepingCapacity: true)
                if let level = longBracket() {
                    _ = try long("comment", level: level)
                } else {
                    while let byte = current, !Lexer.isLineEnd(byte) { place += 1 }
                }
            } else {
                return
            }
        }
    }

    private mutating func word() -> Token {
        while Lexer.isLetter(current) || Lexer.isDigit(current) { place += 1 }
        let text = source.text(start..<place)
        let kind: Token.Kind = Token.keywords.contains(text) ? .symbol(text) : .name(text)
        return Token(kind: kind, range: start..<place, shown: "'\(text)'")
    }

    private static let signs = ["...", "..", "::", "<<", ">>", "//", "==", "~=", "<=", ">="].map {
        (Array($0.utf8), $0)
    }

    private mutating func sign(_ first: UInt8) -> Token {
        let rest = source.bytes[place...]
        for (bytes, text) in Lexer.signs where bytes[0] == first && rest.starts(with: bytes) {
            place += bytes.count
            return Token(kind: .symbol(text), range: start..<place, shown: "'\(text)'")
        }
        place += 1
        let text = (0x20..<0x7F).contains(first) ? String(UnicodeScalar(first)) : "<\\\(first)>"
        // A zero stands for no token in Lua's messages.
        return Token(kind: .symbol(text), range: start..<place, shown: first == 0 ? "" : "'\(text)'")
    }
}
