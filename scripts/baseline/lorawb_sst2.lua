-- lorawb_sst2: accuracy on SST-2's dev set after one epoch over a seeded choice of training rows, as peft_sst2.py trains PEFT.
local lorawb = require "lorawb"

local args = lorawb.args {
  model = { "", type = "model", help = "folder of all-MiniLM-L6-v2" },
  data = { "", type = "path", help = "folder with train.tsv and dev.tsv" },
  rows = { 6400, min = 1, help = "training rows, from a shuffle with the seed" },
  epochs = { 1, min = 0, help = "times through them" },
  seed = { 0, help = "seed of rows, initial weights, order and dropout" },
  dtype = { "", help = "of the frozen weights: float32, bfloat16; as in the file where nothing is said" },
  losses = { 0, min = 0, help = "prints the losses of so many first steps, and stops there" },
}
lorawb.manual_seed(args.seed)
local model = lorawb.load_model(args.model, {
  task_type = "SEQ_CLS", num_labels = 2, dtype = args.dtype ~= "" and args.dtype or nil,
})
local tokenizer = lorawb.load_tokenizer(args.model)
local data = lorawb.load_dataset { train = args.data .. "/train.tsv", validation = args.data .. "/dev.tsv" }
data.train = data.train:shuffle { seed = args.seed }:select(1, args.rows)
data = data:map(function(row)
  return { input_ids = tokenizer:encode(row.sentence, { max_length = 512 }), labels = row.label }
end)
model:add_adapter { r = 4, lora_alpha = 32, lora_dropout = 0.01, target_modules = { "query", "value" } }
local start = lorawb.clock()
local trainer = lorawb.trainer {
  model = model, train_dataset = data.train, eval_dataset = data.validation, compute_metrics = lorawb.metrics.accuracy,
  args = {
    learning_rate = 1e-3, per_device_train_batch_size = 16, num_train_epochs = args.epochs, weight_decay = 0.01,
    seed = args.seed, save_strategy = "no", disable_tqdm = true, logging_steps = args.losses > 0 and 1 or 500,
  },
}
if args.losses > 0 then
  for _ = 1, args.losses do trainer:step() end
  for i = 1, args.losses do print(("%d %.5f"):format(i, trainer.state.log_history[i].loss)) end
  return
end
trainer:train()
local seconds = lorawb.clock() - start
print(("seed %d: accuracy %.4f, %.1f samples/s"):format(args.seed, trainer:evaluate().eval_accuracy, args.rows * args.epochs / seconds))
