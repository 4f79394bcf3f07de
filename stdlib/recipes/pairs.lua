-- pairs: what two sentences have to do with each other: a class (paraphrase, entailment), or with --num_labels 1 a number (similarity).
-- Reads a file with the columns text, text_pair and label from --data, and holds a fifth of its rows out.
-- version: 1.0
-- needs: lorawb >= 0.1
-- licence: Apache-2.0
local lorawb = require "lorawb"
local args = lorawb.args {
  model = { "models/all-MiniLM-L6-v2", type = "model", help = "model folder, or a name in the Hugging Face cache" },
  data = { type = "path", required = true, help = "a .tsv, .csv or .jsonl file with text, text_pair, label" },
  num_labels = { 2, min = 1, help = "classes; 1 is a regression" }, lr = { 2e-3, min = 0 }, epochs = { 3, min = 0 },
}
local model = lorawb.load_model(args.model, { task_type = "SEQ_CLS", num_labels = args.num_labels })
local tokenizer = lorawb.load_tokenizer(args.model)

-- Of a number there are no classes to keep the shares of.
local splits = lorawb.load_dataset(args.data):train_test_split {
  test_size = 0.2, seed = 1, stratify_by_column = args.num_labels > 1 and "label" or nil,
}
model:add_adapter { r = 8, lora_alpha = 16, target_modules = { "query", "value" } }
local trainer = lorawb.trainer {
  model = model, train_dataset = splits.train, eval_dataset = splits.test, processing_class = tokenizer,
  compute_metrics = args.num_labels > 1 and lorawb.metrics.accuracy or lorawb.metrics.pearson,
  args = { learning_rate = args.lr, per_device_train_batch_size = 16, num_train_epochs = args.epochs, eval_strategy = "epoch",
    save_strategy = "no" },
}
trainer:train()
trainer:save_model(lorawb.run_dir .. "/adapter")
for i, found in ipairs(model:classify({ { text = splits.test[1].text, text_pair = splits.test[1].text_pair } }, { tokenizer = tokenizer })) do
  print(("%d  %s  %.2f"):format(i, found.label, found.score))
end
