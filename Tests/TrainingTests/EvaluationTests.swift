import Formats
import Models
import Tensors
import Testing
import Training

struct EvaluationTests {
    private func number(_ metrics: [JSON.Member], _ key: String) throws -> Double {
        try #require(metrics.first { $0.key == key }?.value.double, "\(key)")
    }

    @Test("loss and metrics do not depend on the size of batches; scores come in the order of rows")
    func batches() throws {
        let model = try Tiny.model()
        let data = try Tiny.dataset(11)
        var found: [[Double]] = []
        for size in [1, 4, 11] {
            let trainer = try Trainer(
                model: model, arguments: Tiny.arguments([("per_device_eval_batch_size", .integer(size))]),
                evalDataset: data)
            trainer.computeMetrics = .metrics([try Metrics.make("accuracy"), try Metrics.make("perplexity")])
            let metrics = try trainer.evaluate()
            #expect(
                metrics.map(\.key) == [
                    "eval_loss", "eval_accuracy", "eval_perplexity", "eval_runtime", "eval_samples_per_second",
                    "eval_steps_per_second", "epoch",
                ])
            found.append(try ["eval_loss", "eval_accuracy", "eval_perplexity"].map { try number(metrics, $0) })
            #expect(trainer.state.logHistory.count == 1)
            let scores = try trainer.predict(data).predictions
            for row in 0..<data.count {
                let alone = try Recording.off {
                    try #require(try model(BatchReader(data, for: model).batch([row]).input).logits)
                }
                for (a, b) in zip(scores.logits[row * 2..<row * 2 + 2], try alone.floatArray()) {
                    #expect(abs(a - b) < 1e-5)
                }
            }
        }
        for other in found.dropFirst() { for (a, b) in zip(found[0], other) { #expect(abs(a - b) < 1e-6) } }
    }

    @Test("a function gets all scores and labels, streaming metrics give the same")
    func function() throws {
        let data = try Tiny.dataset(9)
        let trainer = try Trainer(model: Tiny.model(), evalDataset: data)
        trainer.computeMetrics = .function { predictions in
            guard case .classes(let labels)? = predictions.labels else { throw TrainingError("no labels") }
            #expect(predictions.width == 2 && predictions.logits.count == 18)
            let right = labels.enumerated().count { row, label in
                (predictions.logits[row * 2 + 1] > predictions.logits[row * 2] ? 1 : 0) == label
            }
            return [.init("accuracy", .number(Double(right) / Double(labels.count)))]
        }
        let byFunction = try number(trainer.evaluate(), "eval_accuracy")
        trainer.computeMetrics = .metrics([try Metrics.make("accuracy")])
        #expect(try number(trainer.evaluate(), "eval_accuracy") == byFunction)
    }

    @Test("tokens: loss over labelled tokens, scores by token with boundaries")
    func tokens() throws {
        let data = try Tiny.dataset(5).mappedEntries { row in
            guard let ids = row.first(where: { $0.key == "input_ids" })?.value.asIntegers else { return row }
            return [.init("labels", .integers(ids.enumerated().map { $0 == 0 ? -100 : $1 % 2 }))]
        }
        let model = try Tiny.model(task: .tokenClassification)
        let trainer = try Trainer(
            model: model, arguments: Tiny.arguments([("per_device_eval_batch_size", .integer(2))]), evalDataset: data)
        let loss = try number(trainer.evaluate(), "eval_loss")
        let whole = try Recording.off {
            try #require(try model(BatchReader(data, for: model).batch([0, 1, 2, 3, 4]).input).loss)
        }
        #expect(abs(loss - Double(try whole.floatArray()[0])) < 1e-6)
        let predictions = try trainer.predict(data).predictions
        let boundaries = try #require(predictions.boundaries)
        #expect(boundaries.count == 6)
        #expect(predictions.logits.count == (boundaries.last ?? 0) * 2)
    }

    @Test("an evaluation stops on request, outside of a training without a checkpoint")
    func interrupted() throws {
        let trainer = try Trainer(model: Tiny.model(), evalDataset: Tiny.dataset(20))
        var polls = 0
        trainer.shouldStop = {
            polls += 1
            return polls > 1 ? Interruption("interrupted") : nil
        }
        let stop = #expect(throws: TrainingInterrupted.self) { try trainer.evaluate() }
        #expect(stop?.description == "training stopped after step 0 (interrupted)")
        #expect(trainer.state.logHistory.isEmpty)
    }

    @Test("rows without labels give scores but no loss")
    func unlabelled() throws {
        let data = try Dataset(rows: [[.init("input_ids", .integers([5, 6]))], [.init("input_ids", .integers([7]))]])
        let trainer = try Trainer(model: Tiny.model())
        let (predictions, metrics) = try trainer.predict(data)
        #expect(predictions.logits.count == 4)
        #expect(predictions.labels == nil)
        #expect(metrics.map(\.key) == ["test_runtime", "test_samples_per_second", "test_steps_per_second"])
    }

    @Test("events come in the reference's order, and what callbacks ask is done")
    func events() throws {
        try Tiny.folder { folder in
            let trainer = try Trainer(
                model: Tiny.model(),
                arguments: Tiny.arguments([
                    ("per_device_train_batch_size", .integer(2)), ("gradient_accumulation_steps", .integer(2)),
                    ("num_train_epochs", .integer(1)), ("eval_strategy", .string("epoch")),
                    ("save_strategy", .string("epoch")), ("logging_steps", .integer(1)),
                ]), trainDataset: Tiny.dataset(6), evalDataset: Tiny.dataset(2), output: { folder })
            let witness = Witness()
            trainer.callbacks = [witness]
            try trainer.train()
            #expect(
                witness.names == [
                    "on_train_begin", "on_epoch_begin", "on_step_begin", "on_substep_end", "on_pre_optimizer_step",
                    "on_optimizer_step", "on_step_end", "on_log", "on_step_begin", "on_pre_optimizer_step",
                    "on_optimizer_step", "on_step_end", "on_log", "on_epoch_end", "on_log", "on_evaluate", "on_save",
                    "on_log", "on_train_end",
                ])
            #expect(Set(witness.names).isSubset(of: TrainerEvent.documentation.map(\.name)))
        }
    }

    @Test("a callback may stop the training, end the epoch, and ask for logs, evaluations and checkpoints")
    func control() throws {
        try Tiny.folder { folder in
            let trainer = try Trainer(
                model: Tiny.model(),
                arguments: Tiny.arguments([
                    ("per_device_train_batch_size", .integer(2)), ("num_train_epochs", .integer(3)),
                    ("save_strategy", .string("epoch")),
                ]), trainDataset: Tiny.dataset(8), evalDataset: Tiny.dataset(2), output: { folder })
            let witness = Witness()
            witness.action = { event, trainer in
                guard case .stepEnd = event else { return }
                switch trainer.state.globalStep {
                case 1: trainer.control.shouldLog = true
                case 2: trainer.control.shouldEpochStop = true
                case 3: trainer.control.shouldEvaluate = true
                case 4: trainer.control.shouldSave = true
                case 5: trainer.control.shouldTrainingStop = true
                default: break
                }
            }
            trainer.callbacks = [witness]
            let output = try trainer.train()
            #expect(output.globalStep == 5)
            // Two steps in the first epoch, three in the second.
            #expect(trainer.state.epoch == 1.75)
            #expect(trainer.state.logHistory.compactMap { $0.last?.value.int } == [1, 3, 5])
            #expect(try folder.list() == ["checkpoint-2", "checkpoint-4", "checkpoint-5", "metrics.jsonl"])
        }
    }

    @Test("the log stands in the run's folder, with the recipe and its parameters; a changed one is refused")
    func record() throws {
        try Tiny.folder { folder in
            func trainer(recipe: String = "print(1)\nprint(2)\n", rate: Double = 0.5) throws -> Trainer {
                let trainer = try Trainer(
                    model: Tiny.model(),
                    arguments: Tiny.arguments([
                        ("max_steps", .integer(4)), ("save_steps", .integer(2)), ("logging_steps", .integer(1)),
                    ]),
                    trainDataset: Tiny.dataset(8), output: { folder })
                trainer.record = RunRecord(
                    recipe: recipe, parameters: [.init("rate", .number(rate))],
                    environment: [.init("threads", .integer(2))])
                return trainer
            }
            let first = try trainer()
            for _ in 0..<3 { try first.step() }
            #expect(try folder.readText("recipe.lua") == "print(1)\nprint(2)\n")
            #expect(try folder.readText("params.json") == "{\n  \"rate\": 0.5\n}\n")
            #expect(try folder.readText("metrics.jsonl").split(separator: "\n").count == 3)
            #expect(
                throws: TrainingError(
                    "\(folder.path)/recipe.lua: the run was made with another recipe; line 2 differs: go back to that recipe, take this one with --edited, or start a new run"
                )
            ) { try trainer(recipe: "print(1)\nprint(3)\n").resume(from: folder) }
            #expect(
                throws: TrainingError(
                    "\(folder.path)/params.json: the run was made with rate = 0.5, now it is 0.25; give it the same value, or start a new run"
                )
            ) { try trainer(rate: 0.25).resume(from: folder) }
            let second = try trainer()
            #expect(try second.resume(from: folder) == "checkpoint-2")
            try second.train()
            // The third step's row was written twice, by the killed run and by this one; the log has it once.
            let lines = try folder.readText("metrics.jsonl").split(separator: "\n")
            #expect(lines.count == 5)
            #expect(lines[2].contains("\"step\": 3"))
        }
    }
}

/// Writes down what it hears.
private final class Witness: TrainerCallback {
    var names: [String] = []
    var action: ((TrainerEvent, Trainer) -> Void)?

    func handle(_ event: TrainerEvent, _ trainer: Trainer) {
        names.append(event.name)
        action?(event, trainer)
    }
}
