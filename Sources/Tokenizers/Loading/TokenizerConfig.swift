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

    /// The most tokens that the model takes; nil where it is not said or means no limit.
    private(set) var modelMaxLength: Int?
    private(set) var cleanUpTokenizationSpaces = false

    init(folder: Folder) throws {
        func read(_ name: String) throws -> JSON {
            guard folder.exists(name) else { return .object([:]) }
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
            legacy: try flag("legacy"))
        self.json = json.object ?? [:]
        if json["add_bos_token"] != nil || json["add_eos_token"] != nil {
            ends = Ends(addBos: try flag("add_bos_token") ?? false, addEos: try flag("add_eos_token") ?? false)
        }
        extraIds =
            try json.optional("extra_ids", "a number from 0 to \(Self.maxExtraIds)", source: file) {
                $0.int.flatMap { (0...Self.maxExtraIds).contains($0) ? $0 : nil }
            } ?? extraIds
        chatTemplates = try ChatTemplates(folder: folder, config: json, source: file)
        modelMaxLength = json["model_max_length"]?.int.flatMap { $0 > 0 && $0 < Int(Int32.max) ? $0 : nil }
        cleanUpTokenizationSpaces = try flag("clean_up_tokenization_spaces") ?? false
        family =
            try json["tokenizer_class"]?.string.flatMap(TokenizerFamily.init(name:))
            ?? read("config.json")["model_type"]?.string.flatMap(TokenizerFamily.init(name:))
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
        for key in ["additional_special_tokens", "extra_special_tokens"] {
            // An object of the model's own names for tokens, or a list.
            guard let list = json[key]?.array ?? json[key]?.object.map({ Array($0.values) }), extraTokens.isEmpty
            else { continue }
            extraTokens = try list.enumerated().map {
                try AddedToken(special: $1, source: "\(source): \(key)[\($0)]")
            }
        }
    }

    /// Every token that a vocabulary without tokenizer.json gets: those with ids, then the named ones, then the rest.
    func allTokens(_ family: TokenizerFamily) -> [AddedToken] {
        var named: [AddedToken] = []
        for name in SpecialToken.allCases {
            if let said = specialTokens[name] {
                if let said { named.append(said) }
            } else if let usual = family.defaults[name] {
                named.append(AddedToken(usual, special: true, normalized: false))
            }
        }
        var result: [AddedToken] = []
        var seen: Set<[UInt8]> = []
        for token in addedTokens + named + extraTokens where seen.insert(Array(token.content.utf8)).inserted {
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
