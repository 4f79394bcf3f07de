-- saved: trains a new adapter for a few steps, and leaves it, the model with it merged, and the logits of both (saved.py).
local lorawb = require "lorawb"

local args = lorawb.args {
  base = { "", type = "model", help = "the base" },
  case = { "", type = "path", help = "JSON of task_type, num_labels, lora, input_ids" },
  rows = { "", type = "path", help = "rows to train on" },
}
local case = lorawb.read_json(args.case)
local model = lorawb.load_model(args.base, { task_type = case.task_type, num_labels = case.num_labels, dtype = "float32" })
model:add_adapter(case.lora)
lorawb.trainer {
  model = model, train_dataset = lorawb.load_dataset(args.rows),
  args = { learning_rate = 2e-2, max_steps = 5, per_device_train_batch_size = 4, save_strategy = "no" },
}:train()

local function logits()
  local rows = {}
  for i, ids in ipairs(case.input_ids) do
    rows[i] = lorawb.no_grad(function() return model:forward { input_ids = { ids } } end).logits:tolist()
  end
  return rows
end
local adapted = logits()
model:save_adapter(lorawb.run_dir .. "/adapter")
model:merge_and_unload()
lorawb.save_json(lorawb.run_dir .. "/logits.json", { adapted = adapted, merged = logits() })
model:save_pretrained(lorawb.run_dir .. "/merged")
