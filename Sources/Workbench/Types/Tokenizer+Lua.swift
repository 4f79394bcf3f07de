import Formats
import LuaBridge
import Options
import Tokenizers
import Words

/// A tokenizer as an object that recipes hold.
final class TokenizerBox {
    private(set) var tokenizer: Tokenizer
    let path: String
    let context: RecipeContext

    init(_ tokenizer: Tokenizer, path: String, _ context: RecipeContext) {
        (self.tokenizer, self.path, self.context) = (tokenizer, path, context)
    }

    /// Adds special tokens; gives how many were not there.
    func add(_ extra: [AddedToken], named: [SpecialToken: AddedToken]) throws -> Int {
        try tokenizer.addSpecialTokens(extra, named: named)
    }
}

/// What recipes see of tokenizers: the type `lorawb.Tokenizer` and `lorawb.load_tokenizer`.
enum TokenizerLua {
    private static let text = LuaParameter(
        "text", .either([.string, .strings]), "The text; words where is_split_into_words is set.")
    private static let encodeOptions = OptionTable(
        [
            Option("text_pair", .strings, "The second text of a pair.", example: "\"the second text\""),
            Option("is_split_into_words", .boolean, default: false, "Whether texts are lists of words."),
            Option("add_special_tokens", .boolean, default: true, "Whether special tokens are put around the text."),
            Option(
                "truncation", .either([.boolean, .oneOf(EncodingOptions.Truncation.allCases.map(\.rawValue))]),
                default: .words("longest_first where max_length is given"),
                "What is shortened to max_length: true or \"longest_first\", \"only_first\", \"only_second\"."),
            Option(
                "truncation_side", .oneOf(["left", "right"]), default: .words("the tokenizer's"),
                "Side that is cut off."),
            Option(
                "max_length", .positive, default: .words("what the model takes"), "Most tokens, special ones included.",
                example: "128"),
            Option("stride", .count, default: 0, "Tokens that overflowing parts repeat."),
            Option(
                "return_overflowing_tokens", .boolean, default: false,
                "Whether what was cut off is given as `overflowing`."),
        ],
        refused: [
            "padding": "is not needed: batches are never padded",
            "return_tensors": "is not needed: lists of ids go to forward as they are",
            "pad_to_multiple_of": "is not needed: batches are never padded",
        ])

    private static let specialTokens = OptionTable(
        SpecialToken.allCases.map {
            Option($0.rawValue, .string, "The token of this name.", example: "\"<\($0)>\"")
        } + [
            Option(
                "additional_special_tokens", .list(.string), "Tokens without a name.", example: "{ \"<tool>\" }",
                aliases: ["extra_special_tokens"])
        ])

    /// What changes and writes a tokenizer.
    private static var keeping: [LuaMethod<TokenizerBox>] {
        [
            LuaMethod(
                "add_special_tokens", "Adds special tokens behind the vocabulary; gives how many are new.",
                parameters: [LuaParameter("tokens", specialTokens)], returns: "integer",
                example: "print(tokenizer:add_special_tokens { additional_special_tokens = { \"<tool>\" } })"
            ) { box, call in
                let given = try call.options(1, specialTokens)
                func added(_ text: String) -> AddedToken { AddedToken(text, special: true, normalized: false) }
                var named: [SpecialToken: AddedToken] = [:]
                for name in SpecialToken.allCases {
                    if let text = given.optionalString(name.rawValue) { named[name] = added(text) }
                }
                let extra = (given.strings("additional_special_tokens") ?? []).map(added)
                return .value(.integer(try box.add(extra, named: named)))
            },
            LuaMethod(
                "save_pretrained", "Writes tokenizer.json and tokenizer_config.json, as transformers reads them.",
                parameters: [LuaParameter("path", .string, "The folder.")],
                example: "tokenizer:save_pretrained(\"saved\")"
            ) { box, call in
                try box.context.permissions.saving(try call.string(1, "path")) {
                    try box.tokenizer.savePretrained(to: $0)
                }
                return .nothing
            },
        ]
    }

    static var type: LuaType<TokenizerBox> {
        LuaType(
            "lorawb.Tokenizer", "Turns text into token ids and back, as the model's own tokenizer does.",
            methods: [
                LuaMethod(
                    "encode", "Ids of a text, or of a pair.",
                    parameters: [text, LuaParameter("options", encodeOptions)],
                    returns: "integer[]", example: "local ids = tokenizer:encode(\"a good film\", { max_length = 8 })"
                ) { box, call in
                    .value(.integers(try ids(box, call)))
                },
                LuaMethod(
                    "encode_batch", "Ids of each of several texts.",
                    parameters: [
                        LuaParameter(
                            "texts", .either([.strings, .list(.strings)]),
                            "The texts; lists of words where is_split_into_words is set."),
                        LuaParameter("options", encodeOptions),
                    ],
                    returns: "integer[][]",
                    example:
                        "local lists = tokenizer:encode_batch({ \"a good film\", \"a bad one\" }, { max_length = 8 })"
                ) { box, call in
                    let options = try call.options(2, encodeOptions)
                    return .list(try batchIds(box, try call.table(1, "texts"), options).map { .integers($0) })
                },
                LuaMethod(
                    "decode", "Text of ids.",
                    parameters: [
                        LuaParameter("ids", .integers, "The ids."), LuaParameter("options", decodeOptions),
                    ], returns: "string",
                    example:
                        "print(tokenizer:decode(tokenizer:encode(\"a good film\"), { skip_special_tokens = true }))"
                ) { box, call in
                    let options = try call.options(2, decodeOptions)
                    return .string(
                        try box.tokenizer.decode(
                            try call.integers(1, "ids").map(Int.init),
                            skipSpecialTokens: try options.boolean("skip_special_tokens"),
                            cleanUpTokenizationSpaces: options.optionalBoolean("clean_up_tokenization_spaces")))
                },
                ChatTemplateLua.method,
                LuaMethod(
                    "convert_tokens_to_ids", "Id of a token, or nil.",
                    parameters: [LuaParameter("token", .string, "The token as the vocabulary writes it.")],
                    returns: "integer?", example: "print(tokenizer:convert_tokens_to_ids(\"[CLS]\"))"
                ) { box, call in .value(box.tokenizer.id(try call.string(1, "token")).map { .integer($0) } ?? .nil) },
                LuaMethod(
                    "convert_ids_to_tokens", "Tokens of ids, as the vocabulary writes them.",
                    parameters: [LuaParameter("ids", .integers, "The ids.")], returns: "string[]",
                    example: "print(tokenizer:convert_ids_to_tokens({ 2, 3 })[1])"
                ) { box, call in
                    .list(
                        try call.integers(1, "ids").map { id in
                            guard let token = box.tokenizer.token(Int(id)) else {
                                throw LuaFault("no token has the id \(id)")
                            }
                            return .string(token)
                        })
                },
            ] + keeping,
            properties: properties,
            metamethods: [
                .call(
                    "Encodes a text, or a pair.", parameters: [text, LuaParameter("options", encodeOptions)],
                    returns: "table"
                ) { box, call in .table(table(try encoding(box, call))) },
                .length("Number of tokens, added ones included.") { $0.tokenizer.count },
                .text("Vocabulary size and special tokens.") { $0.text },
            ])
    }

    private static let decodeOptions = OptionTable([
        Option("skip_special_tokens", .boolean, default: false, "Whether special tokens are left out."),
        Option(
            "clean_up_tokenization_spaces", .boolean, default: .words("as the folder says"),
            "Whether spaces before punctuation go."),
    ])

    private static var properties: [LuaProperty<TokenizerBox>] {
        var properties = [
            LuaProperty<TokenizerBox>("vocab_size", "Number of tokens without added ones.", type: "integer") {
                .integer($0.tokenizer.vocabularySize)
            },
            LuaProperty<TokenizerBox>("model_max_length", "Most tokens that the model takes, or nil.", type: "integer?")
            {
                $0.tokenizer.modelMaxLength.map { .integer($0) } ?? .nil
            },
            LuaProperty<TokenizerBox>(
                "truncation_side", "Side that is cut off where a call does not say one: \"left\" or \"right\".",
                type: "string"
            ) { .string($0.tokenizer.truncationSide.rawValue) },
            LuaProperty<TokenizerBox>(
                "padding_side", "Side that other programs pad; no batch is padded here.", type: "string"
            ) { .string($0.tokenizer.paddingSide.rawValue) },
            LuaProperty<TokenizerBox>(
                "chat_template", "The chat template that is used where none is named, or nil.", type: "string?"
            ) { $0.tokenizer.chatTemplates.default.map { .string($0) } ?? .nil },
        ]
        for name in SpecialToken.allCases {
            let shown = name.rawValue.replacing("_token", with: "")
            properties.append(
                LuaProperty(name.rawValue, "The \(shown) token, or nil.", type: "string?") {
                    $0.tokenizer.specialTokens[name].map { .string($0) } ?? .nil
                })
            properties.append(
                LuaProperty(name.rawValue + "_id", "Id of the \(shown) token, or nil.", type: "integer?") {
                    $0.tokenizer.id(name).map { .integer($0) } ?? .nil
                })
        }
        return properties
    }

    static func function(_ context: RecipeContext) -> LuaFunctionDeclaration {
        LuaFunctionDeclaration(
            "load_tokenizer", "Loads the tokenizer of a model.",
            parameters: [
                LuaParameter("path", .model, "A folder, a .gguf file, or a name in the Hugging Face cache."),
                LuaParameter("options", loadOptions),
            ],
            returns: "lorawb.Tokenizer", example: "local tokenizer = lorawb.load_tokenizer(\"tiny\")"
        ) { call in
            let revision = try call.options(2, loadOptions).optionalString("revision")
            let tokenizer = try load(try call.string(1, "path"), context, revision: revision)
            context.lastTokenizer = tokenizer
            return .object(tokenizer)
        }
    }

    private static let loadOptions = OptionTable([ModelLocation.revision])

    /// The tokenizer of a model's path, or of its name in the cache.
    static func load(_ path: String, _ context: RecipeContext, revision: String? = nil) throws -> TokenizerBox {
        switch try ModelLocation.place(path, context, revision: revision) {
        case .gguf(let folder, let name):
            let file = try GGUFFile(folder, name)
            return TokenizerBox(
                try Tokenizer.load(gguf: GGUFTokenizerFields(file), source: file.file.path), path: path, context)
        case .folder(let folder):
            do {
                let tokenizer = try Tokenizer.load(from: folder)
                for note in tokenizer.notes { context.sayOnce("\(folder.path): \(note)") }
                return TokenizerBox(tokenizer, path: path, context)
            } catch let error as TokenizerError {
                let text = error.description
                throw LuaFault(text.hasPrefix(folder.path) ? text : "\(folder.path)/\(text)")
            }
        }
    }

    // MARK: Encoding

    private static func encoding(_ box: TokenizerBox, _ call: borrowing LuaCall) throws -> Encoding {
        let options = try call.options(2, encodeOptions)
        let encoding = try self.options(box, options)
        if options.optionalBoolean("is_split_into_words") == true {
            return try box.tokenizer.encode(
                words: try call.strings(1, "text"), pair: options.strings("text_pair"), options: encoding)
        }
        let text = try text(call)
        return try box.tokenizer.encode(text, pair: options.optionalString("text_pair"), options: encoding)
    }

    /// The text of a call; a number is most likely a cell of a column that holds nothing else.
    private static func text(_ call: borrowing LuaCall) throws -> String {
        guard !call.isNumber(1) else {
            throw call.argumentError(
                1, "text",
                "string expected, got \(try call.value(1).shown); \(numbersHint)")
        }
        return try call.string(1, "text")
    }

    /// How a column of digits is read as text.
    private static let numbersHint =
        "a column of digits is read as numbers: load_dataset(path, { types = { column = \"string\" } }) keeps their text"

    private static func ids(_ box: TokenizerBox, _ call: borrowing LuaCall) throws -> [Int] {
        let options = try call.options(2, encodeOptions)
        if options.optionalBoolean("is_split_into_words") == true { return try encoding(box, call).ids }
        let encoding = try self.options(box, options)
        let text = try text(call)
        return try box.tokenizer.ids(text, pair: options.optionalString("text_pair"), options: encoding)
    }

    private static func batchIds(_ box: TokenizerBox, _ texts: LuaTable, _ options: LuaOptions) throws -> [[Int]] {
        let encoding = try self.options(box, options)
        let tokenizer = box.tokenizer
        if options.optionalBoolean("is_split_into_words") == true {
            guard let lists = texts.stringLists() else { throw LuaFault("expected a list of lists of words") }
            if options.strings("text_pair") != nil {
                throw LuaFault(
                    "option 'text_pair' is not supported with is_split_into_words; encode each pair by itself")
            }
            return try RowWork.map(count: lists.count) { row in
                try tokenizer.encode(words: lists[row], options: encoding).ids
            }
        }
        guard let strings = texts.strings() else {
            throw LuaFault("expected a list of strings\(texts.numbers() == nil ? "" : ", got numbers; \(numbersHint)")")
        }
        let pairs = options.strings("text_pair")
        if let pairs, pairs.count != strings.count {
            throw LuaFault("\(strings.count) texts, but \(pairs.count) second texts; give one for each")
        }
        return try RowWork.map(count: strings.count) { row in
            try tokenizer.ids(strings[row], pair: pairs?[row], options: encoding)
        }
    }

    /// Options of transformers' call: a max_length alone truncates, truncation alone goes by what the model takes.
    private static func options(_ box: TokenizerBox, _ options: LuaOptions) throws -> EncodingOptions {
        var maxLength = options.optionalInteger("max_length")
        var truncation = EncodingOptions.Truncation.none
        switch options["truncation"] ?? .nil {
        case .boolean(true): truncation = .longestFirst
        case .string(let name): truncation = EncodingOptions.Truncation(rawValue: name.text) ?? .none
        case .nil where maxLength != nil: truncation = .longestFirst
        default: break
        }
        if truncation != .none, maxLength == nil {
            guard let longest = box.tokenizer.modelMaxLength else {
                throw LuaFault(
                    "truncation needs max_length: the tokenizer's folder does not say how much the model takes")
            }
            maxLength = longest
        }
        return EncodingOptions(
            addSpecialTokens: try options.boolean("add_special_tokens"), truncation: truncation,
            truncationSide: options.choice("truncation_side") ?? box.tokenizer.truncationSide, maxLength: maxLength,
            stride: try options.integer("stride"),
            returnOverflowing: try options.boolean("return_overflowing_tokens"))
    }

    /// Positions count from 1; special tokens have the word false and the empty range { 1, 0 }.
    private static func table(_ encoding: Encoding) -> LuaTable {
        var fields: [String: LuaValue] = [
            "input_ids": .integers(encoding.ids), "token_type_ids": .integers(encoding.typeIds),
            "word_ids": .list(encoding.wordIds.map { $0.map { .integer($0 + 1) } ?? .boolean(false) }),
            "offsets": .list(encoding.offsets.map { .integers([$0.lowerBound + 1, $0.upperBound]) }),
            "special_tokens_mask": .integers(encoding.specialTokensMask.map { $0 ? 1 : 0 }),
        ]
        fields["overflowing"] =
            encoding.overflowing.isEmpty ? .nil : .list(encoding.overflowing.map { .table(table($0)) })
        return LuaTable(strict: "the encoding", fields.map { ($0.key, $0.value) })
    }
}
