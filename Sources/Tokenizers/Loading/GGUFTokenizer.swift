import Formats

extension Tokenizer {
    /// The tokenizer that a GGUF file describes.
    ///
    /// Byte-level ones are cut as llama.cpp cuts them by their `pre`; SentencePiece's are what transformers 5 makes of them
    /// (integrations/gguf), merges worked out from the scores where the file has none. Control tokens become special ones,
    /// user-defined ones are found in the text before the model sees it.
    ///
    /// - Parameters:
    ///   - fields: The metadata.
    ///   - source: The file, for messages.
    /// - Throws: `TokenizerError` where something is missing or not supported, `MemoryRefusal` where the memory is not there.
    public static func load(gguf fields: GGUFTokenizerFields, source: String) throws -> Tokenizer {
        try GGUFTokenizerMaker(fields: fields, source: source).make()
    }
}

/// Makes a tokenizer out of the metadata of a GGUF file.
private struct GGUFTokenizerMaker {
    let fields: GGUFTokenizerFields
    let source: String

    /// The kinds of tokens that are looked for in the text before the model sees it.
    private static let (control, userDefined) = (3, 4)

    /// The ids by name; SentencePiece's usual ones where the file does not say them, as llama.cpp takes them.
    private var specialTokenIds: [SpecialToken: Int] {
        guard fields.model == "llama" else { return fields.specialTokenIds }
        let usual: [SpecialToken: Int] = [.unk: 0, .bos: 1, .eos: 2]
        return usual.filter { fields.tokens.indices.contains($0.value) }.merging(fields.specialTokenIds) { $1 }
    }

    func make() throws -> Tokenizer {
        try check()
        var parts = VocabularyParts()
        var sections: TokenizerSections
        var addsBos = fields.addBos
        switch fields.model {
        case "gpt2":
            let way = try preTokenizer()
            addsBos = addsBos ?? (way.addsBos ? true : nil)
            parts.tokens = fields.tokens.enumerated().map { (Self.byteLevel(Array($1.utf8)), $0) }
            sections = TokenizerSections(
                preTokenizer: Self.stage(way), decoder: TokenizerSections.byteLevel(useRegex: true),
                model: TokenizerSections.bpe(ignoreMerges: way.ignoresMerges))
            guard let merges = fields.merges else { throw missing("merges") }
            parts.merges = try Self.merges(merges, source)
        case "llama":
            addsBos = addsBos ?? true
            sections = sentencePiece(&parts)
            if let merges = fields.merges {
                parts.merges = try Self.merges(merges, source)
            } else {
                try impliedMerges(&parts)
            }
        case "t5":
            guard let scores = fields.scores else { throw missing("scores") }
            parts.tokens = Self.withSentinels(fields.tokens).enumerated().map { (Array($1.utf8), $0) }
            (parts.scores, parts.isList) = (scores, true)
            sections = SentencePieceFiles.t5(charsmap: fields.charsmap ?? [])
        default:
            throw TokenizerError(
                "\(source): tokenizer.ggml.model '\(FormatError.shown(fields.model))' is not supported; supported are "
                    + "gpt2, llama, t5")
        }
        parts.hasMerges = !parts.isList
        var tokenizer = try Tokenizer(sections, parts, added: [], source: source)
        try finish(&tokenizer, addsBos)
        return tokenizer
    }

    private func missing(_ name: String) -> TokenizerError {
        TokenizerError("\(source): 'tokenizer.ggml.\(name)' is missing")
    }

    /// Lists are as long as the vocabulary, and ids lie in it.
    private func check() throws {
        let count = fields.tokens.count
        for (name, length) in [("scores", fields.scores?.count), ("token_type", fields.tokenTypes?.count)] {
            guard let length, length != count else { continue }
            throw TokenizerError("\(source): 'tokenizer.ggml.\(name)' has \(length) entries for \(count) tokens")
        }
        for (name, id) in fields.specialTokenIds where !fields.tokens.indices.contains(id) {
            throw TokenizerError("\(source): \(name.rawValue) has the id \(id), and there are \(count) tokens")
        }
        if let place = fields.scores?.firstIndex(where: { !$0.isFinite }) {
            throw TokenizerError("\(source): 'tokenizer.ggml.scores' of token \(place) is not a finite number")
        }
    }

    private func preTokenizer() throws -> GGUFPreTokenizer {
        let name = fields.pre ?? "default"
        guard let way = GGUFPreTokenizer.named(name) else {
            throw TokenizerError(
                "\(source): tokenizer.ggml.pre '\(FormatError.shown(name))' is not supported; supported are "
                    + GGUFPreTokenizer.names.joined(separator: ", "))
        }
        return way
    }

    private static func stage(_ way: GGUFPreTokenizer) -> JSON {
        let last = TokenizerSections.byteLevel(useRegex: way.endsInGPT2)
        if way.expressions.isEmpty { return last }
        return TokenizerSections.sequence(
            "pretokenizers", way.expressions.map { TokenizerSections.split(regex: $0) } + [last])
    }

    /// A token in byte-level letters, for files write some of those that are looked for in the text as they are.
    private static func byteLevel(_ token: [UInt8]) -> [UInt8] {
        var text = NormalizedText(original: token)
        var index = 0
        while index < token.count {
            let (scalar, length) = token.scalar(at: index)
            guard ByteLevel.bytes[scalar] != nil else {
                ByteLevel.map(&text)
                return text.bytes
            }
            index += length
        }
        return token
    }

    private static func merges(_ lines: [String], _ source: String) throws -> [(left: [UInt8], right: [UInt8])] {
        try lines.enumerated().map { place, line in
            guard let pair = VocabularyReader.pair(Array(line.utf8)) else {
                throw TokenizerError(
                    "\(source): merge \(place + 1): expected two tokens and a space, got "
                        + "'\(FormatError.shown(String(line.prefix(200))))'")
            }
            return pair
        }
    }

    // MARK: SentencePiece

    private var isGemma: Bool { fields.architecture?.hasPrefix("gemma") ?? false }

    private func sentencePiece(_ parts: inout VocabularyParts) -> TokenizerSections {
        // Gemma's runs of spaces are written as spaces.
        let tokens = isGemma ? fields.tokens.map(Self.withoutSpaces) : fields.tokens
        parts.tokens = tokens.enumerated().map { (Array($1.utf8), $0) }
        if isGemma { return SentencePieceFiles.gemma }
        var sections = SentencePieceFiles.llama(addPrefixSpace: fields.addSpacePrefix ?? true, isLegacy: false)
        if fields.architecture == "phi3", fields.addSpacePrefix ?? true {
            // Phi-3 puts its space before a text that begins with one too.
            sections["pre_tokenizer"] = nil
            sections["normalizer"] = TokenizerSections.sequence(
                "normalizers",
                [
                    TokenizerSections.stage("Prepend", [("prepend", .string(SentencePieceFiles.space))]),
                    TokenizerSections.replace(" ", by: SentencePieceFiles.space),
                ])
        }
        return sections
    }

    private static func withoutSpaces(_ token: String) -> String {
        guard token.utf8.contains(0x20), token.utf8.allSatisfy({ $0 == 0x20 }) else { return token }
        return String(repeating: SentencePieceFiles.space, count: token.utf8.count)
    }

    /// The best score first; Gemma's follow the ids.
    private func impliedMerges(_ parts: inout VocabularyParts) throws {
        if isGemma {
            return try parts.impliedMerges(parts.tokens.indices.map { -Double($0) }, isReversed: true)
        }
        guard let scores = fields.scores else { throw missing("scores") }
        try parts.impliedMerges(scores, isReversed: true)
    }

    /// T5's sentinels, which a file calls `[PAD32000]` and so on, by their own names.
    private static func withSentinels(_ tokens: [String]) -> [String] {
        let places = tokens.indices.filter { place in
            let token = tokens[place].utf8
            return token.starts(with: "[PAD".utf8) && token.last == UInt8(ascii: "]") && token.count > 5
                && token.dropFirst(4).dropLast().allSatisfy { (0x30...0x39).contains($0) }
        }
        var result = tokens
        for (offset, place) in places.prefix(100).enumerated() { result[place] = "<extra_id_\(99 - offset)>" }
        return result
    }

    // MARK: Special tokens

    private func finish(_ tokenizer: inout Tokenizer, _ addsBos: Bool?) throws {
        var added: [AddedToken] = []
        for kind in [Self.control, Self.userDefined] {
            for (place, type) in (fields.tokenTypes ?? []).enumerated() where type == kind {
                let text = fields.tokens[place]
                // A token that is no text of byte-level letters is not in the vocabulary; to add it would make a new id.
                guard tokenizer.model.vocabulary.id(Array(text.utf8)) == place else { continue }
                added.append(AddedToken(text, special: kind == Self.control, normalized: false))
            }
        }
        let ids = specialTokenIds
        for name in SpecialToken.allCases {
            guard let id = ids[name], let token = tokenizer.token(id) else { continue }
            tokenizer.settings.specialTokens[name] = token
            added.append(AddedToken(token, special: true, normalized: false))
        }
        _ = try tokenizer.add(added)
        if fields.model == "t5" {
            guard let eos = tokenizer.end(.eos) else { throw missing("eos_token_id") }
            tokenizer.sections["post_processor"] = TokenizerSections.template(before: nil, after: eos)
        } else if addsBos != nil || fields.addEos != nil {
            tokenizer.sections["post_processor"] = TokenizerSections.template(
                before: addsBos == true ? tokenizer.end(.bos) : nil,
                after: fields.addEos == true ? tokenizer.end(.eos) : nil)
        }
        try tokenizer.readStages()
        tokenizer.settings.modelMaxLength = fields.modelMaxLength
        if let template = fields.chatTemplate { tokenizer.chatTemplates = ChatTemplates(template) }
    }
}
