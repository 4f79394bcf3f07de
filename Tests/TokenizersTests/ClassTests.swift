import Formats
import Foundation
import Testing
import Tokenizers

/// What transformers' classes make of tokenizer.json and of the options of tokenizer_config.json.
struct ClassTests {
    static let golden: JSON? = try? Data.json(
        try Folder(path: Data.goldens + "/.."), "tokenizer_classes.json")
    static let count = golden?["cases"]?.array?.count ?? 0

    /// The folder of a case: its file with the changes, its options, and a config.json where the case has one.
    static func files(_ item: JSON) throws -> [String: String] {
        let name = try #require(item["file"]?.string)
        var file = try #require(golden?["files"]?[name]?.object)
        for (key, value) in item["changes"]?.object ?? [:] { file[key] = value }
        var files = ["tokenizer.json": JSON.object(file).serialized()]
        files["tokenizer_config.json"] = item["config"]?.serialized()
        files["config.json"] = item["model_type"]?.string.map { #"{"model_type": "\#($0)"}"# }
        return files
    }

    /// Llama's files without a model beside them are taken as they are, as the goldens of the library have them.
    private static func isAtItsWord(_ item: JSON) -> Bool {
        item["model_type"]?.isNull ?? true && item["config"]?["tokenizer_class"]?.string?.hasPrefix("Llama") == true
    }

    @Test("ids, decoded texts, lengths and sides under every class are AutoTokenizer's", arguments: 0..<count)
    func classes(_ index: Int) throws {
        let golden = try #require(Self.golden)
        let item = try #require(golden["cases"]?.array?[index])
        guard !Self.isAtItsWord(item) else { return }
        let told = Comment(
            "\(item["file"]?.string ?? "") \(item["config"]?.serialized() ?? "") \(item["model_type"]?.string ?? "")")
        try Data.withFolder(try Self.files(item)) { folder in
            let tokenizer = try Tokenizer.load(from: folder)
            for entry in try #require(item["texts"]?.array) {
                let parts = try #require(entry.array)
                let text = try #require(parts[0].string)
                let ids = try tokenizer.encode(text, pair: parts[1].string).ids
                #expect(ids == parts[2].array?.compactMap(\.int), "\(text.debugDescription): \(told)")
                #expect(
                    try tokenizer.decode(parts[2].array?.compactMap(\.int) ?? [], skipSpecialTokens: true)
                        == parts[3].string,
                    "\(text.debugDescription): \(told)")
            }
            let options = EncodingOptions(
                truncation: .longestFirst, truncationSide: tokenizer.truncationSide, maxLength: 6)
            let long = try tokenizer.encode(try #require(golden["long"]?.string), options: options).ids
            #expect(long == item["length"]?.array?.compactMap(\.int), told)
            #expect(tokenizer.modelMaxLength == item["model_max_length"]?.int, told)
            #expect(
                [tokenizer.truncationSide.rawValue, tokenizer.paddingSide.rawValue]
                    == item["sides"]?.array?.compactMap(\.string), told)
        }
    }

    @Test("what is saved is read again as the same tokenizer", arguments: 0..<count)
    func saved(_ index: Int) throws {
        let item = try #require(Self.golden?["cases"]?.array?[index])
        try Data.withFolder(try Self.files(item)) { folder in
            let first = try Tokenizer.load(from: folder)
            let place = try folder.subfolder("saved", create: true)
            try first.savePretrained(to: place)
            if folder.exists("config.json") { try place.write("config.json", folder.read("config.json")) }
            let second = try Tokenizer.load(from: place)
            for entry in try #require(item["texts"]?.array) {
                let text = try #require(entry.array?[0].string)
                #expect(
                    try first.encode(text).ids == second.encode(text).ids,
                    "\(text.debugDescription) \(item["config"]?.serialized() ?? "")")
            }
            #expect(first.truncationSide == second.truncationSide && first.modelMaxLength == second.modelMaxLength)
        }
    }

    private func notes(_ file: String, config: String, changes: JSONObject = [:]) throws -> [String] {
        let item: JSON = .object([
            "file": .string(file), "config": try JSON(parsing: config, source: "config"), "model_type": .string("bert"),
            "changes": .object(changes),
        ])
        return try Data.withFolder(try Self.files(item)) { try Tokenizer.load(from: $0).notes }
    }

    @Test("a class that makes other stages than the file is noted, once, and so are keys of which nothing is known")
    func told() throws {
        let class_ = #""tokenizer_class": "BertTokenizer""#
        #expect(
            try notes("wordpiece", config: "{\(class_)}") == [
                "tokenizer.json is not what the class BertTokenizer makes of tokenizer_config.json, as in transformers the class counts; "
                    + "the file has another normalizer (lowercase: false)"
            ])
        #expect(try notes("wordpiece", config: #"{\#(class_), "do_lower_case": false}"#).isEmpty)
        #expect(
            try notes("wordpiece", config: #"{"tokenizer_class": "PreTrainedTokenizerFast", "do_lower_case": true}"#)
                .isEmpty)
        #expect(
            try notes("wordpiece", config: #"{\#(class_), "do_lower_case": false}"#, changes: ["post_processor": .null])
                .first?
                .hasSuffix("the file has another post_processor") == true)
        #expect(
            try notes("wordpiece", config: #"{\#(class_), "do_lower_case": false, "zeta": 1, "alpha": {}}"#) == [
                "tokenizer_config.json: 'alpha', 'zeta' not known, without effect"
            ])
        let known = [
            "name_or_path", "model_input_names", "never_split", "sp_model_kwargs", "processor_class", "errors",
            "image_token_id", "padding_side",
        ]
        for key in known {
            #expect(
                try notes(
                    "wordpiece",
                    config:
                        #"{\#(class_), "do_lower_case": false, "\#(key)": \#(key == "padding_side" ? "\"left\"" : "null")}"#
                ).isEmpty)
        }
    }

    @Test("values that no class takes are errors, and what is not supported is refused by name")
    func refused() throws {
        func said(_ config: String) -> String? { message { try notes("wordpiece", config: config) } }
        #expect(
            said(#"{"truncation_side": "middle"}"#)
                == "tokenizer_config.json: 'truncation_side' expected 'left' or 'right', got string 'middle'")
        #expect(
            said(#"{"padding_side": 3}"#)
                == "tokenizer_config.json: 'padding_side' expected 'left' or 'right', got integer 3")
        #expect(
            said(#"{"split_special_tokens": "yes"}"#)?.contains("'split_special_tokens' expected true or false") == true
        )
        #expect(
            said(#"{"fix_mistral_regex": true}"#)?.hasPrefix(
                "tokenizer_config.json: 'fix_mistral_regex' is not supported") == true)
        #expect(said(#"{"fix_mistral_regex": false}"#) == nil)
    }
}
