local lorawb = require "lorawb"
local t = lorawb.arange(1, 13, 1):reshape { 3, 4 }
local u = lorawb.full({ 3, 4 }, 0.5) + t * 2 - lorawb.ones { 3, 1 }
print(u:sum(1), u:mean(2), u:max(2), u:argmax(1), u:topk(2, 1))
print(t:transpose(1, 2):matmul(u):tolist()[1][1], t:permute { 2, 1 }.shape[1])
print(t:softmax(2):log():exp():sqrt():abs():pow(2):clamp(0, 1):sum():item())
print(lorawb.cat({ t, u }, 1).shape, t:narrow(1, 1, 2):contiguous(), t:index_select(1, lorawb.tensor({ 0, 2 }, { dtype = "int64" })))
print(t:unsqueeze(1):squeeze(1):expand { 3, 4 }:flatten(1, 2), lorawb.tensor { { 1, 2 }, { 3, 4 } }:cumsum(1))
local v = lorawb.zeros({ 2, 2 }):requires_grad_(true)
local loss = lorawb.nn.cross_entropy and 1 or ((v * 3):sum())
print(t:gather(2, lorawb.tensor { { 0 }, { 1 }, { 2 } }), t:masked_fill(t:gt(3), 0), t:dropout(0.5), loss)
print(lorawb.linspace and lorawb.linspace(0, 1, 5), lorawb.eye and lorawb.eye(3), lorawb.randint and lorawb.randint(0, 10, { 3 }))
