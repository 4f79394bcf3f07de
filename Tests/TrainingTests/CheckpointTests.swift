import Formats
import Models
import Tensors
import Testing
import Training

/// Which checkpoints there are, what is in them, and that failures leave the last whole one.
struct CheckpointTests {
    private func trainer(
        _ folder: Folder, _ arguments: [(String, JSON)], metric: ((Predictions) throws -> Double)? = nil
    ) throws -> Trainer {
        let trainer = try Trainer(
            model: Tiny.model(),
            arguments: Tiny.arguments(
                [("per_device_train_batch_size", .integer(4)), ("max_steps", .integer(8)), ("save_steps", .integer(2))]
                    + arguments), trainDataset: Tiny.dataset(16), evalDataset: Tiny.dataset(6, seed: 5),
            output: { folder })
        if let metric {
            trainer.computeMetrics = .function { [JSON.Member("score", .number(try metric($0)))] }
        }
        return trainer
    }

    /// Scores of the evaluations at steps 2, 4, 6, 8.
    private func scores(_ values: [Double]) -> (Predictions) throws -> Double {
        var index = -1
        return { _ in
            index += 1
            return values[index]
        }
    }

    @Test("a checkpoint has what the reference's has, and trainer_state.json its keys")
    func contents() throws {
        try Tiny.folder { folder in
            let trainer = try trainer(folder, [])
            trainer.saveModel = { try $0.write("adapter_config.json", text: "{}") }
            try trainer.train()
            #expect(try Tiny.checkpoints(folder) == ["checkpoint-2", "checkpoint-4", "checkpoint-6", "checkpoint-8"])
            #expect(
                try folder.subfolder("checkpoint-4").list() == [
                    "adapter_config.json", "optimizer.safetensors", "resume.json", "trainable.safetensors",
                    "trainer_state.json",
                ])
            let text = try folder.readText("checkpoint-4/trainer_state.json")
            let state = try JSON(parsing: text, source: "trainer_state.json")
            // Reference: transformers 5.23, TrainerState.
            #expect(
                state.object.map { Array($0.keys) } == [
                    "best_global_step", "best_metric", "best_model_checkpoint", "epoch", "eval_steps", "global_step",
                    "is_hyper_param_search", "is_local_process_zero", "is_world_process_zero", "log_history",
                    "logging_steps", "max_steps", "num_input_tokens_seen", "num_train_epochs", "save_steps",
                    "stateful_callbacks", "total_flos", "train_batch_size", "trial_name", "trial_params",
                ])
            #expect(state["global_step"]?.int == 4)
            #expect(state["epoch"]?.double == 1)
            #expect(text.hasSuffix("}\n"))
        }
    }

    @Test(
        "save_total_limit keeps the newest and the best",
        arguments: [
            (1, [0.9, 0.1, 0.2, 0.3], ["checkpoint-2"], ["checkpoint-2", "checkpoint-6"]),
            (1, [0.1, 0.2, 0.3, 0.4], ["checkpoint-8"], ["checkpoint-6"]),
            (2, [0.1, 0.9, 0.2, 0.3], ["checkpoint-4", "checkpoint-8"], ["checkpoint-4", "checkpoint-6"]),
            (
                3, [0.1, 0.9, 0.2, 0.3], ["checkpoint-4", "checkpoint-6", "checkpoint-8"],
                ["checkpoint-2", "checkpoint-4", "checkpoint-6"]
            ),
        ])
    func limit(limit: Int, values: [Double], left: [String], atSix: [String]) throws {
        try Tiny.folder { folder in
            let trainer = try trainer(
                folder,
                [
                    ("save_total_limit", .integer(limit)), ("load_best_model_at_end", .bool(true)),
                    ("metric_for_best_model", .string("score")), ("eval_strategy", .string("steps")),
                    ("eval_steps", .integer(2)),
                ], metric: scores(values))
            for _ in 0..<6 { try trainer.step() }
            #expect(try Tiny.checkpoints(folder) == atSix)
            try trainer.train()
            #expect(try Tiny.checkpoints(folder) == left)
        }
    }

    @Test(
        "the best weights are loaded at the end, greater or smaller being better",
        arguments: [
            (nil as Bool?, 4), (true, 4), (false, 6),
        ])
    func best(greater: Bool?, step: Int) throws {
        try Tiny.folder { folder in
            let trainer = try trainer(
                folder,
                [
                    ("load_best_model_at_end", .bool(true)), ("metric_for_best_model", .string("score")),
                    ("greater_is_better", greater.map(JSON.bool) ?? .null), ("eval_strategy", .string("steps")),
                    ("eval_steps", .integer(2)),
                ], metric: scores([0.3, 0.9, 0.1, 0.5]))
            try trainer.train()
            #expect(trainer.state.bestGlobalStep == step)
            #expect(trainer.state.bestModelCheckpoint == "checkpoint-\(step)")
            #expect(trainer.state.bestMetric == (step == 4 ? 0.9 : 0.1))
            let file = try SafetensorsFile(folder.subfolder("checkpoint-\(step)"), "trainable.safetensors")
            let last = try SafetensorsFile(folder.subfolder("checkpoint-8"), "trainable.safetensors")
            var moved = false
            for (name, values) in try Tiny.weights(trainer.model) {
                #expect(try file.floats(name) == values)
                if try last.floats(name) != values { moved = true }
            }
            #expect(moved, "the last weights must differ for this to mean anything")
        }
    }

    @Test("a metric that the evaluation does not give is an error with what it gave")
    func missingMetric() throws {
        try Tiny.folder { folder in
            let trainer = try trainer(
                folder,
                [
                    ("load_best_model_at_end", .bool(true)), ("metric_for_best_model", .string("scor")),
                    ("eval_strategy", .string("steps")), ("eval_steps", .integer(2)),
                ], metric: scores([1, 1, 1, 1]))
            let error = #expect(throws: TrainingError.self) { try trainer.train() }
            #expect(error?.description.contains("gave no 'eval_scor'; did you mean 'eval_score'?") == true)
        }
    }

    @Test(
        "early stopping counts evaluations that were not better by the threshold",
        arguments: [
            (2, 0.0, 6), (1, 0.0, 4), (1, 0.5, 4), (3, 0.0, 8),
        ])
    func earlyStopping(patience: Int, threshold: Double, stop: Int) throws {
        try Tiny.folder { folder in
            let trainer = try trainer(
                folder,
                [
                    ("metric_for_best_model", .string("score")), ("eval_strategy", .string("steps")),
                    ("eval_steps", .integer(2)), ("early_stopping_patience", .integer(patience)),
                    ("early_stopping_threshold", .number(threshold)),
                ], metric: scores([0.5, 0.4, 0.3, 0.2]))
            #expect(try trainer.train().globalStep == stop)
        }
    }

    @Test("a failing write stops the run, leaves the last whole checkpoint and nothing half-written")
    func failingWrite() throws {
        try Tiny.folder { folder in
            let first = try trainer(folder, [])
            var saves = 0
            first.saveModel = { folder in
                saves += 1
                try folder.write("adapter_config.json", text: "{}")
                if saves == 3 { throw FormatError("disk: no space left on the disk") }
            }
            #expect(throws: FormatError.self) { try first.train() }
            #expect(first.state.globalStep == 6)
            #expect(try Tiny.checkpoints(folder) == ["checkpoint-2", "checkpoint-4"])
            let second = try trainer(folder, [])
            #expect(try second.resume(from: folder) == "checkpoint-4")
            try second.train()
            let through = try Trainer(
                model: Tiny.model(),
                arguments: Tiny.arguments([
                    ("per_device_train_batch_size", .integer(4)), ("max_steps", .integer(8)),
                    ("save_strategy", .string("no")),
                ]), trainDataset: Tiny.dataset(16))
            try through.train()
            #expect(try Tiny.weights(second.model) == Tiny.weights(through.model))
        }
    }

    @Test("save_only_model writes no optimizer, and nothing resumes from it")
    func onlyModel() throws {
        try Tiny.folder { folder in
            let first = try trainer(folder, [("save_only_model", .bool(true))])
            for _ in 0..<2 { try first.step() }
            #expect(try folder.subfolder("checkpoint-2").list() == ["trainable.safetensors", "trainer_state.json"])
            let second = try trainer(folder, [("save_only_model", .bool(true))])
            #expect(try second.resume(from: folder) == nil)
        }
    }

    @Test("a weight that is not finite is never written")
    func notFinite() throws {
        try Tiny.folder { folder in
            let trainer = try trainer(folder, [])
            for _ in 0..<2 { try trainer.step() }
            // What a callback in a recipe might do.
            let (name, weight) = try #require(trainer.model.trainableParameters().first)
            let spoiler = Spoiler(at: 4) { try weight.tensor?.mutableFloats()[0] = .nan }
            trainer.callbacks = [spoiler]
            #expect(throws: TrainingError("step 4: parameter of '\(name)' is not finite; nothing was saved")) {
                try trainer.train()
            }
            #expect(try Tiny.checkpoints(folder) == ["checkpoint-2"])
        }
    }
}

/// Does something when a step ends.
private final class Spoiler: TrainerCallback {
    private let step: Int
    private let action: () throws -> Void

    init(at step: Int, _ action: @escaping () throws -> Void) { (self.step, self.action) = (step, action) }

    func handle(_ event: TrainerEvent, _ trainer: Trainer) throws {
        if case .stepEnd = event, trainer.state.globalStep == step { try action() }
    }
}
