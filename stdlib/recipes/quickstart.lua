-- quickstart: teaches a small pretrained encoder the sentiment of film reviews with LoRA.
-- Reads a model folder, and reviews.tsv beside this file or in the binary; trains in well under a minute on two cores.
-- version: 1.0
-- needs: lorawb >= 0.1
-- licence: Apache-2.0
-- input: reviews.tsv sha256:96980cd9b8b7263a4a8f04d2a553e570fbddc5a2f89b861537371c82cde9cc34
-- expects: eval_accuracy >= 0.75
local lorawb = require "lorawb"

local args = lorawb.args {
  model = { "models/all-MiniLM-L6-v2", type = "model", help = "folder of a BERT, RoBERTa or DistilBERT model, or its name in the cache" },
  data = { "reviews.tsv", type = "path", help = "reviews with the columns sentence, label, split" },
  epochs = { 4, min = 1, help = "times through the training reviews" },
  lr = { 2e-3, min = 0, help = "peak learning rate" },
  r = { 8, min = 1, help = "rank of the adapters" },
  seed = { 42, help = "seed of initial weights, order and dropout" },
}

local id2label = { [0] = "negative", [1] = "positive" }
lorawb.manual_seed(args.seed)
local model = lorawb.load_model(args.model, { task_type = "SEQ_CLS", id2label = id2label })
local tokenizer = lorawb.load_tokenizer(args.model)

local reviews = lorawb.load_dataset(args.data)
local function tokenized(split)
  return reviews:filter(function(row) return row.split == split end):map(function(row)
    return { input_ids = tokenizer:encode(row.sentence, { truncation = true, max_length = 128 }), labels = row.label }
  end)
end
local train, validation = tokenized "train", tokenized "validation"

local function balance(name, split)
  local positive = 0
  for i = 1, #split do positive = positive + split[i].labels end
  print(("%-10s %4d reviews, %.1f %% positive"):format(name, #split, 100 * positive / #split))
end
balance("train", train)
balance("validation", validation)

local probes = {
  "an uncommonly graceful film, and the funniest I have seen about funerals.",
  "The lead is superb, the score is gorgeous and the last scene broke my heart.",
  "it is slow, yes, but every minute of it is worth your time.",
  "two fine actors are wasted on a script that a parrot could improve.",
  "The jokes are stale, the villain is a bore and the sequel is already threatened.",
  "handsome to look at, but as drama it is lifeless and as comedy it is worse.",
}
local function show(title)
  print("\n" .. title)
  for i, found in ipairs(model:classify(probes, { tokenizer = tokenizer })) do
    print(("  %-8s %.2f  %s"):format(found.label, found.score, probes[i]))
  end
end
show "Before training:"

model:add_adapter { r = args.r, lora_alpha = 32, lora_dropout = 0.05, target_modules = { "query", "value" } }
print()
model:print_trainable_parameters()

local trainer = lorawb.trainer {
  model = model, train_dataset = train, eval_dataset = validation,
  compute_metrics = lorawb.metrics.accuracy,
  args = {
    learning_rate = args.lr, per_device_train_batch_size = 16, num_train_epochs = args.epochs, weight_decay = 0.01,
    eval_strategy = "epoch", save_strategy = "epoch", load_best_model_at_end = true,
    metric_for_best_model = "accuracy", seed = args.seed,
  },
}
trainer:train()

show "After training:"
model:save_adapter(lorawb.run_dir .. "/adapter")
print("\nThe adapter lies in " .. lorawb.run_dir .. "/adapter, as PEFT reads it.")
