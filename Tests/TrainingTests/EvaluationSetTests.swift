import Adapters
import Formats
import Models
import Testing
import Training

/// Several sets of rows to evaluate on, against runs of transformers' own Trainer with a dictionary of them (Tests/Goldens/trainer_sets.json).
struct EvaluationSetTests {
    private static let names = [
        "two sets by epoch, best of one", "two sets by steps, one's accuracy stops early", "two sets, nothing best",
    ]

    private let golden: JSON

    init() throws {
        golden = try JSON(
            parsing: Goldens.folder().read("trainer_sets.json"), source: "trainer_sets.json", allowsNonFinite: true)
    }

    private func dataset(_ rows: JSON?) throws -> Dataset {
        try Dataset(
            rows: Goldens.elements(rows).map { row in
                [
                    .init("input_ids", .integers(try Goldens.numbers(row["input_ids"]).map { Int32($0) })),
                    .init("labels", .integer(try #require(row["labels"]?.int))),
                ]
            })
    }

    private func model() throws -> any Model {
        let options = LoadOptions(taskType: .sequenceClassification, numLabels: 3)
        let model = try loadModel(Goldens.folder().subfolder(#require(golden["base"]?.string)), options).model
        try AdapterSet(model: model).load(
            Goldens.folder().subfolder(#require(golden["adapter"]?.string)), isTrainable: true, checkBase: false)
        return model
    }

    private func trainer(_ run: JSON, _ folder: Folder) throws -> Trainer {
        var entries = try #require(run["args"]?.object).map { JSON.Member($0.key, $0.value) }
        if let stopping = run["early_stopping"], !stopping.isNull {
            entries.append(.init("early_stopping_patience", try #require(stopping["patience"])))
            entries.append(.init("early_stopping_threshold", try #require(stopping["threshold"])))
        }
        let sets = try ["dev", "test"].map { (name: $0, dataset: try dataset(golden["eval"]?[$0])) }
        let trainer = try Trainer(
            model: model(), arguments: TrainingArguments(entries), trainDataset: dataset(golden["train"]),
            evalDatasets: sets, output: { folder })
        trainer.computeMetrics = .metrics([try Metrics.make("accuracy")])
        return trainer
    }

    private func timeless(_ row: [JSON.Member]) -> [JSON.Member] {
        row.filter { !$0.key.hasSuffix("_runtime") && !$0.key.hasSuffix("_per_second") && $0.key != "total_flos" }
    }

    private func compare(_ row: [JSON.Member], _ want: JSON, _ what: String) throws {
        #expect(Set(row.map(\.key)) == Set(try #require(want.object).keys), "\(what)")
        for entry in row {
            let (value, expected) = (try #require(entry.value.double), try #require(want[entry.key]?.double))
            // float32 sums of a tiny model, 1e-3 relative, as trainer.json has it.
            #expect(
                abs(value - expected) <= 1e-3 * max(abs(expected), 1e-6),
                "\(what) \(entry.key): \(value), not \(expected)")
        }
    }

    @Test("log, best metric, early stopping, checkpoints and the weights in the end", arguments: names)
    func run(name: String) throws {
        let run = try #require(try Goldens.elements(golden["runs"]).first { $0["name"]?.string == name })
        try Tiny.folder { folder in
            let trainer = try trainer(run, folder)
            try trainer.train()
            let (log, state) = (trainer.state.logHistory, try #require(run["state"]))
            let expected = try Goldens.elements(state["log_history"])
            try #require(log.count == expected.count)
            for (index, (row, want)) in zip(log, expected).enumerated() {
                try compare(timeless(row), want, "row \(index)")
            }
            #expect(trainer.state.globalStep == state["global_step"]?.int)
            #expect(trainer.state.bestGlobalStep == state["best_global_step"]?.int)
            #expect(trainer.state.bestModelCheckpoint == state["best_model_checkpoint"]?.string)
            if let best = state["best_metric"]?.double {
                #expect(abs(try #require(trainer.state.bestMetric) - best) <= 1e-3 * best)
            }
            #expect(Set(try Tiny.checkpoints(folder)) == Set(try Goldens.elements(run["kept"]).compactMap(\.string)))
            try compare(timeless(trainer.evaluate()), #require(run["evaluation"]), "the evaluation at the end")
            let scores = try trainer.predict(dataset(golden["eval"]?["dev"])).predictions.logits
            let logits = try Goldens.elements(run["final_logits"]).flatMap { try Goldens.numbers($0) }
            let largest = try #require(logits.map(abs).max())
            for (score, want) in zip(scores, logits) { #expect(abs(Double(score) - want) <= 1e-3 * largest) }
        }
    }

    @Test("a set that is given to evaluate stands for itself, several are named")
    func given() throws {
        let data = try Tiny.dataset(6)
        let trainer = try Trainer(model: Tiny.model(), evalDatasets: [("a", data), ("b", Tiny.dataset(4, seed: 2))])
        #expect(try trainer.evaluate(data).first?.key == "eval_loss")
        let named = try trainer.evaluate([(name: "c", dataset: data)])
        #expect(named.first?.key == "eval_c_loss")
        let all = try trainer.evaluate()
        #expect(all.map(\.key).filter { $0.hasSuffix("loss") } == ["eval_a_loss", "eval_b_loss"])
        #expect(all.last?.key == "epoch")
        #expect(all.first?.value == named.first?.value)
    }

    @Test("states are kept of each set, and change no figure")
    func keptStates() throws {
        func run(_ keeps: Bool) throws -> (losses: [Double], notes: [String]) {
            let trainer = try Trainer(
                model: Tiny.model(dropout: 0, trainedFrom: 1),
                arguments: Tiny.arguments([
                    ("num_train_epochs", .integer(3)), ("eval_strategy", .string("epoch")),
                    ("save_strategy", .string("no")), ("learning_rate", .number(1e-2)), ("prefix_cache", .bool(keeps)),
                ]), trainDataset: Tiny.dataset(12),
                evalDatasets: [("a", Tiny.dataset(5, seed: 5)), ("b", Tiny.dataset(6, seed: 6))])
            let notes = Notes()
            trainer.reporter = notes
            try trainer.train()
            let losses = trainer.state.logHistory.compactMap { row in
                row.first { $0.key.hasPrefix("eval_") && $0.key.hasSuffix("_loss") }?.value.double
            }
            return (losses, notes.lines)
        }
        let (plain, kept) = (try run(false), try run(true))
        #expect(plain.losses.count == 6 && plain.notes.isEmpty)
        // Layers are computed for other rows at a time: float32 sums.
        for (a, b) in zip(plain.losses, kept.losses) { #expect(abs(a - b) < 1e-6) }
        for name in ["train_dataset", "eval_dataset.a", "eval_dataset.b"] {
            let note = kept.notes.first { $0.hasPrefix("prefix_cache: keeping ") && $0.contains(" \(name): ") }
            #expect(note != nil, "\(kept.notes)")
        }
    }

    @Test("a metric that none of the sets has is named before anything is trained")
    func unknownMetric() throws {
        for metric in ["loss", "eval_accuracy", "eval_devloss"] {
            #expect(
                throws: TrainingError(
                    "args: metric_for_best_model is '\(metric)', but each of several sets of eval_dataset has its own; expected one of 'eval_dev_loss', 'eval_test_loss', or another metric of theirs"
                )
            ) {
                try Trainer(
                    model: Tiny.model(),
                    arguments: Tiny.arguments([
                        ("metric_for_best_model", .string(metric)), ("eval_strategy", .string("epoch")),
                    ]), trainDataset: Tiny.dataset(4),
                    evalDatasets: [("dev", Tiny.dataset(4)), ("test", Tiny.dataset(4))])
            }
        }
    }

    @Test("a run with several sets goes on to the bits of one that ran through; another set is named")
    func resumed() throws {
        let arguments: [(String, JSON)] = [
            ("per_device_train_batch_size", .integer(4)), ("num_train_epochs", .integer(3)),
            ("learning_rate", .number(2e-2)), ("eval_strategy", .string("steps")), ("eval_steps", .integer(2)),
            ("save_steps", .integer(2)), ("logging_steps", .integer(1)), ("load_best_model_at_end", .bool(true)),
            ("metric_for_best_model", .string("eval_b_loss")), ("early_stopping_patience", .integer(3)),
        ]
        func make(_ folder: Folder, seed: UInt64 = 7) throws -> Trainer {
            try Trainer(
                model: Tiny.model(), arguments: Tiny.arguments(arguments), trainDataset: Tiny.dataset(13),
                evalDatasets: [("a", Tiny.dataset(5, seed: 5)), ("b", Tiny.dataset(6, seed: seed))], output: { folder })
        }
        var through: (weights: [String: [Float]], history: [[JSON.Member]])?
        try Tiny.folder { folder in
            let trainer = try make(folder)
            try trainer.train()
            through = (try Tiny.weights(trainer.model), Tiny.history(trainer))
        }
        for last in [2, 3, 5] {
            try Tiny.folder { folder in
                let first = try make(folder)
                for _ in 0..<last { try first.step() }
                let error = #expect(throws: TrainingError.self) { try make(folder, seed: 8).resume(from: folder) }
                #expect(error?.description.contains("the run was made with another eval_dataset.b: recorded") == true)
                let second = try make(folder)
                try second.resume(from: folder)
                try second.train()
                #expect(try Tiny.weights(second.model) == through?.weights)
                #expect(Tiny.history(second) == through?.history)
            }
        }
    }
}
