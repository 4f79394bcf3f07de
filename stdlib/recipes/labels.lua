-- labels: several labels at once, each of them there or not, rare ones weighing more.
-- Reads JSON Lines from --data: {"text": "...", "labels": ["sport", "politics"]}.
-- version: 1.0
-- needs: lorawb >= 0.1
-- licence: Apache-2.0
local lorawb = require "lorawb"
local args = lorawb.args {
  model = { "models/all-MiniLM-L6-v2", type = "model", help = "model folder, or a name in the Hugging Face cache" },
  data = { type = "path", required = true, help = "a .jsonl file with text and labels" },
  lr = { 2e-3, min = 0 }, epochs = { 5, min = 0 },
}
local data = lorawb.load_dataset(args.data)
local names, ids = {}, {}
for row = 1, #data do
  for _, name in ipairs(data[row].labels) do ids[name] = ids[name] or true end
end
for name in pairs(ids) do names[#names + 1] = name end
table.sort(names)
local id2label = {}
for i, name in ipairs(names) do
  ids[name] = i
  id2label[i - 1] = name
end

local model = lorawb.load_model(
  args.model, { task_type = "SEQ_CLS", id2label = id2label, problem_type = "multi_label_classification" })
local tokenizer = lorawb.load_tokenizer(args.model)
local splits = data:map(function(row)
  local flags = {}
  for i = 1, #names do flags[i] = 0.0 end
  for _, name in ipairs(row.labels) do flags[ids[name]] = 1.0 end
  return { input_ids = tokenizer:encode(row.text, { max_length = 128 }), labels = flags }
end):train_test_split { test_size = 0.2, seed = 1 }

model:add_adapter { r = 8, lora_alpha = 16, target_modules = { "query", "value" } }
local trainer = lorawb.trainer {
  model = model, train_dataset = splits.train, eval_dataset = splits.test,
  compute_metrics = lorawb.metrics.f1 { average = "micro" },
  args = { learning_rate = args.lr, per_device_train_batch_size = 16, num_train_epochs = args.epochs, class_weights = "balanced",
    eval_strategy = "epoch", save_strategy = "no" },
}
trainer:train()
trainer:save_model(lorawb.run_dir .. "/adapter")
local first = trainer:predict(splits.test:select(1, 1)).rows[1]
print("of the first row held out: " .. (#first.labels > 0 and table.concat(first.labels, ", ") or "none of the labels"))
