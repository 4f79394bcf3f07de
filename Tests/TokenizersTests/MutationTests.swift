import Formats
import Testing
import Tokenizers

/// Files that a mutation of the project's own makes: each is refused with an error, or encodes and decodes, in bounded time.
@Suite struct MutationTests {
    /// SplitMix64, so that a failure's seed makes the same file again.
    struct Random: RandomNumberGenerator {
        var state: UInt64

        mutating func next() -> UInt64 {
            state &+= 0x9E37_79B9_7F4A_7C15
            var value = (state ^ state >> 30) &* 0xBF58_476D_1CE4_E5B9
            value = (value ^ value >> 27) &* 0x94D0_49BB_1331_11EB
            return value ^ value >> 31
        }

        mutating func pick<Element>(_ elements: [Element]) -> Element {
            elements[Int.random(in: elements.indices, using: &self)]
        }
    }

    private static let numbers: [Int64] = [
        .min, -(1 << 53), -1, 0, 1, 2, 255, 256, 1 << 31 - 1, 1 << 31, 1 << 32, 1 << 40, 1 << 53, .max,
    ]
    private static let strings = [
        "", "a", " ", "\n", "\u{0}", "\u{301}", "A", "B", "##", "a b", "[UNK]", "Sequence", "ByteLevel", "Replace",
        "first",
        "(a*)*", "(?:a+a+)+b", "((((((a{1000}){1000}){1000})))", "(?=", "[", "\\p{L}+", "|||", "$", "a{2147483648}",
        String(repeating: "(", count: 3_000), String(repeating: "x", count: 2_000),
    ]
    private static let stages = [
        #"{"type":"Replace","pattern":{"String":"a"},"content":"aaaaaaaa"}"#,
        #"{"type":"Replace","pattern":{"Regex":"a|$"},"content":"b"}"#,
        #"{"type":"NFKD"}"#, #"{"type":"ByteLevel"}"#,
        #"{"type":"Strip","content":"a","start":9007199254740993,"stop":1}"#,
        #"{"type":"Split","pattern":{"Regex":"(?:a+a+)+b"},"behavior":"Isolated"}"#,
        #"{"type":"Metaspace","replacement":"x"}"#,
        #"{"type":"WordPiece","prefix":"a","cleanup":true}"#, #"{"type":"Prepend","prepend":"aaaa"}"#,
        #"{"type":"Fuse"}"#,
    ].map { try? JSON(parsing: $0, source: "stage") }

    /// The value with one place in it changed: the `place`th in the order of the file.
    ///
    /// A large object or list counts as few.
    private static func mutated(_ json: JSON, _ place: inout Int, _ random: inout Random) -> JSON {
        place -= 1
        if place == 0 { return replacement(for: json, &random) }
        switch json {
        case .array(let elements):
            var result = elements
            for index in elements.indices.prefix(8) { result[index] = mutated(elements[index], &place, &random) }
            return .array(result)
        case .object(let members):
            var result = JSONObject()
            for (index, member) in members.enumerated() {
                result[member.key] = index < 24 ? mutated(member.value, &place, &random) : member.value
            }
            return .object(result)
        default: return json
        }
    }

    private static func replacement(for json: JSON, _ random: inout Random) -> JSON {
        switch Int.random(in: 0..<12, using: &random) {
        case 0: return .integer(random.pick(numbers))
        case 1, 2: return .string(random.pick(strings))
        case 3:
            return random.pick([
                .null, .bool(true), .bool(false), .number(1e300), .number(-0.5), .array([]), .object([:]),
            ])
        case 4: return random.pick(stages) ?? .null
        case 5: return (0..<random.pick([1, 20, 600])).reduce(json) { json, _ in .array([json]) }
        case 6:
            let key = random.pick(["normalizers", "pretokenizers", "decoders", "processors"])
            let members = JSON.array(Array(repeating: json, count: random.pick([1, 2, 9, 300])))
            return (0..<random.pick([1, 5, 17])).reduce(.object(["type": .string("Sequence"), key: members])) {
                inner, _ in
                .object(["type": .string("Sequence"), key: .array([inner])])
            }
        default: break
        }
        switch json {
        case .array(let elements):
            if random.next() % 2 == 0 {
                return .array(Array(elements.prefix(Int.random(in: 0...elements.count, using: &random))))
            }
            return .array(Array(repeating: elements.prefix(200), count: random.pick([2, 50])).flatMap(\.self))
        case .object(let members):
            var members = members
            guard let key = members.keys.randomElement(using: &random) else { return .null }
            let value = members[key]
            if random.next() % 2 == 0 { members[key] = nil } else { members[random.pick(strings)] = value }
            return .object(members)
        case .string(let text):
            return .string(random.pick([text + text, String(text.dropLast()), text + "\u{7f}\n", text.uppercased()]))
        case .integer(let number):
            return .integer(random.pick([number &+ 1, number &- 1, 0 &- number, number &* 1_000_003]))
        default: return .integer(random.pick(numbers))
        }
    }

    private static let texts = [
        "", "a", "The sea, the lighthouse's 123 Äpfel!\r\n\t 中文 <s> [MASK] <|endoftext|>",
        String(repeating: "a", count: 300),
        String(repeating: " ", count: 100) + "e\u{301}\u{323}", "\u{0}\u{FFFD}\u{10FFFF}",
    ]

    @Test(arguments: ["bert", "byte-fallback", "gpt2", "qwen2", "roberta"]) func tokenizerFile(_ name: String) throws {
        let original = try Data.json(try Folder(path: "\(Data.goldens)/\(name)"), "tokenizer.json")
        let clock = ContinuousClock()
        var loaded = 0
        for seed in UInt64(0)..<150 {
            var random = Random(state: seed)
            var json = original
            for _ in 0..<random.pick([1, 1, 2, 4]) {
                var place = Int.random(in: 1...160, using: &random)
                json = Self.mutated(json, &place, &random)
            }
            let start = clock.now
            do {
                let tokenizer = try Data.tokenizer(json.compact())
                loaded += 1
                for text in Self.texts {
                    do {
                        let encoding = try tokenizer.encode(text, pair: text.count < 10 ? text : nil)
                        #expect(encoding.offsets.allSatisfy { $0.upperBound <= text.utf8.count }, "seed \(seed)")
                        #expect(
                            try tokenizer.ids(text, pair: text.count < 10 ? text : nil) == encoding.ids, "seed \(seed)")
                        _ = try tokenizer.decode(encoding.ids + [0, -1, Int.max])
                    } catch let error as TokenizerError {
                        Self.check(error, seed)
                    }
                }
            } catch let error as TokenizerError {
                Self.check(error, seed)
            }
            #expect(clock.now - start < .seconds(20), "seed \(seed)")
        }
        // Neither all nor none.
        #expect(loaded > 10 && loaded < 150, "\(loaded)")
    }

    /// An error is one line that names the file.
    private static func check(_ error: TokenizerError, _ seed: UInt64) {
        let text = error.description
        #expect(text.contains("tokenizer.json"), "seed \(seed): \(text)")
        #expect(!text.unicodeScalars.contains { $0.properties.generalCategory == .control }, "seed \(seed): \(text)")
    }

    /// The plain files, byte by byte.
    @Test(arguments: ["bert-files", "roberta-files", "qwen2-files"]) func plainFiles(_ name: String) throws {
        let folder = try Folder(path: "\(Data.goldens)/\(name)")
        let names = [
            "vocab.txt", "vocab.json", "merges.txt", "tokenizer_config.json", "added_tokens.json",
            "special_tokens_map.json",
        ]
        .filter { folder.exists($0) }
        let originals = try names.map { ($0, Array(try folder.read($0))) }
        for seed in UInt64(0)..<100 {
            var random = Random(state: seed)
            var files: [String: String] = [:]
            for (name, bytes) in originals { files[name] = String(decoding: bytes, as: UTF8.self) }
            var (changed, bytes) = random.pick(originals)
            for _ in 0..<random.pick([1, 3, 20]) where !bytes.isEmpty {
                let place = Int.random(in: bytes.indices, using: &random)
                switch random.next() % 4 {
                case 0: bytes[place] = UInt8(truncatingIfNeeded: random.next())
                case 1: bytes.removeSubrange(place..<min(place + random.pick([1, 2, 1_000]), bytes.count))
                case 2:
                    bytes.insert(
                        contentsOf: Array(random.pick(["\"", "9", "-", "{", "[", "\n", "\\u", ":"]).utf8), at: place)
                default: bytes.insert(contentsOf: bytes[place..<min(place + 100, bytes.count)], at: place)
                }
            }
            files[changed] = String(decoding: bytes, as: UTF8.self)
            do {
                let tokenizer = try Data.withFolder(files) { try Tokenizer.load(from: $0) }
                for text in Self.texts { _ = try tokenizer.decode(try tokenizer.encode(text).ids) }
            } catch let error as TokenizerError {
                #expect(
                    !error.description.unicodeScalars.contains { $0.properties.generalCategory == .control },
                    "seed \(seed)")
            }
        }
    }
}
