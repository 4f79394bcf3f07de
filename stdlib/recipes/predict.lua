-- predict: what a saved adapter says of every row of a file, written to a CSV file beside the text.
-- version: 1.0
-- needs: lorawb >= 0.1
-- licence: Apache-2.0
local lorawb = require "lorawb"
local args = lorawb.args {
  model = { "models/all-MiniLM-L6-v2", type = "model", help = "model folder, or a name in the Hugging Face cache" },
  adapter = { type = "path", required = true, help = "folder of the adapter" },
  data = { type = "path", required = true, help = "a .tsv, .csv or .jsonl file" },
  column = { "text", help = "the column with the texts" }, pair = { "", help = "the column with the second texts of pairs" },
  num_labels = { 2, min = 1 }, batch = { 32, min = 1 },
}
local model = lorawb.load_model(args.model, { task_type = "SEQ_CLS", num_labels = args.num_labels })
model:load_adapter(args.adapter)
local tokenizer = lorawb.load_tokenizer(args.model)
local data = lorawb.load_dataset(args.data)
local texts = data[args.column]
if args.pair ~= "" then
  local second = data[args.pair]
  for i, text in ipairs(texts) do texts[i] = { text = text, text_pair = second[i] } end
end
local found = model:classify(texts, { tokenizer = tokenizer, batch_size = args.batch })
local results = data:map(function(_, i) return { predicted = found[i].label, score = found[i].score } end)
results:save(lorawb.run_dir .. "/predictions.csv")
print(("%d rows in %s/predictions.csv"):format(#results, lorawb.run_dir))
