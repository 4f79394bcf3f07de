import Formats

/// What a trainer was made with, and what came out, as a run records them.
extension Trainer {
    /// What the trainer was made with: `arguments`, each as it was resolved, and `fingerprints`, numbers that change with the data that is
    /// read (`train_dataset`, `eval_dataset`) and with the base's weights.
    public var setting: JSON {
        var fingerprints: [JSON.Member] = []
        if let trainReader {
            fingerprints.append(.init("train_dataset", .string(fingerprint(trainReader, "train_dataset"))))
        }
        for set in evalSets {
            let split = EvaluationSet.split(set.name)
            fingerprints.append(.init(split, .string(fingerprint(set.reader, split))))
        }
        fingerprints += identity.parts.filter { $0.key == "base" }
        return JSON([.init("arguments", JSON(arguments.entries)), .init("fingerprints", JSON(fingerprints))])
    }

    /// What came out so far: `steps` of `max_steps`, `epochs`, `train_loss` once the training is over, `evaluation`, all metrics of the
    /// last evaluation with its step, and `best`, the value of metric_for_best_model with its step and checkpoint; null where there is none.
    public var outcome: [JSON.Member] {
        let history = state.logHistory
        let trained = history.last { row in row.contains { $0.key == "train_loss" } }
        return [
            .init("steps", .integer(state.globalStep)), .init("max_steps", .integer(state.maxSteps)),
            .init("epochs", .number(state.epoch)),
            .init("train_loss", trained?.first { $0.key == "train_loss" }?.value ?? .null),
            .init("evaluation", lastEvaluation), .init("best", best),
        ]
    }

    /// The rows of the last evaluation in one: several sets have a row each.
    private var lastEvaluation: JSON {
        func isEvaluation(_ row: [JSON.Member]) -> Bool { row.contains { $0.key.hasPrefix("eval_") } }
        guard let last = state.logHistory.lastIndex(where: isEvaluation) else { return .null }
        let step = state.logHistory[last].last?.value
        let rows = state.logHistory[...last].reversed().prefix { isEvaluation($0) && $0.last?.value == step }
        var members = JSONObject()
        // The newest row last: of the same set evaluated twice it counts.
        for row in rows.reversed() { for member in row { members[member.key] = member.value } }
        return .object(members)
    }

    private var best: JSON {
        guard let value = state.bestMetric, let name = arguments.metricForBestModel else { return .null }
        let key = Trainer.key(ofMetric: name)
        return JSON([
            .init("metric", .string(key)), .init("value", .number(value)),
            .init("step", state.step(of: key, value) ?? .null),
            .init("checkpoint", state.bestModelCheckpoint.map(JSON.string) ?? .null),
        ])
    }

    /// The folder that keeps the log; nil where there is none, or the training has not begun.
    public var recordFolder: Folder? { session.logFolder }

    /// Whether `state` is written beside the log when the trainer is let go of: where a run is recorded.
    public var isRecorded: Bool { session.logFolder != nil && record != nil }

    /// Writes the state, as transformers' trainer_state.json has it, beside the log.
    public func saveState() throws {
        guard isRecorded, let folder = session.logFolder else { return }
        try folder.write(
            Checkpoint.stateFile, text: state.json(arguments).serialized(indent: 2, sortedKeys: true) + "\n")
    }
}
