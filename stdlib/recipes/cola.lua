-- cola: is a sentence grammatical? CoLA's files have no header, and fewer wrong sentences than right ones.
-- Reads in_domain_train.tsv and in_domain_dev.tsv from --data: source, label, the author's mark, the sentence.
-- version: 1.0
-- needs: lorawb >= 0.1
-- licence: Apache-2.0
local lorawb = require "lorawb"
local args = lorawb.args {
  model = { "models/all-MiniLM-L6-v2", type = "model", help = "model folder, or a name in the Hugging Face cache" },
  data = { type = "path", required = true, help = "folder with in_domain_train.tsv and in_domain_dev.tsv" },
  lr = { 2e-3, min = 0 }, epochs = { 3, min = 0 }, rows = { 0, min = 0, help = "training rows to use; 0 is all" },
}
local model = lorawb.load_model(args.model, { task_type = "SEQ_CLS", id2label = { [0] = "wrong", [1] = "right" } })
local tokenizer = lorawb.load_tokenizer(args.model)

local data = lorawb.load_dataset(
  { train = args.data .. "/in_domain_train.tsv", dev = args.data .. "/in_domain_dev.tsv" },
  { columns = { "source", "label", "mark", "sentence" } })
if args.rows > 0 then data.train = data.train:shuffle { seed = 1 }:select(1, args.rows) end
data = data:map(function(row)
  return { input_ids = tokenizer:encode(row.sentence, { max_length = 64 }), labels = row.label }
end)

model:add_adapter { r = 8, lora_alpha = 16, lora_dropout = 0.05, target_modules = { "query", "value" } }
model:print_trainable_parameters()
local trainer = lorawb.trainer {
  model = model, train_dataset = data.train, eval_dataset = data.dev,
  compute_metrics = lorawb.metrics.combine { lorawb.metrics.matthews_correlation, lorawb.metrics.accuracy },
  args = {
    learning_rate = args.lr, per_device_train_batch_size = 16, num_train_epochs = args.epochs, class_weights = "balanced",
    eval_strategy = "epoch", save_strategy = "epoch", load_best_model_at_end = true,
    metric_for_best_model = "matthews_correlation",
  },
}
trainer:train()
print(("Matthews correlation %.3f"):format(trainer:evaluate().eval_matthews_correlation))
trainer:save_model(lorawb.run_dir .. "/adapter")
