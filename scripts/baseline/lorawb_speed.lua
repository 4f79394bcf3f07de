-- lorawb_speed: training speed of a random model, as peft_speed.py measures PEFT's: the same rows in the same order.
local lorawb = require "lorawb"

local args = lorawb.args {
  model = { "", type = "model", help = "folder with the config.json of the model's shape" },
  rows = { "", type = "path", help = "JSON Lines of { input_ids, label }, in the order of training" },
  batch = { 16, min = 1, help = "rows in a batch" },
  steps = { 20, min = 1, help = "steps that are measured" },
  warmup = { 3, min = 0, help = "steps before these" },
  r = { 4, min = 1, help = "rank of the adapters" },
  lora_alpha = { 32, help = "scale of the adapters" },
  lora_dropout = { 0.01, help = "dropout before the adapters" },
  target_modules = { "query", help = "modules to adapt, separated by commas" },
}

local targets = {}
for name in args.target_modules:gmatch "[^,]+" do targets[#targets + 1] = name end

local model = lorawb.load_model(args.model, { task_type = "SEQ_CLS", num_labels = 2, weights = "random" })
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
local measured = table.move(times, args.warmup + 1, args.warmup + args.steps, 1, {})
table.sort(measured)
local middle = #measured // 2
local median = #measured % 2 == 1 and measured[middle + 1] or (measured[middle] + measured[middle + 1]) / 2
local history = trainer.state.log_history
print(('{"tool": "lorawb", "samples_per_second": %.2f, "seconds_per_step": %.4f, "peak_mib": %d, "first_loss": %.4f, "last_loss": %.4f}')
  :format(args.batch / median, median, lorawb.memory().peak >> 20, history[1].loss, history[args.warmup + args.steps].loss))
