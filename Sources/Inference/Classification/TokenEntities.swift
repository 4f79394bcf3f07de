import Models
import Tokenizers

/// A token, or a span of tokens, with the class that a model for tokens gives it.
public struct TokenEntity: Sendable, Equatable {
    /// Name of the class; of spans without "B-" and "I-".
    public var label: String
    /// Its id; nil of a span of several tokens, whose classes may differ.
    public var labelId: Int?
    /// Probability of the class; the mean over the tokens of a span.
    public var score: Double
    /// The token as the vocabulary writes it; of a span its text as the tokenizer decodes it.
    public var word: String
    /// The bytes of the text that it is.
    public var range: Range<Int>
    /// Place of the token among the ids, from 0; nil of a span.
    public var index: Int?
    /// Place of the word in the caller's list, from 0, of a token of a text that came as words.
    public var wordId: Int?
}

/// How the classes of tokens become those of spans; as aggregation_strategy of transformers' TokenClassificationPipeline (5.23).
public enum Aggregation: String, Sendable, CaseIterable {
    /// Each token by itself.
    case none
    /// Neighbouring tokens of one class are a span; "B-" begins a new one.
    case simple
    /// As simple, but all tokens of a word have the class of its first.
    case first
    /// All tokens of a word have the class with the highest mean.
    case average
    /// All tokens of a word have the class of its surest token.
    case max
}

/// What a model for tokens finds in texts: named entities, parts of speech.
public struct TokenTagger {
    /// A text, or the words that it was cut into.
    public enum Source: Sendable {
        case text(String)
        case words([String])
    }

    /// How the text comes to the model.
    public var options = TextOptions()
    /// How tokens become spans.
    public var aggregation = Aggregation.none
    /// Classes that are left out.
    public var ignoredLabels: Set<String> = ["O"]
    /// Tokens that the parts of a text repeat that is longer than the model takes; nil cuts it instead.
    public var stride: Int?

    private let model: any Model
    private let tokenizer: Tokenizer

    /// A tagger by a model with task_type TOKEN_CLS.
    public init(_ model: any Model, _ tokenizer: Tokenizer) throws {
        try check(model, [.tokenClassification], "classify")
        (self.model, self.tokenizer) = (model, tokenizer)
    }

    /// The entities of each text, in the order in which they stand there.
    public func entities(in sources: [Source]) throws -> [[TokenEntity]] {
        var encoding = options.encoding(model, tokenizer)
        if let stride { (encoding.stride, encoding.returnOverflowing) = (stride, true) }
        let texts = sources.map { source in
            switch source {
            case .text(let text): SourceText(bytes: Array(text.utf8), starts: nil)
            case .words(let words): SourceText(words)
            }
        }
        // The parts of long texts are rows of their own.
        var (parts, owners): ([Encoding], [Int]) = ([], [])
        for (index, source) in sources.enumerated() {
            let whole =
                switch source {
                case .text(let text): try tokenizer.encode(text, options: encoding)
                case .words(let words): try tokenizer.encode(words: words, options: encoding)
                }
            parts += [whole] + whole.overflowing
            owners += Array(repeating: index, count: 1 + whole.overflowing.count)
        }
        var results = [[TokenEntity]](repeating: [], count: sources.count)
        var partCounts = [Int](repeating: 0, count: sources.count)
        let (rows, width) = (parts, max(1, model.config.numLabels))
        try run(rows.count, model, tokenizer, options, encode: { rows[$0] }) { row, encoding, logits in
            let owner = owners[row]
            partCounts[owner] += 1
            let scores = Swift.stride(from: logits.startIndex, to: logits.endIndex, by: width).map {
                softmax(logits[$0..<$0 + width].map(Double.init))
            }
            results[owner] += try entities(encoding, scores, texts[owner])
        }
        return results.indices.map { partCounts[$0] > 1 ? TokenTagger.withoutOverlaps(results[$0]) : results[$0] }
    }

    // MARK: Tokens

    /// A token with the probabilities of all classes.
    private struct Scored {
        let id: Int
        let word: String
        let scores: [Double]
        let range: Range<Int>
        let index: Int
        let wordId: Int?
        let isSubword: Bool
    }

    private func entities(_ encoding: Encoding, _ scores: [[Double]], _ text: SourceText) throws -> [TokenEntity] {
        let tokens = encoding.ids.indices.filter { !encoding.specialTokensMask[$0] }.map { index in
            scored(encoding, index, scores[index], text)
        }
        let found: [TokenEntity]
        switch aggregation {
        case .none: found = tokens.map(entity)
        case .simple: found = try grouped(tokens.map { ([$0], entity($0)) })
        case .first, .average, .max: found = try grouped(words(of: tokens).map { ($0, entity(ofWord: $0)) })
        }
        return found.filter { !ignoredLabels.contains($0.label) }
    }

    private func scored(_ encoding: Encoding, _ index: Int, _ scores: [Double], _ text: SourceText) -> Scored {
        let id = encoding.ids[index]
        let range = text.range(encoding.offsets[index], word: encoding.wordIds[index])
        let slice = String(decoding: text.bytes[range], as: UTF8.self)
        var word = tokenizer.token(id) ?? ""
        var isSubword: Bool
        if tokenizer.marksContinuations {
            isSubword = word.unicodeScalars.count != slice.unicodeScalars.count
        } else {
            // No space before it or at its beginning.
            let around = [range.lowerBound - 1, range.lowerBound].filter(text.bytes.indices.contains)
            isSubword = range.lowerBound > 0 && !around.contains { text.bytes[$0] == 0x20 }
        }
        if id == tokenizer.id(.unk) { (word, isSubword) = (slice, false) }
        return Scored(
            id: id, word: word, scores: scores, range: range, index: index,
            wordId: text.starts == nil ? nil : encoding.wordIds[index], isSubword: isSubword)
    }

    private static func best(_ scores: [Double]) -> Int { scores.indices.max { scores[$0] < scores[$1] } ?? 0 }

    private func entity(_ token: Scored) -> TokenEntity {
        let best = TokenTagger.best(token.scores)
        return TokenEntity(
            label: model.config.label(best), labelId: best, score: token.scores[best], word: token.word,
            range: token.range, index: token.index, wordId: token.wordId)
    }

    // MARK: Words

    private func words(of tokens: [Scored]) -> [[Scored]] {
        tokens.reduce(into: []) { words, token in
            if token.isSubword, !words.isEmpty { words[words.count - 1].append(token) } else { words.append([token]) }
        }
    }

    private func entity(ofWord tokens: [Scored]) -> TokenEntity {
        let scores: [Double]
        switch aggregation {
        case .average:
            scores = tokens[0].scores.indices.map { label in
                tokens.reduce(0) { $0 + $1.scores[label] } / Double(tokens.count)
            }
        case .max:
            let surest = tokens.indices.max { (tokens[$0].scores.max() ?? 0) < (tokens[$1].scores.max() ?? 0) } ?? 0
            scores = tokens[surest].scores
        default: scores = tokens[0].scores
        }
        var entity = entity(tokens[0])
        entity.labelId = TokenTagger.best(scores)
        entity.label = model.config.label(entity.labelId ?? 0)
        entity.score = scores[entity.labelId ?? 0]
        entity.range =
            tokens[0].range.lowerBound..<max(tokens[0].range.lowerBound, tokens[tokens.count - 1].range.upperBound)
        return entity
    }

    // MARK: Spans

    /// "B-PER" as whether it begins a span, and what is left of it.
    private static func tag(_ label: String) -> (begins: Bool, name: Substring) {
        label.hasPrefix("B-")
            ? (true, label.dropFirst(2)) : (false, label.hasPrefix("I-") ? label.dropFirst(2) : label[...])
    }

    private func grouped(_ entities: [(tokens: [Scored], entity: TokenEntity)]) throws -> [TokenEntity] {
        var groups: [[(tokens: [Scored], entity: TokenEntity)]] = []
        for entity in entities {
            let (begins, name) = TokenTagger.tag(entity.entity.label)
            if let last = groups.last?.last, !begins, TokenTagger.tag(last.entity.label).name == name {
                groups[groups.count - 1].append(entity)
            } else {
                groups.append([entity])
            }
        }
        return try groups.map { group in
            let (first, last) = (group[0].entity, group[group.count - 1].entity)
            // The reference takes away what stands before the first hyphen, whatever it is.
            let name = first.label.split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false).last ?? ""
            return TokenEntity(
                label: String(name), labelId: group.count == 1 && group[0].tokens.count == 1 ? first.labelId : nil,
                score: group.reduce(0) { $0 + $1.entity.score } / Double(group.count),
                word: try tokenizer.decode(tokens: group.flatMap { $0.tokens.map(\.word) }),
                range: first.range.lowerBound..<max(first.range.lowerBound, last.range.upperBound), index: nil,
                wordId: first.wordId)
        }
    }

    /// Of entities of overlapping parts the longest, of equal ones the surest.
    private static func withoutOverlaps(_ entities: [TokenEntity]) -> [TokenEntity] {
        entities.sorted { $0.range.lowerBound < $1.range.lowerBound }.reduce(into: []) { kept, entity in
            guard let last = kept.last,
                (last.range.lowerBound..<last.range.upperBound).contains(entity.range.lowerBound)
            else { return kept.append(entity) }
            let (length, before) = (entity.range.count, last.range.count)
            if length > before || length == before && entity.score > last.score { kept[kept.count - 1] = entity }
        }
    }
}

/// A text with the places of its words, where it came as words: they are joined by spaces, as in the reference.
private struct SourceText {
    let bytes: [UInt8]
    /// Where the words begin; nil of a text that came whole.
    let starts: [Int]?

    init(bytes: [UInt8], starts: [Int]?) { (self.bytes, self.starts) = (bytes, starts) }

    init(_ words: [String]) {
        var (bytes, starts): ([UInt8], [Int]) = ([], [])
        for word in words {
            if !starts.isEmpty { bytes.append(0x20) }
            starts.append(bytes.count)
            bytes += word.utf8
        }
        self.init(bytes: bytes, starts: starts)
    }

    func range(_ offsets: Range<Int>, word: Int?) -> Range<Int> {
        let start = word.flatMap { word in starts.flatMap { $0.indices.contains(word) ? $0[word] : nil } } ?? 0
        return (start + offsets.lowerBound..<start + offsets.upperBound).clamped(to: 0..<bytes.count)
    }
}
