import LuaBridge
import Training

/// What a callback may ask of the trainer, as an object that recipes hold.
final class ControlBox {
    let trainer: Trainer

    init(_ trainer: Trainer) { self.trainer = trainer }
}

/// Where a training stands, as an object that recipes hold.
final class TrainerStateBox {
    let trainer: Trainer

    init(_ trainer: Trainer) { self.trainer = trainer }
}

/// What callbacks of recipes see: where a training stands, and what they may ask.
enum TrainerStateLua {
    static var stateType: LuaType<TrainerStateBox> {
        func number(_ name: String, _ doc: String, _ get: @escaping (TrainerState) -> LuaValue) -> LuaProperty<
            TrainerStateBox
        > {
            LuaProperty(name, doc, type: "number?") { get($0.trainer.state) }
        }
        return LuaType(
            "lorawb.TrainerState", "Where a training stands, by the names of transformers.",
            properties: [
                number("global_step", "Optimizer steps done.") { .integer($0.globalStep) },
                number("max_steps", "Optimizer steps in all.") { .integer($0.maxSteps) },
                number("epoch", "Epochs done.") { .number($0.epoch) },
                number("num_train_epochs", "Epochs in all.") { .integer($0.numTrainEpochs) },
                number("best_metric", "Best value of metric_for_best_model so far.") {
                    $0.bestMetric.map { .number($0) } ?? .nil
                },
                number("best_global_step", "Step of the best value so far.") {
                    $0.bestGlobalStep.map { .integer($0) } ?? .nil
                },
                LuaProperty("best_model_checkpoint", "Checkpoint of the best value so far.", type: "string?") { box in
                    box.trainer.state.bestModelCheckpoint.map { .string($0) } ?? .nil
                },
                LuaProperty("log_history", "All rows logged so far.", type: "table[]") { box in
                    .list(try LuaRows.log(box.trainer.state.logHistory))
                },
            ],
            metamethods: [
                .text("Step, epoch and the newest rows of the log.") { $0.text }
            ])
    }

    static var controlType: LuaType<ControlBox> {
        func flag(_ name: String, _ doc: String, _ path: WritableKeyPath<TrainerControl, Bool>) -> LuaProperty<
            ControlBox
        > {
            LuaProperty(
                name, doc, type: "boolean", get: { .boolean($0.trainer.control[keyPath: path]) },
                set: { box, call in box.trainer.control[keyPath: path] = try call.boolean(1, name) })
        }
        return LuaType(
            "lorawb.TrainerControl", "What a callback may ask of the trainer.",
            properties: [
                flag("should_training_stop", "Stop after this step.", \.shouldTrainingStop),
                flag("should_epoch_stop", "End the epoch after this step.", \.shouldEpochStop),
                flag("should_save", "Write a checkpoint now.", \.shouldSave),
                flag("should_evaluate", "Evaluate now.", \.shouldEvaluate), flag("should_log", "Log now.", \.shouldLog),
            ])
    }
}
