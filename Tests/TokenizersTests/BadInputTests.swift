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
            file(model: #"{"type":"Unigram","unk_id":1,"vocab":[["a",-1.5]]}"#),
            "tokenizer.json: model: 'unk_id' is 1, and the vocabulary has 1 tokens"
        ),
        (
            file(model: #"{"unk_id":0,"vocab":[["a","b"]]}"#), "tokenizer.json:1: expected a number"
        ),
        (
            file(model: #"{"type":"Unigram","vocab":[["a"]]}"#),
            "tokenizer.json:1: expected a token and its score, got a list of 1"
        ),
        (
            file(model: #"{"type":"Unigram","vocab":{"a":0}}"#),
            "tokenizer.json: model: 'vocab' of Unigram expected a list of tokens and scores"
        ),
        (
            file(model: #"{"type":"BPE","vocab":[["a",0]],"merges":[]}"#),
            "tokenizer.json: model: 'vocab' of BPE expected an object of tokens and ids, got a list"
        ), (file(model: #"{"type":"WordLevel","vocab":{"a":0}}"#), "tokenizer.json: model: 'unk_token' is missing"),
        (
            file(model: #"{"type":"Other","vocab":{"a":0}}"#),
            "tokenizer.json: model: type 'Other' is not supported; supported are BPE, Unigram, WordLevel, WordPiece"
        ),
        (file(#""normalizer":{},"#), "tokenizer.json: normalizer: 'type' is missing"),
        (
            file(#""normalizer":{"type":"Other"},"#),
            "tokenizer.json: normalizer: type 'Other' is not supported; supported are BertNormalizer, ByteLevel, "
                + "Lowercase, NFC, NFD, NFKC, NFKD, Nmt, Precompiled, Prepend, Replace, Sequence, Strip, StripAccents"
        ),
        (
            file(#""normalizer":{"type":"Precompiled","precompiled_charsmap":"AAA"},"#),
            "tokenizer.json: normalizer: 'precompiled_charsmap' is not base64"
        ),
        (
            file(#""normalizer":{"type":"Precompiled","precompiled_charsmap":"/wAAAA=="},"#),
            "tokenizer.json: normalizer: precompiled_charsmap: a trie of 255 bytes does not fit into 0"
        ),
        (
            file(#""pre_tokenizer":{"type":"Other"},"#),
            "tokenizer.json: pre_tokenizer: type 'Other' is not supported; supported are BertPreTokenizer, "
                + "ByteLevel, CharDelimiterSplit, Digits, FixedLength, Metaspace, Punctuation, Sequence, Split, "
                + "UnicodeScripts, Whitespace, WhitespaceSplit"
        ),
        (
            file(#""pre_tokenizer":{"type":"FixedLength","length":0},"#),
            "tokenizer.json: pre_tokenizer: 'length' expected a number from 1 on, got integer 0"
        ),
        (
            file(#""decoder":{"type":"Other"},"#),
            "tokenizer.json: decoder: type 'Other' is not supported; supported are BPEDecoder, ByteFallback, ByteLevel, "
                + "CTC, Fuse, Metaspace, Replace, Sequence, Strip, WordPiece"
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
            "tokenizer.json: post_processor.single[0]: 'x' is not among its special_tokens"
        ),
        (
            file(#""added_tokens":[{"id":3,"content":7}],"#),
            "tokenizer.json: added_tokens[0]: 'content' expected a string, got integer 7"
        ),
        (
            file(#""pre_tokenizer":{"type":"Split","pattern":{"String":" "},"behavior":"Sideways"},"#),
            "tokenizer.json: pre_tokenizer: unknown behavior 'Sideways'"
        ),
        (
            file(#""normalizer":{"type":"Sequence","normalizers":[{"type":"NFC"},{"type":"a\nb"}]},"#),
            #"tokenizer.json: normalizer.normalizers[1]: type 'a\u{a}b' is not supported"#
        ),
    ]

    @Test(arguments: files) func tokenizerFile(_ bad: (json: String, message: String)) {
        let message = TokenizersTests.message { try Data.tokenizer(bad.json) }
        #expect(message?.hasPrefix(bad.message) == true, "\(message ?? "no error")")
    }

    static let patterns: [(pattern: String, what: String)] = [
        ("(?<=a)b", "character 1: lookbehind is not supported"),
        (#"\\p{Han}"#, "character 1: the property 'Han' is not supported"),
        ("[a&&b]", "character 3: '&&' within brackets is not supported"),
        ("[[:alpha:]]", "character 2: a '[' within brackets is not supported (escape it)"),
        (#"\\bword"#, #"character 1: '\b' is not supported"#), ("(a", "character 1: '(' without its ')'"),
        ("a)", "character 2: unmatched ')'"), ("[a", "character 1: '[' without its ']'"),
        ("(a*)*", "character 5: repeating what can be empty is not supported"),
        ("*a", "character 1: '*' with nothing to repeat"),
        ("a{2001}", "character 2: repeating more than 1000 times is not supported"),
        (
            "(?:(?:ab){1000}){1000}",
            "character 17: too large: its repetitions stand for more than 20000 steps"
        ), (#"(a)\\1"#, #"character 4: a back-reference or octal number ('\1') is not supported"#),
        (
            String(repeating: "(", count: 120),
            "character 101: groups and repetitions nested deeper than 100"
        ),
    ]

    @Test(arguments: patterns) func pattern(_ bad: (pattern: String, what: String)) {
        let stage = #""pre_tokenizer":{"type":"Split","pattern":{"Regex":"\#(bad.pattern)"},"behavior":"Isolated"},"#
        let message = TokenizersTests.message { try Data.tokenizer(Self.file(stage)) }
        #expect(message?.hasPrefix("tokenizer.json: pre_tokenizer: pattern '") == true, "\(message ?? "no error")")
        #expect(message?.hasSuffix("', \(bad.what)") == true, "\(message ?? "no error")")
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
        #expect(none?.hasSuffix("no vocab.json with merges.txt, no tokenizer.model and no spiece.model") == true)
        for name in ["spm.model", "sentencepiece.bpe.model"] {
            let alone = message { try Data.withFolder([name: "x"]) { try Tokenizer.load(from: $0) } }
            #expect(
                alone?.contains("/\(name): a tokenizer of this file alone is not supported") == true, "\(alone ?? "")")
        }
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
}
