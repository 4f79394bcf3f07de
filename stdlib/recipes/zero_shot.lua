-- zero_shot: classifies sentences with a causal language model by asking which answer it finds likelier.
-- Reads dev.tsv (columns sentence, label) from --data, and train.tsv for examples. Prints accuracy on the same sentences
-- without an example, with --shots of them in the prompt, and without one after LoRA on --tune rows. Guessing gives about 0.5;
-- the tuned model should be far above it.
-- version: 1.0
-- needs: lorawb >= 0.1
-- licence: Apache-2.0
local lorawb = require "lorawb"

local args = lorawb.args {
  model = { "models/SmolLM2-135M-Instruct.Q4_1.gguf", type = "model", help = "a causal language model: a .gguf file, a folder, or its name in the cache" },
  data = { "data/sst2", type = "path", help = "folder with train.tsv and dev.tsv" },
  tune = { 400, min = 1, help = "rows that the adapter is trained on" },
  lr = { 1e-3, min = 0, help = "peak learning rate" },
  rows = { 100, min = 1, help = "sentences that are classified, from a seeded shuffle" },
  shots = { 4, min = 1, help = "examples in the prompt" },
  seed = { 42, help = "seed of which sentences and examples are taken" },
}

lorawb.manual_seed(args.seed)
local model = lorawb.load_model(args.model, { task_type = "CAUSAL_LM" })
local tokenizer = lorawb.load_tokenizer(args.model)
local data = lorawb.load_dataset { train = args.data .. "/train.tsv", dev = args.data .. "/dev.tsv" }
local sentences = data.dev:shuffle { seed = args.seed }
sentences = sentences:select(1, math.min(args.rows, #sentences))

local choices = { " negative", " positive" } -- of the labels 0 and 1
local function question(sentence) return "Review: " .. sentence .. "\nSentiment:" end

-- Examples take turns between the labels, so that the prompt favours neither.
local function examples(count)
  local found, wanted = {}, 1
  for _, row in ipairs(count == 0 and {} or data.train:shuffle { seed = args.seed }:select(1, math.min(200, #data.train))) do
    if #found < count and row.label == wanted then
      found[#found + 1] = question(row.sentence) .. choices[row.label + 1] .. "\n\n"
      wanted = 1 - wanted
    end
  end
  return table.concat(found)
end

local function measure(name, shots)
  local before, right, positive = examples(shots), 0, 0
  for i = 1, #sentences do
    local row = sentences[i]
    local answer = model:generate { prompt = before .. question(row.sentence), tokenizer = tokenizer, choices = choices }
    if answer.index == row.label + 1 then right = right + 1 end
    if answer.index == 2 then positive = positive + 1 end
  end
  print(("%-22s accuracy %.3f, %3.0f %% called positive"):format(name, right / #sentences, 100 * positive / #sentences))
end

measure("zero-shot", 0)
measure(args.shots .. " examples", args.shots)

-- The same question with its answer as the completion, which alone bears loss.
local rows = data.train:shuffle { seed = args.seed }:select(1, math.min(args.tune, #data.train)):map(function(row)
  return { prompt = question(row.sentence), completion = choices[row.label + 1] }
end)
model:add_adapter { r = 8, lora_alpha = 16, lora_dropout = 0.05, target_modules = { "q_proj", "v_proj" } }
print()
model:print_trainable_parameters()
lorawb.trainer {
  model = model, processing_class = tokenizer, train_dataset = rows,
  args = {
    learning_rate = args.lr, per_device_train_batch_size = 8, num_train_epochs = 1, warmup_ratio = 0.1, max_length = 256,
    logging_steps = 10, save_strategy = "no", seed = args.seed,
  },
}:train()
print()
measure("tuned, zero-shot", 0)
model:save_adapter(lorawb.run_dir .. "/adapter")
print("\nThe adapter lies in " .. lorawb.run_dir .. "/adapter, as PEFT reads it.")
