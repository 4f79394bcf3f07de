import Formats
import Patterns

extension Tokenizer {
    /// The tokenizer of a model folder.
    ///
    /// tokenizer.json is taken where it is; else vocab.txt (BERT), or vocab.json with merges.txt (RoBERTa, GPT-2,
    /// Qwen2), are made into what transformers 5 makes of them. tokenizer_config.json, special_tokens_map.json,
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
        if folder.exists("tokenizer.json") {
            tokenizer = try tokenizerFile("tokenizer.json")
            tokenizer.source = "\(folder.path)/tokenizer.json"
            family = config.family ?? TokenizerFamily(guessedFrom: tokenizer)
            try apply(config.options, to: &tokenizer, family)
            try addTokens(to: &tokenizer, config.addedTokens)
        } else if folder.exists("vocab.txt") {
            tokenizer = try bert()
            tokenizer.source = "\(folder.path)/vocab.txt"
            family = .bert
        } else if folder.exists("vocab.json"), folder.exists("merges.txt") {
            (tokenizer, family) = try bytePairs()
            tokenizer.source = "\(folder.path)/vocab.json"
        } else {
            throw TokenizerError(
                "\(folder.path): there is no tokenizer.json, no vocab.txt, and no vocab.json with merges.txt")
        }
        try name(&tokenizer, family)
        tokenizer.settings.modelMaxLength = config.modelMaxLength
        tokenizer.settings.cleanUpTokenizationSpaces = config.cleanUpTokenizationSpaces
        return tokenizer
    }

    // Everything in tokenizer.json but "truncation" and "padding", which are for whoever saved it.
    private func tokenizerFile(_ name: String) throws -> Tokenizer {
        var reader = VocabularyReader(bytes: try folder.read(name), source: name)
        let json = try JSON(parsing: try reader.tokenizerFile(), source: name)
        let stages = StageReader(source: name)
        guard let section = json["model"] else { throw TokenizerError("\(name): 'model' is missing") }
        var tokenizer = Tokenizer(model: try ModelReader(source: name).model(section, reader))
        tokenizer.normalizer = try stage(json, "normalizer") { try stages.normalizer($0) }
        tokenizer.preTokenizer = try stage(json, "pre_tokenizer") { try stages.preTokenizer($0) }
        tokenizer.postProcessor = try stage(json, "post_processor") { try stages.postProcessor($0) } ?? PostProcessor()
        tokenizer.decoder = try stage(json, "decoder") { try stages.decoder($0) }
        let added = try json.optional("added_tokens", "an array", source: name) { $0.array } ?? []
        let tokens = try added.enumerated().map { try AddedToken($1, source: "\(name): added_tokens[\($0)]") }
        try TokenizerError.placing("\(name): ") {
            try tokenizer.added.add(tokens, model: tokenizer.model.vocabulary)
            try tokenizer.added.freeze(tokenizer.normalizer)
        }
        return tokenizer
    }

    /// Options of tokenizer_config.json that transformers' class of the family sets against tokenizer.json.
    private func apply(_ options: TokenizerConfig.Options, to tokenizer: inout Tokenizer, _ family: TokenizerFamily)
        throws
    {
        if family == .bert, case .bert(var normalizer) = tokenizer.normalizer {
            normalizer.lowercase = options.lowercase ?? normalizer.lowercase
            normalizer.handleChineseChars = options.handleChineseChars ?? normalizer.handleChineseChars
            if let stripAccents = options.stripAccents { normalizer.stripAccents = stripAccents }
            tokenizer.normalizer = .bert(normalizer)
            try TokenizerError.placing("tokenizer.json: ") { try tokenizer.added.freeze(tokenizer.normalizer) }
        }
        guard family == .roberta || family == .gpt2, let addPrefixSpace = options.addPrefixSpace else { return }
        if case .byteLevel(_, let useRegex) = tokenizer.preTokenizer {
            tokenizer.preTokenizer = .byteLevel(addPrefixSpace: addPrefixSpace, useRegex: useRegex)
        }
        if family == .roberta {
            for index in tokenizer.postProcessor.trims.indices {
                tokenizer.postProcessor.trims[index].addPrefixSpace = addPrefixSpace
            }
        }
    }

    private func stage<Stage>(_ json: JSON, _ key: String, _ read: (JSON) throws -> Stage) throws -> Stage? {
        guard let section = json[key], !section.isNull else { return nil }
        return try read(section)
    }

    private func bert() throws -> Tokenizer {
        let lines = VocabularyFiles.lines(try folder.read("vocab.txt"))
        let tokens = lines.enumerated().map { (token: VocabularyFiles.trimmedEnd($1), id: $0) }
        let names = TokenizerFamily.bert.defaults.merging(config.specialTokens.compactMapValues { $0?.content }) { $1 }
        let model = try ModelReader(source: "vocab.txt").wordPiece(tokens, unknownToken: names[.unk] ?? "[UNK]")
        var tokenizer = Tokenizer(model: .wordPiece(model))
        tokenizer.normalizer = .bert(
            BertNormalizer(
                handleChineseChars: config.options.handleChineseChars ?? true,
                stripAccents: config.options.stripAccents ?? nil, lowercase: config.options.lowercase ?? true))
        tokenizer.preTokenizer = .bert
        tokenizer.decoder = .wordPiece(prefix: Array("##".utf8), cleanup: true)
        try addTokens(to: &tokenizer, config.allTokens(.bert))
        guard let separator = names[.sep].flatMap({ tokenizer.id($0) }),
            let classifier = names[.cls].flatMap({ tokenizer.id($0) })
        else { throw TokenizerError("vocab.txt: BERT needs tokens for cls_token and sep_token") }
        tokenizer.postProcessor = .bert(separator: separator, classifier: classifier)
        return tokenizer
    }

    private func bytePairs() throws -> (Tokenizer, TokenizerFamily) {
        var reader = VocabularyReader(bytes: try folder.read("vocab.json"), source: "vocab.json")
        try reader.vocabularyFile()
        let merges = try VocabularyFiles.merges(try folder.read("merges.txt"))
        let model = try ModelReader(source: "merges.txt").bpe(reader.tokens, merges, BPE.Options())
        var tokenizer = Tokenizer(model: .bpe(model))
        let family = config.family ?? TokenizerFamily(guessedFrom: tokenizer)
        let addPrefixSpace = config.options.addPrefixSpace ?? false
        tokenizer.preTokenizer = .byteLevel(addPrefixSpace: addPrefixSpace, useRegex: true)
        tokenizer.decoder = .byteLevel
        if family == .qwen2 {
            tokenizer.normalizer = .nfc
            tokenizer.preTokenizer = .sequence([
                .split(
                    .regex(try Pattern(VocabularyFiles.qwen2Pattern, dialect: .oniguruma)), .isolated, invert: false),
                .byteLevel(addPrefixSpace: addPrefixSpace, useRegex: false),
            ])
        }
        try addTokens(to: &tokenizer, config.allTokens(family))
        if family == .roberta {
            let names = family.defaults.merging(config.specialTokens.compactMapValues { $0?.content }) { $1 }
            guard let separator = names[.sep].flatMap({ tokenizer.id($0) }),
                let classifier = names[.cls].flatMap({ tokenizer.id($0) })
            else { throw TokenizerError("vocab.json: RoBERTa needs tokens for cls_token and sep_token") }
            tokenizer.postProcessor = .roberta(
                separator: separator, classifier: classifier, trimOffsets: config.options.trimOffsets ?? true,
                addPrefixSpace: addPrefixSpace)
        }
        return (tokenizer, family)
    }

    private func addTokens(to tokenizer: inout Tokenizer, _ tokens: [AddedToken]) throws {
        let known = Set(tokenizer.added.tokens.values.map { Array($0.content.utf8) })
        let new = tokens.filter { !known.contains(Array($0.content.utf8)) }
        guard !new.isEmpty else { return }
        try TokenizerError.placing("tokenizer_config.json: ") {
            try tokenizer.added.add(new, model: tokenizer.model.vocabulary)
            try tokenizer.added.freeze(tokenizer.normalizer)
        }
    }

    /// Gives special tokens their names: what the files say, else the family's usual ones that the vocabulary has.
    private func name(_ tokenizer: inout Tokenizer, _ family: TokenizerFamily) throws {
        try addTokens(to: &tokenizer, SpecialToken.allCases.compactMap { config.specialTokens[$0]?.flatMap { $0 } })
        for name in SpecialToken.allCases {
            if let said = config.specialTokens[name] {
                tokenizer.settings.specialTokens[name] = said?.content
            } else if let usual = family.defaults[name], tokenizer.id(usual) != nil {
                tokenizer.settings.specialTokens[name] = usual
            }
        }
    }
}

/// Which of transformers' classes a tokenizer belongs to; it decides the usual names of special tokens.
enum TokenizerFamily: Sendable {
    case bert, roberta, gpt2, qwen2, other

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
                has("<s>", "</s>", "<pad>", "<mask>")
                ? .roberta : has("<|im_start|>") ? .qwen2 : has("<|endoftext|>") ? .gpt2 : .other
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
        case .other: [:]
        }
    }
}
