import Formats

/// What tokenizer_config.json, special_tokens_map.json, added_tokens.json and config.json say of a tokenizer.
struct TokenizerConfig {
    /// Options of the tokenizer's class that the file sets; nil where it does not say them.
    struct Options {
        var lowercase: Bool?
        var handleChineseChars: Bool?
        /// Null is a value of its own: as `lowercase` is.
        var stripAccents: Bool??
        var addPrefixSpace: Bool?
        var trimOffsets: Bool?
        /// ALBERT's: whether accents stay.
        var keepAccents: Bool?
        /// DeBERTa's: whether punctuation stands by itself.
        var splitByPunct: Bool?
        /// DeBERTa's: id of the token for what no token has.
        var unknownId: Int?
        /// Whether Llama's space is put before every piece of a text and not the first only.
        var legacy: Bool?
    }

    /// Whether a token is put before and after each text.
    struct Ends {
        var addBos: Bool
        var addEos: Bool
    }

    /// tokenizer_config.json as it is.
    private(set) var json: JSONObject = [:]
    /// What the file says of bos and eos; nil where it says neither, and the post-processor stays as it is.
    private(set) var ends: Ends?
    /// How many sentinels T5 has.
    private(set) var extraIds = 100
    /// The templates of conversations.
    private(set) var chatTemplates = ChatTemplates()

    private(set) var options = Options()
    /// The special tokens that are named, nil for those said to be null.
    private(set) var specialTokens: [SpecialToken: AddedToken?] = [:]
    /// Further special tokens.
    private(set) var extraTokens: [AddedToken] = []
    /// Tokens beside the vocabulary, in the order of their ids.
    private(set) var addedTokens: [AddedToken] = []
    /// The family that the class or the model's type names.
    private(set) var family: TokenizerFamily?

    /// `tokenizer_class`, of config.json where tokenizer_config.json has none.
    private(set) var className: String?
    /// `model_type` of config.json.
    private(set) var modelType: String?

    /// The most tokens that the model takes; nil where it is not said or means no limit.
    private(set) var modelMaxLength: Int?
    private(set) var cleanUpTokenizationSpaces = false
    /// Whether the spaces of byte-pair texts are cleaned up too.
    private(set) var cleansUpBytePairs = false
    /// The side that is cut off; nil where the file does not say it.
    private(set) var truncationSide: EncodingOptions.Side?
    /// The side that others pad; nil where the file does not say it.
    private(set) var paddingSide: EncodingOptions.Side?
    /// Whether special tokens in a text are text.
    private(set) var splitSpecialTokens = false
    /// Keys of which nothing is known.
    private(set) var unknownKeys: [String] = []

    init(folder: Folder) throws {
        func read(_ name: String) throws -> JSON {
            guard folder.isThere(name) else { return .object([:]) }
            let json = try JSON(parsing: try folder.read(name), source: name, allowsNonFinite: true)
            guard json.object != nil else { throw TokenizerError("\(name): expected an object, got \(json.kind)") }
            return json
        }
        let file = "tokenizer_config.json"
        let json = try read(file)
        func flag(_ key: String) throws -> Bool? { try json.optional(key, "true or false", source: file) { $0.bool } }
        options = Options(
            lowercase: try flag("do_lower_case"), handleChineseChars: try flag("tokenize_chinese_chars"),
            stripAccents: json["strip_accents"] == nil ? nil : .some(try flag("strip_accents")),
            addPrefixSpace: try flag("add_prefix_space"), trimOffsets: try flag("trim_offsets"),
            keepAccents: try flag("keep_accents"), splitByPunct: try flag("split_by_punct"),
            unknownId: json["unk_id"]?.int, legacy: try flag("legacy"))
        for (key, reason) in TokenizerConfigKey.refused.sorted(by: { $0.key < $1.key }) {
            guard let value = json[key], !value.isNull, value.bool != false else { continue }
            throw TokenizerError("\(file): '\(key)' \(reason)")
        }
        unknownKeys = (json.object ?? [:]).keys.filter { !TokenizerConfigKey.isKnown($0) }.sorted()
        func side(_ key: String) throws -> EncodingOptions.Side? {
            try json.optional(key, "'left' or 'right'", source: file) { $0.string.flatMap(EncodingOptions.Side.init) }
        }
        (truncationSide, paddingSide) = (try side("truncation_side"), try side("padding_side"))
        splitSpecialTokens = try flag("split_special_tokens") ?? false
        cleansUpBytePairs =
            try flag("clean_up_tokenization_spaces_for_bpe_even_though_it_will_corrupt_output") ?? false
        self.json = json.object ?? [:]
        if json["add_bos_token"] != nil || json["add_eos_token"] != nil {
            ends = Ends(addBos: try flag("add_bos_token") ?? false, addEos: try flag("add_eos_token") ?? false)
        }
        extraIds =
            try json.optional("extra_ids", "a number from 0 to \(Self.maxExtraIds)", source: file) {
                $0.int.flatMap { (0...Self.maxExtraIds).contains($0) ? $0 : nil }
            } ?? extraIds
        chatTemplates = try ChatTemplates(folder: folder, config: json, source: file)
        // An older name of it counts where the newer one is not there at all.
        modelMaxLength = (json["model_max_length"] ?? json["max_len"])?.int.flatMap {
            $0 > 0 && $0 < Int(Int32.max) ? $0 : nil
        }
        cleanUpTokenizationSpaces = try flag("clean_up_tokenization_spaces") ?? false
        // What is wrong in config.json, the model says.
        let model = (try? read("config.json")) ?? .object([:])
        className = json["tokenizer_class"]?.string ?? model["tokenizer_class"]?.string
        modelType = model["model_type"]?.string
        family =
            json["tokenizer_class"]?.string.flatMap(TokenizerFamily.init(name:))
            ?? modelType.flatMap(TokenizerFamily.init(name:))
        try readNames(json, file)
        if let decoder = json["added_tokens_decoder"]?.object {
            addedTokens = try Self.sorted(
                decoder.map { key, token in
                    (
                        Int(key) ?? -1,
                        try AddedToken(token, source: "\(file): added_tokens_decoder: '\(FormatError.shown(key))'")
                    )
                })
            return
        }
        try readNames(try read("special_tokens_map.json"), "special_tokens_map.json")
        let special = Set((specialTokens.values.compactMap { $0 } + extraTokens).map(\.content))
        addedTokens = Self.sorted(
            (try read("added_tokens.json").object ?? [:]).map { content, id in
                let isSpecial = special.contains(content)
                return (id.int ?? -1, AddedToken(content, special: isSpecial, normalized: !isSpecial))
            })
    }

    private static let maxExtraIds = 10_000

    private static func sorted(_ tokens: [(id: Int, token: AddedToken)]) -> [AddedToken] {
        tokens.sorted { $0.id < $1.id }.map(\.token)
    }

    private mutating func readNames(_ json: JSON, _ source: String) throws {
        for name in SpecialToken.allCases {
            guard let token = json[name.rawValue] else { continue }
            specialTokens[name] = .some(
                token.isNull ? nil : try AddedToken(special: token, source: "\(source): \(name.rawValue)"))
        }
        // Tokens under names that only the model's own code knows, then a list without names.
        let named = json.object?.filter { key, value in
            key.hasSuffix("_token") && SpecialToken(rawValue: key) == nil
                && (value.string != nil || value["__type"]?.string == "AddedToken")
        }
        for (key, token) in named ?? [] where !(key.hasPrefix("add_")) {
            extraTokens.append(try AddedToken(special: token, source: "\(source): \(key)"))
        }
        for (key, token) in json["model_specific_special_tokens"]?.object ?? [:] {
            extraTokens.append(
                try AddedToken(special: token, source: "\(source): model_specific_special_tokens: \(key)"))
        }
        var isRead = false
        for key in ["extra_special_tokens", "additional_special_tokens"] {
            // An object of the model's own names for tokens, or a list.
            guard let list = json[key]?.array ?? json[key]?.object.map({ Array($0.values) }), !isRead, !list.isEmpty
            else { continue }
            isRead = true
            extraTokens += try list.enumerated().map {
                try AddedToken(special: $1, source: "\(source): \(key)[\($0)]")
            }
        }
    }

    /// Every token that a vocabulary without tokenizer.json gets: those with ids, then the named ones, then the rest.
    func allTokens(_ family: TokenizerFamily) -> [AddedToken] {
        allTokens(addedTokens) { name in
            family.defaults[name].map { AddedToken($0, special: true, normalized: false) }
        }
    }

    /// Every token that a class gives a vocabulary: those with ids, then the named ones, then the rest.
    func allTokens(_ added: [AddedToken], usual: (SpecialToken) -> AddedToken?) -> [AddedToken] {
        var named: [AddedToken] = []
        for name in SpecialToken.allCases {
            if let said = specialTokens[name] {
                if let said { named.append(said) }
            } else if let usual = usual(name) {
                named.append(usual)
            }
        }
        var result: [AddedToken] = []
        var seen: Set<[UInt8]> = []
        for token in added + named + extraTokens where seen.insert(Array(token.content.utf8)).inserted {
            result.append(token)
        }
        return result
    }
}

extension AddedToken {
    /// A token as added_tokens and added_tokens_decoder write it.
    init(_ json: JSON, source: String) throws {
        content = try json.required("content", "a string", source: source) { $0.string }
        func flag(_ key: String, _ value: Bool) throws -> Bool {
            try json.optional(key, "true or false", source: source) { $0.bool } ?? value
        }
        singleWord = try flag("single_word", false)
        lstrip = try flag("lstrip", false)
        rstrip = try flag("rstrip", false)
        special = try flag("special", false)
        normalized = try flag("normalized", !special)
    }

    /// A special token by its text, or as an object with its flags.
    init(special json: JSON, source: String) throws {
        if let content = json.string {
            self.init(content, special: true, normalized: false)
        } else if json.object != nil {
            try self.init(json, source: source)
            special = true
        } else {
            throw TokenizerError("\(source): expected a token, got \(json.kind)")
        }
    }
}
