-- answers: questions about a text, answered by a part of it (SQuAD): exact match and F1 on rows held out.
-- Reads a file with the columns question, context and answers ({"text": [...], "answer_start": [...]}) from --data.
-- version: 1.0
-- needs: lorawb >= 0.1
-- licence: Apache-2.0
local lorawb = require "lorawb"
local args = lorawb.args {
  model = { "models/all-MiniLM-L6-v2", type = "model", help = "model folder, or a name in the Hugging Face cache" },
  data = { type = "path", required = true, help = "a .jsonl or .json file in SQuAD's columns" },
  length = { 384, min = 16, help = "most tokens of question and context" }, stride = { 128, min = 0 },
  lr = { 1e-3, min = 0 }, epochs = { 3, min = 0 },
}
local model = lorawb.load_model(args.model, { task_type = "QUESTION_ANS" })
local tokenizer = lorawb.load_tokenizer(args.model)
local splits = lorawb.load_dataset(args.data):train_test_split { test_size = 0.2, seed = 1 }
local windows = { tokenizer = tokenizer, max_length = args.length, doc_stride = args.stride }

model:add_adapter { r = 8, lora_alpha = 16, target_modules = { "query", "value" } }
local trainer = lorawb.trainer {
  model = model, train_dataset = lorawb.answer_features(splits.train, windows),
  eval_dataset = lorawb.answer_features(splits.test, windows),
  args = { learning_rate = args.lr, per_device_train_batch_size = 16, num_train_epochs = args.epochs, eval_strategy = "epoch",
    save_strategy = "no" },
}
trainer:train()
trainer:save_model(lorawb.run_dir .. "/adapter")

local texts, references = {}, {}
for i, found in ipairs(model:answer(splits.test, windows)) do
  texts[i], references[i] = found.answer, splits.test[i].answers.text
end
local scores = lorawb.metrics.squad { predictions = texts, references = references }
print(("exact match %.2f, F1 %.2f of %d questions"):format(scores.exact_match, scores.f1, #texts))
