extension StepPlan {
    /// Steps between evaluations.
    func evalSteps(_ arguments: TrainingArguments) -> Int {
        max(1, TrainingArguments.steps(arguments.evalSteps ?? 500, of: totalSteps))
    }

    /// Steps after which there is an evaluation.
    func evaluations(_ arguments: TrainingArguments) -> [Int] {
        steps(arguments.evalStrategy, every: evalSteps(arguments)).filter { step in
            arguments.evalDelay <= (arguments.evalStrategy == .steps ? Double(step) : epochs(after: step))
        }
    }

    /// Steps after which a checkpoint is written, but for those that follow a best evaluation.
    func checkpoints(_ arguments: TrainingArguments) -> [Int] {
        steps(
            arguments.saveStrategy, every: max(1, TrainingArguments.steps(arguments.saveSteps, of: totalSteps)))
    }

    /// Steps after which something happens that happens in this interval.
    private func steps(_ interval: TrainingArguments.Interval, every: Int) -> [Int] {
        let period: Int
        switch interval {
        case .no, .best: return []
        case .steps: period = every
        case .epoch: period = stepsPerEpoch
        }
        let regular = stride(from: period, through: totalSteps, by: period)
        return Array(regular) + (totalSteps % period == 0 ? [] : [totalSteps])
    }

    private func epochs(after step: Int) -> Double {
        let (epoch, rest) = step.quotientAndRemainder(dividingBy: stepsPerEpoch)
        return self.epoch(epoch, afterSteps: rest)
    }
}
