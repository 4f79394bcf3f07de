/// Numbers and texts.
extension Lexer {
    // MARK: Numbers

    /// A numeral: whatever looks like one is taken, and found wrong as a whole.
    mutating func number() throws -> Token.Kind {
        let isHexadecimal = current == UInt8(ascii: "0") && (byte(after: 1) ?? 0) | 0x20 == UInt8(ascii: "x")
        let exponent = UInt8(ascii: isHexadecimal ? "p" : "e")
        keep()
        if isHexadecimal { keep() }
        while let byte = current {
            if byte | 0x20 == exponent {
                keep()
                if current == UInt8(ascii: "+") || current == UInt8(ascii: "-") { keep() }
            } else if Lexer.hexadecimal(byte) != nil || byte == UInt8(ascii: ".") {
                keep()
            } else {
                break
            }
        }
        if Lexer.isLetter(current) { keep() }
        guard let value = Lexer.value(buffer, isHexadecimal: isHexadecimal) else { throw failure("malformed number") }
        return value
    }

    private static func value(_ text: [UInt8], isHexadecimal: Bool) -> Token.Kind? {
        let digits = isHexadecimal ? text.dropFirst(2) : text[...]
        func isDigit(_ byte: UInt8) -> Bool { isHexadecimal ? hexadecimal(byte) != nil : Lexer.isDigit(byte) }
        let whole = digits.prefix(while: isDigit)
        var rest = digits.dropFirst(whole.count)
        if rest.isEmpty, !whole.isEmpty {
            if isHexadecimal {
                // Wraps around, as integers do.
                let bits = whole.reduce(UInt64(0)) { $0 << 4 | UInt64(hexadecimal($1) ?? 0) }
                return .integer(Int64(bitPattern: bits))
            }
            let text = String(decoding: whole, as: UTF8.self)
            return Int64(text).map { .integer($0) } ?? .number(Double(text) ?? .infinity)
        }
        var fraction = rest.prefix(0)
        if rest.first == UInt8(ascii: ".") {
            fraction = rest.dropFirst().prefix(while: isDigit)
            rest = rest.dropFirst(1 + fraction.count)
        }
        guard whole.count + fraction.count > 0 else { return nil }
        if let mark = rest.first {
            guard mark | 0x20 == UInt8(ascii: isHexadecimal ? "p" : "e") else { return nil }
            rest = rest.dropFirst()
            if rest.first == UInt8(ascii: "+") || rest.first == UInt8(ascii: "-") { rest = rest.dropFirst() }
            guard !rest.isEmpty, rest.allSatisfy(Lexer.isDigit) else { return nil }
        }
        var plain = String(decoding: text, as: UTF8.self)
        if !isHexadecimal, whole.isEmpty { plain = "0" + plain }
        return .number(Double(plain) ?? 0)
    }

    // MARK: Texts

    /// A text in quotes.
    mutating func quoted(_ quote: UInt8) throws -> [UInt8] {
        keep()
        while current != quote {
            guard let byte = current else { throw failureAtEnd("unfinished string") }
            if Lexer.isLineEnd(byte) { throw failure("unfinished string") }
            if byte == UInt8(ascii: "\\") { try escape() } else { keep() }
        }
        keep()
        return Array(buffer.dropFirst().dropLast())
    }

    private static let plainEscapes: [UInt8: UInt8] = [
        UInt8(ascii: "a"): 7, UInt8(ascii: "b"): 8, UInt8(ascii: "f"): 12, UInt8(ascii: "n"): 10, UInt8(ascii: "r"): 13,
        UInt8(ascii: "t"): 9, UInt8(ascii: "v"): 11, UInt8(ascii: "\\"): 0x5C, UInt8(ascii: "\""): 0x22,
        UInt8(ascii: "'"): 0x27,
    ]

    /// Puts what an escape means in place of its bytes, which stand in the buffer until it is known to be right.
    private mutating func escape() throws {
        let before = buffer.count
        keep()
        guard let byte = current else { return }
        var meant: [UInt8]
        if let plain = Lexer.plainEscapes[byte] {
            place += 1
            meant = [plain]
        } else if Lexer.isLineEnd(byte) {
            passLineEnd()
            meant = [0x0A]
        } else if byte == UInt8(ascii: "x") {
            keep()
            let high = try hexadecimalDigit()
            let low = try hexadecimalDigit()
            meant = [UInt8(truncatingIfNeeded: high << 4 | low)]
        } else if byte == UInt8(ascii: "u") {
            meant = try unicodeEscape()
        } else if byte == UInt8(ascii: "z") {
            place += 1
            meant = []
            while let blank = current, blank == 0x20 || (0x09...0x0D).contains(blank) {
                if Lexer.isLineEnd(blank) { passLineEnd() } else { place += 1 }
            }
        } else {
            try demand(Lexer.isDigit(byte), "invalid escape sequence")
            var value = 0
            for _ in 0..<3 {
                guard let digit = current, Lexer.isDigit(digit) else { break }
                value = 10 * value + Int(digit) - 48
                keep()
            }
            try demand(value <= 255, "decimal escape too large")
            meant = [UInt8(truncatingIfNeeded: value)]
        }
        buffer.removeSubrange(before...)
        buffer += meant
    }

    /// Throws with the byte that is wrong at the end of what is quoted.
    private mutating func demand(_ isRight: Bool, _ message: String) throws {
        guard !isRight else { return }
        if current != nil { keep() }
        throw failure(message)
    }

    private mutating func hexadecimalDigit() throws -> Int {
        let digit = Lexer.hexadecimal(current)
        try demand(digit != nil, "hexadecimal digit expected")
        keep()
        return digit ?? 0
    }

    private mutating func unicodeEscape() throws -> [UInt8] {
        keep()
        try demand(current == UInt8(ascii: "{"), "missing '{'")
        keep()
        var value = try hexadecimalDigit()
        while let digit = Lexer.hexadecimal(current) {
            try demand(value <= 0x7FF_FFFF, "UTF-8 value too large")
            value = value << 4 | digit
            keep()
        }
        try demand(current == UInt8(ascii: "}"), "missing '}'")
        place += 1
        return Lexer.utf8(value)
    }

    /// A code point of up to 31 bits in the original encoding of UTF-8, of up to 6 bytes.
    private static func utf8(_ value: Int) -> [UInt8] {
        if value < 0x80 { return [UInt8(truncatingIfNeeded: value)] }
        var (rest, tail, room) = (value, [UInt8](), 0x3F)
        repeat {
            tail.insert(UInt8(truncatingIfNeeded: 0x80 | rest & 0x3F), at: 0)
            rest >>= 6
            room >>= 1
        } while rest > room
        return [UInt8(truncatingIfNeeded: ~room << 1 | rest)] + tail
    }

    // MARK: Long brackets

    /// The level of a long bracket that opens here; nil where none does.
    func longBracket() -> Int? {
        guard current == UInt8(ascii: "[") else { return nil }
        var level = 0
        while byte(after: 1 + level) == UInt8(ascii: "=") { level += 1 }
        return byte(after: 1 + level) == UInt8(ascii: "[") ? level : nil
    }

    /// What stands in a long bracket; the end of its first line is left out.
    mutating func long(_ what: String, level: Int) throws -> [UInt8] {
        let first = line
        for _ in 0..<level + 2 { keep() }
        if Lexer.isLineEnd(current) { passLineEnd() }
        while let byte = current {
            if byte == UInt8(ascii: "]"), closes(level) {
                for _ in 0..<level + 2 { keep() }
                return Array(buffer.dropFirst(level + 2).dropLast(level + 2))
            }
            if Lexer.isLineEnd(byte) {
                passLineEnd()
                buffer.append(0x0A)
            } else {
                keep()
            }
        }
        throw failureAtEnd("unfinished long \(what) (starting at line \(first))")
    }

    private func closes(_ level: Int) -> Bool {
        for offset in 1..<level + 1 where byte(after: offset) != UInt8(ascii: "=") { return false }
        return byte(after: level + 1) == UInt8(ascii: "]")
    }
}
