import Formats
import Foundation
import Testing
import Tokenizers

/// Where the tests' data lies.
enum Data {
    private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()
    /// The project's own tokenizers.
    static let goldens = root.appending(path: "Tests/Goldens/tokenizers").path
    /// Real tokenizers beside the repository, which may be absent.
    static let shared = root.deletingLastPathComponent().appending(path: "shared").path

    static var hasShared: Bool { FileManager.default.fileExists(atPath: shared) }

    static func json(_ folder: Folder, _ name: String) throws -> JSON {
        try JSON(parsing: try folder.read(name), source: name)
    }

    /// Runs `body` with a folder of its own that holds `files`.
    static func withFolder<Result>(_ files: [String: String], _ body: (Folder) throws -> Result) throws -> Result {
        let url = FileManager.default.temporaryDirectory.appending(path: "lorawb-tokenizers-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: url) }
        let folder = try Folder(path: url.path)
        for (name, text) in files { try folder.write(name, text: text) }
        return try body(folder)
    }

    /// The tokenizer of a tokenizer.json.
    static func tokenizer(_ json: String, config: String? = nil) throws -> Tokenizer {
        var files = ["tokenizer.json": json]
        files["tokenizer_config.json"] = config
        return try withFolder(files) { try Tokenizer.load(from: $0) }
    }
}

/// What an error says; nil where there is none.
func message<Result>(_ body: () throws -> Result) -> String? {
    do {
        _ = try body()
        return nil
    } catch {
        return "\(error)"
    }
}

/// A request of cases.json, and what the reference made of it.
struct GoldenCase {
    let json: JSON

    private func strings(_ key: String) -> [String]? { json[key]?.array?.compactMap(\.string) }

    func options() throws -> EncodingOptions {
        var options = EncodingOptions(
            addSpecialTokens: json["add_special_tokens"]?.bool ?? true, stride: json["stride"]?.int ?? 0)
        guard let maxLength = json["max_length"]?.int else { return options }
        options.maxLength = maxLength
        options.returnOverflowing = true
        options.truncation = try #require(EncodingOptions.Truncation(rawValue: json["truncation"]?.string ?? ""))
        options.truncationSide = try #require(EncodingOptions.Side(rawValue: json["truncation_side"]?.string ?? ""))
        return options
    }

    func encode(with tokenizer: Tokenizer) throws -> Encoding {
        if let words = strings("words") {
            return try tokenizer.encode(words: words, pair: strings("pair_words"), options: options())
        }
        let text = try #require(json["text"]?.string)
        return try tokenizer.encode(text, pair: json["pair"]?.string, options: options())
    }

    /// What `Tokenizer.ids` gives; nil for a case of words.
    func ids(with tokenizer: Tokenizer) throws -> [Int]? {
        guard let text = json["text"]?.string, json["words"] == nil else { return nil }
        return try tokenizer.ids(text, pair: json["pair"]?.string, options: options())
    }

    /// A list of the case; one entry stands for a list of it, none for zeros.
    private func list(_ key: String, _ count: Int) -> [Int?] {
        if let array = json[key]?.array { return array.map(\.int) }
        guard let value = json[key] else { return Array(repeating: 0, count: count) }
        return Array(repeating: value.int, count: count)
    }

    /// What differs from `encoding`, or nil.
    func difference(from encoding: Encoding) -> String? {
        let ids = list("ids", 0)
        func differ(_ name: String, _ expected: [Int?], _ got: [Int?]) -> String? {
            expected == got ? nil : "\(name): expected \(expected.map { $0 ?? -1 }), got \(got.map { $0 ?? -1 })"
        }
        let offsets = encoding.offsets.flatMap { [$0.lowerBound, $0.upperBound] }
        return differ("ids", ids, encoding.ids)
            ?? differ("type_ids", list("type_ids", ids.count), encoding.typeIds)
            ?? differ("word_ids", list("word_ids", ids.count), encoding.wordIds)
            ?? differ("offsets", list("offsets", 2 * ids.count), offsets)
            ?? differ("sequence_ids", list("sequence_ids", ids.count), encoding.sequenceIds)
            ?? differ("special", list("special", ids.count), encoding.specialTokensMask.map { $0 ? 1 : 0 })
    }

    /// The ids of what was cut off, where the case says them.
    var overflowing: [[Int]]? { json["overflowing"]?.array?.map { $0.array?.compactMap(\.int) ?? [] } }
}
