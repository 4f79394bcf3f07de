import Formats
import Testing
import Training

struct ArgumentTests {
    @Test("the defaults are transformers'")
    func defaults() throws {
        let arguments = try Tiny.arguments([])
        #expect(arguments == TrainingArguments())
        let entries = Dictionary(uniqueKeysWithValues: arguments.entries.map { ($0.key, $0.value) })
        // peft.md C1: defaults of transformers 5.23.
        let expected: [String: JSON] = [
            "per_device_train_batch_size": .integer(8), "gradient_accumulation_steps": .integer(1),
            "num_train_epochs": .number(3), "max_steps": .integer(-1), "learning_rate": .number(5e-5),
            "weight_decay": .number(0), "adam_beta1": .number(0.9), "adam_beta2": .number(0.999),
            "adam_epsilon": .number(1e-8), "max_grad_norm": .number(1), "lr_scheduler_type": .string("linear"),
            "warmup_steps": .number(0), "logging_strategy": .string("steps"), "logging_steps": .number(500),
            "eval_strategy": .string("no"), "eval_steps": .null, "save_strategy": .string("steps"),
            "save_steps": .number(500), "save_total_limit": .null, "load_best_model_at_end": .bool(false),
            "metric_for_best_model": .null, "seed": .integer(42), "data_seed": .null,
            "train_sampling_strategy": .string("random"), "label_smoothing_factor": .number(0),
        ]
        for (name, value) in expected { #expect(entries[name] == value, "\(name)") }
        let older: Set = ["warmup_ratio", "group_by_length"]
        #expect(
            Set(entries.keys).union(older) == Set(TrainingArguments.options.options.map(\.name)),
            "what is read must be recorded")
    }

    @Test("what is recorded reads back equal")
    func roundTrip() throws {
        let arguments = try Tiny.arguments([
            ("learning_rate", .number(1e-3)), ("num_train_epochs", .number(2.5)), ("eval_strategy", .string("steps")),
            ("eval_steps", .number(0.1)), ("optim", .string("sgd")),
            ("optim_args", .string("momentum=0.9, nesterov=true")),
            ("lr_scheduler_type", .string("polynomial")),
            ("lr_scheduler_kwargs", .object(["power": .integer(2)])),
            ("label_names", .array([.string("y")])), ("save_strategy", .string("best")),
        ])
        #expect(try TrainingArguments(arguments.entries) == arguments)
        #expect(arguments.sgdNesterov && arguments.sgdMomentum == 0.9)
        #expect(arguments.greaterIsBetter == false)
    }

    @Test("older names are the present ones")
    func renamed() throws {
        let arguments = try Tiny.arguments([
            ("evaluation_strategy", .string("epoch")), ("warmup_ratio", .number(0.06)),
            ("group_by_length", .bool(true)),
            ("per_gpu_train_batch_size", .integer(4)), ("no_cuda", .bool(true)), ("use_cpu", .bool(true)),
            ("fp16", .bool(false)), ("report_to", .string("none")), ("gradient_checkpointing", .bool(false)),
            ("dataloader_num_workers", .integer(2)), ("optim", .string("adamw_torch")), ("local_rank", .integer(-1)),
        ])
        #expect(arguments.evalStrategy == .epoch)
        #expect(arguments.warmupSteps == 0.06)
        #expect(arguments.trainSamplingStrategy == .groupByLength)
        #expect(arguments.perDeviceTrainBatchSize == 4)
    }

    @Test(
        "every other mistake is an error that names the option",
        arguments: [
            ([("learning_rat", .number(1))], "args: unknown option 'learning_rat'; did you mean 'learning_rate'?"),
            (
                [("no_such_thing_at_all", .number(1))],
                "args: unknown option 'no_such_thing_at_all'; there are \(TrainingArguments.options.options.map(\.name).joined(separator: ", "))"
            ),
            (
                [("learning_rate", .string("1e-3"))],
                "args: option 'learning_rate' expected a number of at least 0, got string '1e-3'"
            ),
            (
                [("learning_rate", .number(-1))],
                "args: option 'learning_rate' expected a number of at least 0, got number -1.0"
            ),
            (
                [("learning_rate", .number(.nan))],
                "args: option 'learning_rate' expected a number of at least 0, got number nan"
            ),
            (
                [("num_train_epochs", .number(.infinity))],
                "args: option 'num_train_epochs' expected a number of at least 0 and below 1000000000, got number inf"
            ),
            (
                [("per_device_train_batch_size", .integer(0))],
                "args: option 'per_device_train_batch_size' expected an integer from 1 to 2147483648, got integer 0"
            ),
            (
                [("per_device_train_batch_size", .number(2.5))],
                "args: option 'per_device_train_batch_size' expected an integer from 1 to 2147483648, got number 2.5"
            ),
            (
                [("logging_first_step", .integer(1))],
                "args: option 'logging_first_step' expected true or false, got integer 1"
            ),
            (
                [("eval_strategy", .string("epochs"))],
                "args: option 'eval_strategy' expected one of 'no', 'steps', 'epoch', got 'epochs'; did you mean 'epoch'?"
            ),
            (
                [("save_steps", .number(2.5))],
                "args: option 'save_steps' expected a whole number of steps from 1, or a share of all steps above 0 and below 1, got number 2.5"
            ),
            (
                [("logging_steps", .integer(0))],
                "args: option 'logging_steps' expected a whole number of steps from 1, or a share of all steps above 0 and below 1, got integer 0"
            ),
            (
                [("logging_strategy", .string("no")), ("logging_steps", .number(2.5))],
                "args: option 'logging_steps' expected a whole number of steps, or a share of all steps from 0 to below 1, got number 2.5"
            ),
            (
                [("eval_steps", .number(2.5))],
                "args: option 'eval_steps' expected a whole number of steps from 1, or a share of all steps above 0 and below 1, or 0 for logging_steps, got number 2.5"
            ),
            (
                [("warmup_ratio", .number(1.5))],
                "args: option 'warmup_ratio' expected a number of at least 0 and below 1, got number 1.5"
            ),
            (
                [("warmup_ratio", .number(0.1)), ("warmup_steps", .integer(3))],
                "args: options 'warmup_ratio' and 'warmup_steps' mean the same; give one"
            ),
            (
                [("fp16", .bool(true))],
                "args: option 'fp16' = true is not supported: adapters are trained in float32; give load_model a dtype for the frozen weights"
            ),
            (
                [("push_to_hub", .bool(true))],
                "args: option 'push_to_hub' = true is not supported: nothing goes to the network; upload the saved adapter with the tool of your choice"
            ),
            (
                [("report_to", .string("wandb"))],
                "args: option 'report_to' = 'wandb' is not supported: nothing goes to the network; logs stand in the run folder"
            ),
            (
                [("optim", .string("adafactor"))],
                "args: option 'optim' expected one of 'adamw_torch', 'adamw_torch_fused', 'adamw_hf', 'adamw', 'sgd', got string 'adafactor'"
            ),
            (
                [("optim_args", .string("momentum=0.9"))],
                "args: optim_args is for optim = 'sgd'; AdamW takes adam_beta1, adam_beta2 and adam_epsilon"
            ),
            (
                [("lr_scheduler_type", .string("greedy"))],
                "args: option 'lr_scheduler_type' expected one of 'linear', 'cosine', 'cosine_with_restarts', 'polynomial', 'constant', 'constant_with_warmup', 'inverse_sqrt', got string 'greedy'"
            ),
            (
                [("load_best_model_at_end", .bool(true))],
                "args: load_best_model_at_end needs save_strategy and eval_strategy to be the same; they are 'steps' and 'no'"
            ),
            (
                [
                    ("load_best_model_at_end", .bool(true)), ("eval_strategy", .string("steps")),
                    ("eval_steps", .integer(3)), ("save_steps", .integer(4)),
                ],
                "args: load_best_model_at_end needs save_steps to be a multiple of eval_steps; they are 4 and 3"
            ),
            (
                [("early_stopping_patience", .integer(1))],
                "args: early_stopping_patience needs eval_strategy 'steps' or 'epoch'"
            ),
            (
                [("num_train_epochs", .integer(0))],
                "args: num_train_epochs is 0; expected a number above 0, or max_steps above 0"
            ),
            (
                [("seed", .integer(1)), ("seed", .integer(2))],
                "args: options 'seed' and 'seed' mean the same; give one"
            ),
        ] as [([(String, JSON)], String)])
    func mistakes(entries: [(String, JSON)], message: String) {
        #expect(throws: TrainingError(message)) { _ = try Tiny.arguments(entries) }
    }
}
