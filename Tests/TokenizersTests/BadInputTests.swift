import Formats
import Testing
import Tokenizers

/// Files that are wrong, or ask for what is not supported: an error each that says what and where.
@Suite struct BadInputTests {
    /// A small tokenizer.json; `stages` stands where the optional sections stand.
    static func file(_ stages: String = "", model: String? = nil) -> String {
        let model = model ?? #"{"type":"BPE","vocab":{"a":0,"b":1,"ab":2},"merges":["a b"]}"#
        return #"{"version":"1.0",\#(stages)"model":\#(model)}"#
    }

    static let files: [(json: String, message: String)] = [
        ("", "tokenizer.json:1:1: expected a value, got the end"),
        ("{}", "tokenizer.json: 'model' is missing"),
        (#"{"model":{"type":"BPE","vocab":{"a":0,"#, "tokenizer.json:1: expected a string"),
        (
            #"{"model":{"type":"BPE","vocab":{"a":-1},"merges":[]}}"#,
            "tokenizer.json:1: expected a token's id, from 0 on"
        ),
        (#"{"model":{"type":"BPE","vocab":{"\ud800":1},"merges":[]}}"#, "tokenizer.json:1: half a surrogate pair"),
        (file(model: #"{"type":"BPE","vocab":{},"merges":[]}"#), "tokenizer.json: the vocabulary is empty"),
        (
            file(model: #"{"type":"BPE","vocab":{"a":0},"merges":["a c"]}"#),
            "tokenizer.json: merge 1, 'a c': one of them is not in the vocabulary"
        ),
        (
            file(model: #"{"type":"BPE","vocab":{"a":0},"merges":[["a","a"]]}"#),
            "tokenizer.json: merge 1, 'a a': their whole is not in the vocabulary"
        ),
        (
            file(model: #"{"type":"BPE","vocab":{"a":0},"merges":["a a a"]}"#),
            "tokenizer.json:1: a merge that is not two tokens and a space: 'a a a'"
        ),
        (
            file(model: #"{"type":"BPE","vocab":{"a":0},"merges":[],"dropout":0.1}"#),
            "tokenizer.json: model: dropout 0.1 is not supported, only null"
        ),
        (
            file(model: #"{"type":"Unigram","unk_id":0,"vocab":[["a",-1.5]]}"#),
            "tokenizer.json: model: type 'Unigram' is not supported; supported are BPE, WordPiece"
        ),
        (
            file(model: #"{"unk_id":0,"vocab":[["a",-1.5]]}"#),
            "tokenizer.json: model: type 'Unigram' is not supported; supported are BPE, WordPiece"
        ),
        (
            file(model: #"{"type":"WordLevel","vocab":{"a":0},"unk_token":"a"}"#),
            "tokenizer.json: model: type 'WordLevel' is not supported; supported are BPE, WordPiece"
        ),
        (file(#""normalizer":{},"#), "tokenizer.json: normalizer: 'type' is missing"),
        (
            file(#""normalizer":{"type":"Precompiled"},"#),
            "tokenizer.json: normalizer: type 'Precompiled' is not supported; supported are BertNormalizer, ByteLevel, "
                + "Lowercase, NFC, NFD, NFKC, NFKD, Prepend, Replace, Sequence, Strip, StripAccents"
        ),
        (
            file(#""pre_tokenizer":{"type":"UnicodeScripts"},"#),
            "tokenizer.json: pre_tokenizer: type 'UnicodeScripts' is not supported; supported are BertPreTokenizer, "
                + "ByteLevel, CharDelimiterSplit, Digits, Metaspace, Punctuation, Sequence, Split, Whitespace, WhitespaceSplit"
        ),
        (
            file(#""decoder":{"type":"CTC"},"#),
            "tokenizer.json: decoder: type 'CTC' is not supported; supported are BPEDecoder, ByteFallback, ByteLevel, "
                + "Fuse, Metaspace, Replace, Sequence, Strip, WordPiece"
        ),
        (
            file(#""post_processor":{"type":"Other"},"#),
            "tokenizer.json: post_processor: type 'Other' is not supported; supported are BertProcessing, ByteLevel, "
                + "RobertaProcessing, Sequence, TemplateProcessing"
        ),
        (
            file(
                #""post_processor":{"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"x","type_id":0}}],"pair":[],"#
                    + #""special_tokens":{}},"#),
            "tokenizer.json: post_processor: single: 'x' is not among its special_tokens"
        ),
        (
            file(#""added_tokens":[{"id":3,"content":7}],"#),
            "tokenizer.json: added_tokens: 'content' expected a string, got integer 7"
        ),
        (
            file(#""pre_tokenizer":{"type":"Split","pattern":{"String":" "},"behavior":"Sideways"},"#),
            "tokenizer.json: pre_tokenizer: unknown behavior 'Sideways'"
        ),
    ]

    @Test(arguments: files) func tokenizerFile(_ bad: (json: String, message: String)) {
        let message = message { try Data.tokenizer(bad.json) }
        #expect(message?.hasPrefix(bad.message) == true, "\(message ?? "no error")")
    }

    static let patterns: [(pattern: String, what: String)] = [
        ("(?<=a)b", "the group '(?<' at 3"), (#"\\p{Han}"#, "the property 'Han' at 1"),
        ("[a&&b]", "'&&' within brackets at 3"),
        ("[[:alpha:]]", "a '[' within brackets (escape it) at 2"), (#"\\bword"#, #"'\b' at 1"#),
        ("(a", "a group without its ')' at 3"),
        ("a)", "an unmatched ')' at 2"), ("[a", "a '[' without its ']' at 3"),
        ("(a*)*", "a repeated group that can be empty at 6"),
        ("*a", "a '*' with nothing to repeat at 1"), ("a{2001}", "an interval beyond 1000 at 7"),
        ("(?:(?:ab){1000}){1000}", "more than 20,000 steps written out at 1"), (#"(a)\\1"#, #"'\1' at 4"#),
        (String(repeating: "(", count: 60), "groups nested deeper than 50 at 50"),
    ]

    @Test(arguments: patterns) func pattern(_ bad: (pattern: String, what: String)) {
        let stage = #""pre_tokenizer":{"type":"Split","pattern":{"Regex":"\#(bad.pattern)"},"behavior":"Isolated"},"#
        let message = message { try Data.tokenizer(Self.file(stage)) }
        #expect(message?.hasSuffix("has \(bad.what), which is not supported") == true, "\(message ?? "no error")")
    }

    /// A pattern that backtracks without end is stopped, and a sequence of stages within one another is refused.
    @Test func hostile() throws {
        let stage = #""pre_tokenizer":{"type":"Split","pattern":{"Regex":"(?:a+a+)+b"},"behavior":"Isolated"},"#
        let tokenizer = try Data.tokenizer(Self.file(stage))
        #expect(
            message { try tokenizer.encode(String(repeating: "a", count: 60)) }?.hasSuffix(
                "too many steps on this text") == true)
        var nested = #"{"type":"NFC"}"#
        for _ in 0..<40 { nested = #"{"type":"Sequence","normalizers":[\#(nested)]}"# }
        #expect(
            message { try Data.tokenizer(Self.file(#""normalizer":\#(nested),"#)) }
                == "tokenizer.json: normalizer: sequences nested deeper than 16")
    }

    @Test func folders() {
        let merges = message {
            try Data.withFolder(["vocab.json": #"{"a":0}"#, "merges.txt": "#version: 0.2\na\n"]) {
                try Tokenizer.load(from: $0)
            }
        }
        #expect(merges == "merges.txt:2: expected two tokens and a space, got 'a'")
        let vocabulary = message {
            try Data.withFolder(["vocab.json": #"["a"]"#, "merges.txt": ""]) { try Tokenizer.load(from: $0) }
        }
        #expect(vocabulary == "vocab.json:1: expected an object of tokens and ids")
        let none = message { try Data.withFolder([:]) { try Tokenizer.load(from: $0) } }
        #expect(none?.hasSuffix("there is no tokenizer.json, no vocab.txt, and no vocab.json with merges.txt") == true)
        let config = message { try Data.tokenizer(Self.file(), config: #"{"cls_token":3}"#) }
        #expect(config == "tokenizer_config.json: cls_token: expected a token, got integer 3")
    }

    @Test func options() throws {
        let tokenizer = try Tokenizer.load(from: try Folder(path: Data.goldens + "/bert"))
        func refused(_ text: String, pair: String? = nil, _ options: EncodingOptions) -> String? {
            message { try tokenizer.encode(text, pair: pair, options: options) }
        }
        let long = "the lighthouse keeper wrote letters to the sea"
        #expect(
            refused(long, EncodingOptions(truncation: .longestFirst)) == "truncation 'longest_first' needs max_length")
        #expect(
            refused(long, EncodingOptions(truncation: .longestFirst, maxLength: 1))
                == "max_length 1 leaves no room for the 2 special tokens")
        #expect(
            refused(long, EncodingOptions(truncation: .onlySecond, maxLength: 5))
                == "truncation 'only_second' needs a second text, and there is none")
        #expect(
            refused("sea", pair: long, EncodingOptions(truncation: .onlyFirst, maxLength: 6))
                == "truncation 'only_first' cannot bring [1, 8] tokens to 3: the text that it may cut is too short; "
                + "use 'longest_first'")
        #expect(
            refused(long, EncodingOptions(truncation: .longestFirst, maxLength: 6, stride: 4))
                == "stride 4 must be below the 4 tokens that are left of the text; lower it or raise max_length")
        #expect(
            message { try tokenizer.encodeBatch(["a", "b"], pairs: ["c"]) }
                == "2 texts, but 1 second texts; give one for each")
    }

    /// What an error says; nil where there is none.
    private func message<Result>(_ body: () throws -> Result) -> String? {
        do {
            _ = try body()
            return nil
        } catch {
            return "\(error)"
        }
    }
}
