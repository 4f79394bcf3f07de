import Formats

/// A tokenizer without tokenizer.json whose vocabulary is SentencePiece's: what transformers 5 makes of it.
struct SentencePieceFiles {
    /// The stages and options.
    private(set) var sections: TokenizerSections
    /// The tokens and merges.
    private(set) var parts = VocabularyParts()
    /// Pieces that are looked for in the text before the model sees it: control pieces and those that users defined.
    private(set) var addedTokens: [AddedToken] = []
    /// The names of pieces that the model itself gives, where no class of transformers does.
    private(set) var names: [SpecialToken: String] = [:]

    /// SentencePiece's sign for the space.
    static let space = "\u{2581}"

    /// - Throws: `TokenizerError` where the model is of a type that is not supported.
    init(_ model: SentencePieceModel, _ family: TokenizerFamily?, _ config: TokenizerConfig, source: String) throws {
        parts.tokens = model.pieces.enumerated().map { ($1.text, $0) }
        addedTokens = model.pieces.filter { $0.kind == .control || $0.kind == .userDefined }.map {
            AddedToken(
                String(decoding: $0.text, as: UTF8.self), special: $0.kind == .control, normalized: false)
        }
        for (name, id) in model.ids where model.pieces.indices.contains(id) {
            names[name] = String(decoding: model.pieces[id].text, as: UTF8.self)
        }
        guard model.algorithm == .unigram || model.algorithm == .bpe else {
            throw TokenizerError("\(source): models of type \(model.algorithm) are not supported, only unigram and bpe")
        }
        guard model.escapeWhitespaces else {
            throw TokenizerError("\(source): a model with escape_whitespaces = false is not supported")
        }
        sections = TokenizerSections(model: [])
        switch family {
        case .t5 where model.algorithm == .unigram: t5(model, config)
        case .gemma where model.algorithm == .bpe:
            sections = Self.gemma
            try bytePairs()
        case .llama where model.algorithm == .bpe:
            sections = Self.llama(
                addPrefixSpace: config.options.addPrefixSpace ?? true, isLegacy: config.options.legacy ?? false)
            try bytePairs()
        default: try plain(model)
        }
    }

    /// The later a piece stands, the later it is put together.
    private mutating func bytePairs() throws {
        try parts.impliedMerges(parts.tokens.indices.map(Double.init), isReversed: false)
    }

    private mutating func scored(_ model: SentencePieceModel) {
        (parts.scores, parts.isList) = (model.pieces.map(\.score), true)
    }

    /// transformers' LlamaTokenizer.
    static func llama(addPrefixSpace: Bool, isLegacy: Bool) -> TokenizerSections {
        var decoders = [
            TokenizerSections.replace(space, by: " "), TokenizerSections.stage("ByteFallback"),
            TokenizerSections.stage("Fuse"),
        ]
        if addPrefixSpace { decoders.append(strip(start: 1)) }
        return TokenizerSections(
            preTokenizer: TokenizerSections.metaspace(
                addPrefixSpace ? isLegacy ? "always" : "first" : "never", split: false),
            decoder: TokenizerSections.sequence("decoders", decoders),
            model: TokenizerSections.bpe(fuseUnknown: true, byteFallback: true))
    }

    /// A decoder that takes so many spaces away at the beginning.
    private static func strip(start: Int) -> JSON {
        TokenizerSections.stage(
            "Strip", [("content", .string(" ")), ("start", .integer(start)), ("stop", .integer(0))])
    }

    /// transformers' GemmaTokenizer.
    static var gemma: TokenizerSections {
        TokenizerSections(
            normalizer: TokenizerSections.replace(" ", by: space),
            preTokenizer: TokenizerSections.stage(
                "Split",
                [
                    ("pattern", .object(["String": .string(" ")])), ("behavior", .string("MergedWithPrevious")),
                    ("invert", .bool(false)),
                ]),
            decoder: TokenizerSections.sequence(
                "decoders",
                [
                    TokenizerSections.replace(space, by: " "), TokenizerSections.stage("ByteFallback"),
                    TokenizerSections.stage("Fuse"),
                ]),
            model: TokenizerSections.bpe(unknownToken: "<unk>", fuseUnknown: true, byteFallback: true))
    }

    /// transformers' T5Tokenizer: sentinels behind the pieces.
    private mutating func t5(_ model: SentencePieceModel, _ config: TokenizerConfig) {
        scored(model)
        for index in (0..<config.extraIds).reversed() {
            let token = "<extra_id_\(index)>"
            parts.tokens.append((Array(token.utf8), parts.tokens.count))
            parts.scores.append(0)
            addedTokens.append(AddedToken(token, special: true, normalized: false))
        }
        sections = Self.t5(charsmap: model.charsmap)
    }

    /// The stages of T5, without its post-processor.
    static func t5(charsmap: [UInt8]) -> TokenizerSections {
        let metaspace = TokenizerSections.metaspace("always", split: true)
        return TokenizerSections(
            normalizer: charsmap.isEmpty ? .null : precompiled(charsmap),
            preTokenizer: TokenizerSections.sequence(
                "pretokenizers", [TokenizerSections.stage("WhitespaceSplit"), metaspace]),
            decoder: metaspace, model: unigram(unknown: 2, byteFallback: false))
    }

    private static func precompiled(_ charsmap: [UInt8]) -> JSON {
        TokenizerSections.stage("Precompiled", [("precompiled_charsmap", .string(Base64.encode(charsmap)))])
    }

    /// The options of a unigram model.
    static func unigram(unknown: Int?, byteFallback: Bool) -> [(String, JSON)] {
        [
            ("type", .string("Unigram")), ("unk_id", unknown.map { .integer($0) } ?? .null), ("vocab", .array([])),
            ("byte_fallback", .bool(byteFallback)),
        ]
    }

    /// Where no class is named: what the model itself says of spaces.
    ///
    /// One that says what Llama's does is taken for Llama's.
    private mutating func plain(_ model: SentencePieceModel) throws {
        sections = Self.llama(addPrefixSpace: model.addDummyPrefix, isLegacy: false)
        if model.algorithm == .unigram || model.removeExtraWhitespaces || !model.charsmap.isEmpty {
            sections["pre_tokenizer"] = nil
            sections["normalizer"] = TokenizerSections.sequence("normalizers", Self.normalizers(model))
        }
        if model.algorithm == .unigram {
            scored(model)
            let unknown = model.ids[.unk].flatMap { model.pieces.indices.contains($0) ? $0 : nil }
            sections["model"] = .object(
                JSONObject(Self.unigram(unknown: unknown, byteFallback: model.byteFallback)))
        } else {
            try bytePairs()
            sections["model"] = .object(
                JSONObject(
                    TokenizerSections.bpe(
                        unknownToken: names[.unk], fuseUnknown: true, byteFallback: model.byteFallback)))
        }
    }

    private static func normalizers(_ model: SentencePieceModel) -> [JSON] {
        var normalizers: [JSON] = model.charsmap.isEmpty ? [] : [precompiled(model.charsmap)]
        if model.removeExtraWhitespaces {
            normalizers.append(
                TokenizerSections.stage("Strip", [("strip_left", .bool(true)), ("strip_right", .bool(true))]))
            normalizers.append(TokenizerSections.replace(regex: " {2,}", by: " "))
        }
        if model.addDummyPrefix {
            normalizers.append(TokenizerSections.stage("Prepend", [("prepend", .string(space))]))
        }
        return normalizers + [TokenizerSections.replace(" ", by: space)]
    }
}
