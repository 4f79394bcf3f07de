-- documents: long texts, cut into chunks that overlap; a document's class is that of the mean of its chunks' scores.
-- Reads a file with the columns text and label from --data.
-- version: 1.0
-- needs: lorawb >= 0.1
-- licence: Apache-2.0
local lorawb = require "lorawb"
local args = lorawb.args {
  model = { "models/all-MiniLM-L6-v2", type = "model", help = "model folder, or a name in the Hugging Face cache" },
  data = { type = "path", required = true, help = "a .tsv, .csv or .jsonl file with text and label (0, 1, …)" },
  num_labels = { 2, min = 2 }, length = { 128, min = 8, help = "tokens of a chunk" },
  stride = { 32, min = 0, help = "tokens that chunks share" }, lr = { 2e-3, min = 0 }, epochs = { 3, min = 0 },
}
local model = lorawb.load_model(args.model, { task_type = "SEQ_CLS", num_labels = args.num_labels })
local tokenizer = lorawb.load_tokenizer(args.model)

-- One row a document becomes one a chunk, with the document's number.
local function chunks(data)
  return data:map(function(_, document) return { document = document } end):flat_map(function(row)
    local whole = tokenizer(row.text,
      { truncation = true, max_length = args.length, stride = args.stride, return_overflowing_tokens = true })
    local rows = { { input_ids = whole.input_ids, labels = row.label, document = row.document } }
    for _, part in ipairs(whole.overflowing or {}) do
      rows[#rows + 1] = { input_ids = part.input_ids, labels = row.label, document = row.document }
    end
    return rows
  end)
end
local splits = lorawb.load_dataset(args.data):train_test_split { test_size = 0.2, seed = 1, stratify_by_column = "label" }
local train, test = chunks(splits.train), chunks(splits.test)
print(("%d documents in %d chunks to train on"):format(#splits.train, #train))

model:add_adapter { r = 8, lora_alpha = 16, target_modules = { "query", "value" } }
local trainer = lorawb.trainer {
  model = model, train_dataset = train, eval_dataset = test, compute_metrics = lorawb.metrics.accuracy,
  args = { learning_rate = args.lr, per_device_train_batch_size = 16, num_train_epochs = args.epochs, eval_strategy = "epoch",
    save_strategy = "no" },
}
trainer:train()
trainer:save_model(lorawb.run_dir .. "/adapter")

local sums = {}
for chunk, found in ipairs(trainer:predict(test).rows) do
  local document = test[chunk].document
  local sum = sums[document] or {}
  for id, score in ipairs(found.scores) do sum[id] = (sum[id] or 0) + score end
  sums[document] = sum
end
local right = 0
for document, sum in ipairs(sums) do
  local best = 1
  for id = 2, #sum do if sum[id] > sum[best] then best = id end end
  if best - 1 == splits.test[document].label then right = right + 1 end
end
print(("accuracy of whole documents: %.4f of %d"):format(right / #splits.test, #splits.test))
