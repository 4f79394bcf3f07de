local lorawb = require "lorawb"
local model = lorawb.load_model("tiny", { task_type = "SEQ_CLS", num_labels = 3 })
local tokenizer = lorawb.load_tokenizer("tiny")
local data = lorawb.load_dataset("d.tsv"):map(function(row)
  return { input_ids = tokenizer:encode(row.text, { truncation = true, max_length = 8 }), labels = row.label }
end)
model:add_adapter { r = 2, lora_alpha = 4, lora_dropout = 0.1, target_modules = { "query" }, use_rslora = false }
local trainer = lorawb.trainer {
  model = model, train_dataset = data, eval_dataset = data, compute_metrics = lorawb.metrics.accuracy,
  args = { learning_rate = 0.01, per_device_train_batch_size = 2, max_steps = 2, eval_strategy = "steps", eval_steps = 1,
    save_strategy = "steps", save_steps = 1, save_total_limit = 2, logging_steps = 1, warmup_steps = 1, weight_decay = 0.1,
    gradient_accumulation_steps = 2, max_grad_norm = 1, label_smoothing_factor = 0.1, early_stopping_patience = 2,
    load_best_model_at_end = true, metric_for_best_model = "accuracy", lr_scheduler_type = "cosine", optim = "adamw_torch" },
}
trainer:train()
print(trainer.state.global_step, trainer:evaluate().eval_loss)
model:save_adapter(lorawb.run_dir .. "/best")
