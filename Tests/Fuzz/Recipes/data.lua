local lorawb = require "lorawb"
local data = lorawb.load_dataset("d.tsv", { columns = { "text", "label" }, header = true, delimiter = "\t", types = { label = "string" } })
print(#data, data[1].text, data.column_names[1])
local s = data:shuffle { seed = 3 }:select(1, 3):filter(function(r) return r.label ~= "9" end)
local parts = s:train_test_split { test_size = 0.5, seed = 1 }
for batch in parts.train:batches { batch_size = 2, shuffle = true, seed = 1, epoch = 0, drop_last = false } do print(batch.text) end
print(data:select { 1, 2 }[2], data:map(function(row) return { a = { 1, 2 }, b = row.text, c = 0.5 } end)[1].a[1])
lorawb.save_text(lorawb.run_dir .. "/a.txt", "x")
print(lorawb.read_text(lorawb.run_dir .. "/a.txt"), lorawb.exists("d.tsv"), lorawb.find_model("tiny"))
