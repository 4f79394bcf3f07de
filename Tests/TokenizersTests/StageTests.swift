import Formats
import Testing
import Tokenizers

/// Every stage of tokenizer.json with its options against what the library made of some texts.
@Suite struct StageTests {
    private static func tokenizers() throws -> [(name: String, json: JSONObject, cases: [GoldenCase])] {
        let file = try Data.json(try Folder(path: Data.goldens), "stages.json")
        let models = try #require(file["models"])
        return try #require(file["tokenizers"]?.array).map { item in
            var json = try #require(item["file"]?.object)
            json["model"] = models[try #require(item["model"]?.string)]
            return (
                try #require(item["name"]?.string), json,
                try #require(item["cases"]?.array).map { GoldenCase(json: $0) }
            )
        }
    }

    @Test func everyStage() throws {
        let all = try Self.tokenizers()
        #expect(all.count > 60)
        for (name, json, cases) in all {
            let tokenizer = try Data.tokenizer(JSON.object(json).compact())
            for (place, golden) in cases.enumerated() { try golden.check(tokenizer, "\(name), case \(place)") }
        }
    }

    /// What is saved reads back as the same tokenizer, added tokens and all.
    @Test func savedTokenizers() throws {
        for (name, json, cases) in try Self.tokenizers() {
            let tokenizer = try Data.tokenizer(JSON.object(json).compact())
            let saved = try Data.withFolder([:]) {
                try tokenizer.savePretrained(to: $0)
                return try Tokenizer.load(from: $0)
            }
            #expect(saved.addedTokens == tokenizer.addedTokens, "\(name)")
            for (place, golden) in cases.enumerated() { try golden.check(saved, "\(name), case \(place), saved") }
        }
    }

    /// Tokenizers of GGUF files: the ids that transformers gives where it makes the same of them.
    @Test func ggufMetadata() throws {
        let files = try #require(try Data.json(try Folder(path: Data.goldens), "gguf.json").array)
        #expect(files.count == 4)
        for file in files {
            let name = try #require(file["name"]?.string)
            let fields = try #require(file["fields"])
            func list<Value>(_ key: String, _ read: (JSON) -> Value?) -> [Value]? {
                fields[key]?.array?.compactMap(read)
            }
            let metadata = GGUFTokenizerFields(
                model: try #require(fields["tokenizer_type"]?.string), pre: fields["pre_tokenizer_type"]?.string,
                architecture: file["architecture"]?.string, tokens: try #require(list("tokens", \.string)),
                scores: list("scores", \.double), tokenTypes: list("token_type", \.int),
                merges: list("merges", \.string))
            let tokenizer = try Tokenizer.load(gguf: metadata, source: "model.gguf")
            let saved = try Data.withFolder([:]) {
                try tokenizer.savePretrained(to: $0)
                return try Tokenizer.load(from: $0)
            }
            for (place, golden) in try #require(file["cases"]?.array).map({ GoldenCase(json: $0) }).enumerated() {
                // Where a space was put is another place of the text, so the ids and the text are compared.
                for (tokenizer, what) in [(tokenizer, "read"), (saved, "saved")] {
                    let ids = try golden.encode(with: tokenizer).ids
                    #expect(ids == golden.json["ids"]?.array?.compactMap(\.int), "\(name), case \(place), \(what)")
                    #expect(
                        try tokenizer.decode(ids).utf8.elementsEqual(golden.json["decoded"]?.string?.utf8 ?? "".utf8),
                        "\(name), case \(place), \(what)")
                }
            }
        }
    }

    /// SmolLM2's names and cutting of digits, from the metadata that its file has.
    @Test func ggufNames() throws {
        let letters = (0..<256).map(ByteLetters.text)
        let fields = GGUFTokenizerFields(
            model: "gpt2", pre: "smollm", tokens: ["<|im_start|>", "<|im_end|>"] + letters + ["12"],
            tokenTypes: [3, 3] + Array(repeating: 1, count: 257), merges: ["1 2"],
            specialTokenIds: [.bos: 0, .eos: 1, .pad: 1], addBos: true, addEos: false, chatTemplate: "{{ x }}")
        let tokenizer = try Tokenizer.load(gguf: fields, source: "model.gguf")
        #expect(tokenizer.specialTokens == [.bos: "<|im_start|>", .eos: "<|im_end|>", .pad: "<|im_end|>"])
        #expect(tokenizer.chatTemplates.default == "{{ x }}")
        #expect(try tokenizer.encode("12<|im_end|>").ids == [0, 2 + 0x31, 2 + 0x32, 1])
        #expect(try tokenizer.decode([0, 2 + 0x31, 1], skipSpecialTokens: true) == "1")
        let saved = try Data.withFolder([:]) {
            try tokenizer.savePretrained(to: $0)
            return try Tokenizer.load(from: $0)
        }
        #expect(saved.specialTokens == tokenizer.specialTokens && saved.chatTemplates.default == "{{ x }}")
        #expect(try saved.encode("12<|im_end|>").ids == [0, 2 + 0x31, 2 + 0x32, 1])
    }

    private enum ByteLetters {
        /// GPT-2's letter of a byte.
        static func text(_ byte: Int) -> String {
            var next = 0x100
            for other in 0...byte {
                let isVisible = (0x21...0x7E).contains(other) || (0xA1...0xAC).contains(other) || other >= 0xAE
                if other == byte { return Unicode.Scalar(isVisible ? other : next).map(String.init) ?? "" }
                if !isVisible { next += 1 }
            }
            return ""
        }
    }

    static let badMetadata: [(fields: GGUFTokenizerFields, message: String)] = [
        (
            GGUFTokenizerFields(model: "rwkv", tokens: ["a"]),
            "g: tokenizer.ggml.model 'rwkv' is not supported; supported are gpt2, llama, t5"
        ),
        (
            GGUFTokenizerFields(model: "gpt2", pre: "unheard-of", tokens: ["a"], merges: []),
            "g: tokenizer.ggml.pre 'unheard-of' is not supported; supported are a.x-4.0, "
        ), (GGUFTokenizerFields(model: "gpt2", tokens: ["a"]), "g: 'tokenizer.ggml.merges' is missing"),
        (GGUFTokenizerFields(model: "llama", tokens: ["a"]), "g: 'tokenizer.ggml.scores' is missing"),
        (
            GGUFTokenizerFields(model: "llama", tokens: ["a"], scores: [1, 2]),
            "g: 'tokenizer.ggml.scores' has 2 entries for 1 tokens"
        ),
        (
            GGUFTokenizerFields(model: "llama", tokens: ["a"], scores: [1], specialTokenIds: [.bos: 7]),
            "g: bos_token has the id 7, and there are 1 tokens"
        ),
        (
            GGUFTokenizerFields(model: "llama", tokens: ["a"], scores: [.nan]),
            "g: 'tokenizer.ggml.scores' of token 0 is not a finite number"
        ),
        (
            GGUFTokenizerFields(model: "gpt2", tokens: ["a"], merges: ["a"]),
            "g: merge 1: expected two tokens and a space, got 'a'"
        ), (GGUFTokenizerFields(model: "llama", tokens: [], scores: []), "g: the vocabulary is empty"),
    ]

    @Test func badGGUF() {
        for (fields, expected) in Self.badMetadata {
            let got = message { try Tokenizer.load(gguf: fields, source: "g") }
            #expect(got?.hasPrefix(expected) == true, "\(got ?? "no error")")
        }
    }
}

extension GoldenCase {
    /// Compares ids, types, words, offsets and texts, or that the library refused the text too.
    func check(_ tokenizer: Tokenizer, _ name: String) throws {
        if json["fails"] != nil {
            #expect(throws: TokenizerError.self, "\(name)") { try encode(with: tokenizer) }
            return
        }
        let encoding = try encode(with: tokenizer)
        if let difference = difference(from: encoding) { Issue.record("\(name): \(difference)") }
        if let ids = try ids(with: tokenizer) { #expect(ids == encoding.ids, "\(name)") }
        for (key, skips) in [("decoded", false), ("decoded_without_special", true)] {
            let expected = Array((json[key]?.string ?? json["decoded"]?.string ?? "").utf8)
            #expect(Array(try tokenizer.decode(encoding.ids, skipSpecialTokens: skips).utf8) == expected, "\(name)")
            var stream = tokenizer.stream(skipSpecialTokens: skips)
            var pieces = try encoding.ids.map { try stream.push($0) }
            pieces.append(try stream.end())
            #expect(Array(pieces.joined().utf8) == expected, "\(name), streamed")
        }
    }
}
