import Formats
import Memory
import Patterns

/// Reads the large parts of a tokenizer's JSON byte by byte: the vocabulary and the merges.
///
/// They are not read as a `JSON` value, for its keys are strings, and two tokens that differ only in how Unicode
/// composes them are equal strings; and because a hundred thousand of them take time.
struct VocabularyReader {
    private let bytes: [UInt8]
    private let source: String
    private var position = 0

    /// What was read.
    private(set) var parts = VocabularyParts()

    init(bytes: [UInt8], source: String) {
        self.bytes = bytes
        self.source = source
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { position = 3 }
    }

    /// Reads tokenizer.json: its vocabulary and merges into this reader.
    ///
    /// - Returns: The document with both emptied, for `JSON`.
    mutating func tokenizerFile() throws -> [UInt8] {
        var emptied: [(range: Range<Int>, by: String)] = []
        skipSpace()
        guard current == UInt8(ascii: "{") else { return bytes }
        try object { reader, key in
            guard key == Array("model".utf8), reader.current == UInt8(ascii: "{") else { return try reader.skipValue() }
            try reader.object { reader, key in
                let start = reader.position
                if key == Array("vocab".utf8) {
                    try reader.vocabulary()
                    emptied.append((start..<reader.position, reader.parts.isList ? "[]" : "{}"))
                } else if key == Array("merges".utf8), reader.current == UInt8(ascii: "[") {
                    try reader.mergeList()
                    emptied.append((start..<reader.position, "[]"))
                } else {
                    try reader.skipValue()
                }
            }
        }
        var rest: [UInt8] = []
        var done = 0
        for (range, replacement) in emptied {
            rest += bytes[done..<range.lowerBound]
            rest += Array(replacement.utf8)
            done = range.upperBound
        }
        return rest + bytes[done...]
    }

    /// Reads vocab.json: an object of tokens and ids.
    mutating func vocabularyFile() throws {
        skipSpace()
        guard current == UInt8(ascii: "{") else { throw error("expected an object of tokens and ids") }
        try vocabulary()
        skipSpace()
        guard current == nil else { throw error("expected the end of the file") }
    }

    private mutating func vocabulary() throws {
        (parts.tokens, parts.scores) = ([], [])
        parts.isList = current == UInt8(ascii: "[")
        if parts.isList { return try scoredTokens() }
        guard current == UInt8(ascii: "{") else { return try skipValue() }
        try object { reader, key in
            let id = try reader.integer()
            reader.parts.tokens.append((key, id))
        }
    }

    /// The vocabulary of Unigram: `[["a", -1.5], …]`, the ids by place.
    private mutating func scoredTokens() throws {
        try array { reader in
            var count = 0
            try reader.array { reader in
                if count == 0 {
                    reader.parts.tokens.append((try reader.string(), reader.parts.tokens.count))
                } else {
                    reader.parts.scores.append(try reader.number())
                }
                count += 1
            }
            guard count == 2, reader.parts.scores.count == reader.parts.tokens.count else {
                throw reader.error("expected a token and its score, got a list of \(count)")
            }
            if reader.parts.tokens.count & 0xFFF == 0 { try MemoryBudget.check() }
        }
    }

    private mutating func mergeList() throws {
        parts.merges = []
        parts.hasMerges = true
        try array { reader in
            if reader.current == UInt8(ascii: "[") {
                var pair: [[UInt8]] = []
                try reader.array { reader in pair.append(try reader.string()) }
                guard pair.count == 2 else { throw reader.error("a merge of \(pair.count) tokens, expected 2") }
                reader.parts.merges.append((pair[0], pair[1]))
                return
            }
            let line = try reader.string()
            if line.starts(with: Array("#version".utf8)) { return }
            guard let pair = Self.pair(line) else {
                throw reader.error(
                    "a merge that is not two tokens and a space: '"
                        + "\(FormatError.shown(String(decoding: line.prefix(200), as: UTF8.self)))'")
            }
            reader.parts.merges.append(pair)
        }
    }

    /// The two tokens of a merge written as `a b`; nil where it is not of this form.
    static func pair(_ line: [UInt8]) -> (left: [UInt8], right: [UInt8])? {
        guard let space = line.firstIndex(of: 0x20), line.lastIndex(of: 0x20) == space else { return nil }
        return (Array(line[..<space]), Array(line[(space + 1)...]))
    }

    private var current: UInt8? { position < bytes.count ? bytes[position] : nil }

    private func error(_ message: String) -> TokenizerError {
        let line = bytes[..<min(position, bytes.count)].reduce(1) { $1 == 10 ? $0 + 1 : $0 }
        return TokenizerError("\(source):\(line): \(message)")
    }

    private mutating func skipSpace() {
        while let byte = current, byte == 0x20 || byte == 10 || byte == 13 || byte == 9 { position += 1 }
    }

    private mutating func expect(_ byte: Unicode.Scalar) throws {
        skipSpace()
        guard current == UInt8(ascii: byte) else { throw error("expected '\(byte)'") }
        position += 1
    }

    /// Whether another element follows, after the comma.
    private mutating func hasNext(_ close: UInt8, isFirst: Bool) throws -> Bool {
        skipSpace()
        if current == close {
            position += 1
            return false
        }
        if !isFirst { try expect(",") }
        skipSpace()
        return true
    }

    private mutating func object(_ member: (inout VocabularyReader, [UInt8]) throws -> Void) throws {
        try expect("{")
        var isFirst = true
        while try hasNext(UInt8(ascii: "}"), isFirst: isFirst) {
            isFirst = false
            let key = try string()
            try expect(":")
            skipSpace()
            try member(&self, key)
        }
    }

    private mutating func array(_ element: (inout VocabularyReader) throws -> Void) throws {
        try expect("[")
        var isFirst = true
        while try hasNext(UInt8(ascii: "]"), isFirst: isFirst) {
            isFirst = false
            try element(&self)
        }
    }

    private mutating func integer() throws -> Int {
        let start = position
        while let byte = current, (0x30...0x39).contains(byte) { position += 1 }
        let text = String(decoding: bytes[start..<position], as: UTF8.self)
        guard let value = Int(text), value < Int(Int32.max) else { throw error("expected a token's id, from 0 on") }
        return value
    }

    private mutating func number() throws -> Double {
        let start = position
        while let byte = current, (0x30...0x39).contains(byte) || Array("+-.eE".utf8).contains(byte) { position += 1 }
        guard let value = Double(String(decoding: bytes[start..<position], as: UTF8.self)), value.isFinite else {
            throw error("expected a number")
        }
        return value
    }

    private mutating func skipValue() throws {
        var depth = 0
        repeat {
            skipSpace()
            guard let byte = current else { throw error("expected a value, got the end of the file") }
            switch byte {
            case UInt8(ascii: "\""):
                _ = try string()
            case UInt8(ascii: "{"), UInt8(ascii: "["):
                depth += 1
                position += 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                depth -= 1
                position += 1
            case UInt8(ascii: ","), UInt8(ascii: ":"):
                guard depth > 0 else { throw error("expected a value") }
                position += 1
            default:
                // A number or a word; `JSON` reads what stands here and judges it.
                while let byte = current, !Array(",:]} \n\r\t".utf8).contains(byte) { position += 1 }
            }
        } while depth > 0
    }

    private mutating func string() throws -> [UInt8] {
        guard current == UInt8(ascii: "\"") else { throw error("expected a string") }
        position += 1
        let start = position
        while let byte = current, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\") { position += 1 }
        var result = Array(bytes[start..<position])
        while let byte = current {
            position += 1
            if byte == UInt8(ascii: "\"") { return try checked(result, ascii: start..<position) }
            if byte == UInt8(ascii: "\\") {
                result.append(scalar: try escape())
            } else {
                result.append(byte)
            }
        }
        throw error("a string without its end")
    }

    /// Strings hold valid UTF-8; what is ASCII in the file need not be looked at.
    private func checked(_ string: [UInt8], ascii range: Range<Int>) throws -> [UInt8] {
        if bytes.isASCII(in: range) || Array(String(decoding: string, as: UTF8.self).utf8) == string { return string }
        throw error("a string that is not UTF-8")
    }

    private mutating func escape() throws -> UInt32 {
        guard let byte = current else { throw error("a string without its end") }
        position += 1
        switch byte {
        case UInt8(ascii: "n"): return 10
        case UInt8(ascii: "t"): return 9
        case UInt8(ascii: "r"): return 13
        case UInt8(ascii: "b"): return 8
        case UInt8(ascii: "f"): return 12
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return UInt32(byte)
        case UInt8(ascii: "u"):
            let high = try hexadecimal()
            guard high & 0xF800 == 0xD800 else { return high }
            guard high < 0xDC00, bytes.matches(Array("\\u".utf8), at: position) else {
                throw error("half a surrogate pair")
            }
            position += 2
            let low = try hexadecimal()
            guard low & 0xFC00 == 0xDC00 else { throw error("half a surrogate pair") }
            return 0x10000 + (high & 0x3FF) << 10 + (low & 0x3FF)
        default: throw error("the unknown escape '\\\(FormatError.shown(String(Unicode.Scalar(byte))))'")
        }
    }

    private mutating func hexadecimal() throws -> UInt32 {
        guard position + 4 <= bytes.count,
            bytes[position..<position + 4].allSatisfy({ Unicode.Scalar($0).properties.isASCIIHexDigit }),
            let value = UInt32(String(decoding: bytes[position..<position + 4], as: UTF8.self), radix: 16)
        else { throw error("a '\\u' without four hexadecimal digits") }
        position += 4
        return value
    }
}
