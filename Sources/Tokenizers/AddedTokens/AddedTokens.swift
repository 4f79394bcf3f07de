import Formats
import Patterns

/// A token beside the model's vocabulary, found in the text before the model sees it: `added_tokens` of tokenizer.json.
public struct AddedToken: Equatable, Sendable {
    /// The text that it stands for.
    public var content: String
    /// Whether it is only found as a word of its own.
    public var singleWord = false
    /// Whether it takes in whitespace before it.
    public var lstrip = false
    /// Whether it takes in whitespace after it.
    public var rstrip = false
    /// Whether it is looked for in the normalized text.
    public var normalized = true
    /// Whether `decode` can leave it out.
    public var special = false

    /// A token that stands for `content`.
    public init(_ content: String, special: Bool = false, normalized: Bool = true) {
        self.content = content
        self.special = special
        self.normalized = normalized
    }
}

/// The added tokens of a tokenizer, and the search for them.
struct AddedTokens: Sendable {
    // By their bytes, since strings that differ only in how Unicode composes them are equal.
    private(set) var ids: [[UInt8]: Int] = [:]
    private(set) var tokens: [Int: AddedToken] = [:]
    /// The text of each id when it is decoded: normalized, for a token that is looked for in the normalized text.
    private(set) var texts: [Int: [UInt8]] = [:]
    private var specialContents: Set<[UInt8]> = []
    /// Special tokens first, each group in the order in which it was added: of two that look the same the first is
    /// found.
    private var specialTokens: [AddedToken] = []
    private var otherTokens: [AddedToken] = []
    private var highest = -1
    /// Whether special tokens are not looked for (`encode_special_tokens`).
    var splitsSpecial = false
    private var plain = TokenTrie()
    private var normalized = TokenTrie()

    /// The longest content that is accepted, so that a file cannot make the search slow.
    static let maxLength = 1024

    /// Whether `skip_special_tokens` leaves the token out.
    func isSpecial(_ token: [UInt8]) -> Bool { specialContents.contains(token) }

    /// Adds tokens; one that the model or an earlier addition knows keeps its id, others get the next free one.
    ///
    /// - Returns: How many were not among the added ones before.
    mutating func add(_ added: [AddedToken], model: Vocabulary) throws -> Int {
        var count = 0
        for token in added where !token.content.isEmpty {
            let content = Array(token.content.utf8)
            guard content.count <= Self.maxLength else {
                throw TokenizerError(
                    "added token '\(FormatError.shown(token.content))' is longer than \(Self.maxLength) bytes")
            }
            if token.special, specialContents.insert(content).inserted { specialTokens.append(token) }
            let id = ids[content] ?? model.id(content) ?? (highest >= model.count ? highest + 1 : model.count)
            highest = max(highest, id)
            if tokens[id] == token { continue }
            ids[content] = id
            tokens[id] = token
            if !specialContents.contains(content) { otherTokens.append(token) }
            count += 1
        }
        return count
    }

    /// Prepares the search; to be called after the last addition.
    ///
    /// - Throws: `TokenizerError` where the normalizer makes too much of a token.
    mutating func freeze(_ normalizer: Normalizer?) throws {
        plain = TokenTrie()
        normalized = TokenTrie()
        let journey = Journey()
        for token in specialTokens + otherTokens {
            var content = NormalizedText(original: Array(token.content.utf8))
            guard let id = ids[content.bytes], tokens[id] != nil else { continue }
            texts[id] = content.bytes
            let isSearched = !(splitsSpecial && token.special)
            if token.normalized {
                try TokenizerError.placing("normalizer") {
                    try journey.begin(content.bytes.count)
                    try normalizer?.normalize(&content, journey)
                    guard content.bytes.count <= Self.maxLength * 4 else {
                        throw TokenizerError(
                            "makes \(content.bytes.count) bytes of the added token "
                                + "'\(FormatError.shown(token.content))'; at most \(Self.maxLength * 4) are searched for"
                        )
                    }
                }
                if isSearched { normalized.insert(content.bytes, id: id) }
                texts[id] = content.bytes
            } else if isSearched {
                plain.insert(content.bytes, id: id)
            }
        }
    }

    /// The text cut at added tokens and normalized between them.
    ///
    /// - Throws: `TokenizerError` where a stage makes too much of the text, or takes too long.
    func extract(_ bytes: [UInt8], normalizer: Normalizer?, _ journey: Journey) throws -> PreTokenizedText {
        var text = PreTokenizedText(NormalizedText(original: bytes))
        if !plain.isEmpty { try TokenizerError.placing("added_tokens") { try cut(&text, plain, journey) } }
        if let normalizer {
            try TokenizerError.placing("normalizer") {
                try text.rewrite(journey) { try normalizer.normalize(&$0, journey) }
            }
        }
        if !normalized.isEmpty { try TokenizerError.placing("added_tokens") { try cut(&text, normalized, journey) } }
        return text
    }

    private func cut(_ text: inout PreTokenizedText, _ trie: TokenTrie, _ journey: Journey) throws {
        let bytes = text.text.bytes
        try journey.beginStage(bytes.count)
        // Most texts hold none.
        guard
            try text.splits.contains(where: {
                try $0.token == nil
                    && trie.first(in: bytes, from: $0.range.lowerBound, to: $0.range.upperBound, journey) != nil
            })
        else { return }
        var result: [PreTokenizedText.Split] = []
        for split in text.splits {
            if split.token == nil { try find(bytes, split.range, trie, &result, journey) } else { result.append(split) }
        }
        text.splits = result
    }

    private func find(
        _ bytes: [UInt8], _ range: Range<Int>, _ trie: TokenTrie, _ result: inout [PreTokenizedText.Split],
        _ journey: Journey
    ) throws {
        var done = range.lowerBound
        var position = range.lowerBound
        while let match = try trie.first(in: bytes, from: position, to: range.upperBound, journey) {
            position = match.range.upperBound
            guard let token = tokens[match.id] else { continue }
            var (start, end) = (match.range.lowerBound, match.range.upperBound)
            if token.singleWord, isWord(bytes, before: start, range) || isWord(bytes, after: end, range) { continue }
            while token.lstrip, start > done {
                let previous = bytes.scalarStart(before: start)
                guard ScalarClass.isWhitespace(bytes.scalar(at: previous).value) else { break }
                start = previous
            }
            while token.rstrip, end < range.upperBound {
                let (scalar, length) = bytes.scalar(at: end)
                guard ScalarClass.isWhitespace(scalar) else { break }
                end += length
            }
            if end > match.range.upperBound + 16 { try journey.spend(end - match.range.upperBound) }
            if token.lstrip { start = max(start, done) }
            if done < start { result.append(.init(range: done..<start, token: nil)) }
            if start < end { result.append(.init(range: start..<end, token: match.id)) }
            done = end
        }
        if done < range.upperBound { result.append(.init(range: done..<range.upperBound, token: nil)) }
    }

    private func isWord(_ bytes: [UInt8], before index: Int, _ range: Range<Int>) -> Bool {
        index > range.lowerBound && ScalarClass.isWord(bytes.scalar(at: bytes.scalarStart(before: index)).value)
    }

    private func isWord(_ bytes: [UInt8], after index: Int, _ range: Range<Int>) -> Bool {
        index < range.upperBound && ScalarClass.isWord(bytes.scalar(at: index).value)
    }
}
