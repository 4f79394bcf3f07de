import Formats
import Testing
import Tokenizers

/// Tokens that are added to a tokenizer, and the folder that it is saved to.
@Suite struct AddingTests {
    private static func saved(_ tokenizer: Tokenizer) throws -> (tokenizer: Tokenizer, config: JSON) {
        try Data.withFolder([:]) { folder in
            try tokenizer.savePretrained(to: folder)
            return (try Tokenizer.load(from: folder), try Data.json(folder, "tokenizer_config.json"))
        }
    }

    /// The counts are those of transformers: what is there with the same flags adds nothing.
    @Test func addedTokens() throws {
        var tokenizer = try Data.tokenizer(#"{"model":{"type":"BPE","vocab":{"a":0,"b":1,"ab":2},"merges":["a b"]}}"#)
        #expect(try tokenizer.addTokens([AddedToken("a"), AddedToken("zz")]) == 2)
        #expect(try tokenizer.addTokens([AddedToken("a")]) == 0)
        #expect(try tokenizer.addTokens([AddedToken("zz", normalized: false)]) == 1)
        #expect(try tokenizer.addTokens([AddedToken("q"), AddedToken("q"), AddedToken("")]) == 1)
        #expect(tokenizer.id("a") == 0 && tokenizer.id("zz") == 3 && tokenizer.id("q") == 4)
        let named: [SpecialToken: AddedToken] = [.pad: AddedToken("<pad>", special: true, normalized: false)]
        #expect(
            try tokenizer.addSpecialTokens([AddedToken("<|user|>", special: true, normalized: false)], named: named)
                == 2)
        #expect(try tokenizer.addSpecialTokens(named: named) == 0)
        #expect(tokenizer.id(.pad) == 5 && tokenizer.id("<|user|>") == 6)
        #expect(tokenizer.count == 7 && tokenizer.vocabularySize == 3)
        #expect(try tokenizer.encode("b<|user|>zzq<pad>").ids == [1, 6, 3, 4, 5])
        #expect(try tokenizer.decode([2, 6, 3, 5], skipSpecialTokens: true) == "ab zz")
        let (saved, config) = try Self.saved(tokenizer)
        #expect(try saved.encode("b<|user|>zzq<pad>").ids == [1, 6, 3, 4, 5])
        #expect(saved.addedTokens == tokenizer.addedTokens && saved.specialTokens == tokenizer.specialTokens)
        #expect(
            config["pad_token"]?.string == "<pad>" && config["tokenizer_class"]?.string == "PreTrainedTokenizerFast")
        #expect(config["additional_special_tokens"]?.array?.map(\.string) == ["<|user|>"])
    }

    /// A copy that gets tokens leaves the other as it was.
    @Test func copiesAreIndependent() throws {
        let tokenizer = try Data.tokenizer(#"{"model":{"type":"BPE","vocab":{"a":0},"merges":[]}}"#)
        var other = tokenizer
        try other.addTokens([AddedToken("b")])
        #expect(tokenizer.id("b") == nil && other.id("b") == 1)
    }

    /// Folders of every kind read back alike, whatever files they had.
    @Test(arguments: GoldenTests.folders) func savedFolders(_ name: String) throws {
        let tokenizer = try TokenizerTests.tokenizer(name)
        let (saved, _) = try Self.saved(tokenizer)
        #expect(saved.specialTokens == tokenizer.specialTokens && saved.modelMaxLength == tokenizer.modelMaxLength)
        #expect(saved.addedTokens == tokenizer.addedTokens && saved.count == tokenizer.count)
        let folder = try Folder(path: "\(Data.goldens)/\(name)")
        for golden in try #require(try Data.json(folder, "cases.json").array).map({ GoldenCase(json: $0) })
        where golden.json["error"] == nil {
            #expect(try golden.encode(with: saved) == golden.encode(with: tokenizer))
        }
    }

    @Test func chatTemplates() throws {
        let model = #"{"model":{"type":"BPE","vocab":{"a":0},"merges":[]}}"#
        let list = #"{"chat_template":[{"name":"default","template":"one"},{"name":"tool_use","template":"two"}]}"#
        let tokenizer = try Data.tokenizer(model, config: list)
        #expect(tokenizer.chatTemplates.default == "one" && tokenizer.chatTemplates["tool_use"] == "two")
        #expect(tokenizer.chatTemplates["rag"] == nil)
        #expect(try Self.saved(tokenizer).tokenizer.chatTemplates == tokenizer.chatTemplates)
        try Data.withFolder(["tokenizer.json": model, "chat_template.jinja": "file"]) { folder in
            try folder.write("tokenizer_config.json", text: #"{"chat_template":"text"}"#)
            #expect(try Tokenizer.load(from: folder).chatTemplates.default == "file")
            try folder.subfolder("additional_chat_templates", create: true).write("rag.jinja", text: "third")
            let loaded = try Tokenizer.load(from: folder)
            #expect(loaded.chatTemplates["rag"] == "third")
            #expect(try Self.saved(loaded).tokenizer.chatTemplates == loaded.chatTemplates)
        }
        #expect(
            message { try Data.tokenizer(model, config: #"{"chat_template":7}"#) }
                == "tokenizer_config.json: 'chat_template' expected a string or a list of them, got integer 7")
        #expect(
            message { try Data.tokenizer(model, config: #"{"chat_template":["x"]}"#) }?.contains("chat_template[0]")
                == true)
    }

    /// Which of a model's templates a conversation takes.
    @Test func choiceOfChatTemplates() throws {
        let model = #"{"model":{"type":"BPE","vocab":{"a":0},"merges":[]}}"#
        func templates(_ list: String) throws -> ChatTemplates {
            try Data.tokenizer(model, config: #"{"chat_template":\#(list)}"#).chatTemplates
        }
        let one = try templates(#""X""#)
        #expect(try one.source() == "X" && one.source(hasTools: true) == "X")
        let several = try templates(
            #"[{"name":"default","template":"D"},{"name":"tool_use","template":"T"},{"name":"rag","template":"R"}]"#)
        #expect(try several.source() == "D" && several.source(hasTools: true) == "T")
        #expect(try several.source(named: "rag", hasTools: true) == "R")
        // What is no name is a template.
        #expect(try several.source(named: "{{ x }}") == "{{ x }}")
        let twice = try templates(#"[{"name":"default","template":"1"},{"name":"default","template":"2"}]"#)
        #expect(try twice.source() == "2")
        #expect(
            message { try templates("null").source() }
                == "the tokenizer has no chat template; use a model that was trained to chat, or give chat_template")
        #expect(
            message { try templates(#"[{"name":"rag","template":"R"}]"#).source() }
                == "the tokenizer has the chat templates 'rag'; name one as chat_template")
    }

    /// bos and eos of tokenizer_config.json are put around texts where there is no tokenizer.json, whose post-processor says it
    /// otherwise: transformers 5.23 takes both keys away where that file is (`_from_pretrained`).
    @Test func ends() throws {
        let file = #"{"model":{"type":"BPE","vocab":{"<s>":0,"</s>":1,"a":2},"merges":[]}}"#
        #expect(
            try Data.tokenizer(
                file, config: #"{"add_bos_token":true,"add_eos_token":true,"bos_token":"<s>","eos_token":"</s>"}"#
            )
            .encode("a", pair: "a").ids == [2, 2])
        func ids(_ config: String) throws -> [Int] {
            let files = [
                "vocab.json": #"{"<s>":0,"</s>":1,"a":2}"#, "merges.txt": "#version: 0.2\n",
                "tokenizer_config.json": config,
            ]
            return try Data.withFolder(files) { try Tokenizer.load(from: $0).encode("a", pair: "a").ids }
        }
        let names = #""bos_token":"<s>","eos_token":"</s>""#
        #expect(try ids("{\(names)}") == [2, 2])
        #expect(try ids(#"{"add_bos_token":true,\#(names)}"#) == [0, 2, 0, 2])
        #expect(try ids(#"{"add_bos_token":true,"add_eos_token":true,\#(names)}"#) == [0, 2, 1, 0, 2, 1])
        #expect(try ids(#"{"add_bos_token":true}"#) == [2, 2])
    }

    /// Ids at random: what is streamed is what is decoded, and a piece never ends within a character.
    @Test(arguments: GoldenTests.folders) func streams(_ name: String) throws {
        let tokenizer = try TokenizerTests.tokenizer(name)
        var random = MutationTests.Random(state: 7)
        for _ in 0..<50 {
            let ids = (0..<20).map { _ in Int.random(in: 0..<tokenizer.count + 2, using: &random) }
            for cleanUp in [false, true] {
                var stream = tokenizer.stream(cleanUpTokenizationSpaces: cleanUp)
                var text = ""
                for id in ids { text += try stream.push(id) }
                text += try stream.end()
                let whole = try tokenizer.decode(ids, cleanUpTokenizationSpaces: cleanUp)
                #expect(Array(text.utf8) == Array(whole.utf8), "\(ids)")
                #expect(try stream.end() == "" && stream.push(0) == "")
            }
        }
    }

    /// A piece comes as soon as it is certain.
    @Test func piecesComeEarly() throws {
        let tokenizer = try TokenizerTests.tokenizer("byte-fallback")
        var stream = tokenizer.stream(skipSpecialTokens: true)
        let ids = try tokenizer.encode("the film 中 a").ids
        let pieces = try ids.map { try stream.push($0) }
        #expect(pieces.first == "" && pieces.dropFirst().first == "the")
        #expect(pieces.filter { $0.contains("中") }.count == 1)
        #expect(try pieces.joined() + stream.end() == "the film 中 a")
    }

    static let badModels: [(bytes: [UInt8], message: String)] = [
        ([], "tokenizer.model: there is no piece in it; expected a sentencepiece model"),
        ([0x0A], "tokenizer.model: the file ends within a field, or is no sentencepiece model"),
        ([0x0A, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01], "tokenizer.model: the file ends within"),
        ([0x0A, 0x03, 0x0A, 0x01, 0xFF], "tokenizer.model: piece 0 is not UTF-8"),
        ([0x0A, 0x02, 0x18, 0x63], "tokenizer.model: piece 0 is of the unknown type 99"),
        ([0x0A, 0x05, 0x15, 0, 0, 0x80, 0x7F], "tokenizer.model: the score of piece 0 is inf"),
        (
            [0x0A, 0x03, 0x0A, 0x01, 0x61, 0x12, 0x02, 0x18, 0x03],
            "tokenizer.model: models of type word are not supported"
        ),
    ]

    @Test func badSentencePieceModels() throws {
        for (bytes, expected) in Self.badModels {
            let got = try Data.withFolder([:]) { folder in
                try folder.write("tokenizer.model", bytes)
                return message { try Tokenizer.load(from: folder) }
            }
            #expect(got?.hasPrefix(expected) == true, "\(got ?? "no error")")
        }
    }
}
