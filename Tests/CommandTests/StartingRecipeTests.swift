import Foundation
import Testing

/// The recipes inside the binary that people start their own from, each on a little data with a tiny model.
@Suite struct StartingRecipeTests {
    private let place: Place

    init() throws {
        place = try Place()
        try place.makeModel()
    }

    private func run(_ recipe: String, _ words: String..., folder: String? = nil) throws -> String {
        let start = [Running.program, "run", recipe, "--model", "tiny", "--run-dir", folder ?? "run-\(recipe)"]
        let outcome = try Running(start + words, cwd: place.path).wait()
        #expect(outcome.code == 0, "\(recipe): \(outcome)")
        return outcome.out
    }

    private func lines(_ count: Int, _ row: (Int) -> String) -> String {
        (1...count).map { row($0) + "\n" }.joined()
    }

    @Test("CoLA's files have no header")
    func cola() throws {
        let rows = lines(24) {
            "gj04\t\($0 % 3 == 0 ? 0 : 1)\t\($0 % 3 == 0 ? "*" : "")\tThe cat number \($0) sat on the mat."
        }
        try place.put("cola/in_domain_train.tsv", rows)
        try place.put("cola/in_domain_dev.tsv", rows)
        let said = try run("cola", "--data", "cola", "--epochs", "1")
        #expect(said.contains("Matthews correlation"))
        #expect(place.exists("run-cola/adapter/adapter_model.safetensors"))
    }

    @Test("pairs, as classes and as a number")
    func pairs() throws {
        try place.put("pairs.csv", "text,text_pair,label\n" + lines(20) { "\"one, \($0)\",two,\($0 % 2)" })
        #expect(try run("pairs", "--data", "pairs.csv", "--epochs", "1").contains("LABEL_"))
        try place.put("scores.tsv", "text\ttext_pair\tlabel\n" + lines(20) { "one \($0)\ttwo\t\(Double($0) / 2)" })
        #expect(
            try run("pairs", "--data", "scores.tsv", "--epochs", "1", "--num_labels", "1", folder: "run-scores")
                .contains("pearson"))
    }

    @Test("tags by word, with the F1 of spans")
    func tags() throws {
        try place.put(
            "tags.jsonl",
            lines(20) {
                "{\"tokens\": [\"Ann\", \"lives\", \"in\", \"Rome\(String(repeating: "!", count: $0 % 3))\"], \"tags\": [\"B-PER\", \"O\", \"O\", \"B-LOC\"]}"
            })
        let said = try run("tags", "--data", "tags.jsonl", "--epochs", "2")
        #expect(said.contains("f1"))
    }

    @Test("several labels at once, weighed")
    func labels() throws {
        try place.put(
            "labels.jsonl",
            lines(20) {
                "{\"text\": \"text \($0)\", \"labels\": [\($0 % 2 == 0 ? "\"sport\"" : "")\($0 % 4 == 0 ? ", \"film\"" : "")]}"
            })
        #expect(try run("labels", "--data", "labels.jsonl", "--epochs", "1").contains("of the first row held out"))
    }

    @Test("a loop by hand and a sweep over ranks, with the data inside the binary")
    func loops() throws {
        #expect(try run("loop", "--epochs", "1").contains("epoch 1  training loss"))
        let said = try run("sweep", "--epochs", "1", "--ranks", "1,2")
        #expect(said.contains("parameters     loss  accuracy"))
        #expect(place.exists("run-sweep/sweep.json"))
    }

    @Test("long documents in chunks")
    func documents() throws {
        try place.put(
            "documents.jsonl",
            lines(12) {
                "{\"text\": \"\(String(repeating: "the film is good ", count: 4 * $0))\", \"label\": \($0 % 2)}"
            })
        let said = try run("documents", "--data", "documents.jsonl", "--epochs", "1", "--length", "16", "--stride", "4")
        #expect(said.contains("accuracy of whole documents"))
    }

    @Test("questions answered, and predictions of a file as CSV")
    func answersAndPredictions() throws {
        try place.put(
            "squad.jsonl",
            lines(12) {
                "{\"question\": \"what is it\", \"context\": \"it is film \($0)\", \"answers\": {\"text\": [\"film\"], \"answer_start\": [6]}}"
            })
        #expect(try run("answers", "--data", "squad.jsonl", "--epochs", "1").contains("exact match"))
        try place.put("pairs.csv", "text,text_pair,label\n" + lines(20) { "one \($0),two,\($0 % 2)" })
        _ = try run("pairs", "--data", "pairs.csv", "--epochs", "1")
        let said = try run(
            "predict", "--data", "pairs.csv", "--pair", "text_pair", "--adapter", "run-pairs/adapter")
        #expect(said.contains("20 rows in"))
        let file = try place.text("run-predict/predictions.csv")
        #expect(file.hasPrefix("text,text_pair,label,predicted,score\n"))
        #expect(file.split(separator: "\n").count == 21)
    }
}
