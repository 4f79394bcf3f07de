import Formats

extension TrainerState {
    /// The state as the reference's trainer_state.json lays it out (transformers 5.23), sorted keys.
    func json(_ arguments: TrainingArguments) -> JSON {
        var callbacks = [Value.Entry("TrainerControl", progress.control.exported)]
        if let patience = arguments.earlyStoppingPatience {
            let counter = Value.integer(progress.evaluationsWithoutImprovement)
            callbacks.append(
                .init(
                    "EarlyStoppingCallback",
                    .object([
                        .init(
                            "args",
                            .object([
                                .init("early_stopping_patience", .integer(patience)),
                                .init("early_stopping_threshold", .float(arguments.earlyStoppingThreshold)),
                            ])), .init("attributes", .object([.init("early_stopping_patience_counter", counter)])),
                    ])))
        }
        let entries: [Value.Entry] = [
            .init("best_global_step", bestGlobalStep.map(Value.integer) ?? .null),
            .init("best_metric", bestMetric.map(Value.float) ?? .null),
            .init("best_model_checkpoint", bestModelCheckpoint.map(Value.string) ?? .null),
            .init("epoch", .float(epoch)), .init("eval_steps", .integer(evalSteps)),
            .init("global_step", .integer(globalStep)), .init("is_hyper_param_search", .boolean(false)),
            .init("is_local_process_zero", .boolean(true)), .init("is_world_process_zero", .boolean(true)),
            .init("log_history", .list(logHistory.map(Value.object))),
            .init("logging_steps", .integer(loggingSteps)), .init("max_steps", .integer(maxSteps)),
            .init("num_input_tokens_seen", .integer(numInputTokensSeen)),
            .init("num_train_epochs", .integer(numTrainEpochs)), .init("save_steps", .integer(saveSteps)),
            .init("stateful_callbacks", .object(callbacks)),
            .init("total_flos", .float(totalFlos)), .init("train_batch_size", .integer(trainBatchSize)),
            .init("trial_name", .null), .init("trial_params", .null),
        ]
        return entries.json
    }

    /// Takes what a trainer_state.json says; `source` names it in errors.
    mutating func restore(_ json: JSON, source: String) throws {
        globalStep = try json.required("global_step", "an integer", source: source, \.int)
        epoch = try json.required("epoch", "a number", source: source, \.double)
        bestMetric = try json.optional("best_metric", "a number", source: source, \.double)
        bestGlobalStep = try json.optional("best_global_step", "an integer", source: source, \.int)
        bestModelCheckpoint = try json.optional("best_model_checkpoint", "a string", source: source, \.string)
        numInputTokensSeen = try json.required("num_input_tokens_seen", "an integer", source: source, \.int)
        totalFlos = try json.required("total_flos", "a number", source: source, \.double)
        logHistory = try json.required("log_history", "a list", source: source, \.array).map { row in
            guard case .object(let entries) = Value(row) else {
                throw TrainingError("\(source): 'log_history' holds \(row.kind); expected objects")
            }
            return entries
        }
    }
}

extension TrainerControl {
    /// As the reference's stateful_callbacks has it.
    fileprivate var exported: Value {
        .object([
            .init(
                "args",
                .object([
                    .init("should_epoch_stop", .boolean(shouldEpochStop)),
                    .init("should_evaluate", .boolean(shouldEvaluate)), .init("should_log", .boolean(shouldLog)),
                    .init("should_save", .boolean(shouldSave)),
                    .init("should_training_stop", .boolean(shouldTrainingStop)),
                ])), .init("attributes", .object([])),
        ])
    }
}

extension RunProgress {
    /// All of it, for resume.json.
    var json: JSON {
        let entries: [Value.Entry] = [
            .init("phase", .string(phase.rawValue)), .init("epoch_index", .integer(epochIndex)),
            .init("step_in_epoch", .integer(stepInEpoch)), .init("loss_sum", .float(lossSum)),
            .init("total_loss", .float(totalLoss)), .init("last_logged_step", .integer(lastLoggedStep)),
            .init("epoch_loss", .float(epochLoss)), .init("epoch_steps", .integer(epochSteps)),
            .init("last_grad_norm", .float(lastGradNorm)), .init("last_learning_rate", .float(lastLearningRate)),
            .init("evaluations_without_improvement", .integer(evaluationsWithoutImprovement)),
            .init("should_training_stop", .boolean(control.shouldTrainingStop)),
            .init("should_epoch_stop", .boolean(control.shouldEpochStop)),
            .init("watched_steps", .integer(watchedSteps)),
            .init("unmoved", unmoved.map { .list($0.map(Value.string)) } ?? .null),
            .init("evaluated_on_start", .boolean(evaluatedOnStart)), .init("seconds", .float(seconds)),
        ]
        return entries.json
    }

    /// What `json` gave; `source` names the file in errors.
    init(_ json: JSON, source: String) throws {
        func integer(_ key: String) throws -> Int { try json.required(key, "an integer", source: source, \.int) }
        func number(_ key: String) throws -> Double { try json.required(key, "a number", source: source, \.double) }
        func boolean(_ key: String) throws -> Bool { try json.required(key, "a boolean", source: source, \.bool) }
        phase = try json.required("phase", "a phase", source: source) { $0.string.flatMap(Phase.init) }
        (epochIndex, stepInEpoch) = (try integer("epoch_index"), try integer("step_in_epoch"))
        (lossSum, totalLoss) = (try number("loss_sum"), try number("total_loss"))
        lastLoggedStep = try integer("last_logged_step")
        (epochLoss, epochSteps) = (try number("epoch_loss"), try integer("epoch_steps"))
        (lastGradNorm, lastLearningRate) = (try number("last_grad_norm"), try number("last_learning_rate"))
        evaluationsWithoutImprovement = try integer("evaluations_without_improvement")
        control.shouldTrainingStop = try boolean("should_training_stop")
        control.shouldEpochStop = try boolean("should_epoch_stop")
        watchedSteps = try integer("watched_steps")
        unmoved = try json.optional("unmoved", "a list", source: source, \.array)?.compactMap(\.string)
        evaluatedOnStart = try boolean("evaluated_on_start")
        seconds = try number("seconds")
        guard epochIndex >= 0, stepInEpoch >= 0 else {
            throw TrainingError("\(source): the place in the data is negative")
        }
    }
}
