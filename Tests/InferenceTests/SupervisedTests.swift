import Formats
import Inference
import TestSupport
import Testing
import Tokenizers

/// Tests/Goldens/supervised.json: rows of text as TRL trains on them (scripts/goldens/supervised.py).
private let goldens = try? JSON(
    parsing: Folder(path: Golden.root).read("supervised.json"), source: "supervised.json")
private let cases = goldens?["cases"]?.array ?? []

private func integers(_ json: JSON?) throws -> [Int] { try #require(json?.array).compactMap(\.int) }

/// A tokenizer of the tiny Llama; with `marked`, one whose template marks the assistant's turns.
private func tokenizer(marked: Bool) throws -> Tokenizer {
    let folder = try Folder(path: "\(Golden.root)/generation/llama")
    guard marked else { return try Tokenizer.load(from: folder) }
    let scratch = try Scratch()
    try scratch.folder.write("tokenizer.json", text: folder.readText("tokenizer.json"))
    var config = try JSON(parsing: folder.read("tokenizer_config.json"), source: "tokenizer_config.json").object ?? [:]
    config["chat_template"] = goldens?["marked"]
    try scratch.folder.write("tokenizer_config.json", text: JSON.object(config).serialized())
    return try Tokenizer.load(from: scratch.folder)
}

private func options(_ json: JSON?) -> SupervisedOptions {
    var options = SupervisedOptions()
    if let length = json?["max_length"]?.int { options.maxLength = length }
    options.completionOnlyLoss = json?["completion_only_loss"]?.bool
    options.assistantOnlyLoss = json?["assistant_only_loss"]?.bool ?? false
    return options
}

@Suite struct SupervisedTests {
    private func rows(_ golden: JSON, _ options: SupervisedOptions, marked: Bool = false) throws -> [SupervisedRow] {
        let rows = try #require(golden["rows"]?.array)
        let columns = try #require(rows.first?.object).map(\.key)
        let kind = try #require(SupervisedText.Kind(columns: columns, textField: "text"))
        let text = try SupervisedText(kind, tokenizer: tokenizer(marked: marked), options: options)
        return try rows.map { try text.row($0) }
    }

    @Test("tokens and labels are TRL's", arguments: cases.filter { $0["options"]?["packing"] == nil })
    func likeTRL(_ golden: JSON) throws {
        let marked = golden["name"] == .string("assistant")
        let made = try rows(golden, options(golden["options"]), marked: marked)
        for (row, expected) in zip(made, try #require(golden["found"]?.array)) {
            #expect(row.ids == (try integers(expected["input_ids"])), "\(golden["name"]?.string ?? "")")
            #expect(row.labels == (try integers(expected["labels"])), "\(golden["name"]?.string ?? "")")
        }
    }

    @Test("without marks in the template, turns are found by rendering up to each, and are those of the marks")
    func turnsByPrefixes() throws {
        let golden = try #require(cases.first { $0["name"] == .string("assistant") })
        let (found, marked) = (
            try rows(golden, options(golden["options"])), try rows(golden, options(golden["options"]), marked: true)
        )
        #expect(found == marked && found.allSatisfy(\.endsTrained))
        var last = options(golden["options"])
        last.trainOn = .last
        let lasts = try rows(golden, last)
        // The first conversation has two turns, of which one is left; the others have one.
        #expect(lasts[0] != found[0] && lasts[1] == found[1] && lasts[2] == found[2])
        #expect(lasts[0].labels.count { $0 != -100 } < found[0].labels.count { $0 != -100 })
    }

    @Test("what cannot be trained on is refused by name")
    func refused() throws {
        let plain = try tokenizer(marked: false)
        func message(_ row: JSON, _ kind: SupervisedText.Kind, _ change: (inout SupervisedOptions) -> Void = { _ in })
            -> String
        {
            var options = SupervisedOptions()
            change(&options)
            do {
                _ = try SupervisedText(kind, tokenizer: plain, options: options).row(row)
                return ""
            } catch { return "\(error)" }
        }
        #expect(message(["text": .integer(3)], .text("text")).contains("text is integer 3; expected a text"))
        #expect(message(["messages": .array([])], .conversation("messages")).contains("expected a list of messages"))
        let asked = JSON.object(["messages": .array([["role": .string("user"), "content": .string("a")]])])
        #expect(
            message(asked, .conversation("messages")) { $0.assistantOnlyLoss = true }
                .contains("has no turn of the assistant"))
        #expect(
            message(asked, .conversation("messages")) { $0.completionOnlyLoss = true }.contains("assistant_only_loss"))
        #expect(
            message(["text": .string("a")], .text("text")) { $0.trainOn = .last }.contains(
                "train_on is for conversations"))
    }
}

extension JSON: ExpressibleByDictionaryLiteral {
    /// An object of these members.
    public init(dictionaryLiteral elements: (String, JSON)...) { self = .object(JSONObject(elements)) }
}
