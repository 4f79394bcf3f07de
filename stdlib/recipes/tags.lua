-- tags: a tag for each word (names, parts of speech) with the F1 of whole spans.
-- Reads JSON Lines from --data: {"tokens": ["Ann", "lives", "in", "Rome"], "tags": ["B-PER", "O", "O", "B-LOC"]}.
-- version: 1.0
-- needs: lorawb >= 0.1
-- licence: Apache-2.0
local lorawb = require "lorawb"
local args = lorawb.args {
  model = { "models/all-MiniLM-L6-v2", type = "model", help = "model folder, or a name in the Hugging Face cache" },
  data = { type = "path", required = true, help = "a .jsonl file with tokens and tags" },
  lr = { 3e-3, min = 0 }, epochs = { 5, min = 0 },
}
local data = lorawb.load_dataset(args.data)

-- The tags by their ids, "O" first.
local names, ids = { [0] = "O" }, { O = 0 }
for row = 1, #data do
  for _, tag in ipairs(data[row].tags) do
    if not ids[tag] then
      ids[tag] = #names + 1
      names[ids[tag]] = tag
    end
  end
end
local model = lorawb.load_model(args.model, { task_type = "TOKEN_CLS", id2label = names })
local tokenizer = lorawb.load_tokenizer(args.model)

-- The first piece of a word bears its tag, the others no label.
local splits = data:map(function(row)
  local encoding = tokenizer(row.tokens, { is_split_into_words = true, max_length = 128 })
  local labels, last = {}, false
  for i, word in ipairs(encoding.word_ids) do
    labels[i] = word and word ~= last and ids[row.tags[word]] or -100
    last = word
  end
  return { input_ids = encoding.input_ids, labels = labels }
end):train_test_split { test_size = 0.2, seed = 1 }

model:add_adapter { r = 8, lora_alpha = 16, target_modules = { "query", "value" } }
local trainer = lorawb.trainer {
  model = model, train_dataset = splits.train, eval_dataset = splits.test, compute_metrics = lorawb.metrics.seqeval { id2label = names },
  args = { learning_rate = args.lr, per_device_train_batch_size = 16, num_train_epochs = args.epochs, eval_strategy = "epoch",
    save_strategy = "no" },
}
trainer:train()
trainer:save_model(lorawb.run_dir .. "/adapter")
local words = splits.test[1].tokens
for _, entity in ipairs(model:classify({ words }, { tokenizer = tokenizer, is_split_into_words = true, aggregation = "first" })[1]) do
  print(("%-6s %.2f  %s"):format(entity.label, entity.score, entity.text))
end
