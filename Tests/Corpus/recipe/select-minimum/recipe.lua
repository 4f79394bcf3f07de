local lorawb = require "lorawb"
local data = lorawb.load_dataset("d.jsonl")
for _, n in ipairs { math.mininteger, -1, 0, 3, math.maxinteger } do
  print(pcall(data.select, data, { n }), pcall(data.select, data, n, n), pcall(data.select, data, n, 1), pcall(function() return data[n] end))
end
