import Formats
import Testing
import Tokenizers

/// The project's own tokenizers against what the reference made of some texts: ids, types, words, offsets, decoded
/// text.
@Suite struct GoldenTests {
    static let folders = [
        "albert", "bert", "bert-config", "bert-files", "byte-fallback", "deberta-v3", "electra", "gemma-model", "gpt2",
        "llama-model", "modernbert", "mpnet", "qwen2",
        "qwen2-files", "roberta", "roberta-config", "roberta-files", "t5-model", "xlm-roberta",
    ]

    @Test(arguments: folders) func encodings(_ name: String) throws {
        let folder = try Folder(path: "\(Data.goldens)/\(name)")
        let tokenizer = try Tokenizer.load(from: folder)
        let cases = try #require(try Data.json(folder, "cases.json").array).map { GoldenCase(json: $0) }
        #expect(cases.count > 100)
        for (index, golden) in cases.enumerated() {
            // What the library cannot cut is refused here too.
            if golden.json["error"] != nil {
                #expect(throws: TokenizerError.self, "case \(index)") { try golden.encode(with: tokenizer) }
                continue
            }
            let encoding = try golden.encode(with: tokenizer)
            if let difference = golden.difference(from: encoding) { Issue.record("case \(index): \(difference)") }
            if let ids = try golden.ids(with: tokenizer) { #expect(ids == encoding.ids, "case \(index)") }
            if let overflowing = golden.overflowing {
                #expect(encoding.overflowing.map(\.ids) == overflowing, "case \(index)")
            }
            guard let decoded = golden.json["decoded"]?.string else { continue }
            // By bytes, for strings are equal that differ in how they are composed.
            #expect(Array(try tokenizer.decode(encoding.ids).utf8) == Array(decoded.utf8), "case \(index)")
            let plain = try #require(golden.json["decoded_without_special"]?.string)
            let got = try tokenizer.decode(encoding.ids, skipSpecialTokens: true)
            #expect(Array(got.utf8) == Array(plain.utf8), "case \(index)")
        }
    }

    /// Texts of 64 scalars each, every one between letters that could combine with it, under each normalizer.
    @Test(arguments: ["NFC", "NFD", "NFKC", "NFKD", "Lowercase", "StripAccents", "BertNormalizer"])
    func everyScalar(_ normalizer: String) throws {
        let folder = try Folder(path: Data.goldens)
        let hashes = try #require(try Data.json(folder, "scalars.json")[normalizer]?.object)
        var file = try #require(try Data.json(folder.subfolder("byte-fallback"), "tokenizer.json").object)
        file["normalizer"] = .object(["type": .string(normalizer)])
        let tokenizer = try Data.tokenizer(JSON.object(file).compact())
        for (block, hash) in hashes {
            let first = try #require(UInt32(block, radix: 16))
            var value: UInt64 = 0xCBF2_9CE4_8422_2325
            for start in stride(from: first, to: first + 0x1000, by: 64) {
                var text = ""
                for scalar in (start..<start + 64).compactMap(Unicode.Scalar.init) {
                    text.unicodeScalars.append(contentsOf: ["a", scalar, "\u{323}", "e"])
                }
                for id in try tokenizer.encode(text, options: EncodingOptions(addSpecialTokens: false)).ids {
                    value = (value ^ UInt64(id)) &* 0x100_0000_01B3
                }
            }
            let got = String(value, radix: 16, uppercase: true)
            #expect(hash.string == String(repeating: "0", count: 16 - got.count) + got, "block \(block)")
        }
    }
}
