local lorawb = require "lorawb"
for _, sizes in ipairs { { 0, math.maxinteger }, { math.maxinteger, 0 }, { 0, 1 << 32, 1 << 32 }, { 0, 1 << 43 }, { 1 << 40, 0, 1 << 40 } } do
  local ok, t = pcall(lorawb.zeros, sizes)
  print(ok, not ok and t)
  if ok then
    for _, name in ipairs { "softmax", "log_softmax", "sum", "mean", "max", "argmax", "topk", "narrow", "unsqueeze", "squeeze" } do
      for d = 1, #sizes do print(name, d, pcall(function() return t[name](t, d, 1, 1).shape end)) end
    end
    print(pcall(function() return t:transpose(1, 2).shape end), pcall(function() return lorawb.cat({ t, t }, 2).shape end))
    print(pcall(function() return (t + t).shape end), pcall(function() return t:tolist() end), pcall(tostring, t))
  end
end
