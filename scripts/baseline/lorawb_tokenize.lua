-- lorawb_tokenize: tokenizing speed on a table of sentences, as tokenizers_speed.py measures the library's.
local lorawb = require "lorawb"

local args = lorawb.args {
  model = { "", type = "model", help = "folder with a tokenizer" },
  data = { "", type = "path", help = "table with a column of texts" },
  column = { "sentence", help = "the column" },
  call = { "batch", help = "batch: encode_batch with all threads; each: one encode a row; map: what a recipe writes" },
  repeats = { 5, min = 1, help = "passes, of which the median is given" },
}

local tokenizer = lorawb.load_tokenizer(args.model)
local data = lorawb.load_dataset(args.data)
local texts = data[args.column]

local calls = {}
function calls.batch() return tokenizer:encode_batch(texts) end
function calls.each()
  local ids = {}
  for row, text in ipairs(texts) do ids[row] = tokenizer:encode(text) end
  return ids
end
function calls.map()
  return data:map(function(row)
    return {
      input_ids = tokenizer:encode(row[args.column], { truncation_side = "left", max_length = 512 }), labels = row.label,
    }
  end)
end
local call = calls[args.call] or error("call is '" .. args.call .. "'; expected batch, each or map")

local times, result = {}, nil
for pass = 1, args.repeats do
  result = nil
  lorawb.gc()
  local start = lorawb.clock()
  result = call()
  times[pass] = lorawb.clock() - start
end
local first = times[1]
table.sort(times)
local middle = #times // 2
local median = #times % 2 == 1 and times[middle + 1] or (times[middle] + times[middle + 1]) / 2
local tokens = 0
for row = 1, #texts do
  local ids = args.call == "map" and result[row].input_ids or result[row]
  tokens = tokens + #ids
end
print(('{"tool": "lorawb", "call": "%s", "rows": %d, "tokens": %d, "seconds": %.4f, "tokens_per_second": %.0f, "first_seconds": %.4f, "threads": %d}')
  :format(args.call, #texts, tokens, median, tokens / median, first, args.call == "batch" and lorawb.threads or 1))
