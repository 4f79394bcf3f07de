-- lorawb.pretty: any value as text that a person can read.
--   local pretty = require "lorawb.pretty"
--   print(pretty { r = 4, target_modules = { "query" } })   --> { r = 4, target_modules = { "query" } }

local function key_text(key)
  if type(key) == "string" and key:find "^[%a_][%w_]*$" then return key end
  return "[" .. (type(key) == "string" and ("%q"):format(key) or tostring(key)) .. "]"
end

local function sorted_keys(value, first)
  local keys = {}
  for key in next, value do
    local in_sequence = math.type(key) == "integer" and key >= 1 and key <= first
    if not in_sequence then keys[#keys + 1] = key end
  end
  table.sort(keys, function(a, b)
    if type(a) == type(b) and (type(a) == "number" or type(a) == "string") then return a < b end
    return type(a) < type(b)
  end)
  return keys
end

--- Text of a value: tables with sorted keys, at most `depth` levels deep (default 4) and `items` entries each (default 40).
---@param value any
---@param depth? integer
---@param items? integer
---@return string
local function pretty(value, depth, items)
  depth, items = depth or 4, items or 40
  if type(value) == "string" then return ("%q"):format(value) end
  if type(value) ~= "table" then return tostring(value) end
  if depth == 0 then return "{ ... }" end
  local parts, length = {}, rawlen(value)
  for i = 1, math.min(length, items) do parts[#parts + 1] = pretty(rawget(value, i), depth - 1, items) end
  for _, key in ipairs(sorted_keys(value, length)) do
    if #parts >= items then break end
    parts[#parts + 1] = key_text(key) .. " = " .. pretty(rawget(value, key), depth - 1, items)
  end
  if #parts == 0 then return "{}" end
  if #parts >= items then parts[#parts + 1] = "..." end
  return "{ " .. table.concat(parts, ", ") .. " }"
end

return pretty
