import Formats
import Testing
import Tokenizers

/// Real tokenizers and texts, which lie in the folder `shared` beside the repository.
@Suite(.enabled(if: Data.hasShared, "the folder 'shared' is not beside the repository"))
struct SharedTests {
    /// 47 nasty texts, and their ids without special tokens.
    @Test(arguments: [
        ("bert-base-uncased", "ggml-vocab-bert-bge"), ("gpt2", "ggml-vocab-gpt-2"), ("qwen2", "ggml-vocab-qwen2"),
        ("phi-3-mini", "ggml-vocab-llama-spm"),
    ])
    func conformance(_ name: String, _ file: String) throws {
        let tokenizer = try Tokenizer.load(from: try Folder(path: "\(Data.shared)/tokenizers/\(name)"))
        let folder = try Folder(path: Data.shared + "/tokenizers/conformance")
        let texts = Self.parts(Array(try folder.readText(file + ".gguf.inp").utf8), at: "\n__ggml_vocab_test__\n")
        let lines = try folder.readText(file + ".gguf.out").split(separator: "\n", omittingEmptySubsequences: false)
        #expect(texts.count == 47)
        for (index, text) in texts.enumerated() {
            let expected = lines[index].split(separator: " ").compactMap { Int($0) }
            let got = try tokenizer.encode(text, options: EncodingOptions(addSpecialTokens: false)).ids
            #expect(got == expected, "text \(index)")
        }
    }

    private static func parts(_ bytes: [UInt8], at separator: String) -> [String] {
        let separator = Array(separator.utf8)
        var parts: [String] = []
        var part: [UInt8] = []
        var index = 0
        while index < bytes.count {
            if bytes[index...].starts(with: separator) {
                parts.append(String(decoding: part, as: UTF8.self))
                part = []
                index += separator.count
            } else {
                part.append(bytes[index])
                index += 1
            }
        }
        return parts + [String(decoding: part, as: UTF8.self)]
    }

    /// Ids and character offsets of real texts, by the hash that the reference's have.
    @Test(arguments: ["bert-base-uncased", "gpt2", "roberta-base", "phi-3-mini", "qwen2"])
    func realTexts(_ name: String) throws {
        let tokenizer = try Tokenizer.load(from: try Folder(path: "\(Data.shared)/tokenizers/\(name)"))
        let hashes = try #require(try Data.json(try Folder(path: Data.goldens), "shared.json")[name]?.object)
        #expect(hashes.count == 2)
        for (file, hash) in hashes {
            var value: UInt64 = 0xCBF2_9CE4_8422_2325
            func add(_ number: Int) { value = (value ^ UInt64(number)) &* 0x100_0000_01B3 }
            let text = try Folder(path: Data.shared).readText(file)
            for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
                let encoding = try tokenizer.encode(String(line))
                let places = Self.characterPlaces(line)
                for id in encoding.ids { add(id) }
                for offset in encoding.offsets {
                    add(places[offset.lowerBound])
                    add(places[offset.upperBound])
                }
            }
            let got = String(value, radix: 16, uppercase: true)
            #expect(hash.string == String(repeating: "0", count: 16 - got.count) + got, "\(file)")
        }
    }

    /// How many scalars stand before each byte.
    private static func characterPlaces(_ text: Substring) -> [Int] {
        var places: [Int] = []
        for (index, scalar) in text.unicodeScalars.enumerated() {
            places += Array(repeating: index, count: UTF8.width(scalar))
        }
        return places + [text.unicodeScalars.count]
    }
}
