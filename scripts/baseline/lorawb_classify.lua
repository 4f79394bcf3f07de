-- lorawb_classify: labels of the sentences of a TSV file by a saved adapter, and the seconds they took.
local lorawb = require "lorawb"

local args = lorawb.args {
  model = { "", type = "model", help = "the base model" },
  adapter = { "", type = "path", help = "the adapter's folder" },
  data = { "", type = "path", help = "a .tsv file with the column sentence" },
  batch_size = { 16, min = 1 },
  max_length = { 128, min = 2, help = "most tokens of a sentence" },
}
local model = lorawb.load_model(args.model, { task_type = "SEQ_CLS", num_labels = 2 })
local tokenizer = lorawb.load_tokenizer(args.model)
model:load_adapter(args.adapter)
local texts = lorawb.load_dataset(args.data).sentence
local options = { tokenizer = tokenizer, batch_size = args.batch_size, max_length = args.max_length }
local some = {}
for i = 1, math.min(#texts, args.batch_size) do some[i] = texts[i] end
model:classify(some, options)   -- packs the matrices

local started = lorawb.clock()
local found = model:classify(texts, options)
local seconds = lorawb.clock() - started
local labels = {}
for i, result in ipairs(found) do labels[i] = result.label_id end
print(('{"tool": "lorawb", "rows": %d, "seconds": %.4f, "labels": "%s"}'):format(#labels, seconds, table.concat(labels)))
