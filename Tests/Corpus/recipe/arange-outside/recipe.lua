local lorawb = require "lorawb"
for _, n in ipairs { -1e300, 1e300, 2^63, -2^63, math.maxinteger, math.mininteger, 1/0, 0/0 } do
  print(pcall(lorawb.arange, n), pcall(lorawb.arange, n, 2), pcall(lorawb.arange, 2, n), pcall(lorawb.arange, 0, 9, n))
end
