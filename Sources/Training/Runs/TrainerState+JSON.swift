import Formats

extension TrainerState {
    /// The state as the reference's trainer_state.json lays it out (transformers 5.23), sorted keys.
    func json(_ arguments: TrainingArguments) -> JSON {
        var callbacks: JSONObject = ["TrainerControl": progress.control.exported]
        if let patience = arguments.earlyStoppingPatience {
            let counter = JSON.integer(progress.evaluationsWithoutImprovement)
            callbacks["EarlyStoppingCallback"] = .object([
                "args": .object([
                    "early_stopping_patience": .integer(patience),
                    "early_stopping_threshold": .number(arguments.earlyStoppingThreshold),
                ]), "attributes": .object(["early_stopping_patience_counter": counter]),
            ])
        }
        return .object([
            "best_global_step": bestGlobalStep.map(JSON.integer) ?? .null,
            "best_metric": bestMetric.map(JSON.number) ?? .null,
            "best_model_checkpoint": bestModelCheckpoint.map(JSON.string) ?? .null,
            "epoch": .number(epoch), "eval_steps": .integer(evalSteps),
            "global_step": .integer(globalStep), "is_hyper_param_search": .bool(false),
            "is_local_process_zero": .bool(true), "is_world_process_zero": .bool(true),
            "log_history": .array(logHistory.map { JSON($0) }),
            "logging_steps": .integer(loggingSteps), "max_steps": .integer(maxSteps),
            "num_input_tokens_seen": .integer(numInputTokensSeen),
            "num_train_epochs": .integer(numTrainEpochs), "save_steps": .integer(saveSteps),
            "stateful_callbacks": .object(callbacks),
            "total_flos": .number(totalFlos), "train_batch_size": .integer(trainBatchSize),
            "trial_name": .null, "trial_params": .null,
        ])
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
            row.object?.map { JSON.Member($0.key, $0.value) }
        }
    }
}

extension TrainerControl {
    /// As the reference's stateful_callbacks has it.
    fileprivate var exported: JSON {
        .object([
            "args": .object([
                "should_epoch_stop": .bool(shouldEpochStop),
                "should_evaluate": .bool(shouldEvaluate), "should_log": .bool(shouldLog),
                "should_save": .bool(shouldSave),
                "should_training_stop": .bool(shouldTrainingStop),
            ]), "attributes": .object([:]),
        ])
    }
}

extension RunProgress {
    /// All of it, for resume.json.
    var json: JSON {
        return .object([
            "phase": .string(phase.rawValue), "epoch_index": .integer(epochIndex),
            "step_in_epoch": .integer(stepInEpoch), "loss_sum": .number(lossSum),
            "total_loss": .number(totalLoss), "last_logged_step": .integer(lastLoggedStep),
            "epoch_loss": .number(epochLoss), "epoch_steps": .integer(epochSteps),
            "epoch_losses": .array(epochLosses.map { JSON($0.members + [.init("place", .integer($0.place))]) }),
            "last_grad_norm": .number(lastGradNorm), "last_learning_rate": .number(lastLearningRate),
            "evaluations_without_improvement": .integer(evaluationsWithoutImprovement),
            "should_training_stop": .bool(control.shouldTrainingStop),
            "should_epoch_stop": .bool(control.shouldEpochStop),
            "watched_steps": .integer(watchedSteps),
            "unmoved": unmoved.map { .array($0.map(JSON.string)) } ?? .null,
            "evaluated_on_start": .bool(evaluatedOnStart), "seconds": .number(seconds),
        ])
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
        epochLosses = try record.optionalObjects("epoch_losses") { row in
            guard let epoch = row["epoch"]?.double, let loss = row["epoch_loss"]?.double, let place = row["place"]?.int,
                let at = row["step"]?.int, (0...step).contains(at), place >= 0, loss.isFinite, epoch.isFinite
            else { return nil }
            return EpochLoss(epoch: epoch, step: at, loss: loss, place: place)
        }
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
