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

    /// Takes what the trainer_state.json of a checkpoint says, as far as `plan` and the checkpoint's step allow it; `source` names the
    /// file in errors.
    mutating func restore(_ json: JSON, step: Int, plan: StepPlan, source: String) throws {
        let record = try RecordReader(json, source: source)
        globalStep = try record.count("global_step", step...step)
        epoch = try record.number("epoch", 0...Double(plan.epochs))
        bestMetric = try record.anyNumber("best_metric")
        bestGlobalStep = try record.optionalCount("best_global_step", 0...step)
        bestModelCheckpoint = try record.optionalText("best_model_checkpoint")
        if let name = bestModelCheckpoint, name != bestGlobalStep.map({ Checkpoint(step: $0).name }) {
            let expected = bestGlobalStep.map { "'\(Checkpoint(step: $0).name)'" } ?? "null, as best_global_step is"
            throw record.error("best_model_checkpoint", "'\(FormatError.shown(name))'", expected: expected)
        }
        numInputTokensSeen = try record.count("num_input_tokens_seen", RecordReader.sums)
        totalFlos = try record.number("total_flos", 0...Double.greatestFiniteMagnitude)
        logHistory = try record.objects("log_history") { row in
            if case .object(let entries) = Value(row) { entries } else { nil }
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

    /// What `json` gave, the member `progress` of `source`, as far as `plan` and the checkpoint's step allow it.
    init(_ json: JSON, step: Int, plan: StepPlan, parameters: [String], source: String) throws {
        let record = try RecordReader(json, source: source, member: "progress")
        phase = try record.text("phase", "a phase of a training") { Phase(rawValue: $0) }
        epochIndex = try record.count("epoch_index", 0...plan.epochs)
        stepInEpoch = try record.count("step_in_epoch", 0...min(step, plan.stepsPerEpoch))
        (lossSum, totalLoss) = (try record.number("loss_sum"), try record.number("total_loss"))
        lastLoggedStep = try record.count("last_logged_step", 0...step)
        epochLoss = try record.number("epoch_loss")
        epochSteps = try record.count("epoch_steps", 0...stepInEpoch)
        lastGradNorm = try record.number("last_grad_norm", 0...Double.greatestFiniteMagnitude)
        lastLearningRate = try record.number("last_learning_rate", 0...Double.greatestFiniteMagnitude)
        // At most one after each step, one after each epoch, and one before the first step.
        evaluationsWithoutImprovement = try record.count(
            "evaluations_without_improvement", 0...step + epochIndex + 1)
        control.shouldTrainingStop = try record.flag("should_training_stop")
        control.shouldEpochStop = try record.flag("should_epoch_stop")
        watchedSteps = try record.count("watched_steps", 0...min(step, GradientChecks.patience))
        unmoved = try record.optionalNames("unmoved", among: Set(parameters))
        evaluatedOnStart = try record.flag("evaluated_on_start")
        seconds = try record.number("seconds", 0...1e12)
        // An epoch may have ended early, so there may be fewer steps than the place in the data has room for, but never more.
        let (full, overflow) = epochIndex.multipliedReportingOverflow(by: plan.stepsPerEpoch)
        guard overflow || step - stepInEpoch <= full else {
            throw record.error(
                "epoch_index", "\(epochIndex)",
                expected: "enough epochs of \(plan.stepsPerEpoch) steps for \(step) steps")
        }
        try check(record, step: step, plan: plan)
    }

    /// Throws where the next phase is not one that can follow at this place.
    private func check(_ record: RecordReader, step: Int, plan: StepPlan) throws {
        let isTraining = phase == .epochBegin || phase == .step
        if isTraining, epochIndex >= plan.epochs {
            throw record.error(
                "epoch_index", "\(epochIndex)", expected: "less than \(plan.epochs), as phase is '\(phase.rawValue)'")
        }
        if isTraining, step >= plan.totalSteps {
            throw record.error(
                "phase", "'\(phase.rawValue)'", expected: "an end, since all \(plan.totalSteps) steps are done")
        }
        let most = phase == .epochBegin ? 0 : phase == .step ? plan.stepsPerEpoch - 1 : plan.stepsPerEpoch
        if stepInEpoch > most {
            throw record.error(
                "step_in_epoch", "\(stepInEpoch)", expected: "at most \(most), as phase is '\(phase.rawValue)'")
        }
    }
}
