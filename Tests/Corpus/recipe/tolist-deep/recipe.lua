local lorawb = require "lorawb"
local sizes = {}
for i = 1, 100000 do sizes[i] = 1 end
print(pcall(function() return lorawb.zeros(sizes):tolist() end))
print(pcall(function() return tostring(lorawb.ones(sizes)) end))
print(pcall(function() return lorawb.ones { 1 }:reshape(sizes):sum(1) end))
