import Formats
import Testing

@testable import Training

/// BLEU and ROUGE-L beside sacrebleu and rouge-score (scripts/goldens/text_metrics.py).
struct TextMetricTests {
    /// Both are a few additions, divisions and logarithms of counts in double precision: only their order may differ.
    @Test("45 corpora score as sacrebleu 2.6.0 and rouge-score 0.1.2 have them")
    func goldens() throws {
        let cases = try Goldens.elements(
            JSON(parsing: Goldens.folder().read("text_metrics.json"), source: "text_metrics.json"))
        #expect(cases.count == 45)
        for json in cases {
            let texts = try Goldens.elements(json["predictions"]).map { try #require($0.string) }
            let references = try Goldens.elements(json["references"]).map {
                try Goldens.elements($0).map { try #require($0.string) }
            }
            let bleu = try BLEU.score(texts, references: references)
            #expect(abs(bleu - (try #require(json["bleu"]?.double))) < 1e-9, "\(texts)")
            let rouge = try RougeL.score(texts, references: references)
            #expect(abs(rouge - (try #require(json["rougeL"]?.double))) < 1e-12, "\(texts)")
        }
    }

    @Test("words are mteval-v13a's")
    func words() {
        #expect(
            BLEU.words("It costs £20-25, or 1,000.5 (cheap)!")
                == "It costs £20 - 25 , or 1,000.5 ( cheap ) !".split(separator: " ").map(String.init))
        #expect(RougeL.words("It's 3.5 naïve") == ["it", "s", "3", "5", "na", "ve"])
    }

    @Test("what cannot be scored is said")
    func refusals() {
        #expect(throws: TrainingError("bleu: no predictions")) { try BLEU.score([], references: []) }
        #expect(throws: TrainingError("rouge_l: row 2 has no reference")) {
            try RougeL.score(["a", "b"], references: [["a"], []])
        }
        #expect(throws: TrainingError("bleu: 1 predictions and references of 2; one entry for each is needed")) {
            try BLEU.score(["a"], references: [["a"], ["b"]])
        }
    }
}
