local lorawb = require "lorawb"
local data = lorawb.load_dataset("d.jsonl")
for _, key in ipairs { "per_device_train_batch_size", "per_device_eval_batch_size", "gradient_accumulation_steps", "max_steps", "save_steps", "warmup_steps" } do
  for _, n in ipairs { math.maxinteger, 1 << 53 } do
    local model = lorawb.load_model("tiny", { task_type = "SEQ_CLS", num_labels = 2, weights = "random" })
    model:add_adapter { r = 2, target_modules = { "query" } }
    local trainer = lorawb.trainer {
      model = model, train_dataset = data, eval_dataset = data,
      args = { save_strategy = "no", logging_steps = 1, train_sampling_strategy = "group_by_length", [key] = n },
    }
    print(key, pcall(trainer.step, trainer), pcall(trainer.evaluate, trainer))
  end
end
