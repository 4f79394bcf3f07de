import Formats
import Options
import Words

extension TrainingArguments {
    /// The options that `init` reads: names, types, ranges, defaults and meanings, older names and names without effect too.
    public static let options = OptionTable(table.map(\.option), inert: inert)

    /// Those by which texts become rows of a training, for what shows rows without training on them.
    public static let supervisedOptions = supervised.map(\.option).filter { $0.name != "eval_packing" }

    /// Arguments from options that were found to be as declared; combinations that cannot be are errors.
    public init(_ source: some OptionSource) throws {
        self.init()
        for argument in Self.table { try argument.read(&self, source) }
        try complete()
    }

    /// Arguments from names and values; an unknown or misspelt name, a wrong type or range, and what is not supported are errors.
    public init(_ entries: [JSON.Member]) throws {
        do {
            try self.init(try OptionReader(entries.map { ($0.key, $0.value) }, Self.options, place: "args: "))
        } catch let error as OptionError {
            throw TrainingError(error.description)
        }
    }

    /// The arguments by the names of transformers, in a fixed order.
    public var entries: [JSON.Member] {
        Self.table.compactMap { argument in
            argument.recorded.map { JSON.Member(argument.option.name, JSON($0(self))) }
        }
    }

    /// What follows from other arguments, and combinations that cannot be.
    mutating func complete() throws {
        guard numTrainEpochs > 0 || maxSteps > 0 else {
            throw TrainingError("args: num_train_epochs is 0; expected a number above 0, or max_steps above 0")
        }
        if maxSteps == 0 { maxSteps = -1 }
        // Makes its own checks of names and ranges.
        _ = try Schedule(
            lrSchedulerType, warmupSteps: 0, totalSteps: 1, initialLearningRate: learningRate,
            options: lrSchedulerKwargs)
        if evalStrategy == .steps, evalSteps == nil {
            guard loggingSteps > 0 else {
                throw TrainingError("args: eval_strategy 'steps' needs eval_steps or logging_steps")
            }
            evalSteps = loggingSteps
        }
        if metricForBestModel == nil, loadBestModelAtEnd || saveStrategy == .best || earlyStoppingPatience != nil {
            metricForBestModel = "loss"
        }
        if greaterIsBetter == nil, let metric = metricForBestModel { greaterIsBetter = !metric.hasSuffix("loss") }
        if earlyStoppingPatience != nil, evalStrategy == .no {
            throw TrainingError("args: early_stopping_patience needs eval_strategy 'steps' or 'epoch'")
        }
        if saveStrategy == .best, evalStrategy == .no {
            throw TrainingError("args: save_strategy 'best' needs eval_strategy 'steps' or 'epoch'")
        }
        guard loadBestModelAtEnd, saveStrategy != .best else { return }
        guard evalStrategy == saveStrategy, evalStrategy != .no else {
            throw TrainingError(
                "args: load_best_model_at_end needs save_strategy and eval_strategy to be the same; they are '\(saveStrategy.rawValue)' and '\(evalStrategy.rawValue)'"
            )
        }
        guard evalStrategy == .steps, let evalSteps else { return }
        let quotient = saveSteps / evalSteps
        guard (saveSteps < 1) == (evalSteps < 1), abs(quotient - quotient.rounded()) < 1e-9 else {
            throw TrainingError(
                "args: load_best_model_at_end needs save_steps to be a multiple of eval_steps; they are \(Figures.plain(saveSteps)) and \(Figures.plain(evalSteps))"
            )
        }
    }
}
