import Training

extension TrainerBox: Printed {
    var headline: String { "Trainer at step \(trainer.state.globalStep) of \(trainer.state.maxSteps)" }

    func printed(_ style: PrintStyle) -> (text: String, isCut: Bool) {
        var rows = [["model", model.headline]]
        let arguments = trainer.arguments
        rows.append([
            "args",
            "learning_rate \(NumberText.short(arguments.learningRate)), \(TrainerBox.batchText(arguments))"
                + (arguments.gradientAccumulationSteps > 1 ? " x \(arguments.gradientAccumulationSteps)" : ""),
        ])
        rows += TrainerStateBox.rows(trainer.state)
        return (headline + "\n" + Columns.rows(rows, indent: 2) + "\n  trainer.args and trainer.state tell more", false)
    }
}

extension TrainerBox {
    /// What bounds a batch.
    private static func batchText(_ arguments: TrainingArguments) -> String {
        let tokens = arguments.maxTokensPerBatch.map { "\($0) tokens" }
        guard arguments.trainRowsPerBatch < .max, let tokens else {
            return "batch size \(tokens ?? String(arguments.perDeviceTrainBatchSize))"
        }
        return "batch size \(arguments.perDeviceTrainBatchSize), at most \(tokens)"
    }
}

extension TrainerStateBox: Printed {
    var headline: String {
        "TrainerState at step \(trainer.state.globalStep) of \(trainer.state.maxSteps), "
            + "epoch \(NumberText.short(trainer.state.epoch)) of \(trainer.state.numTrainEpochs)"
    }

    func printed(_ style: PrintStyle) -> (text: String, isCut: Bool) {
        let rows = TrainerStateBox.rows(trainer.state)
        return (headline + (rows.isEmpty ? "" : "\n" + Columns.rows(rows, indent: 2)), false)
    }

    /// The best so far, and the newest row of the log.
    static func rows(_ state: TrainerState) -> [[String]] {
        var rows: [[String]] = []
        if let best = state.bestMetric {
            rows.append(["best", NumberText.short(best) + (state.bestGlobalStep.map { " at step \($0)" } ?? "")])
        }
        if let row = state.logHistory.last {
            let shown = row.compactMap { entry in entry.value.double.map { "\(entry.key) \(NumberText.short($0))" } }
            rows.append(["last log", shown.joined(separator: ", ")])
            rows.append(["log_history", "\(state.logHistory.count) rows"])
        }
        return rows
    }
}
