import Foundation
import Testing

/// A training by the command: what it prints and writes, and what its result does not depend on.
struct TrainingTests {
    @Test func trainsAndSaves() throws {
        let place = try Place.training()
        let outcome = try place.train()
        #expect(outcome.code == 0 && outcome.err.isEmpty, "\(outcome)")
        let lines = outcome.out.split(separator: "\n").map(String.init)
        #expect(lines.contains("trainable params: 1,090 || all params: 25,316 || trainable%: 4.3056"), "\(outcome)")
        #expect(lines.contains("     epoch  training loss  validation loss    accuracy"), "\(outcome)")
        let rows = lines.filter { $0.wholeMatch(of: /\s+[12]\.00\s+\d\.\d{4}\s+\d\.\d{4}\s+[01]\.\d{4}/) != nil }
        #expect(rows.count == 2, "\(outcome)")
        let run = Set(place.files("runs/train-1"))
        #expect(
            run.isSuperset(of: [
                "best/adapter_config.json", "best/adapter_model.safetensors", "checkpoint-8/adapter_model.safetensors",
                "checkpoint-16/trainer_state.json", "recipe.lua", "metrics.jsonl",
            ]), "\(run)")
        #expect(try place.text("runs/train-1/recipe.lua") == Place.trainingRecipe)
        // A second run does not touch the first.
        #expect(try place.train("--epochs", "1").code == 0)
        #expect(place.files("runs").contains("train-2"))
    }

    @Test func sameBitsAtOneAndTwoThreads() throws {
        let place = try Place.training()
        for threads in ["1", "2"] {
            #expect(try place.train("--threads", threads, "--run-dir", "t\(threads)").code == 0)
        }
        #expect(try place.adapter("t1/best") == place.adapter("t2/best"))
        // Dropout acts: without it the result is another.
        #expect(try place.train("--dropout", "0", "--run-dir", "t0").code == 0)
        #expect(try place.adapter("t1/best") != place.adapter("t0/best"))
    }

    @Test func accumulationChangesNothing() throws {
        let place = try Place.training()
        func losses(_ words: String...) throws -> [Double] {
            let outcome = try Running(
                [Running.program, "run", "train.lua", "--epochs", "1", "--lr", "1e-3"] + words, cwd: place.path
            ).wait()
            let line = outcome.out.split(separator: "\n").first { $0.hasPrefix("losses ") } ?? ""
            #expect(outcome.code == 0, "\(outcome)")
            return line.split(separator: " ").dropFirst().compactMap { Double($0) }
        }
        let (whole, parts) = (try losses("--batch", "8"), try losses("--batch", "2", "--accumulate", "4"))
        #expect(whole.count == 4 && parts.count == 4)
        // The rules of numbers: the gradient of the whole to 1e-6, with dropout too.
        for (a, b) in zip(whole, parts) { #expect(abs(a - b) < 2e-6, "\(whole) \(parts)") }
    }

    /// The recipe inside the binary, on data and a model of the tests' own.
    @Test func builtInRecipes() throws {
        let place = try Place.training()
        let sst2 = try lorawb(
            "run", "sst2", "--model", "tiny", "--data", "data", "--epochs", "1", "--rows", "16", cwd: place.path)
        #expect(sst2.code == 0, "\(sst2)")
        #expect(
            sst2.out.contains("Predictions of the untrained head:") && sst2.out.contains("accuracy on the validation"))
        #expect(place.files("runs/sst2-1").contains("best/adapter_model.safetensors"))

        let rows = (0..<24).map {
            "\(["a good film", "the bad dog", "it was fine"][$0 % 3])\t\($0 % 2)\t\($0 < 16 ? "train" : "validation")\n"
        }
        try place.put("reviews.tsv", "sentence\tlabel\tsplit\n" + rows.joined())
        let quickstart = try lorawb(
            "run", "quickstart", "--model", "tiny", "--data", "reviews.tsv", "--epochs", "1", cwd: place.path)
        #expect(quickstart.code == 0, "\(quickstart)")
        for text in [
            "train        16 reviews, 50.0 % positive", "Before training:", "After training:", "trainable params:",
        ] {
            #expect(quickstart.out.contains(text), "\(quickstart)")
        }
        #expect(place.files("runs/quickstart-1").contains("adapter/adapter_model.safetensors"))
    }
}
