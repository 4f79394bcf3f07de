extension StepPlan {
    /// Steps between two events, of which an argument says how many, or which share of all.
    func interval(_ steps: Double) -> Int { max(1, TrainingArguments.steps(steps, of: totalSteps)) }

    /// Steps between evaluations.
    func evalSteps(_ arguments: TrainingArguments) -> Int { interval(arguments.evalSteps ?? 500) }

    /// Steps after which there is an evaluation.
    func evaluations(_ arguments: TrainingArguments) -> PlannedEvents {
        let all = steps(arguments.evalStrategy, every: evalSteps(arguments))
        return all.from { step in
            arguments.evalDelay <= (arguments.evalStrategy == .steps ? Double(step) : epochs(after: step))
        }
    }

    /// Steps after which a checkpoint is written, but for those that follow a best evaluation.
    func checkpoints(_ arguments: TrainingArguments) -> PlannedEvents {
        steps(arguments.saveStrategy, every: interval(arguments.saveSteps))
    }

    /// Steps after which something happens that happens in this interval.
    private func steps(_ interval: TrainingArguments.Interval, every: Int) -> PlannedEvents {
        switch interval {
        case .no, .best: PlannedEvents(every: 1, of: 0)
        case .steps: PlannedEvents(every: every, of: totalSteps)
        case .epoch: PlannedEvents(every: stepsPerEpoch, of: totalSteps)
        }
    }

    private func epochs(after step: Int) -> Double {
        let (epoch, rest) = step.quotientAndRemainder(dividingBy: stepsPerEpoch)
        return self.epoch(epoch, afterSteps: rest)
    }
}

/// Steps after which something happens: every so many, and after the last one.
///
/// A training may have any number of steps, so they are counted and not listed.
public struct PlannedEvents: Sendable {
    private let period, total: Int
    private let skipped: Int
    /// How many there are.
    public let count: Int

    init(every period: Int, of total: Int) { self.init(every: max(1, period), of: total, skipping: 0) }

    private init(every period: Int, of total: Int, skipping skipped: Int) {
        (self.period, self.total, self.skipped) = (period, total, skipped)
        count = total / period + (total % period == 0 ? 0 : 1) - skipped
    }

    /// Whether there are none.
    public var isEmpty: Bool { count == 0 }

    /// The step of an event, from 0.
    public subscript(place: Int) -> Int {
        let (step, overflow) = (period * (place + skipped)).addingReportingOverflow(period)
        return overflow ? total : min(step, total)
    }

    /// The events from the first on for which `holds` is true, as it is for all that come after.
    func from(_ holds: (Int) -> Bool) -> PlannedEvents {
        var (low, high) = (0, count)
        while low < high {
            let middle = low + (high - low) / 2
            if holds(self[middle]) { high = middle } else { low = middle + 1 }
        }
        return PlannedEvents(every: period, of: total, skipping: skipped + low)
    }
}
