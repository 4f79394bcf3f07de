-- lorawb.report: what a training logged, as text.
--   local report = require "lorawb.report"
--   print(report.table(trainer.state.log_history))
--   print("loss " .. report.sparkline(report.column(trainer.state.log_history, "loss")))

local report = {}

local bars = { "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█" }
local first = { "epoch", "step", "loss", "eval_loss" }

local function finite(value) return type(value) == "number" and value == value and math.abs(value) ~= math.huge end

--- The numbers of one name, in the order of the rows that have it.
---@param rows table[]
---@param name string
---@return number[]
function report.column(rows, name)
  local values = {}
  for _, row in ipairs(rows) do
    if type(row[name]) == "number" then values[#values + 1] = row[name] end
  end
  return values
end

--- Numbers as a line of bars, at most `width` of them (default 60), each the mean of its share; what is not finite is a space.
---@param values number[]
---@param width? integer
---@return string
function report.sparkline(values, width)
  width = math.min(width or 60, #values)
  local means, low, high = {}, math.huge, -math.huge
  for bar = 1, width do
    local from, to, sum = (bar - 1) * #values // width + 1, bar * #values // width, 0
    for i = from, to do sum = sum + values[i] / (to - from + 1) end
    means[bar] = sum
    if finite(sum) then low, high = math.min(low, sum), math.max(high, sum) end
  end
  local parts = {}
  for bar, mean in ipairs(means) do
    local share = high > low and (mean - low) / (high - low) or 0
    parts[bar] = finite(mean) and bars[math.min(#bars, 1 + math.floor(share * #bars))] or " "
  end
  return table.concat(parts)
end

local function shown(value)
  if value == nil then return "" end
  if math.type(value) == "float" then return ("%.4g"):format(value) end
  return tostring(value)
end

-- Rows of one step as one, so that training and validation loss stand side by side.
local function by_step(rows)
  local merged, last = {}, nil
  for _, row in ipairs(rows) do
    if not last or row.step == nil or row.step ~= last.step then
      last = {}
      merged[#merged + 1] = last
    end
    for name, value in pairs(row) do last[name] = value end
  end
  return merged
end

local function column_names(rows)
  local seen, rest = {}, {}
  for _, row in ipairs(rows) do
    for name, value in pairs(row) do
      -- Samples that a model wrote are no figure.
      if type(value) ~= "table" and not seen[name] then rest[#rest + 1], seen[name] = name, true end
    end
  end
  table.sort(rest)
  local names, placed = {}, {}
  for _, name in ipairs(first) do
    if seen[name] then names[#names + 1], placed[name] = name, true end
  end
  for _, name in ipairs(rest) do
    if not placed[name] then names[#names + 1] = name end
  end
  return names
end

--- Rows of a log as a table of text: a line a step, a column a name, or only the columns that `names` lists.
---@param rows table[]
---@param names? string[]
---@return string
function report.table(rows, names)
  rows = by_step(rows)
  names = names or column_names(rows)
  local lines, widths = { names }, {}
  for _, row in ipairs(rows) do
    local line = {}
    for i, name in ipairs(names) do line[i] = shown(row[name]) end
    lines[#lines + 1] = line
  end
  for _, line in ipairs(lines) do
    for i, cell in ipairs(line) do widths[i] = math.max(widths[i] or 0, utf8.len(cell) or #cell) end
  end
  local text = {}
  for _, line in ipairs(lines) do
    local cells = {}
    for i, cell in ipairs(line) do cells[i] = (" "):rep(widths[i] - (utf8.len(cell) or #cell)) .. cell end
    text[#text + 1] = table.concat(cells, "  "):match "^(.-) *$"
  end
  return table.concat(text, "\n")
end

return report
