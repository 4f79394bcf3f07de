import Formats

extension TrainingArguments {
    /// Arguments from a table of options; an unknown or misspelt name, a wrong type or range, and what is not supported are errors.
    public init(_ entries: [Value.Entry]) throws {
        self.init()
        var reader = try ArgumentReader(entries)
        try ArgumentTable.rename(&reader)
        try readSizes(&reader)
        try readOptimizer(&reader)
        try readIntervals(&reader)
        try readBest(&reader)
        try readData(&reader)
        try readKeptStates(&reader)
        for (name, value) in reader.untaken { try ArgumentTable.check(name, value) }
        try complete(evalStepsGiven: entries.contains { $0.key == "eval_steps" })
    }

    private mutating func readSizes(_ reader: inout ArgumentReader) throws {
        try reader.string("output_dir", into: &outputDir)
        try reader.integer("per_device_train_batch_size", into: &perDeviceTrainBatchSize, atLeast: 1)
        try reader.integer("per_device_eval_batch_size", into: &perDeviceEvalBatchSize, atLeast: 1)
        try reader.integer("gradient_accumulation_steps", into: &gradientAccumulationSteps, atLeast: 1)
        try reader.number("num_train_epochs", into: &numTrainEpochs, atLeast: 0, below: 1e9)
        try reader.integer("max_steps", into: &maxSteps, atLeast: -1)
        try reader.integer("seed", into: &seed)
        try reader.integer("data_seed", into: &dataSeed)
        try reader.boolean("disable_tqdm", into: &disableTqdm)
        guard numTrainEpochs > 0 || maxSteps > 0 else {
            throw TrainingError("args: num_train_epochs is 0; expected a number above 0, or max_steps above 0")
        }
        if maxSteps == 0 { maxSteps = -1 }
    }

    private mutating func readOptimizer(_ reader: inout ArgumentReader) throws {
        try reader.number("learning_rate", into: &learningRate, atLeast: 0)
        try reader.number("weight_decay", into: &weightDecay, atLeast: 0)
        try reader.number("adam_beta1", into: &adamBeta1, atLeast: 0, below: 1)
        try reader.number("adam_beta2", into: &adamBeta2, atLeast: 0, below: 1)
        try reader.number("adam_epsilon", into: &adamEpsilon, atLeast: 0)
        try reader.number("max_grad_norm", into: &maxGradNorm, atLeast: 0)
        try reader.number("label_smoothing_factor", into: &labelSmoothingFactor, atLeast: 0, below: 1)
        try reader.steps("warmup_steps", into: &warmupSteps, mayBeZero: true)
        var name: String?
        try reader.string("optim", into: &name)
        if let name { optim = try ArgumentTable.optimizer(named: name) }
        name = nil
        try reader.string("optim_args", into: &name)
        if let name { try readOptimizerOptions(name) }
        name = nil
        try reader.string("lr_scheduler_type", into: &name)
        if let name { lrSchedulerType = try Schedule.Kind(named: name) }
        try readScheduleOptions(&reader)
    }

    private mutating func readScheduleOptions(_ reader: inout ArgumentReader) throws {
        guard let value = reader.take("lr_scheduler_kwargs") else { return }
        if value.elements?.isEmpty == true { return }
        guard case .object(let entries) = value else {
            throw ArgumentReader.mismatch("lr_scheduler_kwargs", value, "a table of numbers")
        }
        for entry in entries {
            guard let number = entry.value.number, number.isFinite else {
                throw ArgumentReader.mismatch("lr_scheduler_kwargs.\(entry.key)", entry.value, "a number")
            }
            lrSchedulerKwargs[entry.key] = number
        }
        // Makes its own checks of names and ranges.
        _ = try Schedule(
            lrSchedulerType, warmupSteps: 0, totalSteps: 1, initialLearningRate: learningRate,
            options: lrSchedulerKwargs)
    }

    /// `momentum=0.9,nesterov=true` for SGD; AdamW's numbers have arguments of their own.
    private mutating func readOptimizerOptions(_ text: String) throws {
        guard optim == .sgd else {
            throw TrainingError(
                "args: optim_args is for optim = 'sgd'; AdamW takes adam_beta1, adam_beta2 and adam_epsilon")
        }
        for part in text.split(separator: ",") {
            let pair = part.split(separator: "=", maxSplits: 1).map { $0.filter { $0 != " " } }
            switch (pair.first, pair.count == 2 ? pair[1] : "") {
            case ("momentum", let value): sgdMomentum = try Self.optionNumber("momentum", value)
            case ("dampening", let value): sgdDampening = try Self.optionNumber("dampening", value)
            case ("nesterov", let value): sgdNesterov = value.lowercased() == "true"
            default:
                throw TrainingError(
                    "args: optim_args has '\(part)'; expected momentum=NUMBER, dampening=NUMBER or nesterov=true, separated by commas"
                )
            }
        }
    }

    private static func optionNumber(_ name: String, _ text: String) throws -> Double {
        guard let number = Double(text), number.isFinite, number >= 0 else {
            throw TrainingError("args: optim_args: \(name) is '\(text)'; expected a number of at least 0")
        }
        return number
    }

    private mutating func readIntervals(_ reader: inout ArgumentReader) throws {
        try reader.choice("logging_strategy", into: &loggingStrategy, among: [.no, .steps, .epoch])
        try reader.choice("eval_strategy", into: &evalStrategy, among: [.no, .steps, .epoch])
        try reader.choice("save_strategy", into: &saveStrategy, among: [.no, .steps, .epoch, .best])
        try reader.steps("logging_steps", into: &loggingSteps, mayBeZero: loggingStrategy != .steps)
        if reader.has("eval_steps") {
            var steps = 0.0
            try reader.steps("eval_steps", into: &steps, mayBeZero: true)
            if steps > 0 { evalSteps = steps }
        }
        try reader.steps("save_steps", into: &saveSteps, mayBeZero: saveStrategy != .steps)
        try reader.boolean("logging_first_step", into: &loggingFirstStep)
        try reader.number("eval_delay", into: &evalDelay, atLeast: 0)
        try reader.boolean("eval_on_start", into: &evalOnStart)
        try reader.boolean("prediction_loss_only", into: &predictionLossOnly)
        try reader.integer("save_total_limit", into: &saveTotalLimit, atLeast: 1)
        try reader.boolean("save_only_model", into: &saveOnlyModel)
        try reader.boolean("include_num_input_tokens_seen", into: &includeNumInputTokensSeen)
    }

    private mutating func readBest(_ reader: inout ArgumentReader) throws {
        try reader.boolean("load_best_model_at_end", into: &loadBestModelAtEnd)
        try reader.string("metric_for_best_model", into: &metricForBestModel)
        if let value = reader.take("greater_is_better") {
            guard case .boolean(let flag) = value else {
                throw ArgumentReader.mismatch("greater_is_better", value, "true or false")
            }
            greaterIsBetter = flag
        }
        try reader.integer("early_stopping_patience", into: &earlyStoppingPatience, atLeast: 1)
        try reader.number("early_stopping_threshold", into: &earlyStoppingThreshold, atLeast: 0)
    }

    private mutating func readData(_ reader: inout ArgumentReader) throws {
        try reader.choice(
            "train_sampling_strategy", into: &trainSamplingStrategy, among: BatchSampler.Strategy.allCases)
        try reader.boolean("dataloader_drop_last", into: &dataloaderDropLast)
        var lengths: String?
        try reader.string("length_column_name", into: &lengths)
        lengthColumnName = lengths ?? lengthColumnName
        guard let value = reader.take("label_names") else { return }
        let names = (value.elements ?? [value]).compactMap { if case .string(let name) = $0 { name } else { nil } }
        guard !names.isEmpty, names.count == (value.elements?.count ?? 1) else {
            throw ArgumentReader.mismatch("label_names", value, "a list of column names")
        }
        labelNames = names
    }

    private mutating func readKeptStates(_ reader: inout ArgumentReader) throws {
        try reader.boolean("freeze_dropout", into: &freezeDropout)
        if let value = reader.take("prefix_cache") {
            switch value {
            case .boolean(let flag): keptStates = flag ? .float32 : .off
            case .string(let name):
                guard let keeping = StatesKeeping(rawValue: name) else {
                    throw TrainingError(
                        "args: prefix_cache is '\(name)'; expected true, false, 'auto', 'float32' or 'bfloat16'"
                            + nearestNameHint(for: name, in: StatesKeeping.allCases.map(\.rawValue)))
                }
                keptStates = keeping
            default:
                throw ArgumentReader.mismatch("prefix_cache", value, "true, false, 'auto', 'float32' or 'bfloat16'")
            }
        }
        try reader.choice("prefix_cache_place", into: &keptStatesPlace, among: StatesPlace.allCases)
        guard let value = reader.take("prefix_cache_size") else { return }
        var size = value.whole
        if case .string(let text) = value { size = ByteSize.bytes(text) }
        guard let size, size > 0 else {
            throw ArgumentReader.mismatch("prefix_cache_size", value, "a size such as '4GB', or a number of bytes")
        }
        keptStatesSize = size
    }

    /// What follows from other arguments, and combinations that cannot be.
    private mutating func complete(evalStepsGiven: Bool) throws {
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
                "args: load_best_model_at_end needs save_steps to be a multiple of eval_steps; they are \(ArgumentTable.plain(saveSteps)) and \(ArgumentTable.plain(evalSteps))"
            )
        }
    }
}
