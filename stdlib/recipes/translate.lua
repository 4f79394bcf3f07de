-- translate: teaches a causal language model to translate sentences, with LoRA.
-- Reads val.en and val.de to train on and test.en and test.de (a sentence a line, the same line in both) from --data.
-- Prints loss and BLEU on test sentences before and after training, and translations of the first five beside those of the data:
-- after training they are German, if a small model's.
-- version: 1.0
-- needs: lorawb >= 0.1
-- licence: Apache-2.0
local lorawb = require "lorawb"

local args = lorawb.args {
  model = { "models/SmolLM2-135M-Instruct.Q4_1.gguf", type = "model", help = "a causal language model: a .gguf file, a folder, or its name in the cache" },
  data = { "data/multi30k", type = "path", help = "folder with val.en, val.de, test.en, test.de" },
  rows = { 1000, min = 1, help = "pairs to train on, from a seeded shuffle" },
  tests = { 100, min = 1, help = "test pairs that are measured" },
  epochs = { 2, min = 0, help = "times through the pairs" },
  lr = { 1e-3, min = 0, help = "peak learning rate" },
  r = { 16, min = 1, help = "rank of the adapters" },
  seed = { 42, help = "seed of initial weights and order" },
}

lorawb.manual_seed(args.seed)
local model = lorawb.load_model(args.model, { task_type = "CAUSAL_LM" })
local tokenizer = lorawb.load_tokenizer(args.model)

local function question(english) return "English: " .. english .. "\nGerman:" end
local function lines(path)
  local found = {}
  for line in lorawb.read_text(path):gmatch "[^\n]+" do found[#found + 1] = (line:gsub("%s+$", "")) end
  return found
end

-- Two files side by side become rows of a prompt and its completion.
local function read(split, count)
  local english, german = lines(args.data .. "/" .. split .. ".en"), lines(args.data .. "/" .. split .. ".de")
  if #english ~= #german then error(("%s: %d lines of English, %d of German"):format(split, #english, #german)) end
  local rows = {}
  for i = 1, #english do rows[i] = { prompt = question(english[i]), completion = " " .. german[i] } end
  local dataset = lorawb.dataset(rows)
  if split ~= "test" then dataset = dataset:shuffle { seed = args.seed } end
  return dataset:select(1, math.min(count, #dataset))
end
local train, test = read("val", args.rows), read("test", args.tests)

local prompts, references = {}, {}
for i = 1, #test do prompts[i], references[i] = test[i].prompt, { (test[i].completion:gsub("^ ", "")) } end
local function measure(title)
  local predictions = {}
  for i, answer in ipairs(model:generate { prompt = prompts, tokenizer = tokenizer, max_new_tokens = 40, stop = "\n" }) do
    predictions[i] = answer.text:match "^%s*(.-)%s*$"
  end
  print(("\n%s: BLEU %.2f"):format(title, lorawb.metrics.bleu { predictions = predictions, references = references }))
  for i = 1, math.min(5, #test) do
    print("  " .. prompts[i]:match "^English: (.-)\n")
    print("   wanted " .. references[i][1])
    print("   wrote  " .. predictions[i])
  end
end
measure "Before training"

model:add_adapter { r = args.r, lora_alpha = 2 * args.r, lora_dropout = 0.05, target_modules = "all-linear" }
print()
model:print_trainable_parameters()
local trainer = lorawb.trainer {
  model = model, processing_class = tokenizer, train_dataset = train, eval_dataset = test,
  args = {
    learning_rate = args.lr, per_device_train_batch_size = 8, num_train_epochs = args.epochs, max_length = 128,
    warmup_ratio = 0.05, logging_steps = 25, save_strategy = "epoch", seed = args.seed,
  },
}
local before = trainer:evaluate()
trainer:train()
local after = trainer:evaluate()
print(("\nloss on %d test pairs: %.3f before, %.3f after"):format(#test, before.eval_loss, after.eval_loss))
measure "After training"
model:save_adapter(lorawb.run_dir .. "/adapter")
print("\nThe adapter lies in " .. lorawb.run_dir .. "/adapter, as PEFT reads it.")
