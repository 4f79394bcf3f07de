import Formats
import Foundation
import Testing
import Tokenizers

/// What a tokenizer says of itself, and how it bears use by many threads and long texts.
@Suite struct TokenizerTests {
    static func tokenizer(_ name: String) throws -> Tokenizer {
        try Tokenizer.load(from: try Folder(path: "\(Data.goldens)/\(name)"))
    }

    @Test func specialTokens() throws {
        let bert = try Self.tokenizer("bert")
        #expect(bert.specialTokens == [.pad: "[PAD]", .unk: "[UNK]", .cls: "[CLS]", .sep: "[SEP]", .mask: "[MASK]"])
        #expect(bert.id(.cls) == 2 && bert.id(.bos) == nil)
        #expect(bert.modelMaxLength == 64)
        #expect(bert.vocabularySize == 700 && bert.count == 702)
        #expect(
            bert.token(2) == "[CLS]" && bert.token(701) == "apfel" && bert.token(702) == nil && bert.token(-1) == nil)
        #expect(bert.id("Äpfel") == 701 && bert.id("nothing of the kind") == nil)
        let roberta = try Self.tokenizer("roberta-files")
        #expect(roberta.id(.mask) == 700 && roberta.id(.pad) == 1 && roberta.specialTokens[.eos] == "</s>")
        let qwen2 = try Self.tokenizer("qwen2-files")
        #expect(qwen2.specialTokens == [.eos: "<|im_end|>", .pad: "<|endoftext|>", .unk: "<|endoftext|>"])
        #expect(
            try Self.tokenizer("gpt2").specialTokens == [
                .bos: "<|endoftext|>", .eos: "<|endoftext|>", .unk: "<|endoftext|>",
            ])
    }

    /// The file says to truncate to 8 and to pad to 8, which is for whoever saved it.
    @Test func nothingIsCutOffOrPaddedUnasked() throws {
        let bert = try Self.tokenizer("bert")
        #expect(try bert.encode("the sea").count == 4)
        #expect(try bert.encode("the lighthouse keeper wrote letters to the sea, and the sea answered").count > 12)
        #expect(bert.specialTokensCount() == 2 && bert.specialTokensCount(isPair: true) == 3)
    }

    @Test func cleanUp() throws {
        let bert = try Self.tokenizer("bert")
        let ids = try bert.encode("she said , they 're here .").ids
        #expect(try bert.decode(ids, skipSpecialTokens: true) == "she said, they ' re here.")
        #expect(
            try bert.decode(ids, skipSpecialTokens: true, cleanUpTokenizationSpaces: true) == "she said, they're here.")
        // Byte-pair texts keep their spaces whatever is asked for, as in transformers 5.
        let roberta = try Self.tokenizer("roberta")
        let text = "she said , they 're here ."
        let pieces = try roberta.encode(text, options: EncodingOptions(addSpecialTokens: false)).ids
        #expect(try roberta.decode(pieces, cleanUpTokenizationSpaces: true) == text)
        // Ids that no token has are left out.
        #expect(try roberta.decode(pieces + [100_000, -5]) == text)
    }

    /// Tokens that are equal as Swift strings, but not as bytes, are two tokens.
    @Test func composedAndDecomposedTokensDiffer() throws {
        let tokenizer = try Data.tokenizer(
            #"{"model":{"type":"WordPiece","unk_token":"u","vocab":{"u":0,"\u00e9":1,"e\u0301":2}}}"#)
        #expect(try tokenizer.encode("\u{e9}").ids == [1])
        #expect(try tokenizer.encode("e\u{301}").ids == [2])
        #expect(tokenizer.vocabularySize == 3)
    }

    @Test func manyThreads() async throws {
        let tokenizer = try Self.tokenizer("roberta")
        let texts = (0..<200).map { "the lighthouse number \($0) can't answer the sea, Straße \($0 * 7919)" }
        let expected = try tokenizer.encodeBatch(texts)
        let results = try await withThrowingTaskGroup(of: (Int, [Encoding]).self) { group in
            for task in 0..<8 {
                group.addTask { (task, try tokenizer.encodeBatch(texts)) }
            }
            return try await group.reduce(into: [Int: [Encoding]]()) { $0[$1.0] = $1.1 }
        }
        #expect(results.count == 8)
        for (_, encodings) in results { #expect(encodings == expected) }
    }

    /// Time and memory grow with the text, whatever it is; special tokens and a first space are all that is added.
    @Test(arguments: [("a", 12_000), (" ", 12_000), ("!?", 6_000), ("中", 3_000), ("e\u{301}\u{323}", 3_000)])
    func longTexts(_ unit: String, _ times: Int) throws {
        let text = String(repeating: unit, count: times)
        for name in GoldenTests.folders {
            let encoding = try Self.tokenizer(name).encode(text)
            #expect(encoding.count <= text.utf8.count + 3)
            #expect(encoding.offsets.allSatisfy { $0.upperBound <= text.utf8.count })
        }
    }

    /// Four times the text takes about four times the time, whatever the text.
    ///
    /// One character, one word, whitespace, marks, what an expression looks at more than once. The bound is 12 times, for
    /// caches and a machine that does other things.
    @Test(arguments: ["a", " ", "!", "ab", "'s", " \n", "中", "\u{301}\u{323}", "\u{FDFA}", "\u{0}"])
    func longTextsTakeLinearTime(_ unit: String) throws {
        for name in ["bert", "qwen2", "byte-fallback"] {
            let tokenizer = try Self.tokenizer(name)
            func seconds(_ bytes: Int) throws -> Double {
                let text = String(repeating: unit, count: bytes / unit.utf8.count)
                let start = Self.threadSeconds()
                let encoding = try tokenizer.encode(text)
                _ = try tokenizer.decode(encoding.ids)
                return Self.threadSeconds() - start
            }
            _ = try seconds(1_000)
            let (short, long) = (try seconds(30_000), try seconds(120_000))
            #expect(long < 12 * max(short, 0.002), "\(name): \(short) s, \(long) s")
        }
    }

    /// What this thread has computed, whatever others do at the same time.
    private static func threadSeconds() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }

    /// More words than a tokenizer remembers, then the first ones again: what it forgot it cuts anew, and the same.
    @Test(arguments: ["bert", "roberta"]) func rememberedWordsChangeNothing(_ name: String) throws {
        let tokenizer = try Self.tokenizer(name)
        let options = EncodingOptions(addSpecialTokens: false)
        func word(_ number: Int) -> String {
            String(decoding: String(number).utf8.map { $0 - 48 + UInt8(ascii: "a") }, as: UTF8.self) + "sea"
        }
        let texts = (0..<200).map { block in (0..<500).map { word(block * 500 + $0) }.joined(separator: " ") }
        for text in texts { #expect(try tokenizer.ids(text, options: options).count >= 500) }
        for index in [0, 99, 199] {
            let fresh = try Self.tokenizer(name).encode(texts[index], options: options)
            #expect(try tokenizer.ids(texts[index], options: options) == fresh.ids)
            #expect(try tokenizer.encode(texts[index], options: options) == fresh)
            // Each token's place is where its word stands, not where the word was seen first.
            #expect(fresh.offsets.map(\.upperBound).max() == texts[index].utf8.count)
        }
    }
}
