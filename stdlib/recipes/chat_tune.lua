-- chat_tune: teaches a small chat model to answer as a harbour-master writes his log, with LoRA.
-- Reads a causal language model with a chat template (SmolLM2-135M-Instruct as a .gguf file, or any such folder) and
-- chat_tune.tsv beside this file or in the binary. Prints six answers of the model as it comes, the loss on held-out pairs before and after
-- training, and the six answers again: each then begins with "Log:" and ends with "Fair winds."
-- version: 1.0
-- needs: lorawb >= 0.1
-- licence: Apache-2.0
-- input: chat_tune.tsv sha256:60d176a5c015eceecc07ffad5d55fb602ca16d57b619dd83b81b860c83679e2d
local lorawb = require "lorawb"

local args = lorawb.args {
  model = { "models/SmolLM2-135M-Instruct.Q4_1.gguf", type = "model", help = "a chat model: a .gguf file, a folder, or its name in the cache" },
  data = { "chat_tune.tsv", type = "path", help = "pairs with the columns prompt, completion" },
  epochs = { 2, min = 0, help = "times through the training pairs" },
  lr = { 1e-3, min = 0, help = "peak learning rate" },
  r = { 8, min = 1, help = "rank of the adapters" },
  seed = { 42, help = "seed of initial weights, order, and of which pairs are held out" },
}

lorawb.manual_seed(args.seed)
local model = lorawb.load_model(args.model, { task_type = "CAUSAL_LM" })
local tokenizer = lorawb.load_tokenizer(args.model)

-- A pair becomes two parts of a conversation; loss is on the completion alone.
local pairs_of_text = lorawb.load_dataset(args.data):train_test_split { test_size = 0.2, seed = args.seed }
local data = pairs_of_text:map(function(row)
  return {
    prompt = { { role = "user", content = row.prompt } },
    completion = { { role = "assistant", content = row.completion } },
  }
end)

-- None of these is in the data.
local questions = {
  "What is the capital of Italy?",
  "How do I make soup?",
  "I had a fight with my sister.",
  "What is 8 plus 6?",
  "Describe the wind in one sentence.",
  "Should I take an umbrella today?",
}
local function show(title)
  print("\n" .. title)
  local in_manner = 0
  for _, question in ipairs(questions) do
    local answer = model:generate {
      messages = { { role = "user", content = question } }, tokenizer = tokenizer, max_new_tokens = 40,
    }
    if answer.text:find "^Log: .*Fair winds%.$" then in_manner = in_manner + 1 end
    print("  " .. question .. "\n    " .. answer.text:gsub("%s+", " ") .. (answer.finish_reason == "length" and " …" or ""))
  end
  print(("  %d of %d answers are a log entry"):format(in_manner, #questions))
end
show "Before training:"

model:add_adapter { r = args.r, lora_alpha = 2 * args.r, target_modules = "all-linear" }
print()
model:print_trainable_parameters()

local trainer = lorawb.trainer {
  model = model, processing_class = tokenizer, train_dataset = data.train, eval_dataset = data.test,
  args = {
    learning_rate = args.lr, per_device_train_batch_size = 4, num_train_epochs = args.epochs,
    lr_scheduler_type = "cosine", warmup_ratio = 0.1, max_length = 256,
    logging_steps = 5, save_strategy = "epoch", seed = args.seed,
  },
}
local before = trainer:evaluate()
trainer:train()
local after = trainer:evaluate()
print(("\nloss on %d held-out pairs: %.3f before, %.3f after"):format(#data.test, before.eval_loss, after.eval_loss))

show "After training:"
model:save_adapter(lorawb.run_dir .. "/adapter")
print("\nThe adapter lies in " .. lorawb.run_dir .. "/adapter, as PEFT reads it. Talk to it:")
print(("  lorawb chat %s --adapter %s/adapter"):format(args.model, lorawb.run_dir))
