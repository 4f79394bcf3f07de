import Formats
import Options
import Words

extension TrainingArguments {
    /// One argument, said once: what reads it, what records it, and what is told of it.
    struct Argument: Sendable {
        /// Name, type, range, default and meaning.
        let option: Option
        /// Takes the value out of options.
        let read: @Sendable (inout TrainingArguments, any OptionSource) throws -> Void
        /// The value for the record of a run; nil where another argument records it.
        let recorded: (@Sendable (TrainingArguments) -> OptionLiteral)?
        /// Whether a continued run may have another value.
        var isFree = false

        /// A copy that a continued run may change.
        var free: Argument {
            var copy = self
            copy.isFree = true
            return copy
        }
    }

    private typealias Path<Value> = WritableKeyPath<TrainingArguments, Value> & Sendable
    private static let usual = TrainingArguments()

    private static func integer(
        _ name: String, _ path: Path<Int>, _ range: ClosedRange<Int>, _ doc: String, aliases: [String] = []
    ) -> Argument {
        Argument(
            option: Option(name, .integer(range), default: .integer(usual[keyPath: path]), doc, aliases: aliases),
            read: { if let value = $1.optionalInteger(name) { $0[keyPath: path] = value } },
            recorded: { .integer($0[keyPath: path]) })
    }

    private static func integer(
        _ name: String, _ path: Path<Int?>, _ range: ClosedRange<Int>, default words: String? = nil, _ doc: String,
        example: String
    ) -> Argument {
        Argument(
            option: Option(name, .integer(range), default: words.map { .words($0) }, doc, example: example),
            read: { if let value = $1.optionalInteger(name) { $0[keyPath: path] = value } },
            recorded: { $0[keyPath: path].map(OptionLiteral.integer) ?? .nothing })
    }

    /// A number of rows, which bounds batches by tokens only where it is given.
    private static func rows(
        _ name: String, _ path: Path<Int>, _ isBound: Path<Bool>, _ doc: String, aliases: [String]
    ) -> Argument {
        let plain = integer(name, path, .positive, doc, aliases: aliases)
        return Argument(
            option: plain.option,
            read: { arguments, source in
                try plain.read(&arguments, source)
                arguments[keyPath: isBound] = source.has(name) || !source.has("max_tokens_per_batch")
            },
            recorded: { $0[keyPath: isBound] ? .integer($0[keyPath: path]) : .nothing })
    }

    private static func number(_ name: String, _ path: Path<Double>, _ range: NumberRange, _ doc: String) -> Argument {
        Argument(
            option: Option(name, .number(range), default: .number(usual[keyPath: path]), doc),
            read: { if let value = $1.optionalNumber(name) { $0[keyPath: path] = value } },
            recorded: { .number($0[keyPath: path]) })
    }

    private static func flag(_ name: String, _ path: Path<Bool>, _ doc: String) -> Argument {
        Argument(
            option: Option(name, .boolean, default: .boolean(usual[keyPath: path]), doc),
            read: { if let value = $1.optionalBoolean(name) { $0[keyPath: path] = value } },
            recorded: { .boolean($0[keyPath: path]) })
    }

    private static func text(
        _ name: String, _ path: Path<String?>, default words: String? = nil, _ doc: String, example: String,
        values: OptionValues? = nil
    ) -> Argument {
        Argument(
            option: Option(name, .string, default: words.map { .words($0) }, doc, example: example, values: values),
            read: { if let value = $1.optionalString(name) { $0[keyPath: path] = value } },
            recorded: { $0[keyPath: path].map(OptionLiteral.string) ?? .nothing })
    }

    private static func choice<Choice: RawRepresentable<String> & Sendable>(
        _ name: String, _ path: Path<Choice>, _ choices: [Choice], _ doc: String, aliases: [String] = []
    ) -> Argument {
        Argument(
            option: Option(
                name, .oneOf(choices.map(\.rawValue)), default: .string(usual[keyPath: path].rawValue), doc,
                aliases: aliases),
            read: { arguments, source in
                let value = source.optionalString(name).flatMap(Choice.init(rawValue:))
                if let value { arguments[keyPath: path] = value }
            }, recorded: { .string($0[keyPath: path].rawValue) })
    }

    private static let stepsPhrase = "a whole number of steps, or a share of all steps from 0 to below 1"
    private static let someStepsPhrase = "a whole number of steps from 1, or a share of all steps above 0 and below 1"

    /// Steps, or a share of all steps below 1; whole from 1 on.
    private static func steps(
        _ name: String, _ path: Path<Double>, _ doc: String, isUsed: @escaping @Sendable (TrainingArguments) -> Bool
    ) -> Argument {
        Argument(
            option: Option(name, .number(NumberRange(0, 0x1p53)), default: .number(usual[keyPath: path]), doc),
            read: { arguments, source in
                guard let value = source.optionalNumber(name) else { return }
                guard value < 1 || value.rounded() == value, value > 0 || !isUsed(arguments) else {
                    throw source.error(name, expected: isUsed(arguments) ? someStepsPhrase : stepsPhrase)
                }
                arguments[keyPath: path] = value
            }, recorded: { .number($0[keyPath: path]) })
    }

    /// All arguments that have an effect, as transformers 5.23 spells them, in the order of a run's record; the early_stopping ones are
    /// its EarlyStoppingCallback's, freeze_dropout and the prefix_cache ones our own.
    static let table: [Argument] = sizes + optimizer + intervals + best + data + supervised + keptStates

    private static let sizes: [Argument] = [
        text(
            "output_dir", \.outputDir, default: "lorawb.run_dir", "Folder that checkpoints go to.",
            example: "\"runs/mine\""
        ).free,
        rows(
            "per_device_train_batch_size", \.perDeviceTrainBatchSize, \.boundsTrainRows,
            "Rows of one micro-batch, the most where max_tokens_per_batch is given too.",
            aliases: ["per_gpu_train_batch_size"]),
        rows(
            "per_device_eval_batch_size", \.perDeviceEvalBatchSize, \.boundsEvalRows,
            "Rows of one batch of an evaluation, the most where max_tokens_per_batch is given too.",
            aliases: ["per_gpu_eval_batch_size"]),
        integer(
            "max_tokens_per_batch", \.maxTokensPerBatch, .positive, default: "no bound but rows",
            "Most tokens of a micro-batch, and of a batch of an evaluation: rows are taken as long as their lengths add up to no more, and up to the batch size where that is given; a longer row is a batch of its own. Batches are formed in the order of the first epoch; later epochs shuffle them.",
            example: "4096"),
        integer(
            "gradient_accumulation_steps", \.gradientAccumulationSteps, .positive,
            "Micro-batches of one optimizer step."),
        Argument(
            option: Option(
                "gradient_checkpointing", .either([.boolean, .oneOf(["auto"])]), default: false,
                "Whether layers keep nothing but what enters them and are run again in backward, with the same losses and gradients to the bit: less memory, some time; \"auto\" for all in the first step, then for as few as make a step fit into the memory that is free.",
                example: "\"auto\""),
            read: { arguments, source in
                if source.optionalString("gradient_checkpointing") != nil { arguments.gradientCheckpointing = .auto }
                if let flag = source.optionalBoolean("gradient_checkpointing") {
                    arguments.gradientCheckpointing = flag ? .on : .off
                }
            },
            recorded: {
                $0.gradientCheckpointing == .auto ? .string("auto") : .boolean($0.gradientCheckpointing == .on)
            }
        ).free,
        number(
            "num_train_epochs", \.numTrainEpochs, NumberRange(0, 1e9, withoutHighest: true),
            "Passes over the training data; a fraction ends within one."),
        integer(
            "max_steps", \.maxSteps, -1...1 << 53, "Optimizer steps in all; above 0 it overrides num_train_epochs."),
    ]

    /// TRL's SFTConfig (1.16), for texts that a language model is trained on.
    static let supervised: [Argument] = [
        Argument(
            option: Option(
                "max_length", .either([.positive, .boolean]), default: 1024,
                "Most tokens of a row made of text, and the length of packed rows; false cuts nothing."),
            read: { arguments, source in
                if let length = source.optionalInteger("max_length") { arguments.maxLength = length }
                if let flag = source.optionalBoolean("max_length") {
                    guard !flag else { throw source.error("max_length", expected: "a number of tokens, or false") }
                    arguments.maxLength = nil
                }
            }, recorded: { $0.maxLength.map(OptionLiteral.integer) ?? .boolean(false) }),
        flag("packing", \.packing, "Whether several sequences share a row of max_length tokens; none sees another."),
        choice(
            "packing_strategy", \.packingStrategy, PackingStrategy.allCases,
            "How sequences are put into rows: best fit, which cuts or splits what is too long, or one after the other."),
        Argument(
            option: Option(
                "eval_packing", .boolean, default: .words("packing"), "Whether eval_dataset is packed.",
                example: "false"),
            read: { if let flag = $1.optionalBoolean("eval_packing") { $0.evalPacking = flag } },
            recorded: { $0.evalPacking.map(OptionLiteral.boolean) ?? .nothing }),
        Argument(
            option: Option(
                "completion_only_loss", .boolean, default: .words("true for rows with prompt and completion"),
                "Whether only completions bear loss.", example: "true"),
            read: { if let flag = $1.optionalBoolean("completion_only_loss") { $0.completionOnlyLoss = flag } },
            recorded: { $0.completionOnlyLoss.map(OptionLiteral.boolean) ?? .nothing }),
        flag(
            "assistant_only_loss", \.assistantOnlyLoss, "Whether only the assistant's turns of conversations bear loss."
        ),
        Argument(
            option: Option(
                "train_on", .oneOf(["all", "last"]), "Which of the assistant's turns bear loss, and nothing else does.",
                example: "\"last\""),
            read: { if let name = $1.optionalString("train_on") { $0.trainOn = name } },
            recorded: { $0.trainOn.map(OptionLiteral.string) ?? .nothing }),
        Argument(
            option: Option(
                "dataset_text_field", .string, default: "text", "Column of plain texts.", example: "\"text\"",
                values: .columns),
            read: { if let name = $1.optionalString("dataset_text_field") { $0.datasetTextField = name } },
            recorded: { .string($0.datasetTextField) }),
    ]

    private static let optimizer: [Argument] = [
        number("learning_rate", \.learningRate, .atLeastZero, "Learning rate after the warm-up."),
        number("weight_decay", \.weightDecay, .atLeastZero, "Weight decay of all but biases and norms."),
        number("adam_beta1", \.adamBeta1, .belowOne, "AdamW's decay of the first moment."),
        number("adam_beta2", \.adamBeta2, .belowOne, "AdamW's decay of the second moment."),
        number("adam_epsilon", \.adamEpsilon, .atLeastZero, "Added to AdamW's denominator."),
        number(
            "max_grad_norm", \.maxGradNorm, .atLeastZero,
            "Bound on the norm of all gradients together; 0 does not clip."),
        Argument(
            option: Option(
                "optim", .oneOf(OptimizerName.spellings.map(\.0)), default: "adamw_torch", "The optimizer."),
            read: { arguments, source in
                let name = source.optionalString("optim")
                if let found = OptimizerName.spellings.first(where: { $0.0 == name }) { arguments.optim = found.1 }
            }, recorded: { .string($0.optim == .adamW ? "adamw_torch" : "sgd") }),
        Argument(
            option: Option(
                "optim_args", .string, "SGD's options: momentum=0.9,dampening=0,nesterov=true.",
                example: "\"momentum=0.9\""),
            read: { arguments, source in
                if let text = source.optionalString("optim_args") { try arguments.readOptimizerOptions(text) }
            }, recorded: { $0.optim == .sgd ? .string($0.sgdOptions) : .nothing }),
        choice(
            "lr_scheduler_type", \.lrSchedulerType, Schedule.Kind.allCases,
            "How the learning rate changes after the warm-up."),
        Argument(
            option: Option(
                "lr_scheduler_kwargs", .table,
                "Options of the schedule: num_cycles, lr_end, power, timescale, each with the schedules that take it.",
                example: "{}"),
            read: { arguments, source in
                for (name, number) in try source.numbersByName("lr_scheduler_kwargs") ?? [] {
                    arguments.lrSchedulerKwargs[name] = number
                }
            }, recorded: { .table($0.lrSchedulerKwargs.mapValues(OptionLiteral.number)) }),
        steps(
            "warmup_steps", \.warmupSteps,
            "Steps over which the learning rate rises from 0; below 1 a share of all steps."
        ) { _ in false },
        Argument(
            option: Option(
                "warmup_ratio", .number(.belowOne), "Older name of warmup_steps below 1: a share of all steps.",
                example: "0.06"),
            read: { arguments, source in
                guard let ratio = source.optionalNumber("warmup_ratio") else { return }
                guard !source.has("warmup_steps") else { throw same("warmup_ratio", "warmup_steps") }
                arguments.warmupSteps = ratio
            }, recorded: nil),
        number(
            "label_smoothing_factor", \.labelSmoothingFactor, .belowOne,
            "Share of the labels' weight that is spread over all classes."),
        Argument(
            option: Option(
                "class_weights", .either([.numbers(.atLeastZero), .oneOf(["balanced"])]), default: .words("1 for each"),
                "Weight of each class in the loss, from class 0; \"balanced\" for rows / (classes · rows of the class), as scikit-learn. Of several labels how much heavier the presence of each is than its absence; \"balanced\" for rows without / rows with the label.",
                example: "\"balanced\""),
            read: { arguments, source in
                if let numbers = source.numbers("class_weights") { arguments.classWeights = .each(numbers) }
                if source.optionalString("class_weights") != nil { arguments.classWeights = .balanced }
            },
            recorded: {
                switch $0.classWeights {
                case nil: .nothing
                case .balanced: .string("balanced")
                case .each(let weights): .list(weights.map(OptionLiteral.number))
                }
            }),
    ]

    private static let intervals: [Argument] = [
        choice("logging_strategy", \.loggingStrategy, [.no, .steps, .epoch], "When the training loss is logged."),
        steps("logging_steps", \.loggingSteps, "Steps between logs; below 1 a share of all steps.") {
            $0.loggingStrategy == .steps
        },
        flag("logging_first_step", \.loggingFirstStep, "Whether the first step is logged."),
        choice(
            "eval_strategy", \.evalStrategy, [.no, .steps, .epoch], "When eval_dataset is evaluated.",
            aliases: ["evaluation_strategy"]),
        Argument(
            option: Option(
                "eval_steps", .number(NumberRange(0, 0x1p53)), default: .words("logging_steps"),
                "Steps between evaluations; below 1 a share of all steps; 0 is logging_steps.", example: "100"),
            read: { arguments, source in
                guard let value = source.optionalNumber("eval_steps") else { return }
                guard value < 1 || value.rounded() == value else {
                    throw source.error("eval_steps", expected: someStepsPhrase + ", or 0 for logging_steps")
                }
                if value > 0 { arguments.evalSteps = value }
            }, recorded: { $0.evalSteps.map(OptionLiteral.number) ?? .nothing }),
        number(
            "eval_delay", \.evalDelay, .atLeastZero,
            "Epochs or steps (as eval_strategy counts) before the first evaluation."),
        flag("eval_on_start", \.evalOnStart, "Whether to evaluate before the first step."),
        flag("prediction_loss_only", \.predictionLossOnly, "Whether evaluations gather nothing but the loss."),
        choice(
            "save_strategy", \.saveStrategy, [.no, .steps, .epoch, .best],
            "When checkpoints are written; \"best\" after an evaluation that was better than all before."),
        steps("save_steps", \.saveSteps, "Steps between checkpoints; below 1 a share of all steps.") {
            $0.saveStrategy == .steps
        },
        integer(
            "save_total_limit", \.saveTotalLimit, .positive, default: "all",
            "Number of checkpoints to keep; the best one is kept besides.", example: "2"),
        flag(
            "save_only_model", \.saveOnlyModel,
            "Whether checkpoints hold no optimizer state, so that no run can continue from them."),
    ]

    private static let best: [Argument] = [
        flag(
            "load_best_model_at_end", \.loadBestModelAtEnd,
            "Whether the best checkpoint's weights are loaded when training ends."),
        text(
            "metric_for_best_model", \.metricForBestModel, default: "\"loss\" where it is needed",
            "Metric that says which checkpoint is best, with or without eval_ in front.", example: "\"accuracy\"",
            values: .metrics),
        Argument(
            option: Option(
                "greater_is_better", .boolean, default: .words("unless the metric ends in loss"),
                "Whether a higher metric is better."),
            read: { if let value = $1.optionalBoolean("greater_is_better") { $0.greaterIsBetter = value } },
            recorded: { $0.greaterIsBetter.map(OptionLiteral.boolean) ?? .nothing }),
        integer(
            "early_stopping_patience", \.earlyStoppingPatience, .positive, default: "never",
            "Evaluations without a better metric after which training stops.", example: "3"),
        number(
            "early_stopping_threshold", \.earlyStoppingThreshold, .atLeastZero,
            "How much better the metric must be to count."),
        integer("seed", \.seed, .any, "Seed of dropout and of the order of rows; --seed where it is not given."),
        integer("data_seed", \.dataSeed, .any, default: "seed", "Seed of the order of rows alone.", example: "7"),
    ]

    private static let data: [Argument] = [
        choice(
            "train_sampling_strategy", \.trainSamplingStrategy, BatchSampler.Strategy.allCases,
            "How the rows of an epoch are ordered."),
        Argument(
            option: Option("group_by_length", .boolean, "Older name of train_sampling_strategy = \"group_by_length\"."),
            read: { arguments, source in
                guard let grouped = source.optionalBoolean("group_by_length") else { return }
                guard !source.has("train_sampling_strategy") else {
                    throw same("group_by_length", "train_sampling_strategy")
                }
                arguments.trainSamplingStrategy = grouped ? .groupByLength : .random
            }, recorded: nil),
        flag("dataloader_drop_last", \.dataloaderDropLast, "Whether an incomplete last batch of an epoch is left out."),
        Argument(
            option: Option(
                "label_names", .strings, default: .words("labels, label, label_ids"),
                "Columns that hold labels; the first that exists counts.", example: "{ \"labels\" }",
                values: .columns),
            read: { arguments, source in
                guard let names = source.strings("label_names") else { return }
                guard !names.isEmpty else { throw source.error("label_names", expected: "at least one column's name") }
                arguments.labelNames = names
            }, recorded: { $0.labelNames.map { .list($0.map(OptionLiteral.string)) } ?? .nothing }),
        Argument(
            option: Option(
                "length_column_name", .string, default: .string(usual.lengthColumnName),
                "Column that holds lengths for group_by_length; those of input_ids where there is no such column.",
                example: "\"length\"", values: .columns),
            read: { if let name = $1.optionalString("length_column_name") { $0.lengthColumnName = name } },
            recorded: { .string($0.lengthColumnName) }),
        flag(
            "include_num_input_tokens_seen", \.includeNumInputTokensSeen, "Whether logs give the number of tokens seen."
        ),
        flag("disable_tqdm", \.disableTqdm, "Whether no progress bar is drawn; figures, notes and warnings still come.")
            .free,
        Argument(
            option: Option(
                "report_to", .strings, default: "none",
                "\"tensorboard\" writes the log as event files that TensorBoard reads, so does \"all\"; \"none\" nothing beside the run's own log.",
                example: "\"tensorboard\""),
            read: { arguments, source in
                guard let names = source.strings("report_to") else { return }
                guard names != ["none"] else { return arguments.reportTo = [] }
                arguments.reportTo = try (names == ["all"] ? Report.allCases.map(\.rawValue) : names).map { name in
                    guard let report = Report(rawValue: name) else {
                        throw TrainingError(
                            "args: option 'report_to' = '\(name)' is not supported: nothing goes to the network; logs stand in the run folder"
                        )
                    }
                    return report
                }
            },
            recorded: { $0.reportTo.isEmpty ? .string("none") : .list($0.reportTo.map { .string($0.rawValue) }) }
        ).free,
        text(
            "logging_dir", \.loggingDir, default: "the folder of the checkpoints", "Folder that event files go to.",
            example: "\"runs/events\""
        ).free,
    ]

    private static let keptStates: [Argument] = [
        flag("freeze_dropout", \.freezeDropout, "Whether nothing is dropped below the lowest layer that is trained."),
        Argument(
            option: Option(
                "prefix_cache", .either([.boolean, .oneOf(StatesKeeping.allCases.map(\.rawValue))]), default: "auto",
                "Whether the states that enter the lowest trained layer are kept from epoch to epoch: \"auto\" where that is exact, pays and fits; true (\"float32\") or \"bfloat16\" insist.",
                example: "false"),
            read: { arguments, source in
                if let name = source.optionalString("prefix_cache") {
                    arguments.keptStates = StatesKeeping(rawValue: name) ?? arguments.keptStates
                } else if let flag = source.optionalBoolean("prefix_cache") {
                    arguments.keptStates = flag ? .float32 : .off
                }
            }, recorded: { .string($0.keptStates.rawValue) }),
        choice(
            "prefix_cache_place", \.keptStatesPlace, StatesPlace.allCases,
            "Where they are kept: \"auto\" is memory, beyond its bound a file."
        ).free,
        Argument(
            option: Option(
                "prefix_cache_size", .either([.integer(1...Int.max), .string]),
                default: .words("what the place allows"),
                "The most bytes that they may take: a number, or a size such as \"4GB\".", example: "\"1GB\""),
            read: { arguments, source in
                if let text = source.optionalString("prefix_cache_size") {
                    guard let size = ByteSize.bytes(text) else {
                        throw source.error("prefix_cache_size", expected: "a size such as '4GB', or a number of bytes")
                    }
                    arguments.keptStatesSize = size
                } else if let size = source.optionalInteger("prefix_cache_size") {
                    arguments.keptStatesSize = size
                }
            }, recorded: { $0.keptStatesSize.map(OptionLiteral.integer) ?? .nothing }
        ).free,
    ]

    private static func same(_ one: String, _ other: String) -> OptionError {
        OptionError("args: options '\(one)' and '\(other)' mean the same; give one")
    }

    private var sgdOptions: String { "momentum=\(sgdMomentum),dampening=\(sgdDampening),nesterov=\(sgdNesterov)" }

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
}

extension TrainingArguments.OptimizerName {
    /// The names that transformers has for them.
    static let spellings: [(String, TrainingArguments.OptimizerName)] = [
        ("adamw_torch", .adamW), ("adamw_torch_fused", .adamW), ("adamw_hf", .adamW), ("adamw", .adamW), ("sgd", .sgd),
    ]
}
