import Foundation
import Testing

/// The recipes for causal language models that the binary holds, each on a tiny random Llama: what they print and leave.
struct LanguageRecipeTests {
    private static func run(_ name: String, _ words: String..., in place: Place) throws -> Outcome {
        try place.makeLanguageModel("lm")
        return try Running([Running.program, "run", name, "--model", "lm"] + words, cwd: place.path).wait()
    }

    private static func expect(_ outcome: Outcome, _ parts: String..., place: Place, adapter: String? = nil) {
        #expect(outcome.code == 0, "\(outcome)")
        for part in parts { #expect(outcome.out.contains(part), "\(part): \(outcome)") }
        if let adapter {
            #expect(place.files("runs/\(adapter)-1").contains("adapter/adapter_model.safetensors"), "\(outcome)")
        }
    }

    @Test func chatTune() throws {
        let place = try Place()
        // Ten pairs, of which two are held out.
        let pairs = (0..<10).map { "What is \($0)?\tLog: \($0).\n" }.joined()
        try place.put("pairs.tsv", "prompt\tcompletion\n" + pairs)
        let outcome = try Self.run("chat_tune", "--data", "pairs.tsv", "--epochs", "1", in: place)
        Self.expect(
            outcome, "Before training:", "train_dataset: 8 rows", "8 end with a trained end of turn",
            "loss on 2 held-out pairs: ", "After training:", "of 6 answers are a log entry", place: place,
            adapter: "chat_tune")
    }

    @Test func e2e() throws {
        let place = try Place()
        let lines = (0..<6).map { "name : n\($0 / 2) | area : a||n\($0 / 2) is in a , text \($0) . \n" }
        try place.put("e2e/valid.txt", lines.joined())
        let outcome = try Self.run("e2e_nlg", "--data", "e2e", "--tests", "1", in: place)
        Self.expect(
            outcome, "Before training: BLEU ", ", ROUGE-L ", "train_dataset: 4 rows", "After training: ", place: place,
            adapter: "e2e_nlg")
    }

    @Test func generate() throws {
        let place = try Place()
        let outcome = try Self.run("generate", "--max_new_tokens", "6", in: place)
        Self.expect(outcome, "Greedy:", "Sampled:", "Two at once:", "Chat:", "<|user|>What is the sea?", place: place)
        // The same seed draws the same.
        #expect(try Self.run("generate", "--max_new_tokens", "6", in: place).out == outcome.out)
    }

    @Test func finetuneText() throws {
        let place = try Place()
        let speech = (0..<40).map { "FIRST:\nwhat is \($0) to a king of \($0 * 7) ships?\n\n" }.joined()
        try place.put("text.txt", String(repeating: speech, count: 20))
        let outcome = try Self.run(
            "finetune_text", "--data", "text.txt", "--steps", "4", "--max_length", "64", in: place)
        Self.expect(
            outcome, "Before training:", "After training:", "perplexity on held-out passages: ", place: place,
            adapter: "finetune_text")
    }

    @Test func textToSQL() throws {
        let place = try Place()
        for (split, columns) in [("train", 4), ("valid", 2), ("test", 2)] {
            let rows = (0..<columns).map { #"{"text": "columns: A\nQ: \#($0)?\nA: SELECT \#($0)"}"# + "\n" }
            try place.put("sql/\(split).jsonl", rows.joined())
        }
        let outcome = try Self.run("text_to_sql", "--data", "sql", "--epochs", "1", in: place)
        Self.expect(
            outcome, "Before training: ", "of 2 queries exactly right", "wanted SELECT 1", place: place,
            adapter: "text_to_sql")
    }

    @Test func translate() throws {
        let place = try Place()
        for split in ["val", "test"] {
            try place.put("pairs/\(split).en", "a dog\na cat\n")
            try place.put("pairs/\(split).de", "ein Hund\neine Katze\n")
        }
        let outcome = try Self.run("translate", "--data", "pairs", "--epochs", "1", in: place)
        Self.expect(outcome, "loss on 2 test pairs: ", "wanted eine Katze", place: place, adapter: "translate")
        try place.put("pairs/test.de", "ein Hund\n")
        let uneven = try Self.run("translate", "--data", "pairs", in: place)
        #expect(uneven.code == 1 && uneven.line.contains("test: 2 lines of English, 1 of German"), "\(uneven)")
    }

    @Test func zeroShot() throws {
        let place = try Place()
        let rows = "sentence\tlabel\ngood\t1\nbad\t0\nfine\t1\npoor\t0\n"
        for split in ["train", "dev"] { try place.put("s/\(split).tsv", rows) }
        let outcome = try Self.run("zero_shot", "--data", "s", "--shots", "2", in: place)
        Self.expect(
            outcome, "zero-shot              accuracy ", "2 examples ", "tuned, zero-shot ", place: place,
            adapter: "zero_shot")
    }

    /// A parameter of type "model" takes a file, and find_model knows one.
    @Test func modelsInOneFile() throws {
        let place = try Place()
        try place.put(
            "llama.gguf", Data(contentsOf: URL(fileURLWithPath: Place.goldens + "/gguf/llama.gguf")))
        let lines = """
            local args = lorawb.args { model = { "", type = "model" } }
            local model = lorawb.load_model(args.model, { task_type = "CAUSAL_LM" })
            print(model.config.model_type, lorawb.find_model(args.model) == args.model, lorawb.find_model "none.gguf")
            """
        let outcome = try place.run(lines, "--model", "llama.gguf")
        #expect(outcome.code == 0 && outcome.out == "llama\ttrue\tnil\n", "\(outcome)")
        let missing = try place.run(lines, "--model", "none.gguf", env: ["HF_HOME": place.path])
        #expect(
            missing.code == 64
                && missing.line.hasPrefix("lorawb: --model: no folder or .gguf file 'none.gguf' and no model"),
            "\(missing)")
    }
}
