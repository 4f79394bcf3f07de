-- lorawb_speed: training speed of a random model, as peft_speed.py measures PEFT's: the same rows in the same order.
local lorawb = require "lorawb"

local args = lorawb.args {
  model = { "", type = "model", help = "folder of the model: its config.json, and its weights unless they are random" },
  rows = { "", type = "path", help = "JSON Lines of { input_ids, label or labels }, in the order of training" },
  task_type = { "SEQ_CLS", one_of = { "SEQ_CLS", "CAUSAL_LM" }, help = "what the model is for" },
  batch = { 16, min = 1, help = "rows in a batch" },
  steps = { 20, min = 1, help = "steps that are measured" },
  warmup = { 3, min = 0, help = "steps before these" },
  r = { 4, min = 1, help = "rank of the adapters" },
  lora_alpha = { 32, help = "scale of the adapters" },
  lora_dropout = { 0.01, help = "dropout before the adapters" },
  target_modules = { "query", help = "modules to adapt, separated by commas" },
  weights = { "random", one_of = { "random", "file" }, help = "where the base's weights come from" },
  packed = { true, help = "whether products pack the frozen matrices, for speed; false keeps one copy" },
  dtype = { "", help = "of the frozen weights: float32, bfloat16; as in the file where nothing is said" },
}

local targets = {}
for name in args.target_modules:gmatch "[^,]+" do targets[#targets + 1] = name end

local model = lorawb.load_model(args.model, {
  task_type = args.task_type, num_labels = args.task_type == "SEQ_CLS" and 2 or nil, weights = args.weights, packed = args.packed,
  dtype = args.dtype ~= "" and args.dtype or nil,
})
model:add_adapter {
  r = args.r, lora_alpha = args.lora_alpha, lora_dropout = args.lora_dropout, target_modules = targets,
}
local trainer = lorawb.trainer {
  model = model, train_dataset = lorawb.load_dataset(args.rows),
  args = {
    per_device_train_batch_size = args.batch, max_steps = args.warmup + args.steps, learning_rate = 1e-3,
    train_sampling_strategy = "sequential", save_strategy = "no", logging_strategy = "steps", logging_steps = 1,
    disable_tqdm = true,
  },
}

local times = {}
local start = lorawb.clock()
repeat
  local more = trainer:step()
  local now = lorawb.clock()
  times[#times + 1], start = now - start, now
until not more
local in_order = table.move(times, args.warmup + 1, args.warmup + args.steps, 1, {})
local measured = table.move(in_order, 1, #in_order, 1, {})
table.sort(measured)
local middle = #measured // 2
local median = #measured % 2 == 1 and measured[middle + 1] or (measured[middle] + measured[middle + 1]) / 2
local history = trainer.state.log_history
local shown = {}
for step, seconds in ipairs(in_order) do shown[step] = ("%.4f"):format(seconds) end
print(('{"tool": "lorawb", "samples_per_second": %.2f, "median_step_seconds": %.4f, "step_seconds": [%s], "peak_rss_mib": %d, "held_peak": %d, "first_loss": %.4f, "last_loss": %.4f}')
  :format(args.batch / median, median, table.concat(shown, ", "), lorawb.memory().peak >> 20, lorawb.memory().held_peak, history[1].loss, history[args.warmup + args.steps].loss))
