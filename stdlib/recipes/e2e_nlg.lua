-- e2e_nlg: teaches a causal language model to put facts about restaurants into words, with LoRA (the task of the LoRA paper).
-- Reads valid.txt from --data: lines of "meaning||text", several texts for each meaning. Meanings are held out by a seed.
-- Prints BLEU and ROUGE-L of what the model writes for held-out meanings before and after training, and three of the texts:
-- before, the model goes on about anything; after, it says the facts.
-- version: 1.0
-- needs: lorawb >= 0.1
-- licence: Apache-2.0
local lorawb = require "lorawb"

local args = lorawb.args {
  model = { "models/SmolLM2-135M-Instruct.Q4_1.gguf", type = "model", help = "a causal language model: a .gguf file, a folder, or its name in the cache" },
  data = { "data/e2e", type = "path", help = "folder with valid.txt" },
  rows = { 1600, min = 1, help = "training rows, from a seeded shuffle" },
  tests = { 100, min = 1, help = "held-out meanings that texts are written for" },
  epochs = { 1, min = 0, help = "times through the training rows" },
  lr = { 1e-3, min = 0, help = "peak learning rate" },
  r = { 8, min = 1, help = "rank of the adapters" },
  seed = { 42, help = "seed of the adapters' initial weights and of the order of rows" },
  split_seed = { 42, help = "seed of which meanings are held out, and of which rows are trained on" },
}

lorawb.manual_seed(args.seed)
local model = lorawb.load_model(args.model, { task_type = "CAUSAL_LM" })
local tokenizer = lorawb.load_tokenizer(args.model)

-- Texts by meaning, the order of the file kept.
local meanings, texts = {}, {}
for line in lorawb.read_text(args.data .. "/valid.txt"):gmatch "[^\n]+" do
  local meaning, text = line:match "^(.-)%s*||%s*(.-)%s*$"
  if not meaning then error("a line has no '||': " .. line) end
  if not texts[meaning] then
    texts[meaning] = {}
    meanings[#meanings + 1] = { meaning = meaning }
  end
  table.insert(texts[meaning], text)
end

local function prompt(meaning) return meaning .. "\nText:" end

local split = lorawb.dataset(meanings):train_test_split { test_size = args.tests, seed = args.split_seed }
local rows = {}
for i = 1, #split.train do
  local meaning = split.train[i].meaning
  for _, text in ipairs(texts[meaning]) do rows[#rows + 1] = { prompt = prompt(meaning), completion = " " .. text } end
end
local train = lorawb.dataset(rows):shuffle { seed = args.split_seed }
train = train:select(1, math.min(args.rows, #train))
local chosen = {}
for i = 1, #train do chosen[i] = train[i] end
lorawb.save_json(lorawb.run_dir .. "/train.json", chosen)

local prompts, references = {}, {}
for i = 1, #split.test do
  prompts[i], references[i] = prompt(split.test[i].meaning), texts[split.test[i].meaning]
end
local function measure(title)
  local predictions = {}
  for i, answer in ipairs(model:generate { prompt = prompts, tokenizer = tokenizer, max_new_tokens = 40, stop = "\n" }) do
    predictions[i] = answer.text:match "^%s*(.-)%s*$"
  end
  local both = { predictions = predictions, references = references }
  print(("\n%s: BLEU %.2f, ROUGE-L %.4f"):format(title, lorawb.metrics.bleu(both), lorawb.metrics.rouge_l(both)))
  for i = 1, math.min(3, #prompts) do print("  " .. split.test[i].meaning .. "\n    " .. predictions[i]) end
  lorawb.save_json(lorawb.run_dir .. "/texts.json", { prompts = prompts, references = references, predictions = predictions })
end
measure "Before training"

model:add_adapter { r = args.r, lora_alpha = 2 * args.r, lora_dropout = 0.05, target_modules = { "q_proj", "v_proj" } }
print()
model:print_trainable_parameters()
lorawb.trainer {
  model = model, processing_class = tokenizer, train_dataset = train,
  args = {
    learning_rate = args.lr, per_device_train_batch_size = 8, num_train_epochs = args.epochs, warmup_ratio = 0.05,
    max_length = 256, logging_steps = 25, save_strategy = "epoch", seed = args.seed,
  },
}:train()
measure "After training"
model:save_adapter(lorawb.run_dir .. "/adapter")
print("\nThe adapter lies in " .. lorawb.run_dir .. "/adapter, as PEFT reads it.")
