-- lorawb_merged: time of a forward pass of the base, and of the same base with an adapter merged into it, in turn.
local lorawb = require "lorawb"

local args = lorawb.args {
  model = { "", type = "model", help = "folder with the config.json of the model's shape" },
  rows = { "", type = "path", help = "JSON Lines of { input_ids, label }" },
  batch = { 16, min = 1, help = "rows in a batch" },
  rounds = { 15, min = 1, help = "passes of each that are measured" },
}
local model = lorawb.load_model(args.model, { task_type = "SEQ_CLS", num_labels = 2, weights = "random" })
local rows = lorawb.load_dataset(args.rows)
local input_ids = {}
for i = 1, args.batch do input_ids[i] = rows[i].input_ids end

local function seconds()
  local start = lorawb.clock()
  lorawb.no_grad(function() model:forward { input_ids = input_ids } end)
  return lorawb.clock() - start
end
local function median(values)
  table.sort(values)
  return values[(#values + 1) // 2]
end

model:add_adapter { r = 4, lora_alpha = 32, target_modules = { "query" } }
local base, merged = {}, {}
model:disable_adapters() seconds()
for round = 1, args.rounds do
  base[round] = seconds()
  model:enable_adapters() model:merge_adapter()
  seconds()                                      -- the first pass packs the merged matrices
  merged[round] = seconds()
  model:unmerge_adapter() model:disable_adapters()
end
print(('{"base_ms": %.2f, "merged_ms": %.2f, "ratio": %.4f}'):format(1000 * median(base), 1000 * median(merged), median(merged) / median(base)))
