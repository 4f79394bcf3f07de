import Formats

/// A class of transformers (5.23) that makes its own stages out of its options, and takes from tokenizer.json the vocabulary, the
/// merges and the added tokens alone, and the post-processor where it has none.
///
/// Other classes (PreTrainedTokenizerFast, TokenizersBackend) take tokenizer.json as it is, and no option says anything of stages.
enum TokenizerClass: Sendable {
    case albert, bert, camembert, deberta, debertaV2, gemma, gpt2, llama, mpnet, qwen2, roberta, t5, xlmRoberta

    /// The class of this name; nil for one that takes the file as it is, or that is not known here.
    init?(name: String) {
        switch TokenizerClass.withoutFast(name) {
        case "AlbertTokenizer": self = .albert
        case "BertTokenizer", "DistilBertTokenizer", "ElectraTokenizer", "MobileBertTokenizer": self = .bert
        case "CamembertTokenizer": self = .camembert
        case "DebertaTokenizer": self = .deberta
        case "DebertaV2Tokenizer": self = .debertaV2
        case "GemmaTokenizer": self = .gemma
        case "GPT2Tokenizer": self = .gpt2
        case "LlamaTokenizer": self = .llama
        case "MPNetTokenizer": self = .mpnet
        case "Qwen2Tokenizer": self = .qwen2
        case "RobertaTokenizer": self = .roberta
        case "T5Tokenizer": self = .t5
        case "XLMRobertaTokenizer": self = .xlmRoberta
        default: return nil
        }
    }

    private static func withoutFast(_ name: String) -> String {
        name.hasSuffix("Fast") ? String(name.dropLast(4)) : name
    }

    /// The class that transformers has for a model_type (`TOKENIZER_MAPPING_NAMES`); "" is one that takes the file as it is.
    private static func registered(for modelType: String) -> String? {
        switch modelType {
        case "bert", "distilbert", "electra", "nomic_bert", "squeezebert": "BertTokenizer"
        case "mobilebert": "MobileBertTokenizer"
        case "roberta", "bart", "longformer": "RobertaTokenizer"
        case "gpt2", "gpt_neo", "codegen", "phi": "GPT2Tokenizer"
        case "qwen2", "qwen3", "qwen2_moe", "qwen3_moe": "Qwen2Tokenizer"
        case "gemma", "gemma2", "gemma3", "gemma3_text": "GemmaTokenizer"
        case "xlm-roberta", "xmod": "XLMRobertaTokenizer"
        case "albert": "AlbertTokenizer"
        case "camembert": "CamembertTokenizer"
        case "deberta": "DebertaTokenizer"
        case "deberta-v2": "DebertaV2Tokenizer"
        case "mpnet": "MPNetTokenizer"
        case "t5", "mt5": "T5Tokenizer"
        case "mistral", "mixtral", "modernbert", "phi3", "umt5", "xlm-roberta-xl": ""
        default: nil
        }
    }

    /// The class that transformers' AutoTokenizer takes (tokenization_auto.py); nil is one that takes the file as it is.
    ///
    /// - Parameters:
    ///   - name: `tokenizer_class` of tokenizer_config.json, else of config.json.
    ///   - modelType: `model_type` of config.json.
    ///   - file: the sections of tokenizer.json.
    init?(named name: String?, modelType: String?, file: TokenizerSections) {
        let registered = modelType.flatMap(TokenizerClass.registered)
        var chosen = name ?? registered ?? ""
        if let name, let registered {
            if registered.isEmpty {
                chosen = ""
            } else if modelType == "qwen2" {
                // Its folders often name another.
                chosen = registered
            } else {
                chosen = name
            }
        }
        guard let found = TokenizerClass(name: chosen) else { return nil }
        if found == .llama {
            // Llama 3's files are byte-level under this name. And a file without a model beside it is taken at its word.
            guard modelType != nil, !TokenizerClass.isByteLevel(file) else { return nil }
        }
        self = found
    }

    private static func isByteLevel(_ file: TokenizerSections) -> Bool {
        func holds(_ stage: JSON?, _ depth: Int = 0) -> Bool {
            guard let stage, depth < 16 else { return false }
            if stage["type"]?.string == "ByteLevel" { return true }
            return ["pretokenizers", "decoders"].contains { list in
                stage[list]?.array?.contains { holds($0, depth + 1) } ?? false
            }
        }
        return holds(file["pre_tokenizer"]) || holds(file["decoder"])
    }

    /// What the class is called.
    var name: String {
        switch self {
        case .albert: "AlbertTokenizer"
        case .bert: "BertTokenizer"
        case .camembert: "CamembertTokenizer"
        case .deberta: "DebertaTokenizer"
        case .debertaV2: "DebertaV2Tokenizer"
        case .gemma: "GemmaTokenizer"
        case .gpt2: "GPT2Tokenizer"
        case .llama: "LlamaTokenizer"
        case .mpnet: "MPNetTokenizer"
        case .qwen2: "Qwen2Tokenizer"
        case .roberta: "RobertaTokenizer"
        case .t5: "T5Tokenizer"
        case .xlmRoberta: "XLMRobertaTokenizer"
        }
    }

    /// The model that its vocabulary is of, as tokenizer.json names it.
    var model: String {
        switch self {
        case .bert, .mpnet: "WordPiece"
        case .deberta, .gemma, .gpt2, .llama, .qwen2, .roberta: "BPE"
        case .albert, .camembert, .debertaV2, .t5, .xlmRoberta: "Unigram"
        }
    }

    /// The names of special tokens where the files say none.
    var defaults: [SpecialToken: String] {
        switch self {
        case .bert: TokenizerFamily.bert.defaults
        case .roberta, .xlmRoberta, .camembert: TokenizerFamily.roberta.defaults
        case .gpt2: TokenizerFamily.gpt2.defaults
        case .qwen2: TokenizerFamily.qwen2.defaults
        case .llama: TokenizerFamily.llama.defaults
        case .gemma: TokenizerFamily.gemma.defaults
        case .t5: TokenizerFamily.t5.defaults
        case .mpnet: TokenizerFamily.roberta.defaults.merging([.unk: "[UNK]"]) { $1 }
        case .albert:
            [
                .bos: "[CLS]", .eos: "[SEP]", .unk: "<unk>", .sep: "[SEP]", .pad: "<pad>", .cls: "[CLS]",
                .mask: "[MASK]",
            ]
        case .deberta, .debertaV2:
            [
                .bos: "[CLS]", .eos: "[SEP]", .unk: "[UNK]", .sep: "[SEP]", .pad: "[PAD]", .cls: "[CLS]",
                .mask: "[MASK]",
            ]
        }
    }

    /// The special tokens as the class makes them: MPNet's and DeBERTa's mask, and CamemBERT's, take in the space before.
    func token(_ name: SpecialToken, _ content: String) -> AddedToken {
        var token = AddedToken(content, special: true, normalized: false)
        token.lstrip = name == .mask && (self == .mpnet || self == .camembert)
        return token
    }

    /// Whether `config` has a key for the class that changes what the text becomes; others mean nothing to it.
    static let options: [String: Set<TokenizerClass>] = [
        "do_lower_case": [.albert, .bert, .debertaV2, .mpnet], "strip_accents": [.bert, .mpnet],
        "tokenize_chinese_chars": [.bert, .mpnet], "keep_accents": [.albert], "split_by_punct": [.debertaV2],
        "add_prefix_space": [
            .albert, .camembert, .deberta, .debertaV2, .gpt2, .llama, .qwen2, .roberta, .xlmRoberta,
        ], "trim_offsets": [.roberta], "legacy": [.llama], "extra_ids": [.t5], "unk_id": [.debertaV2],
    ]

    // MARK: Stages

    /// The stages that the class makes, without a post-processor, for a file with these sections.
    ///
    /// - Parameter unknown: the token of what no token has.
    func sections(
        _ options: TokenizerConfig.Options, unknown: String, file: TokenizerSections, _ parts: VocabularyParts
    )
        -> TokenizerSections
    {
        let lowercase = options.lowercase
        func stage(_ type: String, _ options: [(String, JSON)] = []) -> JSON { TokenizerSections.stage(type, options) }
        switch self {
        case .bert, .mpnet:
            return TokenizerSections(
                normalizer: stage(
                    "BertNormalizer",
                    [
                        ("clean_text", .bool(true)),
                        ("handle_chinese_chars", .bool(options.handleChineseChars ?? true)),
                        ("strip_accents", (options.stripAccents ?? nil).map { .bool($0) } ?? .null),
                        ("lowercase", .bool(lowercase ?? true)),
                    ]),
                preTokenizer: stage("BertPreTokenizer"),
                decoder: stage("WordPiece", [("prefix", .string("##")), ("cleanup", .bool(true))]),
                model: [
                    ("type", .string("WordPiece")), ("unk_token", .string(unknown)),
                    ("continuing_subword_prefix", .string("##")), ("max_input_chars_per_word", .integer(100)),
                    ("vocab", .object([:])),
                ])
        case .roberta, .gpt2, .deberta:
            return TokenizerSections(
                preTokenizer: TokenizerSections.byteLevel(
                    addPrefixSpace: options.addPrefixSpace ?? false, useRegex: true),
                decoder: TokenizerSections.byteLevel(addPrefixSpace: true, useRegex: true),
                model: TokenizerSections.bpe())
        case .qwen2:
            return TokenizerSections(
                normalizer: stage("NFC"),
                preTokenizer: TokenizerSections.sequence(
                    "pretokenizers",
                    [
                        TokenizerSections.split(regex: VocabularyFiles.qwen2Pattern),
                        TokenizerSections.byteLevel(addPrefixSpace: options.addPrefixSpace ?? false, useRegex: false),
                    ]),
                decoder: TokenizerSections.byteLevel(addPrefixSpace: true, useRegex: true),
                model: TokenizerSections.bpe())
        case .llama:
            return SentencePieceFiles.llama(
                addPrefixSpace: options.addPrefixSpace ?? true, isLegacy: options.legacy ?? false)
        case .gemma:
            var sections = SentencePieceFiles.gemma
            sections.set("unk_token", .string(unknown), in: "model", ofTypes: ["BPE"])
            return sections
        case .t5, .xlmRoberta, .camembert:
            let scheme = self == .t5 || options.addPrefixSpace ?? true ? "always" : "never"
            let metaspace = TokenizerSections.metaspace(scheme, split: true)
            let unknownId =
                self == .t5 ? 2 : self == .xlmRoberta ? 3 : TokenizerClass.place(of: unknown, in: parts) ?? 0
            return TokenizerSections(
                normalizer: TokenizerClass.charsmap(file["normalizer"]) ?? .null,
                preTokenizer: TokenizerSections.sequence("pretokenizers", [stage("WhitespaceSplit"), metaspace]),
                decoder: metaspace, model: SentencePieceFiles.unigram(unknown: unknownId, byteFallback: false))
        case .albert:
            var normalizers = [TokenizerSections.replace("``", by: "\""), TokenizerSections.replace("''", by: "\"")]
            if options.keepAccents != true { normalizers += [stage("NFKD"), stage("StripAccents")] }
            if lowercase ?? true { normalizers.append(stage("Lowercase")) }
            if let charsmap = TokenizerClass.charsmap(file["normalizer"]) { normalizers.append(charsmap) }
            let metaspace = TokenizerSections.metaspace(
                options.addPrefixSpace ?? true ? "always" : "never", split: true)
            return TokenizerSections(
                normalizer: TokenizerSections.sequence("normalizers", normalizers),
                preTokenizer: TokenizerSections.sequence("pretokenizers", [stage("WhitespaceSplit"), metaspace]),
                decoder: metaspace, model: SentencePieceFiles.unigram(unknown: 1, byteFallback: false))
        case .debertaV2:
            var normalizers = lowercase ?? false ? [stage("Lowercase")] : []
            normalizers += [
                TokenizerSections.replace(regex: "\\s{2,}|[\\n\\r\\t]", by: " "), stage("NFC"),
                stage("Strip", [("strip_left", .bool(false)), ("strip_right", .bool(true))]),
            ]
            let metaspace = TokenizerSections.metaspace(
                options.addPrefixSpace ?? true ? "always" : "first", split: true)
            let punctuation = stage("Punctuation", [("behavior", .string("Isolated"))])
            let place = TokenizerClass.place(of: unknown, in: parts).flatMap { parts.scores[$0] == 0 ? $0 : nil }
            return TokenizerSections(
                normalizer: TokenizerSections.sequence("normalizers", normalizers),
                preTokenizer: TokenizerSections.sequence(
                    "pretokenizers", (options.splitByPunct == true ? [punctuation] : []) + [metaspace]),
                decoder: metaspace,
                model: SentencePieceFiles.unigram(unknown: place ?? options.unknownId ?? 1, byteFallback: false))
        }
    }

    private static func place(of token: String, in parts: VocabularyParts) -> Int? {
        let bytes = Array(token.utf8)
        return parts.tokens.firstIndex { $0.token == bytes }.flatMap { parts.scores.indices.contains($0) ? $0 : nil }
    }

    /// SentencePiece's own normalizer, by itself or in a sequence.
    private static func charsmap(_ normalizer: JSON?) -> JSON? {
        guard let normalizer else { return nil }
        return (normalizer["normalizers"]?.array ?? [normalizer]).first { $0["type"]?.string == "Precompiled" }
    }

    /// What the class puts around texts, where it does not leave that to the file.
    enum Around {
        /// `[CLS] A [SEP] B [SEP]`.
        case bert
        /// `<s> A </s> </s> B </s>`; the names of the tokens, and whether offsets leave out whitespace.
        case roberta(first: SpecialToken, last: SpecialToken, trims: Bool, addPrefixSpace: Bool)
        /// `A </s> B </s>`.
        case end
    }

    /// What the class puts around texts; nil where the file says it.
    func around(_ options: TokenizerConfig.Options) -> Around? {
        switch self {
        case .bert, .debertaV2: .bert
        case .roberta:
            .roberta(
                first: .cls, last: .sep, trims: options.trimOffsets ?? true,
                addPrefixSpace: options.addPrefixSpace ?? false)
        case .mpnet: .roberta(first: .cls, last: .sep, trims: true, addPrefixSpace: false)
        case .deberta: .roberta(first: .cls, last: .sep, trims: false, addPrefixSpace: false)
        case .xlmRoberta, .camembert: .roberta(first: .bos, last: .eos, trims: false, addPrefixSpace: false)
        case .t5: .end
        case .albert, .gemma, .gpt2, .llama, .qwen2: nil
        }
    }
}

extension TokenizerSections {
    /// What of a file's sections is not what `other` has, each with the values where there is one: "normalizer (lowercase: false)".
    ///
    /// Members that only one of them says have their usual value in the other.
    func differences(from other: TokenizerSections) -> [String] {
        ["normalizer", "pre_tokenizer", "decoder", "model"].compactMap { name in
            let (mine, theirs) = (Self.unwrapped(self[name]), Self.unwrapped(other[name]))
            let silent: Set = name == "decoder" ? ["add_prefix_space", "trim_offsets", "use_regex"] : ["trim_offsets"]
            guard !Self.isSame(mine, theirs, silent) else { return nil }
            guard let a = mine?.object, let b = theirs?.object, a["type"] == b["type"] else { return name }
            let keys = a.filter { key, value in b[key].map { !Self.isSame(value, $0, silent) } ?? false }
            guard keys.allSatisfy({ !$0.value.isTable }) else { return name }
            return
                "\(name) (\(keys.map { "\($0.key): \(FormatError.shown($0.value.compact()))" }.joined(separator: ", ")))"
        }
    }

    /// A sequence of one stage is that stage.
    private static func unwrapped(_ stage: JSON?) -> JSON? {
        guard let stage, stage["type"]?.string == "Sequence" else { return stage }
        let stages = ["normalizers", "pretokenizers", "decoders"].compactMap { stage[$0]?.array }.first
        return stages?.count == 1 ? stages?.first : stages?.isEmpty == true ? nil : stage
    }

    /// Whether two stages mean the same; `silent` are members of a byte-level stage that say nothing where it stands.
    private static func isSame(_ a: JSON?, _ b: JSON?, _ silent: Set<String>, depth: Int = 0) -> Bool {
        guard let a, let b else { return a == nil && b == nil }
        if a == b { return true }
        // An absent text and an empty one mean the same in every stage.
        if a.isNull && b.string == "" || b.isNull && a.string == "" { return true }
        guard depth < 16 else { return false }
        if let x = a.object, let y = b.object {
            let isByteLevel = x["type"]?.string == "ByteLevel"
            return x.allSatisfy { key, value in
                isByteLevel && silent.contains(key)
                    || y[key].map { isSame(value, $0, silent, depth: depth + 1) } ?? true
            }
        }
        if let x = a.array, let y = b.array {
            return x.count == y.count && zip(x, y).allSatisfy { isSame($0, $1, silent, depth: depth + 1) }
        }
        return false
    }
}
