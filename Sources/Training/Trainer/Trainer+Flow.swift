import Formats
import Tensors
import Words

/// What follows steps and epochs, in the reference's order (transformers 5.23, `DefaultFlowCallback`, `_maybe_log_save_evaluate`).
extension Trainer {
    func beginEpoch() throws {
        control.shouldEpochStop = false
        try emit(.epochBegin)
        state.progress.phase = .step
    }

    func endStep() throws {
        let step = state.globalStep
        if step == 1 && arguments.loggingFirstStep { control.shouldLog = true }
        if arguments.loggingStrategy == .steps && step % state.loggingSteps == 0 { control.shouldLog = true }
        let mayEvaluate = arguments.evalStrategy == .steps && arguments.evalDelay <= Double(step)
        if mayEvaluate && step % state.evalSteps == 0 { control.shouldEvaluate = true }
        if arguments.saveStrategy == .steps && step % state.saveSteps == 0 { control.shouldSave = true }
        if step >= state.maxSteps {
            control.shouldTrainingStop = true
            if mayEvaluate { control.shouldEvaluate = true }
            if arguments.saveStrategy == .steps { control.shouldSave = true }
        }
        try emit(.stepEnd)
        try logEvaluateSave { self.moveOnAfterStep() }
    }

    func endEpoch() throws {
        control.shouldLog = arguments.loggingStrategy == .epoch
        control.shouldEvaluate = arguments.evalStrategy == .epoch && arguments.evalDelay <= state.epoch
        control.shouldSave = arguments.saveStrategy == .epoch
        try emit(.epochEnd)
        try logEpoch()
        let (loss, steps) = (state.progress.epochLoss, state.progress.epochSteps)
        try logEvaluateSave { self.moveOnAfterEpoch() }
        if steps > 0, arguments.evalStrategy == .no {
            reporter?.summary(
                EpochSummary(
                    epoch: state.epoch, step: state.globalStep, trainingLoss: loss / Double(steps), validationLoss: nil,
                    metrics: []))
        }
    }

    private func moveOnAfterStep() {
        let isOver =
            control.shouldTrainingStop || control.shouldEpochStop
            || state.progress.stepInEpoch >= setup?.plan.stepsPerEpoch ?? 0
        state.progress.phase = isOver ? .epochEnd : .step
    }

    private func moveOnAfterEpoch() {
        // What ends the training within an epoch leaves its place, so that a longer run goes on there.
        let isCut = state.progress.stepInEpoch < setup?.plan.stepsPerEpoch ?? 0 && !control.shouldEpochStop
        if control.shouldTrainingStop, isCut {
            state.progress.phase = .finished
            return
        }
        state.progress.epochIndex += 1
        state.progress.stepInEpoch = 0
        (state.progress.epochLoss, state.progress.epochSteps) = (0, 0)
        let isOver = control.shouldTrainingStop || state.progress.epochIndex >= state.numTrainEpochs
        state.progress.phase = isOver ? .finished : .epochBegin
    }

    /// Does what control asks for.
    ///
    /// `moveOn` sets the phase that a checkpoint records: what comes after it.
    private func logEvaluateSave(moveOn: () -> Void) throws {
        if control.shouldLog {
            control.shouldLog = false
            try logTraining()
        }
        if control.shouldEvaluate {
            control.shouldEvaluate = false
            let metrics = try evaluateAndLog()
            let isBest = try noteBest(metrics)
            if arguments.saveStrategy == .best { control.shouldSave = isBest }
        }
        let isSaving = control.shouldSave
        moveOn()
        if isSaving {
            let name = try saveCheckpoint()
            control.shouldSave = false
            try emit(.save(name))
        }
        // A callback may have asked to stop when it heard of the checkpoint.
        if isSaving, control.shouldTrainingStop, state.progress.phase == .step { state.progress.phase = .epochEnd }
        if isSaving, control.shouldTrainingStop, state.progress.phase == .epochBegin {
            state.progress.phase = .finished
        }
    }

    /// Adds the epoch's mean training loss to the run's log, unless a row says it already: a log of just the epoch's steps.
    ///
    /// It stands in the log's file alone: `log_history` has the rows of the reference.
    private func logEpoch() throws {
        let progress = state.progress
        guard progress.epochSteps > 0 else { return }
        // A log is about to come, or came after the last step.
        let logs = (control.shouldLog ? [state.globalStep] : []) + loggedSteps.prefix(2) + [0, 0]
        guard logs[0] != state.globalStep || logs[0] - logs[1] != progress.epochSteps else { return }
        let row = EpochLoss(
            epoch: state.epoch, step: state.globalStep, loss: progress.epochLoss / Double(progress.epochSteps),
            place: state.logHistory.count)
        state.progress.epochLosses.append(row)
        if let folder = session.logFolder { try RunRecord.append(row.members, to: folder) }
    }

    /// The steps at which the training loss was logged, the last first.
    private var loggedSteps: some Sequence<Int> {
        state.logHistory.lazy.reversed().filter { row in row.contains { $0.key == "loss" } }
            .compactMap { $0.last?.value.int }
    }

    /// Adds the mean loss since the last log, where there were steps.
    private func logTraining() throws {
        let span = Profile.phase("log and progress")
        defer { span.end() }
        let steps = state.globalStep - state.progress.lastLoggedStep
        guard steps > 0 else { return }
        let sum = state.progress.lossSum
        state.progress.lossSum = 0
        state.progress.totalLoss += sum
        state.progress.lastLoggedStep = state.globalStep
        try log(
            [
                JSON.Member("loss", .number(sum / Double(steps))),
                JSON.Member("grad_norm", .number(state.progress.lastGradNorm)),
                JSON.Member("learning_rate", .number(state.progress.lastLearningRate)),
            ], besides: rate())
    }

    /// Rows a second since the last log, which stands in the log's file alone: `log_history` has the rows of the reference.
    private func rate() -> [JSON.Member] {
        let now = (samples: session.samples, seconds: session.seconds - session.evaluationSeconds)
        let (samples, seconds) = (now.samples - session.logged.samples, now.seconds - session.logged.seconds)
        session.logged = now
        guard samples > 0, seconds > 1e-9 else { return [] }
        return [JSON.Member("samples_per_second", .number(Figures.rounded(Double(samples) / seconds, 3)))]
    }

    /// Adds a row to the log, with epoch and step: to `state.logHistory`, the run's metrics.jsonl and its checkpoints.
    ///
    /// `details` stand in the file alone.
    public func log(_ row: [JSON.Member], besides details: [JSON.Member] = []) throws {
        var row = row + [JSON.Member("epoch", .number(state.epoch))]
        if arguments.includeNumInputTokensSeen {
            row.append(JSON.Member("num_input_tokens_seen", .integer(state.numInputTokensSeen)))
        }
        let numbered = row + [JSON.Member("step", .integer(state.globalStep))]
        state.logHistory.append(numbered)
        if let folder = session.logFolder { try RunRecord.append(numbered + details, to: folder) }
        reporter?.log(numbered)
        try emit(.log(row))
    }

    /// Evaluates in the course of the training.
    func evaluateAndLog() throws -> [JSON.Member] {
        let metrics = try evaluate()
        noteForEarlyStopping(metrics)
        return metrics
    }

    /// The key under which evaluations give the metric that metric_for_best_model names.
    static func key(ofMetric name: String) -> String { name.hasPrefix("eval_") ? name : "eval_" + name }

    private func value(ofMetric name: String, in metrics: [JSON.Member]) throws -> Double {
        let key = Trainer.key(ofMetric: name)
        guard let value = metrics.first(where: { $0.key == key })?.value.double else {
            let known = metrics.map(\.key)
            throw TrainingError(
                "metric_for_best_model is '\(name)', but the evaluation gave no '\(key)'\(nearestNameHint(for: key, in: known)); it gave \(known.joined(separator: ", "))"
            )
        }
        return value
    }

    private func isBetter(_ value: Double, than best: Double) -> Bool {
        arguments.greaterIsBetter ?? false ? value > best : value < best
    }

    /// Counts evaluations without improvement, before the best metric is renewed, as EarlyStoppingCallback does.
    private func noteForEarlyStopping(_ metrics: [JSON.Member]) {
        guard let patience = arguments.earlyStoppingPatience, let name = arguments.metricForBestModel,
            let value = try? value(ofMetric: name, in: metrics)
        else { return }
        let improved =
            state.bestMetric.map {
                isBetter(value, than: $0) && abs(value - $0) > arguments.earlyStoppingThreshold
            } ?? true
        state.progress.evaluationsWithoutImprovement =
            improved ? 0 : state.progress.evaluationsWithoutImprovement + 1
        guard state.progress.evaluationsWithoutImprovement >= patience else { return }
        control.shouldTrainingStop = true
        let best = state.bestMetric.map { Figures.fixed($0, 4) } ?? "-"
        reporter?.note(
            "early stopping: \(Trainer.key(ofMetric: name)) was not better than \(best) in \(state.progress.evaluationsWithoutImprovement) evaluations; the training ends after step \(state.globalStep) of \(state.maxSteps)"
        )
    }

    /// Says which evaluation was the best, and whose weights the model has now.
    private func tellBest() {
        guard let best = state.bestMetric, best.isFinite, let name = arguments.metricForBestModel else { return }
        let key = Trainer.key(ofMetric: name)
        var line = "best \(key): \(Figures.fixed(best, 4))"
        if let step = state.step(of: key, best)?.int { line += " at step \(step)" }
        let checkpoint = state.bestModelCheckpoint
        if arguments.loadBestModelAtEnd, let checkpoint {
            line += "; the model has the weights of \(checkpoint)"
        } else {
            line += checkpoint.map { " (\($0))" } ?? ""
            line += "; the model has the weights of step \(state.globalStep)"
        }
        reporter?.note(line)
    }

    /// Renews the best metric; whether it is a new one.
    private func noteBest(_ metrics: [JSON.Member]) throws -> Bool {
        guard let name = arguments.metricForBestModel else { return false }
        let value = try value(ofMetric: name, in: metrics)
        let worst: Double = arguments.greaterIsBetter ?? false ? -.infinity : .infinity
        guard isBetter(value, than: state.bestMetric ?? worst) else { return false }
        state.bestMetric = value
        if arguments.saveStrategy != .no { state.bestGlobalStep = state.globalStep }
        return true
    }

    /// Ends the training: the last row of the log, the best weights, the callbacks.
    func finish() throws {
        let seconds = state.progress.seconds + session.seconds
        let samples = Double(session.samples)
        let loss = (state.progress.totalLoss + state.progress.lossSum) / Double(max(1, state.globalStep))
        let here = max(session.seconds, 1e-9)
        let metrics = [
            JSON.Member("train_runtime", .number(Figures.rounded(seconds, 4))),
            JSON.Member("train_samples_per_second", .number(Figures.rounded(samples / here, 3))),
            JSON.Member(
                "train_steps_per_second",
                .number(Figures.rounded(Double(state.globalStep - session.firstStep) / here, 3))),
            JSON.Member("total_flos", .number(state.totalFlos)),
            JSON.Member("train_loss", .number(loss)),
        ]
        try log(metrics)
        dropKeptStates(of: .train)
        if arguments.loadBestModelAtEnd { try loadBest() }
        tellBest()
        try removeAllButBest()
        session.output = TrainOutput(
            globalStep: state.globalStep, trainingLoss: loss,
            metrics: metrics + [JSON.Member("epoch", .number(state.epoch))])
        session.lock = nil
        reporter?.end()
        try emit(.trainEnd)
    }
}
