import Formats
import Options

/// What whoever watches a training may do with it between two steps.
extension Trainer {
    /// Whether the training is over: its last step is done and what follows it.
    public var isOver: Bool { session.output != nil }

    /// Throws where the training is over.
    func checkIsNotOver() throws {
        guard !isOver else {
            throw TrainingError("this trainer's training is over; make another trainer to train on")
        }
    }

    /// Makes optimizer, schedule and plan, so that what is missing is said before the first step.
    public func makeReady() throws {
        try checkIsNotOver()
        _ = try prepare()
    }

    /// Ends the training here, as a callback's "stop" does after a step: the last row of the log, the best weights, on_train_end.
    public func stop() throws {
        try checkIsNotOver()
        _ = try prepare()
        control.shouldTrainingStop = true
        switch state.progress.phase {
        case .step: state.progress.phase = .epochEnd
        case .epochBegin: state.progress.phase = .finished
        case .stepEnd, .epochEnd, .finished: break
        }
        settled = state
        while try step() {}
    }

    /// Writes a checkpoint of where the training stands, for somebody to go on from, and says so.
    ///
    /// Nothing is written before the first step, where there is no folder, and where checkpoints hold no state.
    public func pause(_ reason: String) throws -> TrainingInterrupted { try interrupted(Interruption(reason)) }

    /// Changes arguments of a training that has begun or not, from the next step on: those of `TrainingArguments.changeable`.
    ///
    /// The schedule goes on at its step, with the new learning rate in place of the old one. The change is a row of the log
    /// (`changed`), and a line of `changes.jsonl` where the run has a folder.
    ///
    /// - Returns: what changed, a line each: `learning_rate 0.001 → 0.0005`; nothing for values that were so already.
    @discardableResult
    public func change(_ source: some OptionSource) throws -> [String] {
        try checkIsNotOver()
        var changed = arguments
        for argument in TrainingArguments.changing { try argument.read(&changed, source) }
        try changed.complete()
        let now = Dictionary(changed.entries.map { ($0.key, $0.value) }) { first, _ in first }
        let changes = arguments.entries.compactMap { entry -> RunChanges.Change? in
            guard let value = now[entry.key], !entry.value.isSame(value) else { return nil }
            return RunChanges.Change(name: entry.key, before: entry.value, now: value)
        }
        guard !changes.isEmpty else { return [] }
        if setup != nil { try follow(changed) }
        arguments = changed
        try log([JSON.Member("changed", .string(changes.map(\.text).joined(separator: ", ")))])
        if let folder = session.logFolder {
            let pairs = JSON(changes.map { .init($0.name, .array([$0.before, $0.now])) })
            let record = JSON([.init("step", .integer(state.globalStep)), .init("arguments", pairs)])
            try folder.append(RunChanges.file, text: record.serialized() + "\n")
        }
        if !session.isStepping { settled = state }
        return changes.map(\.text)
    }

    /// Has what was made of the arguments follow them.
    private func follow(_ changed: TrainingArguments) throws {
        guard let setup else { return }
        let schedule = try Schedule(
            changed.lrSchedulerType, warmupSteps: setup.schedule.warmupSteps, totalSteps: setup.schedule.totalSteps,
            initialLearningRate: changed.learningRate, options: changed.lrSchedulerKwargs)
        for index in setup.optimizer.groups.indices {
            setup.optimizer.groups[index].initialLearningRate = changed.learningRate
        }
        // The first group is the one that decays (`ParameterGroup.trainerGroups`).
        if !setup.optimizer.groups.isEmpty { setup.optimizer.groups[0].weightDecay = changed.weightDecay }
        self.setup?.schedule = schedule
        state.setIntervals(setup.plan, changed)
    }
}

extension TrainingArguments {
    /// Names of the arguments that may change while a training goes on.
    private static let changeable = [
        "learning_rate", "weight_decay", "max_grad_norm", "logging_steps", "eval_steps", "save_steps",
    ]

    static let changing = table.filter { changeable.contains($0.option.name) }

    /// The arguments that may change while a training goes on, as options; what is not given stays.
    public static let changeOptions = OptionTable(
        changing.map { argument in
            let option = argument.option
            return Option(
                option.name, option.type, default: .words("what it is"), option.doc,
                example: option.example.isEmpty ? "100" : option.example)
        })
}
