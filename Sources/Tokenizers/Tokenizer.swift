import Formats
import Memory
import Patterns

/// Turns text into the ids that a model takes, and ids into text.
///
/// The stages are those of tokenizer.json: added tokens are cut out, what is between them is normalized, cut into words
/// (pre-tokenized), cut into tokens by the model, truncated, and post-processed. Ids, offsets and decoded text equal
/// those of the `tokenizers` library (0.23.3). A truncation or padding section of the file is not applied: nothing is
/// cut off or padded unless the caller says so, like in transformers.
///
/// A tokenizer can be used from any number of threads at once.
public struct Tokenizer: Sendable {
    var model: Model
    var normalizer: Normalizer?
    var preTokenizer: PreTokenizer?
    var postProcessor = PostProcessor()
    var decoder: Decoder?
    var added = AddedTokens()
    var settings = TokenizerSettings()
    /// What the stages are made of.
    var sections: TokenizerSections
    /// tokenizer_config.json as it was read.
    var config: JSONObject = [:]
    /// The templates by which a conversation becomes a text.
    public internal(set) var chatTemplates = ChatTemplates()
    /// What a user should be told of the folder that it was loaded from, a line each.
    public internal(set) var notes: [String] = []
    /// The file that says the stages, for messages.
    var source: String
    private let scratches = ScratchPool()

    /// A tokenizer of its parts; `source` is the file that they are of, for messages.
    init(_ sections: TokenizerSections, _ parts: VocabularyParts, added tokens: [AddedToken], source: String) throws {
        model = try ModelReader(source: source).model(sections["model"] ?? .object([:]), parts)
        (self.sections, self.source) = (sections, source)
        try readStages()
        try TokenizerError.placing("\(source): ") { _ = try add(tokens) }
    }

    /// Makes the stages of what the sections say.
    mutating func readStages() throws {
        let stages = StageReader(source: source)
        normalizer = try sections["normalizer"].map { try stages.normalizer($0) }
        preTokenizer = try sections["pre_tokenizer"].map { try stages.preTokenizer($0) }
        postProcessor = try sections["post_processor"].map { try stages.postProcessor($0) } ?? PostProcessor()
        decoder = try sections["decoder"].map { try stages.decoder($0) }
        if !added.tokens.isEmpty { try added.freeze(normalizer) }
    }

    /// The text and id of a special token; nil where there is none.
    func end(_ name: SpecialToken) -> (token: String, id: Int)? {
        guard let token = settings.specialTokens[name], let id = id(token) else { return nil }
        return (token, id)
    }

    /// What cuts words into tokens, as tokenizer.json names it: "WordPiece", "BPE", "Unigram", "WordLevel".
    public var modelName: String {
        switch model {
        case .wordPiece: "WordPiece"
        case .bpe: "BPE"
        case .unigram: "Unigram"
        case .wordLevel: "WordLevel"
        }
    }

    /// Whether tokens that continue a word begin with a mark of it, like "##" (continuing_subword_prefix).
    public var marksContinuations: Bool {
        ["WordPiece", "BPE"].contains(modelName)
            && sections["model"]?["continuing_subword_prefix"]?.string.map { !$0.isEmpty } ?? (modelName == "WordPiece")
    }

    /// The special tokens that have a name.
    public var specialTokens: [SpecialToken: String] { settings.specialTokens }

    /// The most tokens that the model takes, where the folder says it.
    public var modelMaxLength: Int? { settings.modelMaxLength }

    /// The side that is cut off where a call does not say one.
    public var truncationSide: EncodingOptions.Side { settings.truncationSide }

    /// The side that others pad; no batch is padded here.
    public var paddingSide: EncodingOptions.Side { settings.paddingSide }

    /// How many tokens the model's own vocabulary has, like `vocab_size` of transformers.
    public var vocabularySize: Int { model.vocabulary.count }

    /// How many tokens there are with those that were added, like `len(tokenizer)` of transformers.
    public var count: Int {
        added.ids.keys.reduce(model.vocabulary.count) { model.vocabulary.id($1) == nil ? $0 + 1 : $0 }
    }

    /// The tokens that were added to the model's vocabulary, by id.
    public var addedTokens: [Int: AddedToken] { added.tokens }

    /// The token of an id, as the vocabulary writes it; nil where no token has the id.
    public func token(_ id: Int) -> String? {
        (added.texts[id] ?? model.vocabulary.token(id)).map { String(decoding: $0, as: UTF8.self) }
    }

    /// The id of a token; nil where there is none.
    public func id(_ token: String) -> Int? {
        added.ids[Array(token.utf8)] ?? model.vocabulary.id(Array(token.utf8))
    }

    /// The id of a special token by its name; nil where the tokenizer has none of this name.
    public func id(_ name: SpecialToken) -> Int? {
        settings.specialTokens[name].flatMap { id($0) }
    }

    /// How many special tokens the post-processor puts around a text or a pair.
    public func specialTokensCount(isPair: Bool = false) -> Int { postProcessor.specialCount(isPair: isPair) }

    /// The tokens of a text, or of a pair of texts.
    ///
    /// - Throws: `TokenizerError` where the options contradict one another or cannot be met.
    public func encode(
        _ text: String, pair: String? = nil, options: EncodingOptions = EncodingOptions()
    ) throws -> Encoding {
        try reserve(text.utf8.count + (pair?.utf8.count ?? 0))
        return try scratches.with { scratch in
            var sequences = [try tokens(text, scratch)]
            if let pair { sequences.append(try tokens(pair, scratch)) }
            return try finish(sequences, options)
        }
    }

    /// The tokens of a text that was cut into words already, or of a pair of such texts; `is_split_into_words` of
    /// transformers.
    ///
    /// - Throws: `TokenizerError` where the options contradict one another or cannot be met.
    public func encode(
        words: [String], pair: [String]? = nil, options: EncodingOptions = EncodingOptions()
    ) throws -> Encoding {
        try reserve((words + (pair ?? [])).reduce(0) { $0 + $1.utf8.count + 1 })
        return try scratches.with { scratch in
            var sequences = [try tokens(words: words, scratch)]
            if let pair { sequences.append(try tokens(words: pair, scratch)) }
            return try finish(sequences, options)
        }
    }

    /// The ids alone of a text, or of a pair of texts: those of `encode`, in less time, since no place in the text is kept.
    ///
    /// - Throws: `TokenizerError` where the options contradict one another or cannot be met.
    public func ids(_ text: String, pair: String? = nil, options: EncodingOptions = EncodingOptions()) throws -> [Int] {
        try reserve(text.utf8.count + (pair?.utf8.count ?? 0))
        return try scratches.with { scratch in
            var sequences = [try ids(Array(text.utf8), scratch)]
            if let pair { sequences.append(try ids(Array(pair.utf8), scratch)) }
            return postProcessor.ids(sequences, try parts(sequences.map(\.count), options), options)
        }
    }

    /// Asks for what the stages make of a text of so many bytes: places in the text, pieces, tokens.
    private func reserve(_ bytes: Int) throws { try MemoryBudget.reserve(bytes, of: 32) }

    /// The tokens of many texts, one encoding for each.
    ///
    /// - Throws: `TokenizerError` like `encode`, and where there are not as many pairs as texts.
    public func encodeBatch(
        _ texts: [String], pairs: [String]? = nil, options: EncodingOptions = EncodingOptions()
    ) throws -> [Encoding] {
        if let pairs, pairs.count != texts.count {
            throw TokenizerError("\(texts.count) texts, but \(pairs.count) second texts; give one for each")
        }
        return try texts.indices.map { try encode(texts[$0], pair: pairs?[$0], options: options) }
    }

    /// The text of ids.
    ///
    /// Ids that no token has are left out, as the reference does.
    ///
    /// - Parameters:
    ///   - ids: The ids, special tokens among them.
    ///   - skipSpecialTokens: Whether special tokens are left out.
    ///   - cleanUpTokenizationSpaces: Whether spaces before punctuation are taken away from a WordPiece text; nil for
    ///     what the folder's tokenizer_config.json says.
    /// - Throws: `TokenizerError` where the text is too long, or the decoder makes too much of it.
    public func decode(
        _ ids: [Int], skipSpecialTokens: Bool = false, cleanUpTokenizationSpaces: Bool? = nil
    ) throws -> String {
        let journey = Journey()
        var tokens: [[UInt8]] = []
        try MemoryBudget.reserve(ids.count, of: Decoder.tokenSize)
        tokens.reserveCapacity(ids.count)
        var length = 0
        for (index, id) in ids.enumerated() {
            if let token = decodedToken(id, skipsSpecialTokens: skipSpecialTokens) {
                tokens.append(token)
                length += token.count + 1
            }
            // The tokens may be much longer than their ids, so the length is looked at while they are put together.
            if index & 0xFFFF == 0xFFFF {
                try journey.begin(length)
                try MemoryBudget.check()
            }
        }
        try journey.begin(length)
        // What is put together, and the text that is made of it.
        try MemoryBudget.reserve(length, of: 3)
        var bytes = try joined(tokens, journey)
        if cleansUp(cleanUpTokenizationSpaces) { bytes = CleanUp.transformers.apply(bytes) }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// The text of tokens as the vocabulary writes them; `convert_tokens_to_string` of transformers.
    public func decode(tokens: [String]) throws -> String {
        let journey = Journey()
        try journey.begin(tokens.reduce(0) { $0 + $1.utf8.count + 1 })
        return String(decoding: try joined(tokens.map { Array($0.utf8) }, journey), as: UTF8.self)
    }

    /// The text of tokens as the decoder makes it; with spaces between them where there is none.
    private func joined(_ tokens: [[UInt8]], _ journey: Journey) throws -> [UInt8] {
        guard let decoder else { return Array(tokens.joined(separator: [0x20])) }
        return try TokenizerError.placing("\(source): decoder") {
            Array(try decoder.decode(tokens, journey).joined())
        }
    }

    /// The token of an id as decoders take it; nil where no token has the id, or it is special and those are left out.
    func decodedToken(_ id: Int, skipsSpecialTokens: Bool) -> [UInt8]? {
        guard let token = added.texts[id] else { return model.vocabulary.token(id) }
        return skipsSpecialTokens && added.isSpecial(token) ? nil : token
    }

    /// Whether spaces before punctuation are taken away: as is asked for, else as the folder says; of byte-pair texts only where the
    /// folder insists.
    func cleansUp(_ asked: Bool?) -> Bool {
        if case .bpe = model, !settings.cleansUpBytePairs { return false }
        return asked ?? settings.cleanUpTokenizationSpaces
    }

    /// Takes special tokens that stand in a text for text (`split_special_tokens`).
    mutating func splitSpecialTokens() throws {
        added.splitsSpecial = true
        try added.freeze(normalizer)
    }

    private func tokens(_ text: String, _ scratch: Scratch) throws -> SequenceTokens {
        let bytes = Array(text.utf8)
        var result = SequenceTokens(source: .text(bytes))
        try append(bytes, word: nil, scratch, to: &result)
        return result
    }

    private func tokens(words: [String], _ scratch: Scratch) throws -> SequenceTokens {
        let words = words.map { Array($0.utf8) }
        var result = SequenceTokens(source: .words(words))
        for (index, word) in words.enumerated() { try append(word, word: index, scratch, to: &result) }
        return result
    }

    private func append(_ bytes: [UInt8], word: Int?, _ scratch: Scratch, to result: inout SequenceTokens) throws {
        let text = try words(of: bytes, scratch.journey)
        try TokenizerError.placing("\(source): model") {
            try append(text, word: word, scratch, to: &result)
        }
    }

    /// Appends the tokens of a text that was cut into words.
    private func append(
        _ text: PreTokenizedText, word: Int?, _ scratch: Scratch, to result: inout SequenceTokens
    ) throws {
        let keepsSpaces = !postProcessor.trims.isEmpty
        for (index, split) in text.splits.enumerated() {
            scratch.tokens.removeAll(keepingCapacity: true)
            try append(split, of: text, scratch, to: &scratch.tokens)
            for token in scratch.tokens {
                result.ids.append(token.id)
                result.offsets.append(text.text.original(of: token.range))
                result.wordIds.append(word ?? index)
                guard keepsSpaces else { continue }
                if split.token != nil { try scratch.journey.spend(split.range.count) }
                result.spaces.append(spaces(token, isAdded: split.token != nil, text.text.bytes))
            }
        }
    }

    private func ids(_ bytes: [UInt8], _ scratch: Scratch) throws -> [Int] {
        let text = try words(of: bytes, scratch.journey)
        // Taken out: each access to an object's variable is checked, and there is one for every word.
        var tokens: [ModelToken] = []
        swap(&tokens, &scratch.tokens)
        defer { swap(&tokens, &scratch.tokens) }
        tokens.removeAll(keepingCapacity: true)
        try TokenizerError.placing("\(source): model") {
            for split in text.splits { try append(split, of: text, scratch, to: &tokens) }
        }
        return tokens.map { $0.id }
    }

    /// The text normalized and cut at added tokens and into words.
    private func words(of bytes: consuming [UInt8], _ journey: Journey) throws -> PreTokenizedText {
        try journey.begin(bytes.count)
        return try TokenizerError.placing("\(source): ") {
            var text = try added.extract(bytes, normalizer: normalizer, journey)
            try TokenizerError.placing("pre_tokenizer") { try preTokenizer?.preTokenize(&text, journey) }
            try journey.beginStage(text.text.bytes.count)
            return text
        }
    }

    @inline(__always)
    private func append(
        _ split: PreTokenizedText.Split, of text: PreTokenizedText, _ scratch: Scratch, to tokens: inout [ModelToken]
    )
        throws
    {
        if let id = split.token {
            tokens.append(ModelToken(id: id, range: split.range))
        } else {
            try model.tokenize(text.text.bytes, split.range, scratch: scratch, into: &tokens)
        }
    }

    /// How many whitespace characters, or signs for the space, a token begins and ends with: the token as the
    /// vocabulary has it, or the text that an added token took in.
    private func spaces(_ token: ModelToken, isAdded: Bool, _ text: [UInt8]) -> (leading: Int32, trailing: Int32) {
        var (bytes, range) = (text, token.range)
        if !isAdded, let known = model.vocabulary.range(token.id) {
            (bytes, range) = (model.vocabulary.ids.keys, known)
        }
        func isSpace(_ scalar: UInt32) -> Bool { scalar == ByteLevel.space || ScalarClass.isWhitespace(scalar) }
        var (leading, trailing) = (Int32(0), Int32(0))
        var index = range.lowerBound
        while index < range.upperBound {
            let (scalar, length) = bytes.scalar(at: index)
            guard isSpace(scalar) else { break }
            leading += 1
            index += length
        }
        index = range.upperBound
        while index > range.lowerBound {
            index = bytes.scalarStart(before: index)
            guard isSpace(bytes.scalar(at: index).value) else { break }
            trailing += 1
        }
        return (leading, trailing)
    }

    private func finish(_ sequences: [SequenceTokens], _ options: EncodingOptions) throws -> Encoding {
        let parts = try parts(sequences.map(\.ids.count), options)
        if options.returnOverflowing {
            try Truncation.check(parts, special: postProcessor.specialCount(isPair: sequences.count > 1))
        }
        return postProcessor.process(sequences, parts, options)
    }

    /// What truncation leaves of texts of `counts` tokens: for each its parts, the one that is kept first.
    private func parts(_ counts: [Int], _ options: EncodingOptions) throws -> [[Range<Int>]] {
        guard options.truncation != .none else { return counts.map { [0..<$0] } }
        guard let maxLength = options.maxLength else {
            throw TokenizerError("truncation '\(options.truncation.rawValue)' needs max_length")
        }
        let special = options.addSpecialTokens ? postProcessor.specialCount(isPair: counts.count > 1) : 0
        guard maxLength >= special else {
            throw TokenizerError("max_length \(maxLength) leaves no room for the \(special) special tokens")
        }
        let room = maxLength - postProcessor.specialCount(isPair: false)
        guard options.stride >= 0, options.stride == 0 || options.stride <= room else {
            throw TokenizerError(
                "stride must lie between 0 and the \(max(room, 0)) tokens that max_length \(maxLength) leaves, "
                    + "and is \(options.stride)")
        }
        if counts.reduce(0, +) > maxLength - special { TruncatedTexts.add() }
        return try Truncation.parts(counts, limit: maxLength - special, options)
    }
}
