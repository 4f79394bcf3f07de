import Formats

/// Makes the model of a vocabulary, and of tokenizer.json's section "model".
struct ModelReader {
    /// The file, for messages.
    let source: String

    private static let maxAffix = 256

    private static let types = ["BPE", "Unigram", "WordLevel", "WordPiece"]

    /// The model that the section and the parts that were read apart describe.
    func model(_ json: JSON, _ parts: VocabularyParts) throws -> Model {
        let type = try self.type(json, parts)
        guard Self.types.contains(type) else {
            throw TokenizerError(
                "\(source): model: type '\(FormatError.shown(type))' is not supported; supported are "
                    + Self.types.joined(separator: ", "))
        }
        guard parts.isList == (type == "Unigram") else {
            throw TokenizerError(
                "\(source): model: 'vocab' of \(type) expected "
                    + (parts.isList ? "an object of tokens and ids, got a list" : "a list of tokens and scores"))
        }
        switch type {
        case "WordPiece":
            return .wordPiece(
                try wordPiece(
                    parts.tokens, unknownToken: try string(json, "unk_token") ?? "[UNK]",
                    prefix: try string(json, "continuing_subword_prefix") ?? "##",
                    maxInputCharsPerWord: try json.optional(
                        "max_input_chars_per_word", "a number from 0 on", source: "\(source): model"
                    ) {
                        $0.int.flatMap { $0 >= 0 ? $0 : nil }
                    } ?? 100))
        case "WordLevel":
            let unknownToken = try json.required("unk_token", "a string", source: "\(source): model") { $0.string }
            return .wordLevel(WordLevel(vocabulary: try vocabulary(parts.tokens), unknownToken: unknownToken))
        case "Unigram": return .unigram(try unigram(json, parts))
        default:
            if let dropout = json["dropout"]?.double, dropout != 0 {
                throw TokenizerError("\(source): model: dropout \(dropout) is not supported, only null")
            }
            var options = BPE.Options()
            options.unknownToken = try string(json, "unk_token")
            options.continuingSubwordPrefix = try affix(json, "continuing_subword_prefix")
            options.endOfWordSuffix = try affix(json, "end_of_word_suffix")
            options.fuseUnknown = try bool(json, "fuse_unk")
            options.byteFallback = try bool(json, "byte_fallback")
            options.ignoreMerges = try bool(json, "ignore_merges")
            return .bpe(try bpe(parts.tokens, parts.merges, options))
        }
    }

    /// A Unigram model.
    private func unigram(_ json: JSON, _ parts: VocabularyParts) throws -> Unigram {
        guard !parts.tokens.isEmpty else { throw TokenizerError("\(source): the vocabulary is empty") }
        let unknown = try json.optional("unk_id", "a token's id, from 0 on", source: "\(source): model") {
            $0.int.flatMap { $0 >= 0 ? $0 : nil }
        }
        if let unknown, unknown >= parts.tokens.count {
            throw TokenizerError(
                "\(source): model: 'unk_id' is \(unknown), and the vocabulary has \(parts.tokens.count) tokens")
        }
        return try TokenizerError.placing("\(source): model") {
            try Unigram(
                tokens: parts.tokens.map(\.token), scores: parts.scores, unknown: unknown,
                byteFallback: try bool(json, "byte_fallback"))
        }
    }

    /// The type, which old files do not say.
    private func type(_ json: JSON, _ parts: VocabularyParts) throws -> String {
        if let type = try json.optional("type", "a string", source: "\(source): model", { $0.string }) { return type }
        if parts.isList { return "Unigram" }
        if parts.hasMerges { return "BPE" }
        return json["max_input_chars_per_word"] == nil ? "WordLevel" : "WordPiece"
    }

    private func string(_ json: JSON, _ key: String) throws -> String? {
        try json.optional(key, "a string or null", source: "\(source): model") { $0.string }
    }

    /// What every symbol of a word is looked up with, so it must be short.
    private func affix(_ json: JSON, _ key: String) throws -> [UInt8] {
        let bytes = Array((try string(json, key) ?? "").utf8)
        guard bytes.count <= Self.maxAffix else {
            throw TokenizerError(
                "\(source): model: '\(key)' has \(bytes.count) bytes, at most \(Self.maxAffix) are read")
        }
        return bytes
    }

    private func bool(_ json: JSON, _ key: String) throws -> Bool {
        try json.optional(key, "true or false", source: "\(source): model") { $0.bool } ?? false
    }

    private func vocabulary(_ tokens: [(token: [UInt8], id: Int)]) throws -> Vocabulary {
        guard !tokens.isEmpty else { throw TokenizerError("\(source): the vocabulary is empty") }
        var vocabulary = Vocabulary(capacity: tokens.count)
        for (token, id) in tokens { vocabulary.insert(token, id: id) }
        return vocabulary
    }

    /// A WordPiece model.
    private func wordPiece(
        _ tokens: [(token: [UInt8], id: Int)], unknownToken: String, prefix: String = "##",
        maxInputCharsPerWord: Int = 100
    ) throws -> WordPiece {
        WordPiece(
            vocabulary: try vocabulary(tokens), unknownToken: unknownToken, prefix: prefix,
            maxInputCharsPerWord: maxInputCharsPerWord, tokens: tokens.map(\.token))
    }

    /// A byte-pair model.
    private func bpe(
        _ tokens: [(token: [UInt8], id: Int)], _ merges: [(left: [UInt8], right: [UInt8])], _ options: BPE.Options
    ) throws -> BPE {
        let vocabulary = try vocabulary(tokens)
        var table = PairTable(capacity: merges.count)
        var whole: [UInt8] = []
        for (rank, merge) in merges.enumerated() {
            guard let left = vocabulary.ids.value(merge.left, merge.left.indices),
                let right = vocabulary.ids.value(merge.right, merge.right.indices)
            else { throw unknown(merge, rank, "one of them") }
            whole.removeAll(keepingCapacity: true)
            whole += merge.left
            whole += merge.right.dropFirst(options.continuingSubwordPrefix.count)
            guard let id = vocabulary.ids.value(whole, whole.indices) else { throw unknown(merge, rank, "their whole") }
            table.insert(left, right, rank: Int32(truncatingIfNeeded: rank), id: id)
        }
        return try BPE(vocabulary: vocabulary, merges: table, options: options)
    }

    private func unknown(_ merge: (left: [UInt8], right: [UInt8]), _ rank: Int, _ what: String) -> TokenizerError {
        let pair = [merge.left, merge.right].map { FormatError.shown(String(decoding: $0.prefix(200), as: UTF8.self)) }
            .joined(separator: " ")
        return TokenizerError("\(source): merge \(rank + 1), '\(pair)': \(what) is not in the vocabulary")
    }
}
