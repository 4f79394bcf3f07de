-- text_to_sql: teaches a causal language model to write a query for a question, with LoRA.
-- Reads train.jsonl, valid.jsonl and test.jsonl from --data (column text: the table, its columns, "Q: …" and "A: …").
-- Prints exact match on test questions before and after training, and the first of them beside what is right: an untrained
-- model writes about a query, a trained one the query and nothing else.
-- version: 1.0
-- needs: lorawb >= 0.1
-- licence: Apache-2.0
local lorawb = require "lorawb"

local args = lorawb.args {
  model = { "models/SmolLM2-135M-Instruct.Q4_1.gguf", type = "model", help = "a causal language model: a .gguf file, a folder, or its name in the cache" },
  data = { "data/wikisql", type = "path", help = "folder with train.jsonl, valid.jsonl and test.jsonl" },
  rows = { 1000, min = 1, help = "training rows to use, from a seeded shuffle" },
  tests = { 40, min = 1, help = "test questions that are answered" },
  epochs = { 2, min = 0, help = "times through the training rows" },
  lr = { 1e-3, min = 0, help = "peak learning rate" },
  r = { 8, min = 1, help = "rank of the adapters" },
  seed = { 42, help = "seed of initial weights and order" },
}

lorawb.manual_seed(args.seed)
local model = lorawb.load_model(args.model, { task_type = "CAUSAL_LM" })
local tokenizer = lorawb.load_tokenizer(args.model)

-- What stands before "A:" is given, what follows is to be learned.
local data = lorawb.load_dataset {
  train = args.data .. "/train.jsonl", validation = args.data .. "/valid.jsonl", test = args.data .. "/test.jsonl",
}:map(function(row)
  local prompt, completion = row.text:match "^(.*\nA:)(.*)$"
  if not prompt then error("a row has no line that begins with 'A:': " .. row.text) end
  return { prompt = prompt, completion = completion }
end)
data.train = data.train:shuffle { seed = args.seed }
data.train = data.train:select(1, math.min(args.rows, #data.train))
data.test = data.test:select(1, math.min(args.tests, #data.test))

local function trimmed(text) return (text:gsub("^%s+", ""):gsub("%s+$", "")) end
local function measure(title)
  local prompts, right = {}, 0
  for i = 1, #data.test do prompts[i] = data.test[i].prompt end
  local answers = model:generate { prompt = prompts, tokenizer = tokenizer, max_new_tokens = 60, stop = "\n" }
  for i, answer in ipairs(answers) do
    if trimmed(answer.text) == trimmed(data.test[i].completion) then right = right + 1 end
  end
  print(("\n%s: %d of %d queries exactly right"):format(title, right, #prompts))
  for i = 1, math.min(3, #prompts) do
    print("  wanted " .. trimmed(data.test[i].completion))
    print("  wrote  " .. trimmed(answers[i].text))
  end
end
measure "Before training"

model:add_adapter { r = args.r, lora_alpha = 2 * args.r, lora_dropout = 0.05, target_modules = { "q_proj", "v_proj" } }
print()
model:print_trainable_parameters()
local trainer = lorawb.trainer {
  model = model, processing_class = tokenizer, train_dataset = data.train, eval_dataset = data.validation,
  args = {
    learning_rate = args.lr, per_device_train_batch_size = 8, num_train_epochs = args.epochs, max_length = 256,
    warmup_ratio = 0.05, logging_steps = 25, eval_strategy = "epoch", save_strategy = "epoch", seed = args.seed,
  },
}
trainer:train()
measure "After training"
model:save_adapter(lorawb.run_dir .. "/adapter")
print("\nThe adapter lies in " .. lorawb.run_dir .. "/adapter, as PEFT reads it.")
