import Formats
import Foundation
import Memory
import Synchronization
import Testing
import Tokenizers

/// A small file stays small work: what each stage makes of a text is bounded by the text, and the error names the stage.
@Suite struct JourneyTests {
    private static let a16 = String(repeating: "a", count: 16)

    private static func sequence(_ key: String, _ members: String, section: String) -> String {
        #""\#(section)":{"type":"Sequence","\#(key)":[\#(members)]},"#
    }

    private static func repeated(_ json: String, _ count: Int) -> String {
        Array(repeating: json, count: count).joined(separator: ",")
    }

    /// Stages that multiply a text of 1,000 letters; the stage that is stopped, and whether by its size or its steps.
    static let bombs: [(stages: String, text: String, place: String)] = [
        (
            sequence(
                "normalizers", repeated(#"{"type":"Replace","pattern":{"String":"a"},"content":"\#(a16)"}"#, 8),
                section: "normalizer"), "a", "normalizer.normalizers[1]: makes more than"
        ),
        (
            sequence(
                "normalizers", repeated(#"{"type":"Replace","pattern":{"Regex":"a|$"},"content":"\#(a16)"}"#, 8),
                section: "normalizer"), "a", "normalizer.normalizers[1]: makes more than"
        ),
        (
            sequence(
                "normalizers", repeated(#"{"type":"Replace","pattern":{"String":""},"content":"ab"}"#, 64),
                section: "normalizer"), "a", "normalizer.normalizers[3]: makes more than"
        ),
        (
            #""normalizer":{"type":"Replace","pattern":{"String":"a"},"content":"\#(String(repeating: "b", count: 500))"},"#,
            "a", "normalizer: makes more than"
        ),
        (
            #""normalizer":{"type":"Prepend","prepend":"\#(String(repeating: "b", count: 500_000))"},"#, "a",
            "normalizer: makes more than"
        ),
        (
            sequence(
                "normalizers", repeated(#"{"type":"ByteLevel"}"#, 16), section: "normalizer"), "ä",
            "normalizer.normalizers[5]: makes more than"
        ),
        (
            sequence(
                "pretokenizers", repeated(#"{"type":"ByteLevel","add_prefix_space":false,"use_regex":false}"#, 16),
                section: "pre_tokenizer"), "ä", "pre_tokenizer.pretokenizers[5]: makes more than"
        ),
        (
            sequence(
                "pretokenizers",
                #"{"type":"Split","pattern":{"Regex":"."},"behavior":"Isolated"},"#
                    + repeated(
                        #"{"type":"Metaspace","replacement":"x","split":false},"#
                            + #"{"type":"Metaspace","replacement":"y","split":false}"#, 200), section: "pre_tokenizer"),
            "a", "pre_tokenizer.pretokenizers[38]: makes more than"
        ),
        // An added token that takes in whitespace, found in the whitespace that the one before has taken in.
        (
            #""added_tokens":[{"id":3,"content":" ","rstrip":true,"normalized":false}],"#, " ",
            "added_tokens: takes too many steps"
        ),
        (
            #""added_tokens":[{"id":3,"content":"\#(String(repeating: "a", count: 1_000))b","normalized":false}],"#,
            "a",
            "added_tokens: takes too many steps"
        ),
        (
            #""pre_tokenizer":{"type":"Split","pattern":{"Regex":"(?:a+a+)+b"},"behavior":"Isolated"},"#, "a",
            "pre_tokenizer: pattern '(?:a+a+)+b': takes too many steps on this text"
        ),
        (
            #""normalizer":{"type":"Replace","pattern":{"Regex":"(?:a+a+)+b"},"content":""},"#, "a",
            "normalizer: pattern '(?:a+a+)+b': takes too many steps on this text"
        ),
    ]

    @Test(arguments: bombs) func encoding(_ bomb: (stages: String, text: String, place: String)) throws {
        let tokenizer = try Data.tokenizer(BadInputTests.file(bomb.stages))
        let text = String(repeating: bomb.text, count: 10_000)
        for message in [message { try tokenizer.encode(text) }, message { try tokenizer.ids(text) }] {
            #expect(message?.contains("/tokenizer.json: \(bomb.place)") == true, "\(message ?? "no error")")
        }
    }

    @Test(arguments: [
        (
            repeated(#"{"type":"Replace","pattern":{"String":"a"},"content":"\#(a16)"}"#, 8), "[1]: makes more than"
        ),
        (repeated(#"{"type":"Replace","pattern":{"Regex":"a|$"},"content":"\#(a16)"}"#, 8), "[1]: makes more than"),
        (
            #"{"type":"Replace","pattern":{"Regex":"(?:a+a+)+b"},"content":""}"#,
            "[0]: pattern '(?:a+a+)+b': takes too many steps"
        ), (repeated(#"{"type":"WordPiece","prefix":"b","cleanup":false}"#, 100), "[37]: makes more than"),
    ])
    func decoding(_ decoders: String, _ place: String) throws {
        let stages = Self.sequence("decoders", decoders, section: "decoder")
        let long = String(repeating: "a", count: 1_000)
        let model = #"{"type":"BPE","vocab":{"a":0,"b":1,"\#(long)":2,"":3},"merges":[]}"#
        let tokenizer = try Data.tokenizer(BadInputTests.file(stages, model: model))
        let ids = place.hasPrefix("[37]") ? Array(repeating: 3, count: 10_000) : Array(repeating: 2, count: 10)
        let message = TokenizersTests.message { try tokenizer.decode(ids) }
        #expect(
            message?.contains("/tokenizer.json: decoder.decoders\(place)") == true, "\(message ?? "no error")")
    }

    static let templates: [(single: String, special: String, message: String)] = [
        (
            repeated(#"{"Sequence":{"id":"A","type_id":0}}"#, 5_000), "{}",
            "post_processor.single[4]: the template puts text A more than 4 times"
        ),
        (
            repeated(#"{"SpecialToken":{"id":"x","type_id":0}}"#, 5_000), #"{"x":{"ids":[0,1]}}"#,
            "post_processor.single[512]: the template puts more than 1024 special tokens"
        ),
        (
            #"{"SpecialToken":{"id":"x","type_id":0}}"#, #"{"x":{"ids":[\#(repeated("0", 2_000))]}}"#,
            "post_processor.single[0]: the template puts more than 1024 special tokens"
        ),
        (
            #"{"Sequence":{"id":"A","type_id":9223372036854775807}}"#, "{}",
            "post_processor.single[0]: 'type_id' expected a number from 0 on, got integer 9223372036854775807"
        ),
    ]

    @Test(arguments: templates) func template(_ bad: (single: String, special: String, message: String)) {
        let stage =
            #""post_processor":{"type":"TemplateProcessing","single":[\#(bad.single)],"pair":[],"#
            + #""special_tokens":\#(bad.special)},"#
        #expect(message { try Data.tokenizer(BadInputTests.file(stage)) } == "tokenizer.json: \(bad.message)")
    }

    /// A word of a vocabulary with a very long token is looked up in bounded steps, like everything about affixes.
    @Test func models() throws {
        let long = String(repeating: "a", count: 20_000) + "b"
        let wordPiece = try Data.tokenizer(
            #"{"model":{"type":"WordPiece","max_input_chars_per_word":9223372036854775807,"unk_token":"u","#
                + ###""vocab":{"u":0,"a":1,"##a":2,"##\###(long)":3}}}"###)
        let message = TokenizersTests.message { try wordPiece.encode(String(repeating: "a", count: 40_000)) }
        #expect(message?.contains("/tokenizer.json: model: takes too many steps") == true, "\(message ?? "no error")")
        let affix = message2(#""continuing_subword_prefix":"\#(String(repeating: "#", count: 300))""#)
        #expect(affix == "tokenizer.json: model: 'continuing_subword_prefix' has 300 bytes, at most 256 are read")
    }

    private func message2(_ option: String) -> String? {
        message {
            try Data.tokenizer(
                BadInputTests.file(model: #"{"type":"BPE","vocab":{"a":0},"merges":[],\#(option)}"#))
        }
    }

    /// Prefix and suffix in byte tokens stand nowhere in the text, and offsets stay within it.
    @Test func byteFallbackOfAffixes() throws {
        let bytes = (0..<256).map { byte in
            let digits = String(byte, radix: 16, uppercase: true)
            return #""<0x\#(byte < 16 ? "0" : "")\#(digits)>":\#(byte + 1)"#
        }.joined(separator: ",")
        let prefix = String(repeating: "#", count: 256)
        let model =
            #"{"type":"BPE","byte_fallback":true,"continuing_subword_prefix":"\#(prefix)","vocab":{"a":0,\#(bytes)},"merges":[]}"#
        let tokenizer = try Data.tokenizer(BadInputTests.file(model: model))
        let encoding = try tokenizer.encode("axy")
        #expect(encoding.count == 1 + 2 * 257)
        #expect(encoding.offsets.allSatisfy { $0.upperBound <= 3 })
        #expect(
            message { try tokenizer.ids(String(repeating: "x", count: 100_000)) }?.contains("model: makes more than")
                == true)
    }

    /// Numbers of ids: each is refused, or has no more than its own place.
    @Test(arguments: ["-1", "9223372036854775808", "9223372036854775807", "2147483648", "2147483647", "1.5", "1e3"])
    func badIds(_ id: String) {
        let message = TokenizersTests.message {
            try Data.tokenizer(BadInputTests.file(model: #"{"type":"BPE","vocab":{"a":\#(id)},"merges":[]}"#))
        }
        #expect(
            message == "tokenizer.json:1: expected a token's id, from 0 on" || message?.contains("expected '") == true,
            "\(message ?? "no error")")
    }

    @Test func sparseAndEqualIds() throws {
        let model = #"{"type":"BPE","vocab":{"a":2147483646,"b":7,"c":7,"a":3},"merges":[]}"#
        let tokenizer = try Data.tokenizer(BadInputTests.file(model: model))
        #expect(tokenizer.id("a") == 3 && tokenizer.token(7) == "c" && tokenizer.vocabularySize == 3)
        #expect(try tokenizer.encode("abc").ids == [3, 7, 7])
        #expect(try tokenizer.decode([2_147_483_646, 3, -1, Int.max, Int.min]).contains("a"))
    }

    @Test func overflow() throws {
        let tokenizer = try Data.tokenizer(BadInputTests.file())
        let text = String(repeating: "b", count: 100_000)
        let options = EncodingOptions(
            truncation: .longestFirst, maxLength: 50_000, stride: 49_999, returnOverflowing: true)
        #expect(
            message { try tokenizer.encode(text, options: options) }?.hasPrefix(
                "what overflows would be more than 16777216 tokens in 50001 parts") == true)
        let pair = EncodingOptions(truncation: .longestFirst, maxLength: 10, returnOverflowing: true)
        #expect(
            message { try tokenizer.encode(text, pair: text, options: pair) }?.hasPrefix("what overflows would") == true
        )
    }

    /// A long text asks its host whether to go on, within the stages that take long.
    @Test func stopping() throws {
        struct Stop: Error {}
        let tokenizer = try Data.tokenizer(BadInputTests.file())
        let text = String(repeating: "ab", count: 1 << 20)
        let asked = Mutex(0)
        // Other tests run at the same time, on other threads.
        let thread = ObjectIdentifier(Thread.current)
        let check: @Sendable () throws -> Void = {
            guard ObjectIdentifier(Thread.current) == thread else { return }
            asked.withLock { $0 += 1 }
            throw Stop()
        }
        MemoryBudget.begin(limit: nil, .init(check: check, collect: {}))
        defer { MemoryBudget.end() }
        #expect(throws: Stop.self) { try tokenizer.encode(text) }
        #expect(throws: Stop.self) { try tokenizer.decode(Array(repeating: 0, count: 1 << 20)) }
        #expect(asked.withLock { $0 } == 2)
    }
}
