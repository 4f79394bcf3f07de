-- lorawb_prefix: what keeping the states of a frozen prefix gains: upper layers adapted with prefix_cache and freeze_dropout,
-- the first epoch and the later ones, beside all layers adapted; the same rows in the same order.
local lorawb = require "lorawb"

local args = lorawb.args {
  model = { "", type = "model", help = "folder with the config.json of the model's shape" },
  rows = { "", type = "path", help = "JSON Lines of { input_ids, label }, in the order of training" },
  batch = { 16, min = 1, help = "rows in a batch" },
  steps = { 20, min = 2, help = "steps of an epoch" },
  epochs = { 3, min = 2, help = "epochs with kept states" },
  top = { 4, min = 1, help = "upper layers that are adapted" },
  r = { 4, min = 1, help = "rank of the adapters" },
  lora_alpha = { 32, help = "scale of the adapters" },
  lora_dropout = { 0.01, help = "dropout before the adapters" },
  target_modules = { "query", help = "modules to adapt, separated by commas" },
  prefix_cache = { "float32", one_of = { "float32", "bfloat16", "off" }, help = "how states are kept" },
  place = { "auto", one_of = { "auto", "memory", "file" }, help = "where states are kept" },
}

local targets = {}
for name in args.target_modules:gmatch "[^,]+" do targets[#targets + 1] = name end
local rows = lorawb.load_dataset(args.rows)
assert(#rows >= args.batch * args.steps, "too few rows for the steps of an epoch")
rows = rows:select(1, args.batch * args.steps)

-- Seconds of each step of a training with the upper `top` layers adapted, all where nil.
local function measure(top, epochs)
  local model = lorawb.load_model(args.model, { task_type = "SEQ_CLS", num_labels = 2, weights = "random" })
  local layers, pattern
  if top then
    layers, pattern = {}, "layer"
    for i = 1, top do layers[i] = model.config.num_hidden_layers - top + i - 1 end
  end
  model:add_adapter {
    r = args.r, lora_alpha = args.lora_alpha, lora_dropout = args.lora_dropout, target_modules = targets,
    layers_to_transform = layers, layers_pattern = pattern,
  }
  local trainer = lorawb.trainer {
    model = model, train_dataset = rows,
    args = {
      per_device_train_batch_size = args.batch, num_train_epochs = epochs, learning_rate = 1e-3,
      train_sampling_strategy = "sequential", save_strategy = "no", disable_tqdm = true, freeze_dropout = top ~= nil,
      prefix_cache = top and args.prefix_cache or "off", prefix_cache_place = args.place,
    },
  }
  local times, start = {}, lorawb.clock()
  repeat
    local more = trainer:step()
    local now = lorawb.clock()
    times[#times + 1], start = now - start, now
  until not more
  return times
end

-- Samples a second by the median of the steps of some epochs; the first two steps of a training warm up.
local function rate(times, first, last)
  local part = table.move(times, math.max(3, (first - 1) * args.steps + 1), last * args.steps, 1, {})
  table.sort(part)
  return args.batch / part[(#part + 1) // 2]
end

local all = rate(measure(nil, 1), 1, 1)
local kept = measure(args.top, args.epochs)
local first, later = rate(kept, 1, 1), rate(kept, 2, args.epochs)
print(('{"tool": "lorawb", "job": "prefix", "top": %d, "all_layers": %.2f, "first_epoch": %.2f, "later_epochs": %.2f, '
  .. '"over_first": %.2f, "over_all": %.2f, "peak_mib": %d}')
  :format(args.top, all, first, later, later / first, later / all, lorawb.memory().peak >> 20))
