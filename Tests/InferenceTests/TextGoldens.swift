import Formats
import Inference
import Models
import Tensors
import TestSupport
import Testing
import Tokenizers

/// Tests/Goldens/texts: what transformers says of texts by a tiny BERT (scripts/goldens/texts.py).
struct TextGoldens {
    let json: JSON
    private let folder: Folder

    init() throws {
        folder = try Folder(path: "\(Golden.root)/texts")
        json = try JSON(parsing: folder.read("texts.json"), source: "texts.json")
    }

    func tokenizer() throws -> Tokenizer { try Tokenizer.load(from: Folder(path: "\(Golden.root)/tokenizers/bert")) }

    /// The model with a head of these numbers.
    func model(_ options: LoadOptions, head: JSON?) throws -> any Model {
        let model = try loadModel(folder.subfolder("model"), options).model
        let parameters = Dictionary(uniqueKeysWithValues: model.namedParameters().map { ($0.name, $0.weight) })
        for (name, value) in try #require(head?.object) {
            let weight = try #require(parameters[name], "\(name)")
            try weight.setRequiresGrad(true)
            let numbers = TextGoldens.flat(value)
            let tensor = try #require(weight.tensor)
            try #require(numbers.count == tensor.count)
            let target = try tensor.mutableFloats()
            for (place, number) in numbers.enumerated() { unsafe target[place] = number }
        }
        return model
    }

    private static func flat(_ value: JSON) -> [Float] {
        value.array.map { $0.flatMap(flat) } ?? value.double.map { [Float($0)] } ?? []
    }

    var texts: [String] { json["texts"]?.array?.compactMap(\.string) ?? [] }
}

/// Sums of float32 in another order, through two layers and a softmax.
private let tolerance = 1e-5

@Suite struct ClassifyTests {
    @Test(
        "scores of texts and pairs are those of the text-classification pipeline",
        arguments: ["single", "several", "regression"])
    func texts(name: String) throws {
        let goldens = try TextGoldens()
        let case_ = try #require(goldens.json["classified"]?[name])
        let problem = case_["options"]?["problem_type"]?.string.flatMap(ModelConfig.ProblemType.init(rawValue:))
        let model = try goldens.model(
            LoadOptions(
                taskType: .sequenceClassification, numLabels: case_["options"]?["num_labels"]?.int, problemType: problem
            ),
            head: case_["head"])
        var options = TextOptions()
        (options.batchSize, options.maxLength) = (4, 40)
        let pairs = goldens.json["pairs"]?.array?.compactMap(\.array) ?? []
        let texts =
            goldens.texts.map { ClassifiedText($0) }
            + pairs.map { ClassifiedText($0[0].string ?? "", pair: $0[1].string) }
        let found = try classify(texts, model: model, tokenizer: try goldens.tokenizer(), options: options)
        let expected = (case_["texts"]?.array ?? []) + (case_["pairs"]?.array ?? [])
        try #require(found.count == expected.count && found.count == 8)
        for (result, list) in zip(found, expected) {
            let list = list.array ?? []
            #expect(result.ranked.map { "LABEL_\($0)" } == list.compactMap { $0["label"]?.string })
            for (id, entry) in zip(result.ranked, list) {
                #expect(abs(result.scores[id] - (entry["score"]?.double ?? .nan)) < tolerance)
            }
        }
    }

    @Test("entities are those of the token-classification pipeline", arguments: Aggregation.allCases)
    func tokens(aggregation: Aggregation) throws {
        let goldens = try TextGoldens()
        var tagger = try self.tagger(goldens)
        tagger.aggregation = aggregation
        let found = try tagger.entities(in: goldens.texts.filter { !$0.isEmpty }.map { .text($0) })
        try expect(found, goldens.json["tagged"]?[aggregation.rawValue])
        guard aggregation == .none else { return }
        tagger.ignoredLabels = []
        try expect(
            try tagger.entities(in: goldens.texts.filter { !$0.isEmpty }.map { .text($0) }),
            goldens.json["tagged"]?["all"])
        #expect(try tagger.entities(in: [.text("")]) == [[]])
    }

    @Test("words that were cut by the caller, and long texts by parts, give the pipeline's spans")
    func wordsAndParts() throws {
        let goldens = try TextGoldens()
        var tagger = try self.tagger(goldens)
        tagger.aggregation = .simple
        let texts = goldens.texts.filter { !$0.isEmpty }
        let words = texts.prefix(3).map { $0.split { $0.isWhitespace }.map(String.init) }
        try expect(try tagger.entities(in: words.map { .words($0) }), goldens.json["tagged"]?["words"])
        (tagger.stride, tagger.options.maxLength) = (8, 24)
        try expect(try tagger.entities(in: [.text(texts[texts.count - 1])]), goldens.json["tagged"]?["stride"])
    }

    private func tagger(_ goldens: TextGoldens) throws -> TokenTagger {
        let tags = goldens.json["tagged"]?["tags"]?.array?.compactMap(\.string) ?? []
        let model = try goldens.model(
            LoadOptions(
                taskType: .tokenClassification,
                id2label: Dictionary(uniqueKeysWithValues: tags.enumerated().map { ($0, $1) })),
            head: goldens.json["tagged"]?["head"])
        var tagger = try TokenTagger(model, try goldens.tokenizer())
        tagger.options.maxLength = 40
        tagger.options.batchSize = 2
        return tagger
    }

    private func expect(_ found: [[TokenEntity]], _ expected: JSON?) throws {
        let expected = try #require(expected?.array)
        try #require(found.count == expected.count)
        for (entities, list) in zip(found, expected) {
            let list = list.array ?? []
            #expect(entities.map(\.label) == list.compactMap { ($0["entity"] ?? $0["entity_group"])?.string })
            #expect(entities.map(\.word) == list.compactMap { $0["word"]?.string })
            #expect(entities.map(\.range.lowerBound) == list.compactMap { $0["start"]?.int })
            #expect(entities.map(\.range.upperBound) == list.compactMap { $0["end"]?.int })
            #expect(entities.compactMap(\.index) == list.compactMap { $0["index"]?.int })
            for (entity, entry) in zip(entities, list) {
                #expect(abs(entity.score - (entry["score"]?.double ?? .nan)) < tolerance)
            }
        }
    }
}

@Suite struct AnswerTests {
    private let goldens: TextGoldens
    private let rows: [JSON]

    init() throws {
        goldens = try TextGoldens()
        rows = goldens.json["answered"]?["rows"]?.array ?? []
        try #require(rows.count == 4)
    }

    @Test(
        "rows to train on are those of transformers' run_qa.py", arguments: [("features", 40, 10), ("whole", 512, 128)])
    func features(name: String, maxLength: Int, docStride: Int) throws {
        var windows = AnswerWindows()
        (windows.maxLength, windows.docStride) = (maxLength, docStride)
        let features = AnswerFeatures(try goldens.tokenizer(), windows: windows)
        let made = try rows.enumerated().flatMap { index, row in try features.rows(of: row).map { (index, $0) } }
        let expected = try #require(goldens.json["answered"]?[name]?.array)
        try #require(made.count == expected.count)
        for ((row, feature), entry) in zip(made, expected) {
            #expect(row == entry["row"]?.int)
            #expect(feature.ids == entry["input_ids"]?.array?.compactMap(\.int))
            #expect(feature.typeIds == entry["token_type_ids"]?.array?.compactMap(\.int))
            #expect(feature.start == entry["start"]?.int && feature.end == entry["end"]?.int)
        }
    }

    @Test(
        "answers are those of transformers' run_qa.py",
        arguments: [
            ("answers", 40, 10, 30, 20, false), ("short", 32, 4, 3, 5, false), ("or_none", 40, 10, 30, 20, true),
        ])
    func answers(_ name: String, _ maxLength: Int, _ docStride: Int, _ longest: Int, _ best: Int, _ orNone: Bool) throws
    {
        let model = try goldens.model(
            LoadOptions(taskType: .questionAnswering), head: goldens.json["answered"]?["head"])
        var answerer = try Answerer(model, try goldens.tokenizer())
        (answerer.windows.maxLength, answerer.windows.docStride, answerer.batchSize) = (maxLength, docStride, 3)
        (answerer.maxAnswerLength, answerer.bestCount, answerer.mayBeUnanswerable) = (longest, best, orNone)
        let found = try answerer.answers(to: rows.map(AnswerFeatures.asked))
        let expected = try #require(goldens.json["answered"]?[name]?.array)
        try #require(found.count == expected.count)
        for (answers, entry) in zip(found, expected) {
            let answer = try #require(answers.first)
            #expect(answer.text == entry["answer"]?.string)
            // Sums of two logits of some units.
            #expect(abs(answer.logit - (entry["logit"]?.double ?? .nan)) < 1e-4)
            if let score = entry["score"]?.double, !orNone { #expect(abs(answer.score - score) < tolerance) }
            #expect(abs(answers.reduce(0) { $0 + $1.score } - 1) < 1e-9)
        }
    }

    @Test("an answer that is not where it is said to be, and what is no answer, is an error that says so")
    func wrong() throws {
        let features = AnswerFeatures(try goldens.tokenizer())
        func error(_ answers: String) -> String? {
            do {
                let row = try JSON(
                    parsing: Array(#"{"question": "what", "context": "a café film"\#(answers)}"#.utf8), source: "row")
                _ = try features.rows(of: row)
                return nil
            } catch { return "\(error)" }
        }
        #expect(error(#", "answers": {"text": ["film"], "answer_start": [7]}"#) == nil)
        #expect(error(#", "answers": {"text": ["film"], "answer_start": [8]}"#)?.contains("answer_start 8") == true)
        #expect(
            error(#", "answers": {"text": ["film"], "answer_start": [9000000000000000000]}"#)?.contains("answer_start")
                == true)
        #expect(error(#", "answers": [{"text": "café", "answer_start": 2}]"#) == nil)
        #expect(error(#", "answers": {"text": [], "answer_start": []}"#) == nil)
        #expect(error(#", "answer": "film""#) == nil)
        #expect(error(#", "answer": "house""#)?.contains("does not stand in the context") == true)
        #expect(error(#", "answers": 3"#)?.contains("answer_start") == true)
        #expect(error("") == nil)
    }
}
