-- lorawb_evaluate: accuracy of a trained adapter on a TSV file with the columns sentence and label.
local lorawb = require "lorawb"

local args = lorawb.args {
  model = { "", type = "model", help = "the base model" },
  adapter = { "", type = "path", help = "the adapter's folder" },
  data = { "", type = "path", help = "a .tsv file" },
  max_length = { 128, min = 2, help = "most tokens of a sentence" },
}
local model = lorawb.load_model(args.model, { task_type = "SEQ_CLS", id2label = { [0] = "negative", [1] = "positive" } })
local tokenizer = lorawb.load_tokenizer(args.model)
model:load_adapter(args.adapter)
local rows = lorawb.load_dataset(args.data):map(function(row)
  return { input_ids = tokenizer:encode(row.sentence, { max_length = args.max_length }), labels = row.label }
end)
local trainer = lorawb.trainer {
  model = model, eval_dataset = rows, compute_metrics = lorawb.metrics.accuracy,
  args = { per_device_eval_batch_size = 32, disable_tqdm = true },
}
print(("accuracy %.4f of %d rows"):format(trainer:evaluate().eval_accuracy, #rows))
