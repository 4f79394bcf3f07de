import Formats
import Patterns

extension Tokenizer {
    /// The tokenizer of a model folder.
    ///
    /// tokenizer.json is taken where it is; else vocab.txt (BERT), vocab.json with merges.txt (RoBERTa, GPT-2, Qwen2), or
    /// tokenizer.model or spiece.model (SentencePiece's) are made into what transformers 5 makes of them. tokenizer_config.json, special_tokens_map.json,
    /// added_tokens.json and config.json add the names of special tokens and further tokens.
    ///
    /// - Throws: `TokenizerError` with the file and what is wrong in it, and what `MemoryBudget.check` throws.
    public static func load(from folder: Folder) throws -> Tokenizer {
        do {
            return try TokenizerLoader(folder: folder).load()
        } catch let error as FormatError {
            throw TokenizerError(error.description)
        }
    }

    /// Whether a folder has a file with a vocabulary, of those that `load` looks for.
    public static func isThere(in folder: Folder) -> Bool {
        ["tokenizer.json", "vocab.txt", "vocab.json", "tokenizer.model", "spiece.model"].contains { folder.isThere($0) }
    }
}

/// Reads the files of a tokenizer.
struct TokenizerLoader {
    private let folder: Folder
    private let config: TokenizerConfig

    init(folder: Folder) throws {
        self.folder = folder
        config = try TokenizerConfig(folder: folder)
    }

    func load() throws -> Tokenizer {
        var tokenizer: Tokenizer
        let family: TokenizerFamily
        let sentencePiece = ["tokenizer.model", "spiece.model"].first { folder.isThere($0) }
        var notes: [String] = []
        var usualNames: [SpecialToken: String]?
        var usualPadding = EncodingOptions.Side.right
        if folder.isThere("tokenizer.json") {
            let file = try tokenizerFile("tokenizer.json")
            if let kind = file.kind {
                tokenizer = try made(kind, of: file, &notes)
                usualNames = kind.defaults
                if kind == .llama || kind == .gemma { usualPadding = .left }
                family = .other
            } else {
                tokenizer = try file.tokenizer(path("tokenizer.json"))
                family = config.family ?? TokenizerFamily(guessedFrom: tokenizer)
                try addTokens(to: &tokenizer, config.addedTokens + config.extraTokens)
            }
        } else if folder.isThere("vocab.txt") {
            tokenizer = try bert()
            family = .bert
        } else if folder.isThere("vocab.json"), folder.isThere("merges.txt") {
            (tokenizer, family) = try bytePairs()
        } else if let sentencePiece {
            (tokenizer, family) = try self.sentencePiece(sentencePiece)
        } else if let name = ["sentencepiece.bpe.model", "spm.model"].first(where: { folder.isThere($0) }) {
            throw TokenizerError(
                "\(path(name)): a tokenizer of this file alone is not supported; transformers writes a tokenizer.json beside it: AutoTokenizer.from_pretrained(…).save_pretrained(…)"
            )
        } else {
            throw TokenizerError(
                "\(folder.path): there is no tokenizer.json, no vocab.txt, no vocab.json with merges.txt, "
                    + "no tokenizer.model and no spiece.model"
                    + (AdapterFolder.explanation(of: folder).map { "; \($0)" } ?? ""))
        }
        try name(&tokenizer, usualNames ?? family.defaults)
        // In tokenizer.json the post-processor says it.
        if let ends = config.ends, !folder.isThere("tokenizer.json") {
            tokenizer.sections["post_processor"] = TokenizerSections.template(
                before: ends.addBos ? tokenizer.end(.bos) : nil, after: ends.addEos ? tokenizer.end(.eos) : nil)
            try tokenizer.readStages()
        }
        tokenizer.settings.modelMaxLength = config.modelMaxLength
        tokenizer.settings.cleanUpTokenizationSpaces = config.cleanUpTokenizationSpaces
        tokenizer.settings.cleansUpBytePairs = config.cleansUpBytePairs
        func side(_ section: String) -> EncodingOptions.Side? {
            tokenizer.sections[section]?["direction"]?.string.flatMap {
                EncodingOptions.Side(rawValue: $0.lowercased())
            }
        }
        tokenizer.settings.truncationSide = config.truncationSide ?? side("truncation") ?? .right
        tokenizer.settings.paddingSide = config.paddingSide ?? side("padding") ?? usualPadding
        if config.splitSpecialTokens { try tokenizer.splitSpecialTokens() }
        if !config.unknownKeys.isEmpty {
            let shown = config.unknownKeys.prefix(4).map { "'\(FormatError.shown($0))'" }.joined(separator: ", ")
            let more = config.unknownKeys.count > 4 ? " and \(config.unknownKeys.count - 4) more" : ""
            notes.append("tokenizer_config.json: \(shown)\(more) not known, without effect")
        }
        tokenizer.notes = notes
        tokenizer.config = config.json
        tokenizer.chatTemplates = config.chatTemplates
        return tokenizer
    }

    private func path(_ name: String) -> String { "\(folder.path)/\(name)" }

    /// tokenizer.json as it was read, before it is a tokenizer: everything but "truncation" and "padding", which are for whoever saved it.
    private struct File {
        let sections: TokenizerSections
        let parts: VocabularyParts
        let added: [AddedToken]
        let name: String
        /// The class that makes stages of its own; nil where the file's are taken.
        var kind: TokenizerClass?

        /// The tokenizer that the file says.
        func tokenizer(_ path: String) throws -> Tokenizer {
            var tokenizer = try Tokenizer(sections, parts, added: added, source: name)
            tokenizer.source = path
            return tokenizer
        }
    }

    private func tokenizerFile(_ name: String) throws -> File {
        var reader = VocabularyReader(bytes: try folder.read(name), source: name)
        let json = try JSON(parsing: try reader.tokenizerFile(), source: name)
        guard let model = json["model"] else { throw TokenizerError("\(name): 'model' is missing") }
        let added = try json.optional("added_tokens", "an array", source: name) { $0.array } ?? []
        let tokens = try added.enumerated().map { try AddedToken($1, source: "\(name): added_tokens[\($0)]") }
        var file = File(
            sections: TokenizerSections(json.object ?? [:]), parts: reader.parts, added: tokens, name: name)
        let kind = TokenizerClass(named: config.className, modelType: config.modelType, file: file.sections)
        // A vocabulary of another model can only be what the file says.
        if let kind, model["type"]?.string ?? kind.model == kind.model, reader.parts.isList == (kind.model == "Unigram")
        {
            file.kind = kind
        }
        return file
    }

    /// The tokenizer that transformers' class makes of a file; where the file's stages are others, that is noted.
    private func made(_ kind: TokenizerClass, of file: File, _ notes: inout [String]) throws -> Tokenizer {
        let stages = StageReader(source: file.name)
        // What is wrong in the file is wrong, whoever's stages are taken.
        _ = try file.sections["normalizer"].map { try stages.normalizer($0) }
        _ = try file.sections["pre_tokenizer"].map { try stages.preTokenizer($0) }
        _ = try file.sections["decoder"].map { try stages.decoder($0) }
        let before = try file.sections["post_processor"].map { try stages.postProcessor($0) } ?? PostProcessor()
        let names = kind.defaults.merging(config.specialTokens.compactMapValues { $0?.content }) { $1 }
        let made = kind.sections(config.options, unknown: names[.unk] ?? "[UNK]", file: file.sections, file.parts)
        var differences = file.sections.differences(from: made)
        var sections = file.sections
        if !differences.isEmpty {
            for name in ["normalizer", "pre_tokenizer", "decoder", "model"] { sections.json[name] = made.json[name] }
        }
        let added = config.addedTokens.isEmpty ? file.added : config.addedTokens
        var tokenizer = try Tokenizer(
            sections, file.parts,
            added: config.allTokens(added) { name in kind.defaults[name].map { kind.token(name, $0) } },
            source: file.name)
        tokenizer.source = path(file.name)
        if let around = kind.around(config.options) {
            try put(around, names, kind.name, in: &tokenizer)
            if tokenizer.postProcessor.single != before.single || tokenizer.postProcessor.pair != before.pair {
                differences.append("post_processor")
            } else if tokenizer.postProcessor.trims == before.trims {
                // The same in the file's own words.
                tokenizer.sections["post_processor"] = file.sections["post_processor"]
            }
        }
        if !differences.isEmpty {
            notes.append(
                "tokenizer.json is not what the class \(kind.name) makes of tokenizer_config.json, as in transformers the class counts; "
                    + "the file has another \(differences.joined(separator: ", "))")
        }
        return tokenizer
    }

    /// Puts around texts what a class puts.
    private func put(
        _ around: TokenizerClass.Around, _ names: [SpecialToken: String], _ name: String, in tokenizer: inout Tokenizer
    ) throws {
        switch around {
        case .bert: try surround(&tokenizer, "BertProcessing", names, name)
        case .roberta(let first, let last, let trims, let addPrefixSpace):
            let tokens: [SpecialToken: String] = [.cls: names[first], .sep: names[last]].compactMapValues { $0 }
            try surround(
                &tokenizer, "RobertaProcessing", tokens, name,
                [("trim_offsets", .bool(trims)), ("add_prefix_space", .bool(addPrefixSpace))])
        case .end:
            guard let id = tokenizer.id("</s>") else { return }
            tokenizer.sections["post_processor"] = TokenizerSections.template(
                before: nil, after: (token: "</s>", id: id), secondType: 0)
            try tokenizer.readStages()
        }
    }

    private func bert() throws -> Tokenizer {
        let lines = VocabularyFiles.lines(try folder.read("vocab.txt"))
        var parts = VocabularyParts()
        parts.tokens = lines.enumerated().map { (token: VocabularyFiles.trimmedEnd($1), id: $0) }
        let names = TokenizerFamily.bert.defaults.merging(config.specialTokens.compactMapValues { $0?.content }) { $1 }
        let options = config.options
        let sections = TokenizerSections(
            normalizer: TokenizerSections.stage(
                "BertNormalizer",
                [
                    ("clean_text", .bool(true)), ("handle_chinese_chars", .bool(options.handleChineseChars ?? true)),
                    ("strip_accents", (options.stripAccents ?? nil).map { .bool($0) } ?? .null),
                    ("lowercase", .bool(options.lowercase ?? true)),
                ]),
            preTokenizer: TokenizerSections.stage("BertPreTokenizer"),
            decoder: TokenizerSections.stage("WordPiece", [("prefix", .string("##")), ("cleanup", .bool(true))]),
            model: [
                ("type", .string("WordPiece")), ("unk_token", .string(names[.unk] ?? "[UNK]")),
                ("continuing_subword_prefix", .string("##")), ("max_input_chars_per_word", .integer(100)),
                ("vocab", .object([:])),
            ])
        var tokenizer = try Tokenizer(sections, parts, added: config.allTokens(.bert), source: "vocab.txt")
        tokenizer.source = path("vocab.txt")
        try surround(&tokenizer, "BertProcessing", names, "vocab.txt: BERT")
        return tokenizer
    }

    /// Puts the tokens of the family around texts.
    private func surround(
        _ tokenizer: inout Tokenizer, _ type: String, _ names: [SpecialToken: String], _ needs: String,
        _ options: [(String, JSON)] = []
    ) throws {
        func pair(_ name: SpecialToken) throws -> JSON {
            guard let token = names[name], let id = tokenizer.id(token) else {
                throw TokenizerError("\(needs) needs tokens for cls_token and sep_token")
            }
            return .array([.string(token), .integer(id)])
        }
        tokenizer.sections["post_processor"] = TokenizerSections.stage(
            type, [("sep", try pair(.sep)), ("cls", try pair(.cls))] + options)
        try tokenizer.readStages()
    }

    private func bytePairs() throws -> (Tokenizer, TokenizerFamily) {
        var reader = VocabularyReader(bytes: try folder.read("vocab.json"), source: "vocab.json")
        try reader.vocabularyFile()
        var parts = reader.parts
        parts.merges = try VocabularyFiles.merges(try folder.read("merges.txt"))
        parts.hasMerges = true
        let addPrefixSpace = config.options.addPrefixSpace ?? false
        func byteLevel(useRegex: Bool) -> JSON {
            TokenizerSections.byteLevel(addPrefixSpace: addPrefixSpace, useRegex: useRegex)
        }
        let sections = TokenizerSections(
            preTokenizer: byteLevel(useRegex: true), decoder: TokenizerSections.byteLevel(useRegex: true),
            model: TokenizerSections.bpe())
        var tokenizer = try Tokenizer(sections, parts, added: [], source: "merges.txt")
        let family = config.family ?? TokenizerFamily(guessedFrom: tokenizer)
        if family == .qwen2 {
            tokenizer.sections["normalizer"] = TokenizerSections.stage("NFC")
            tokenizer.sections["pre_tokenizer"] = TokenizerSections.sequence(
                "pretokenizers",
                [TokenizerSections.split(regex: VocabularyFiles.qwen2Pattern), byteLevel(useRegex: false)])
        }
        tokenizer.source = path("vocab.json")
        try tokenizer.readStages()
        try addTokens(to: &tokenizer, config.allTokens(family))
        if family == .roberta {
            try surround(
                &tokenizer, "RobertaProcessing",
                family.defaults.merging(config.specialTokens.compactMapValues { $0?.content }) { $1 },
                "vocab.json: RoBERTa",
                [
                    ("trim_offsets", .bool(config.options.trimOffsets ?? true)),
                    ("add_prefix_space", .bool(addPrefixSpace)),
                ])
        }
        return (tokenizer, family)
    }

    private func sentencePiece(_ name: String) throws -> (Tokenizer, TokenizerFamily) {
        let model = try SentencePieceModel(try folder.read(name), source: name)
        // spiece.model is T5's name for the file.
        let named = config.family ?? (name == "spiece.model" ? .t5 : nil)
        let files = try SentencePieceFiles(model, named, config, source: name)
        var tokenizer = try Tokenizer(files.sections, files.parts, added: [], source: name)
        tokenizer.source = path(name)
        try addTokens(to: &tokenizer, files.addedTokens)
        let family = named ?? .other
        if named == nil {
            for (name, token) in files.names { tokenizer.settings.specialTokens[name] = token }
            try addTokens(
                to: &tokenizer,
                SpecialToken.allCases.compactMap { files.names[$0] }.map {
                    AddedToken($0, special: true, normalized: false)
                })
        }
        try addTokens(to: &tokenizer, config.allTokens(family))
        if family == .t5, let eos = tokenizer.id("</s>") {
            let template = TokenizerSections.template(before: nil, after: (token: "</s>", id: eos), secondType: 0)
            tokenizer.sections["post_processor"] = template
            try tokenizer.readStages()
        }
        return (tokenizer, family)
    }

    private func addTokens(to tokenizer: inout Tokenizer, _ tokens: [AddedToken]) throws {
        let known = Set(tokenizer.added.tokens.values.map { Array($0.content.utf8) })
        let new = tokens.filter { !known.contains(Array($0.content.utf8)) }
        guard !new.isEmpty else { return }
        try TokenizerError.placing("tokenizer_config.json: ") { _ = try tokenizer.add(new) }
    }

    /// Gives special tokens their names: what the files say, else the family's usual ones that the vocabulary has.
    private func name(_ tokenizer: inout Tokenizer, _ defaults: [SpecialToken: String]) throws {
        try addTokens(to: &tokenizer, SpecialToken.allCases.compactMap { config.specialTokens[$0]?.flatMap { $0 } })
        for name in SpecialToken.allCases {
            if let said = config.specialTokens[name] {
                tokenizer.settings.specialTokens[name] = said?.content
            } else if let usual = defaults[name], tokenizer.id(usual) != nil {
                tokenizer.settings.specialTokens[name] = usual
            }
        }
    }
}

/// Which of transformers' classes a tokenizer belongs to; it decides the usual names of special tokens.
enum TokenizerFamily: Sendable {
    case bert, roberta, gpt2, qwen2, llama, gemma, t5, other

    /// The family of a class name or a model type; nil for one that says nothing.
    init?(name: String) {
        let name = name.lowercased()
        if name.contains("xlm") { return nil }
        if name.hasPrefix("roberta") {
            self = .roberta
        } else if name.hasPrefix("bert") || name.hasPrefix("distilbert") || name.hasPrefix("electra")
            || name.hasPrefix("mobilebert")
        {
            self = .bert
        } else if name.hasPrefix("gpt2") {
            self = .gpt2
        } else if name.hasPrefix("qwen") {
            self = .qwen2
        } else if ["llama", "mistral", "mixtral", "phi3"].contains(where: name.hasPrefix) {
            self = .llama
        } else if name.hasPrefix("gemma") {
            self = .gemma
        } else if ["t5", "mt5", "umt5"].contains(where: name.hasPrefix) {
            self = .t5
        } else {
            return nil
        }
    }

    init(guessedFrom tokenizer: Tokenizer) {
        switch tokenizer.model {
        case .wordPiece: self = .bert
        case .bpe:
            func has(_ tokens: String...) -> Bool { tokens.allSatisfy { tokenizer.id($0) != nil } }
            self =
                has("<0x0A>")
                ? has("<bos>", "<eos>") ? .gemma : has("<s>", "</s>") ? .llama : .other
                : has("<s>", "</s>", "<pad>", "<mask>")
                    ? .roberta : has("<|im_start|>") ? .qwen2 : has("<|endoftext|>") ? .gpt2 : .other
        case .unigram: self = tokenizer.id("<extra_id_0>") == nil ? .other : .t5
        case .wordLevel: self = .other
        }
    }

    /// The usual names.
    var defaults: [SpecialToken: String] {
        switch self {
        case .bert: [.unk: "[UNK]", .sep: "[SEP]", .pad: "[PAD]", .cls: "[CLS]", .mask: "[MASK]"]
        case .roberta:
            [
                .bos: "<s>", .eos: "</s>", .unk: "<unk>", .sep: "</s>", .pad: "<pad>", .cls: "<s>", .mask: "<mask>",
            ]
        case .gpt2: [.bos: "<|endoftext|>", .eos: "<|endoftext|>", .unk: "<|endoftext|>"]
        case .qwen2: [.eos: "<|endoftext|>", .unk: "<|endoftext|>", .pad: "<|endoftext|>"]
        case .llama: [.bos: "<s>", .eos: "</s>", .unk: "<unk>"]
        case .gemma: [.bos: "<bos>", .eos: "<eos>", .unk: "<unk>", .pad: "<pad>", .mask: "<mask>"]
        case .t5: [.eos: "</s>", .unk: "<unk>", .pad: "<pad>"]
        case .other: [:]
        }
    }
}
