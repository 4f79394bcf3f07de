import Adapters
import Formats
import Models
import Testing
import Training

/// Ten runs of transformers' own Trainer (Tests/Goldens/trainer.json): what is logged, saved, kept and loaded in the end.
struct ReferenceTrainerTests {
    private static let names = [
        "by epoch, best at the end", "by steps", "warm-up by ratio, steps by fraction, cosine",
        "two checkpoints kept, the best among them", "one checkpoint kept besides the best", "saved when best",
        "early stopping", "evaluated before the first step, after a delay", "last batch dropped, no clipping",
        "label smoothing",
    ]

    private let golden: JSON

    init() throws {
        golden = try JSON(parsing: Goldens.folder().read("trainer.json"), source: "trainer.json", allowsNonFinite: true)
    }

    @Test("no run is left out")
    func complete() throws {
        #expect(try Goldens.elements(golden["runs"]).map { $0["name"]?.string } == Self.names)
    }

    @Test("log, state, checkpoints and final scores", arguments: Self.names)
    func run(name: String) throws {
        let run = try #require(try Goldens.elements(golden["runs"]).first { $0["name"]?.string == name })
        try Tiny.folder { folder in
            let trainer = try makeTrainer(run, folder)
            let output = try trainer.train()
            try compare(log: trainer.state.logHistory, to: run)
            try compareState(trainer, to: run)
            let kept = try Tiny.checkpoints(folder)
            #expect(Set(kept) == Set(try Goldens.elements(run["kept"]).compactMap(\.string)))
            for name in kept { try compareState(of: name, in: folder, to: run) }
            let loss = output.metrics.first { $0.key == "train_loss" }?.value.double
            try expectNear(loss, run["result"]?["train_loss"]?.double, "train_loss of the result")
            let evaluation = try dataset("eval")
            let scores = try trainer.predict(evaluation).predictions.logits
            let expected = try Goldens.elements(run["final_logits"]).flatMap { try Goldens.numbers($0) }
            let largest = try #require(expected.map(abs).max())
            for (score, want) in zip(scores, expected) {
                // Twenty steps carry rounding on; relative to the largest score, as DESIGN.md has it for losses of steps.
                #expect(abs(Double(score) - want) <= 1e-3 * largest)
            }
            #expect(scores.count == expected.count)
        }
    }

    private func dataset(_ split: String) throws -> Dataset {
        try Dataset(
            rows: Goldens.elements(golden[split]).map { row in
                [
                    .init("input_ids", .integers(try Goldens.numbers(row["input_ids"]).map { Int32($0) })),
                    .init("labels", .integer(try #require(row["labels"]?.int))),
                ]
            })
    }

    private func makeTrainer(_ run: JSON, _ folder: Folder) throws -> Trainer {
        let options = LoadOptions(taskType: .sequenceClassification, numLabels: 3)
        let model = try loadModel(Goldens.folder().subfolder(#require(golden["base"]?.string)), options).model
        try AdapterSet(model: model).load(
            Goldens.folder().subfolder(#require(golden["adapter"]?.string)), isTrainable: true, checkBase: false)
        var entries = try #require(run["args"]?.object).map { JSON.Member($0.key, $0.value) }
        if let stopping = run["early_stopping"], !stopping.isNull {
            entries.append(.init("early_stopping_patience", try #require(stopping["patience"])))
            entries.append(.init("early_stopping_threshold", try #require(stopping["threshold"])))
        }
        let trainer = try Trainer(
            model: model, arguments: TrainingArguments(entries), trainDataset: dataset("train"),
            evalDataset: dataset("eval"), output: { folder })
        trainer.computeMetrics = .metrics([try Metrics.make("accuracy")])
        return trainer
    }

    private func expectNear(_ value: Double?, _ expected: Double?, _ what: String) throws {
        let (value, expected) = (try #require(value, "\(what)"), try #require(expected, "\(what)"))
        // trainer.json: float32 sums of a tiny model, 1e-3 relative.
        #expect(abs(value - expected) <= 1e-3 * max(abs(expected), 1e-6), "\(what): \(value), not \(expected)")
    }

    private func compare(log: [[JSON.Member]], to run: JSON) throws {
        let expected = try Goldens.elements(run["state"]?["log_history"])
        try #require(log.count == expected.count)
        for (index, (row, want)) in zip(log, expected).enumerated() {
            let timeless = row.filter {
                !$0.key.hasSuffix("_runtime") && !$0.key.hasSuffix("_per_second") && $0.key != "total_flos"
            }
            #expect(Set(timeless.map(\.key)) == Set(try #require(want.object).keys))
            #expect(row.last?.key == "step")
            for entry in timeless {
                try expectNear(entry.value.double, want[entry.key]?.double, "row \(index) \(entry.key)")
            }
        }
    }

    /// The state at the end.
    private func compareState(_ trainer: Trainer, to run: JSON) throws {
        let (state, want) = (trainer.state, try #require(run["state"]))
        #expect(state.globalStep == want["global_step"]?.int)
        #expect(state.maxSteps == want["max_steps"]?.int)
        #expect(state.numTrainEpochs == want["num_train_epochs"]?.int)
        #expect(state.epoch == want["epoch"]?.double)
        #expect(state.bestGlobalStep == want["best_global_step"]?.int)
        #expect(state.bestModelCheckpoint == want["best_model_checkpoint"]?.string)
        #expect(state.loggingSteps == want["logging_steps"]?.int)
        #expect(state.saveSteps == want["save_steps"]?.int)
        #expect((state.bestMetric == nil) == (want["best_metric"]?.isNull ?? true))
        if let best = state.bestMetric { try expectNear(best, want["best_metric"]?.double, "best_metric") }
    }

    /// The trainer_state.json of a checkpoint.
    private func compareState(of name: String, in folder: Folder, to run: JSON) throws {
        let path = "\(name)/trainer_state.json"
        let state = try JSON(parsing: folder.read(path), source: path)
        let want = try #require(run["checkpoint_states"]?[name])
        let keys = try #require(want.object).keys
        #expect(Set(try #require(state.object).keys) == Set(keys).union(["log_history", "total_flos"]))
        for key in keys where !["best_metric", "total_flos", "num_input_tokens_seen"].contains(key) {
            let (found, expected) = (state[key] ?? .null, want[key] ?? .null)
            #expect(
                found == expected || (found.double != nil && found.double == expected.double),
                "\(name) \(key): \(found), not \(expected)")
        }
    }
}
