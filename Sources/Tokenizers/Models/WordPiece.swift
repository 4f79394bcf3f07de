import Formats

/// Greedy longest-match tokens of a word, as BERT has them.
struct WordPiece: Sendable {
    let vocabulary: Vocabulary
    /// Tokens that continue a word, without their prefix.
    private let continuations: ByteTable
    private let unknown: Int?
    private let unknownToken: String
    private let maxInputCharsPerWord: Int

    init(vocabulary: Vocabulary, unknownToken: String, prefix: String, maxInputCharsPerWord: Int, tokens: [[UInt8]]) {
        let prefix = Array(prefix.utf8)
        var continuations = ByteTable(capacity: tokens.count / 4)
        for token in tokens where token.starts(with: prefix) {
            guard let id = vocabulary.id(token) else { continue }
            continuations.insert(Array(token[prefix.count...]), value: Int32(truncatingIfNeeded: id))
        }
        self.vocabulary = vocabulary
        self.continuations = continuations
        self.unknownToken = unknownToken
        self.unknown = vocabulary.id(Array(unknownToken.utf8))
        self.maxInputCharsPerWord = maxInputCharsPerWord
    }

    /// Appends the tokens of the word, or the unknown token where any part of it is in no token.
    func tokenize(_ bytes: [UInt8], _ range: Range<Int>, scratch: Scratch, into tokens: inout [ModelToken]) throws {
        if range.isEmpty { return }
        if isTooLong(bytes, range) { return try appendUnknown(range, to: &tokens) }
        // Most words are tokens themselves.
        if range.count <= vocabulary.maxLength, let id = vocabulary.ids.value(bytes, range) {
            tokens.append(ModelToken(id: Int(id), range: range))
            return
        }
        if scratch.words.append(bytes, range, to: &tokens) { return }
        let before = tokens.count
        try pieces(bytes, range, scratch.journey, into: &tokens)
        scratch.words.insert(bytes, range, tokens[before...])
    }

    private func pieces(
        _ bytes: [UInt8], _ range: Range<Int>, _ journey: Journey, into tokens: inout [ModelToken]
    ) throws {
        let before = tokens.count
        var start = range.lowerBound
        while start < range.upperBound {
            let table = start == range.lowerBound ? vocabulary.ids : continuations
            // Each piece looks at as many bytes as the longest token has.
            try journey.spend(min(table.maxLength, range.upperBound - start))
            guard let token = Self.longest(in: table, bytes, start..<range.upperBound) else {
                tokens.removeLast(tokens.count - before)
                return try appendUnknown(range, to: &tokens)
            }
            tokens.append(token)
            start = token.range.upperBound
        }
    }

    private func isTooLong(_ bytes: [UInt8], _ range: Range<Int>) -> Bool {
        if range.count <= maxInputCharsPerWord { return false }
        var count = 0
        for index in range where bytes[index] & 0xC0 != 0x80 {
            count += 1
            if count > maxInputCharsPerWord { return true }
        }
        return false
    }

    private func appendUnknown(_ range: Range<Int>, to tokens: inout [ModelToken]) throws {
        guard let unknown else {
            throw TokenizerError(
                "a word is in no token, and the unknown token '\(FormatError.shown(unknownToken))' is not in the vocabulary"
            )
        }
        tokens.append(ModelToken(id: unknown, range: range))
    }

    /// The longest entry of `table` that begins the range.
    private static func longest(in table: ByteTable, _ bytes: [UInt8], _ range: Range<Int>) -> ModelToken? {
        let limit = min(range.upperBound, range.lowerBound + table.maxLength)
        guard limit > range.lowerBound else { return nil }
        // All prefixes' hashes are made in one go and tried from the longest.
        var hash = ByteTable.initialHash
        var ends: [(end: Int, hash: UInt64)] = []
        for index in range.lowerBound..<limit {
            hash = ByteTable.extend(hash, bytes[index])
            let end = index + 1
            if end == range.upperBound || bytes[end] & 0xC0 != 0x80 { ends.append((end, hash)) }
        }
        for (end, hash) in ends.reversed() {
            if let id = table.value(hash: hash, bytes, range.lowerBound..<end) {
                return ModelToken(id: Int(id), range: range.lowerBound..<end)
            }
        }
        return nil
    }
}
