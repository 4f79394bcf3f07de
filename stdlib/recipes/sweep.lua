-- sweep: the same training with several ranks, and a table of what came out; one loaded model serves all.
-- Without --data it reads the small file reviews.tsv that comes with lorawb.
-- version: 1.0
-- needs: lorawb >= 0.1
-- licence: Apache-2.0
-- input: reviews.tsv sha256:96980cd9b8b7263a4a8f04d2a553e570fbddc5a2f89b861537371c82cde9cc34
local lorawb = require "lorawb"
local args = lorawb.args {
  model = { "models/all-MiniLM-L6-v2", type = "model", help = "model folder, or a name in the Hugging Face cache" },
  data = { "reviews.tsv", type = "path", help = "a .tsv file with the columns sentence and label" },
  ranks = { "1,2,4,8,16", help = "the ranks, separated by commas" }, lr = { 2e-3, min = 0 }, epochs = { 2, min = 0 },
}
lorawb.manual_seed(7)
local model = lorawb.load_model(args.model, { task_type = "SEQ_CLS", num_labels = 2 })
local tokenizer = lorawb.load_tokenizer(args.model)
local splits = lorawb.load_dataset(args.data):map(function(row)
  return { input_ids = tokenizer:encode(row.sentence, { max_length = 128 }), labels = row.label }
end):train_test_split { test_size = 0.2, seed = 1, stratify_by_column = "label" }

local ranks, rows = {}, {}
for word in args.ranks:gmatch "[^,%s]+" do
  ranks[#ranks + 1] = assert(math.tointeger(tonumber(word)), "--ranks: '" .. word .. "' is not a whole number")
end
for _, r in lorawb.progress(ranks, { title = "rank" }) do
  lorawb.manual_seed(7)
  model:add_adapter({ r = r, lora_alpha = 2 * r, target_modules = { "query", "value" } }, "rank" .. r)
  model:set_adapter("rank" .. r)
  local trained = model:get_nb_trainable_parameters()
  local trainer = lorawb.trainer {
    model = model, train_dataset = splits.train, eval_dataset = splits.test, compute_metrics = lorawb.metrics.accuracy,
    args = { learning_rate = args.lr, per_device_train_batch_size = 16, num_train_epochs = args.epochs, save_strategy = "no" },
  }
  trainer:train()
  local found = trainer:evaluate()
  rows[#rows + 1] = { r = r, parameters = trained, loss = found.eval_loss, accuracy = found.eval_accuracy }
  model:delete_adapter("rank" .. r)
end
print(("%6s %11s %8s %9s"):format("r", "parameters", "loss", "accuracy"))
for _, row in ipairs(rows) do print(("%6d %11d %8.4f %9.4f"):format(row.r, row.parameters, row.loss, row.accuracy)) end
lorawb.save_json(lorawb.run_dir .. "/sweep.json", rows)
