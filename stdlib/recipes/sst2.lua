-- sst2: sequence classification on GLUE's SST-2 with LoRA, step by step.
-- Reads train.tsv and dev.tsv (columns sentence, label) from --data, and RoBERTa-base from the Hugging Face cache where it
-- is there, else the model that --model names.
-- version: 1.0
-- needs: lorawb >= 0.1
-- licence: Apache-2.0
-- expects: eval_accuracy >= 0.83
local lorawb = require "lorawb"

local args = lorawb.args {
  model = { lorawb.find_model("FacebookAI/roberta-base") or lorawb.find_model("roberta-base") or "models/all-MiniLM-L6-v2",
    type = "model", help = "model folder, or a name in the Hugging Face cache" },
  data = { "data/sst2", type = "path", help = "folder with train.tsv and dev.tsv" },
  lr = { 1e-3, min = 0, help = "peak learning rate" },
  epochs = { 5, min = 0, help = "times through the training set" },
  rows = { 0, min = 0, help = "training rows to use, from a seeded shuffle; 0 is all" },
  seed = { 42, help = "seed of initial weights, order and dropout" },
}

-- 1. A pretrained encoder with a head for two classes. The head is new, so it starts at random; lorawb says so.
local id2label = { [0] = "Negative", [1] = "Positive" }
lorawb.manual_seed(args.seed)
local model = lorawb.load_model(args.model, { task_type = "SEQ_CLS", id2label = id2label })
local tokenizer = lorawb.load_tokenizer(args.model)

-- 2. The data: text to token ids. Reviews put their verdict last, so a long one loses its beginning.
local data = lorawb.load_dataset { train = args.data .. "/train.tsv", validation = args.data .. "/dev.tsv" }
if args.rows > 0 then data.train = data.train:shuffle { seed = args.seed }:select(1, args.rows) end
data = data:map(function(row)
  return {
    input_ids = tokenizer:encode(row.sentence, { truncation = true, truncation_side = "left", max_length = 512 }),
    labels = row.label,
  }
end)

local sentences = {
  "a gorgeous , witty , seductive movie .",
  "it 's slow -- very , very slow .",
  "you 'd be hard pressed to find a more rewarding two hours .",
  "the story is as flat as the characters .",
  "not a bad journey at all .",
  "a sometimes tedious film .",
}
local function predict(title)
  print("\n" .. title)
  for i, found in ipairs(model:classify(sentences, { tokenizer = tokenizer })) do
    print(("  %-8s (%.2f)  %s"):format(found.label, found.score, sentences[i]))
  end
end
predict "Predictions of the untrained head:"

-- 3. LoRA on the query projections: the encoder's own weights stay as they are.
model:add_adapter { r = 4, lora_alpha = 32, lora_dropout = 0.01, target_modules = { "query" } }
print()
model:print_trainable_parameters()

-- 4. What to measure: the share of rows whose largest logit is at the label.
local function compute_metrics(eval)
  local predicted = eval.predictions:argmax(2)
  return { accuracy = predicted:eq(eval.label_ids):mean():item() }
end

-- 5. Training: evaluated and saved after each epoch; the best one is loaded at the end.
local trainer = lorawb.trainer {
  model = model, train_dataset = data.train, eval_dataset = data.validation, compute_metrics = compute_metrics,
  args = {
    learning_rate = args.lr, per_device_train_batch_size = 16, per_device_eval_batch_size = 32,
    num_train_epochs = args.epochs, weight_decay = 0.01, seed = args.seed,
    eval_strategy = "epoch", save_strategy = "epoch", load_best_model_at_end = true,
    metric_for_best_model = "accuracy",
  },
}
trainer:train()
local result = trainer:evaluate()
print(("\naccuracy on the validation set: %.4f"):format(result.eval_accuracy))

-- 6. The adapter, in PEFT's own format.
predict "Predictions after training:"
model:save_adapter(lorawb.run_dir .. "/best")
print("\nThe adapter lies in " .. lorawb.run_dir .. "/best, as PEFT reads it.")
