import Options

extension TrainingArguments {
    private static let off: [OptionLiteral] = [.boolean(false)]
    private static let on: [OptionLiteral] = [.boolean(true)]
    private static let either: [OptionLiteral] = [.boolean(false), .boolean(true)]
    private static let distributed = InertOption(off, "training runs in one process")
    private static let service = InertOption(off, "nothing goes to the network; logs stand in the run folder")
    private static let compiled = InertOption(off, "the engine is compiled already")
    private static let hub = InertOption(
        off, "nothing goes to the network; upload the saved adapter with the tool of your choice")
    private static let harmless = InertOption(either, "it is true or false")

    /// Every other name of transformers' TrainingArguments: accepted with the values that are always so here, refused with others.
    static let inert: [String: InertOption] = [precision, loading, reporting, machines].reduce(into: [:]) {
        $0.merge($1) { first, _ in first }
    }

    private static let precision: [String: InertOption] = [
        "fp16": InertOption(off, "adapters are trained in float32; give load_model a dtype for the frozen weights"),
        "bf16": InertOption(off, "adapters are trained in float32; give load_model a dtype for the frozen weights"),
        "fp16_full_eval": InertOption(off, "evaluations use the model as it is loaded"),
        "bf16_full_eval": InertOption(off, "evaluations use the model as it is loaded"),
        "fp16_opt_level": InertOption([], "adapters are trained in float32"),
        "half_precision_backend": InertOption([], "adapters are trained in float32"),
        "tf32": InertOption(off, "there is no GPU"),
        "activation_checkpointing": InertOption(off, "give gradient_checkpointing"),
        "activation_checkpointing_kwargs": InertOption([.list([])], "give gradient_checkpointing"),
        "gradient_checkpointing_kwargs": InertOption(
            [.list([])] + either.map { .table(["use_reentrant": $0]) }, "there is one way to run a layer again"),
        "torch_compile": compiled, "torch_compile_backend": compiled, "torch_compile_mode": compiled,
        "jit_mode_eval": compiled, "use_ipex": compiled, "use_liger_kernel": compiled, "liger_kernel_config": compiled,
        "full_determinism": InertOption(either, "runs are always deterministic"),
        "neftune_noise_alpha": InertOption([], "noise on embeddings is not implemented"),
        "optim_target_modules": InertOption([], "it is for optimizers that are not implemented"),
        "auto_find_batch_size": InertOption(
            off, "choose per_device_train_batch_size; the progress line shows the memory in use"),
        "torch_empty_cache_steps": InertOption([], "there is no GPU"),
        "use_cache": InertOption(off, "training keeps no key-value cache"),
        "logging_nan_inf_filter": InertOption(either, "a loss that is not finite stops the run"),
    ]

    private static let loading: [String: InertOption] = [
        "dataloader_num_workers": InertOption((0...64).map { .integer($0) }, "rows are read in memory"),
        "dataloader_pin_memory": harmless, "dataloader_persistent_workers": harmless,
        "dataloader_in_order": InertOption(on, "batches always come in order"),
        "dataloader_prefetch_factor": InertOption((1...64).map { .integer($0) }, "rows are read in memory"),
        "dataloader_multiprocessing_context": InertOption([], "rows are read in memory"),
        "remove_unused_columns": InertOption(
            either, "forward gets the columns that it takes, compute_loss the whole rows"),
        "ignore_data_skip": InertOption(off, "resuming continues with the next row at once"),
        "average_tokens_across_devices": InertOption(either, "losses are always averaged over the whole step"),
        "eval_accumulation_steps": InertOption((1...4096).map { .integer($0) }, "it is a number of steps"),
        "eval_do_concat_batches": InertOption(on, "predictions are always joined"),
        "eval_use_gather_object": distributed,
        "batch_eval_metrics": InertOption(
            off, "give compute_metrics a metric of lorawb.metrics: those are gathered batch by batch"),
        "include_for_metrics": InertOption([.list([])], "compute_metrics gets predictions and label_ids"),
        "include_inputs_for_metrics": InertOption(off, "compute_metrics gets predictions and label_ids"),
        "include_tokens_per_second": InertOption(off, "give include_num_input_tokens_seen"),
        "past_index": InertOption([.integer(-1)], "no state is carried from batch to batch"),
        "do_train": harmless, "do_eval": harmless, "do_predict": harmless,
        "resume_from_checkpoint": InertOption(off, "resume with `lorawb run recipe.lua --resume RUN`"),
        "overwrite_output_dir": InertOption(
            off, "a run never overwrites another's checkpoints; give another output_dir"),
        "restore_callback_states_from_checkpoint": InertOption(
            either, "early stopping always continues, callbacks hold their own state"),
        "save_safetensors": InertOption(on, "checkpoints are always safetensors"),
        "enable_jit_checkpoint": InertOption(either, "an interrupted run always writes a checkpoint"),
    ]

    private static let reporting: [String: InertOption] = [
        "run_name": InertOption([], "the run folder names the run (--run-dir)"),
        "project": service, "trackio_space_id": service, "trackio_bucket_id": service,
        "trackio_static_space_id": service,
        "log_level": InertOption([.string("passive")], "there is one level"),
        "log_level_replica": InertOption([.string("warning")], "there is one level"),
        "log_on_each_node": harmless, "save_on_each_node": InertOption(off, "training runs in one process"),
        "skip_memory_metrics": InertOption(on, "the progress line shows memory"),
        "push_to_hub": hub, "hub_token": hub, "hub_private_repo": hub, "hub_model_id": hub,
        "hub_strategy": InertOption([.string("every_save")], hub.reason), "hub_always_push": hub,
        "hub_revision": hub, "push_to_hub_model_id": hub, "push_to_hub_organization": hub, "push_to_hub_token": hub,
        "debug": InertOption([.list([]), .string("")], "numbers that are not finite are always found"),
    ]

    private static let machines: [String: InertOption] = [
        "use_cpu": InertOption(either, "training runs on the CPU"),
        "no_cuda": InertOption(either, "training runs on the CPU"),
        "use_mps_device": InertOption(off, "training runs on the CPU"),
        "tpu_num_cores": InertOption([], "training runs on the CPU"),
        "accelerator_config": InertOption([], "training runs in one process"),
        "parallelism_config": InertOption([], "training runs in one process"),
        "ddp_find_unused_parameters": distributed, "ddp_bucket_cap_mb": distributed,
        "ddp_broadcast_buffers": distributed,
        "ddp_static_graph": distributed, "ddp_backend": distributed,
        "ddp_timeout": InertOption([.integer(1800)], distributed.reason),
        "fsdp": InertOption(off + [.string(""), .list([])], distributed.reason),
        "fsdp_config": distributed, "deepspeed": distributed,
        "local_rank": InertOption([.integer(-1), .integer(0)], distributed.reason),
    ]
}
