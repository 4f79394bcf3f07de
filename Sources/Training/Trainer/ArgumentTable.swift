import Formats

/// What becomes of every name that TrainingArguments knows, or once knew.
///
/// A name is read by `TrainingArguments`, or renamed to one that is, or accepted with the values that are always so here, or refused with the
/// reason. Anything else is unknown, and the nearest name is given.
public enum ArgumentTable {
    /// The names that have an effect, as transformers 5.23 spells them; the early_stopping ones are its EarlyStoppingCallback's,
    /// freeze_dropout and the prefix_cache ones our own.
    public static let supported: [String] = [
        "output_dir", "per_device_train_batch_size", "per_device_eval_batch_size", "gradient_accumulation_steps",
        "num_train_epochs", "max_steps", "learning_rate", "weight_decay", "adam_beta1", "adam_beta2", "adam_epsilon",
        "max_grad_norm", "optim", "optim_args", "lr_scheduler_type", "lr_scheduler_kwargs", "warmup_steps",
        "label_smoothing_factor", "logging_strategy", "logging_steps", "logging_first_step", "eval_strategy",
        "eval_steps", "eval_delay", "eval_on_start", "prediction_loss_only", "save_strategy", "save_steps",
        "save_total_limit", "save_only_model", "load_best_model_at_end", "metric_for_best_model",
        "greater_is_better", "early_stopping_patience", "early_stopping_threshold", "seed", "data_seed",
        "train_sampling_strategy", "dataloader_drop_last", "label_names", "length_column_name",
        "include_num_input_tokens_seen", "disable_tqdm", "freeze_dropout", "prefix_cache", "prefix_cache_place",
        "prefix_cache_size",
    ]

    /// Older names, and names of transformers, that mean one of the supported ones.
    public static let renamed: [String: String] = [
        "evaluation_strategy": "eval_strategy", "per_gpu_train_batch_size": "per_device_train_batch_size",
        "per_gpu_eval_batch_size": "per_device_eval_batch_size", "warmup_ratio": "warmup_steps",
        "group_by_length": "train_sampling_strategy", "gradient_checkpointing": "activation_checkpointing",
        "gradient_checkpointing_kwargs": "activation_checkpointing_kwargs",
    ]

    /// A name without effect: accepted with certain values, since they are always so here, refused with others.
    struct Fixed {
        let accepted: [Value]
        let reason: String
    }

    /// Puts older names' values under the present ones.
    static func rename(_ reader: inout ArgumentReader) throws {
        for (old, new) in renamed.sorted(by: { $0.key < $1.key }) where reader.has(old) {
            let value = reader.take(old) ?? .null
            guard !reader.has(new) else { throw TrainingError("args: '\(old)' and '\(new)' mean the same; give one") }
            switch old {
            case "group_by_length":
                guard case .boolean(let grouped) = value else {
                    throw ArgumentReader.mismatch(old, value, "true or false")
                }
                reader.put(new, .string(grouped ? "group_by_length" : "random"))
            case "warmup_ratio":
                guard let ratio = value.number, ratio >= 0, ratio < 1 else {
                    throw ArgumentReader.mismatch(old, value, "a share of all steps of at least 0 and below 1")
                }
                reader.put(new, .float(ratio))
            case "gradient_checkpointing", "gradient_checkpointing_kwargs": try check(new, value)
            default: reader.put(new, value)
            }
        }
    }

    /// Accepts or refuses a name that has no effect.
    static func check(_ name: String, _ value: Value) throws {
        guard let fixed = withoutEffect[name] else {
            let known = supported + renamed.keys.sorted() + withoutEffect.keys.sorted()
            throw TrainingError("args: there is no '\(name)'" + nearestNameHint(for: name, in: known))
        }
        if value == .null || fixed.accepted.contains(where: { equal($0, value) }) { return }
        throw TrainingError("args: \(name) = \(value.quoted) is not supported: \(fixed.reason)")
    }

    /// The optimizer of that name in `optim`.
    static func optimizer(named name: String) throws -> TrainingArguments.OptimizerName {
        switch name {
        case "adamw_torch", "adamw_torch_fused", "adamw_hf", "adamw": return .adamW
        case "sgd": return .sgd
        default:
            let known = ["adamw_torch", "adamw_torch_fused", "sgd"]
            throw TrainingError(
                "args: optim '\(name)' is not supported; there are \(known.joined(separator: ", "))"
                    + nearestNameHint(for: name, in: known))
        }
    }

    static func plain(_ number: Double) -> String { Int(exactly: number).map(String.init) ?? "\(number)" }

    private static func equal(_ a: Value, _ b: Value) -> Bool {
        if let x = a.number, let y = b.number { return x == y }
        if let x = a.elements, x.isEmpty { return b.elements?.isEmpty == true || b == .object([]) }
        return a == b
    }

    private static let off: [Value] = [.boolean(false)]
    private static let on: [Value] = [.boolean(true)]
    private static let either: [Value] = [.boolean(false), .boolean(true)]
    private static let distributed = Fixed(accepted: off, reason: "training runs in one process")
    private static let service = Fixed(
        accepted: off, reason: "nothing goes to the network; logs stand in the run folder")
    private static let compiled = Fixed(accepted: off, reason: "the engine is compiled already")
    private static let hub = Fixed(
        accepted: off, reason: "nothing goes to the network; upload the saved adapter with the tool of your choice")
    private static let harmless = Fixed(accepted: either, reason: "it is true or false")

    /// Every other name of TrainingArguments.
    static let withoutEffect: [String: Fixed] = precision.merging(loading) { a, _ in a }.merging(reporting) { a, _ in a
    }
    .merging(machines) { a, _ in a }

    private static let precision: [String: Fixed] = [
        "fp16": Fixed(
            accepted: off, reason: "adapters are trained in float32; give load_model a dtype for the frozen weights"),
        "bf16": Fixed(
            accepted: off, reason: "adapters are trained in float32; give load_model a dtype for the frozen weights"),
        "fp16_full_eval": Fixed(accepted: off, reason: "evaluations use the model as it is loaded"),
        "bf16_full_eval": Fixed(accepted: off, reason: "evaluations use the model as it is loaded"),
        "fp16_opt_level": Fixed(accepted: [], reason: "adapters are trained in float32"),
        "half_precision_backend": Fixed(accepted: [], reason: "adapters are trained in float32"),
        "tf32": Fixed(accepted: off, reason: "there is no GPU"),
        "activation_checkpointing": Fixed(accepted: off, reason: "activations are kept; frozen layers keep nothing"),
        "activation_checkpointing_kwargs": Fixed(accepted: [.list([])], reason: "activations are kept"),
        "torch_compile": compiled, "torch_compile_backend": compiled, "torch_compile_mode": compiled,
        "jit_mode_eval": compiled, "use_ipex": compiled, "use_liger_kernel": compiled, "liger_kernel_config": compiled,
        "full_determinism": Fixed(accepted: either, reason: "runs are always deterministic"),
        "neftune_noise_alpha": Fixed(accepted: [], reason: "noise on embeddings is not implemented"),
        "optim_target_modules": Fixed(accepted: [], reason: "it is for optimizers that are not implemented"),
        "auto_find_batch_size": Fixed(accepted: off, reason: "`lorawb plan` tells the memory that a batch size needs"),
        "torch_empty_cache_steps": Fixed(accepted: [], reason: "there is no GPU"),
        "use_cache": Fixed(accepted: off, reason: "training keeps no key-value cache"),
        "logging_nan_inf_filter": Fixed(accepted: either, reason: "a loss that is not finite stops the run"),
    ]

    private static let loading: [String: Fixed] = [
        "dataloader_num_workers": Fixed(accepted: (0...64).map { .integer($0) }, reason: "rows are read in memory"),
        "dataloader_pin_memory": harmless, "dataloader_persistent_workers": harmless,
        "dataloader_in_order": Fixed(accepted: on, reason: "batches always come in order"),
        "dataloader_prefetch_factor": Fixed(accepted: (1...64).map { .integer($0) }, reason: "rows are read in memory"),
        "dataloader_multiprocessing_context": Fixed(accepted: [], reason: "rows are read in memory"),
        "remove_unused_columns": Fixed(
            accepted: either, reason: "forward gets the columns that it takes, compute_loss the whole rows"),
        "ignore_data_skip": Fixed(accepted: off, reason: "resuming continues with the next row at once"),
        "average_tokens_across_devices": Fixed(
            accepted: either, reason: "losses are always averaged over the whole step"),
        "eval_accumulation_steps": Fixed(accepted: (1...4096).map { .integer($0) }, reason: "it is a number of steps"),
        "eval_do_concat_batches": Fixed(accepted: on, reason: "predictions are always joined"),
        "eval_use_gather_object": distributed,
        "batch_eval_metrics": Fixed(
            accepted: off, reason: "give compute_metrics a metric of lorawb.metrics: those are gathered batch by batch"),
        "include_for_metrics": Fixed(accepted: [.list([])], reason: "compute_metrics gets predictions and label_ids"),
        "include_inputs_for_metrics": Fixed(accepted: off, reason: "compute_metrics gets predictions and label_ids"),
        "include_tokens_per_second": Fixed(accepted: off, reason: "give include_num_input_tokens_seen"),
        "past_index": Fixed(accepted: [.integer(-1)], reason: "no state is carried from batch to batch"),
        "do_train": harmless, "do_eval": harmless, "do_predict": harmless,
        "resume_from_checkpoint": Fixed(accepted: off, reason: "resume with `lorawb run recipe.lua --resume RUN`"),
        "overwrite_output_dir": Fixed(
            accepted: off, reason: "a run never overwrites another's checkpoints; give another output_dir"),
        "restore_callback_states_from_checkpoint": Fixed(
            accepted: either, reason: "early stopping always continues, callbacks hold their own state"),
        "save_safetensors": Fixed(accepted: on, reason: "checkpoints are always safetensors"),
        "enable_jit_checkpoint": Fixed(accepted: either, reason: "an interrupted run always writes a checkpoint"),
    ]

    private static let reporting: [String: Fixed] = [
        "report_to": Fixed(accepted: [.string("none"), .list([]), .list([.string("none")])], reason: service.reason),
        "run_name": Fixed(accepted: [], reason: "the run folder names the run (--run-dir)"),
        "project": service, "trackio_space_id": service, "trackio_bucket_id": service,
        "trackio_static_space_id": service,
        "logging_dir": Fixed(accepted: [], reason: "logs stand in the run folder"),
        "log_level": Fixed(accepted: [.string("passive")], reason: "there is one level"),
        "log_level_replica": Fixed(accepted: [.string("warning")], reason: "there is one level"),
        "log_on_each_node": harmless, "save_on_each_node": Fixed(accepted: off, reason: "training runs in one process"),
        "skip_memory_metrics": Fixed(accepted: on, reason: "the progress line shows memory"),
        "push_to_hub": hub, "hub_token": hub, "hub_private_repo": hub, "hub_model_id": hub,
        "hub_strategy": Fixed(accepted: [.string("every_save")], reason: hub.reason), "hub_always_push": hub,
        "hub_revision": hub, "push_to_hub_model_id": hub, "push_to_hub_organization": hub, "push_to_hub_token": hub,
        "debug": Fixed(accepted: [.list([]), .string("")], reason: "numbers that are not finite are always found"),
    ]

    private static let machines: [String: Fixed] = [
        "use_cpu": Fixed(accepted: either, reason: "training runs on the CPU"),
        "no_cuda": Fixed(accepted: either, reason: "training runs on the CPU"),
        "use_mps_device": Fixed(accepted: off, reason: "training runs on the CPU"),
        "tpu_num_cores": Fixed(accepted: [], reason: "training runs on the CPU"),
        "accelerator_config": Fixed(accepted: [], reason: "training runs in one process"),
        "parallelism_config": Fixed(accepted: [], reason: "training runs in one process"),
        "ddp_find_unused_parameters": distributed, "ddp_bucket_cap_mb": distributed,
        "ddp_broadcast_buffers": distributed,
        "ddp_static_graph": distributed, "ddp_backend": distributed,
        "ddp_timeout": Fixed(accepted: [.integer(1800)], reason: distributed.reason),
        "fsdp": Fixed(accepted: off + [.string(""), .list([])], reason: distributed.reason),
        "fsdp_config": distributed, "deepspeed": distributed,
        "local_rank": Fixed(accepted: [.integer(-1), .integer(0)], reason: distributed.reason),
    ]
}
