import Formats

/// What a run is made of, as far as a continued run must be made of the same.
public struct RunIdentity: Sendable, Equatable {
    /// Parts by name ("recipe", "base"), each with a text that changes when the part does.
    public var parts: [Value.Entry] = []

    /// Nothing known.
    public init() {}

    /// Adds a part; `text` is its content, or a fingerprint of it.
    public mutating func add(_ name: String, _ text: String) {
        parts.removeAll { $0.key == name }
        parts.append(Value.Entry(name, .string(text)))
    }

    /// Throws where a part differs from what was recorded; `source` names the record.
    func check(recorded: JSON, source: String) throws {
        for part in parts {
            guard let before = recorded[part.key] else { continue }
            guard Value(before) == part.value else {
                throw TrainingError(
                    "\(source): the run was made with another \(part.key): recorded \(Value(before).quoted), now \(part.value.quoted); start a new run, or go back to that \(part.key)"
                )
            }
        }
    }
}

extension TrainingArguments {
    /// The arguments by the names of transformers, in a fixed order.
    public var entries: [Value.Entry] {
        func optional(_ value: Int?) -> Value { value.map(Value.integer) ?? .null }
        func optional(_ value: String?) -> Value { value.map(Value.string) ?? .null }
        return [
            .init("output_dir", optional(outputDir)),
            .init("per_device_train_batch_size", .integer(perDeviceTrainBatchSize)),
            .init("per_device_eval_batch_size", .integer(perDeviceEvalBatchSize)),
            .init("gradient_accumulation_steps", .integer(gradientAccumulationSteps)),
            .init("num_train_epochs", .float(numTrainEpochs)), .init("max_steps", .integer(maxSteps)),
            .init("learning_rate", .float(learningRate)), .init("weight_decay", .float(weightDecay)),
            .init("adam_beta1", .float(adamBeta1)), .init("adam_beta2", .float(adamBeta2)),
            .init("adam_epsilon", .float(adamEpsilon)), .init("max_grad_norm", .float(maxGradNorm)),
            .init("optim", .string(optim == .adamW ? "adamw_torch" : "sgd")),
            .init("optim_args", optim == .sgd ? .string(sgdOptions) : .null),
            .init("lr_scheduler_type", .string(lrSchedulerType.rawValue)),
            .init(
                "lr_scheduler_kwargs",
                .object(lrSchedulerKwargs.sorted { $0.key < $1.key }.map { .init($0.key, .float($0.value)) })),
            .init("warmup_steps", .float(warmupSteps)), .init("label_smoothing_factor", .float(labelSmoothingFactor)),
            .init("logging_strategy", .string(loggingStrategy.rawValue)), .init("logging_steps", .float(loggingSteps)),
            .init("logging_first_step", .boolean(loggingFirstStep)),
            .init("eval_strategy", .string(evalStrategy.rawValue)),
            .init("eval_steps", evalSteps.map(Value.float) ?? .null), .init("eval_delay", .float(evalDelay)),
            .init("eval_on_start", .boolean(evalOnStart)), .init("prediction_loss_only", .boolean(predictionLossOnly)),
            .init("save_strategy", .string(saveStrategy.rawValue)), .init("save_steps", .float(saveSteps)),
            .init("save_total_limit", optional(saveTotalLimit)), .init("save_only_model", .boolean(saveOnlyModel)),
            .init("load_best_model_at_end", .boolean(loadBestModelAtEnd)),
            .init("metric_for_best_model", optional(metricForBestModel)),
            .init("greater_is_better", greaterIsBetter.map(Value.boolean) ?? .null),
            .init("early_stopping_patience", optional(earlyStoppingPatience)),
            .init("early_stopping_threshold", .float(earlyStoppingThreshold)), .init("seed", .integer(seed)),
            .init("data_seed", optional(dataSeed)),
            .init("train_sampling_strategy", .string(trainSamplingStrategy.rawValue)),
            .init("dataloader_drop_last", .boolean(dataloaderDropLast)),
            .init("label_names", labelNames.map { .list($0.map(Value.string)) } ?? .null),
            .init("length_column_name", .string(lengthColumnName)),
            .init("include_num_input_tokens_seen", .boolean(includeNumInputTokensSeen)),
            .init("disable_tqdm", .boolean(disableTqdm)), .init("freeze_dropout", .boolean(freezeDropout)),
            .init("prefix_cache", .string(keptStates.rawValue)),
            .init("prefix_cache_place", .string(keptStatesPlace.rawValue)),
            .init("prefix_cache_size", optional(keptStatesSize)),
        ]
    }

    private var sgdOptions: String { "momentum=\(sgdMomentum),dampening=\(sgdDampening),nesterov=\(sgdNesterov)" }

    /// Throws where an argument that matters differs from what was recorded; `source` names the record.
    func check(recorded: JSON, source: String) throws {
        let free = ["output_dir", "disable_tqdm", "prefix_cache_place", "prefix_cache_size"]
        for (entry, usual) in zip(entries, TrainingArguments().entries) where !free.contains(entry.key) {
            // An argument that did not exist when the run was made had the effect of its default.
            let (before, now) = (Value(recorded[entry.key] ?? usual.value.json), Value(entry.value.json))
            let same = before == now || (before.number != nil && before.number == now.number)
            guard same else {
                throw TrainingError(
                    "\(source): the run was made with \(entry.key) = \(before.quoted), now it is \(now.quoted); give it the same value, or start a new run"
                )
            }
        }
    }
}
