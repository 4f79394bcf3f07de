-- lorawb_prefix: what keeping the states of a frozen prefix gains: upper layers adapted with prefix_cache and freeze_dropout,
-- the first epoch and the later ones, beside all layers adapted; the same rows in the same order.
local lorawb = require "lorawb"

local args = lorawb.args {
  model = { "", type = "model", help = "folder with the config.json of the model's shape" },
  rows = { "", type = "path", help = "JSON Lines of { input_ids, label }, in the order of training" },
  batch = { 16, min = 1, help = "rows in a batch" },
  steps = { 20, min = 2, help = "steps of an epoch" },
  warmup = { 2, min = 0, help = "steps of these that are not measured" },
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
assert(args.warmup < args.steps, "warmup leaves no step to measure")
assert(#rows >= args.batch * args.steps, "too few rows for the steps of an epoch")
rows = rows:select(1, args.batch * args.steps)

-- A training with the upper `top` layers adapted, all where nil.
local function training(top, epochs)
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
  return lorawb.trainer {
    model = model, train_dataset = rows,
    args = {
      per_device_train_batch_size = args.batch, num_train_epochs = epochs, learning_rate = 1e-3,
      train_sampling_strategy = "sequential", save_strategy = "no", disable_tqdm = true, freeze_dropout = top ~= nil,
      prefix_cache = top and args.prefix_cache or "off", prefix_cache_place = args.place,
    },
  }
end

local function seconds(trainer)
  local start = lorawb.clock()
  trainer:step()
  return lorawb.clock() - start
end

local function median(list)
  table.sort(list)
  local middle = #list // 2
  return #list % 2 == 1 and list[middle + 1] or (list[middle] + list[middle + 1]) / 2
end

-- The same batch in turn by three trainings, so that what else the machine does meets all of them: all layers adapted,
-- the first epoch with kept states, a later one.
local all, first, later = training(nil, 1), training(args.top, 2), training(args.top, 2)
for _ = 1, args.steps do later:step() end
local times, overFirst, overAll = { {}, {}, {} }, {}, {}
for step = 1, args.steps do
  local a, b, c = seconds(all), seconds(first), seconds(later)
  if step > args.warmup then
    local place = step - args.warmup
    times[1][place], times[2][place], times[3][place] = a, b, c
    overFirst[place], overAll[place] = b / c, a / c
  end
end
print(('{"tool": "lorawb", "job": "prefix", "top": %d, "all_layers": %.2f, "first_epoch": %.2f, "later_epochs": %.2f, '
  .. '"over_first": %.2f, "over_all": %.2f}'):format(
    args.top, args.batch / median(times[1]), args.batch / median(times[2]), args.batch / median(times[3]),
    median(overFirst), median(overAll)))
