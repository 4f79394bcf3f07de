import Formats

/// What tokenizer.json says beside the vocabulary, the merges and the added tokens, which are read and written apart.
///
/// Every tokenizer has them, whatever files it was read from: they are what its stages are made of, and what is saved.
struct TokenizerSections: Sendable {
    /// The members of the file in their order; "vocab" and "merges" of "model" are empty, "added_tokens" too.
    var json: JSONObject

    /// The sections of a file as it was read.
    init(_ json: JSONObject) { self.json = json }

    /// The sections of a tokenizer that no file says; what is not given is null.
    init(
        normalizer: JSON = .null, preTokenizer: JSON = .null, postProcessor: JSON = .null, decoder: JSON = .null,
        model: [(String, JSON)]
    ) {
        json = [
            "version": .string("1.0"), "truncation": .null, "padding": .null, "added_tokens": .array([]),
            "normalizer": normalizer, "pre_tokenizer": preTokenizer, "post_processor": postProcessor,
            "decoder": decoder, "model": .object(JSONObject(model)),
        ]
    }

    /// The section of a stage; nil where it is null or not there.
    subscript(_ name: String) -> JSON? {
        get { json[name].flatMap { $0.isNull ? nil : $0 } }
        set { json[name] = newValue ?? .null }
    }

    /// Sets a member of a section, or of each stage of the type in it where it is a sequence.
    ///
    /// - Returns: Whether any stage of one of the types was there.
    @discardableResult
    mutating func set(_ key: String, _ value: JSON, in name: String, ofTypes types: Set<String>) -> Bool {
        guard let section = self[name] else { return false }
        var isFound = false
        func changed(_ stage: JSON, _ depth: Int) -> JSON {
            guard var members = stage.object, let type = members["type"]?.string else { return stage }
            if types.contains(type) {
                members[key] = value
                isFound = true
            }
            for list in ["processors", "normalizers", "pretokenizers"] where depth < 16 {
                if let stages = members[list]?.array { members[list] = .array(stages.map { changed($0, depth + 1) }) }
            }
            return .object(members)
        }
        self[name] = changed(section, 0)
        return isFound
    }

    // MARK: Stages of other files

    /// A stage of a type with the options given.
    static func stage(_ type: String, _ options: [(String, JSON)] = []) -> JSON {
        .object(JSONObject([("type", .string(type))] + options))
    }

    private static func object(_ members: (String, JSON)...) -> JSON { .object(JSONObject(members)) }

    /// A Metaspace for SentencePiece's sign.
    static func metaspace(_ scheme: String, split: Bool) -> JSON {
        stage(
            "Metaspace",
            [("replacement", .string("\u{2581}")), ("prepend_scheme", .string(scheme)), ("split", .bool(split))])
    }

    /// A Replace of one string by another.
    static func replace(_ text: String, by content: String) -> JSON {
        stage("Replace", [("pattern", object(("String", .string(text)))), ("content", .string(content))])
    }

    /// A Replace of what an expression matches.
    static func replace(regex: String, by content: String) -> JSON {
        stage("Replace", [("pattern", object(("Regex", .string(regex)))), ("content", .string(content))])
    }

    /// A Split at what an expression matches, each match and each stretch between two by itself.
    static func split(regex: String) -> JSON {
        stage(
            "Split",
            [
                ("pattern", object(("Regex", .string(regex)))), ("behavior", .string("Isolated")),
                ("invert", .bool(false)),
            ])
    }

    /// A byte-level stage.
    static func byteLevel(addPrefixSpace: Bool = false, trimOffsets: Bool = true, useRegex: Bool) -> JSON {
        stage(
            "ByteLevel",
            [
                ("add_prefix_space", .bool(addPrefixSpace)), ("trim_offsets", .bool(trimOffsets)),
                ("use_regex", .bool(useRegex)),
            ])
    }

    /// A sequence of stages; `key` is "normalizers", "pretokenizers" or "decoders".
    static func sequence(_ key: String, _ stages: [JSON]) -> JSON { stage("Sequence", [(key, .array(stages))]) }

    /// The options of a byte-pair model.
    static func bpe(
        unknownToken: String? = nil, fuseUnknown: Bool = false, byteFallback: Bool = false, ignoreMerges: Bool = false
    ) -> [(String, JSON)] {
        [
            ("type", .string("BPE")), ("dropout", .null), ("unk_token", unknownToken.map { .string($0) } ?? .null),
            ("continuing_subword_prefix", .null), ("end_of_word_suffix", .null), ("fuse_unk", .bool(fuseUnknown)),
            ("byte_fallback", .bool(byteFallback)), ("ignore_merges", .bool(ignoreMerges)), ("vocab", .object([:])),
            ("merges", .array([])),
        ]
    }

    /// The post-processor of transformers' `update_post_processor`: a token before and one after each text.
    static func template(
        before: (token: String, id: Int)?, after: (token: String, id: Int)?, secondType: Int = 1
    ) -> JSON {
        func special(_ token: (token: String, id: Int)?, _ type: Int) -> [JSON] {
            token.map {
                [object(("SpecialToken", object(("id", .string($0.token)), ("type_id", .integer(type)))))]
            } ?? []
        }
        func text(_ name: String, _ type: Int) -> [JSON] {
            special(before, type) + [object(("Sequence", object(("id", .string(name)), ("type_id", .integer(type)))))]
                + special(after, type)
        }
        let tokens = [before, after].compactMap { $0 }.map { token in
            (
                token.token,
                object(
                    ("id", .string(token.token)), ("ids", .integers([token.id])),
                    ("tokens", .array([.string(token.token)])))
            )
        }
        return stage(
            "TemplateProcessing",
            [
                ("single", .array(text("A", 0))), ("pair", .array(text("A", 0) + text("B", secondType))),
                ("special_tokens", .object(JSONObject(tokens))),
            ])
    }
}
