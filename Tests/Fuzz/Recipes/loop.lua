local lorawb = require "lorawb"
local nn, optim = lorawb.nn, lorawb.optim
local model = lorawb.load_model("tiny", { task_type = "SEQ_CLS", num_labels = 3, weights = "file" })
model:train()
local optimizer = optim.AdamW(model:parameter_groups { weight_decay = 0.01 }, { lr = 0.001, betas = { 0.9, 0.999 }, eps = 1e-8 })
local out = model:forward { input_ids = { { 1, 2, 3 }, { 4 } }, labels = { 0, 2 }, output_hidden_states = true }
out.loss:backward()
optimizer:step()
optimizer:zero_grad()
print(out.loss:item(), out.logits:argmax(2), lorawb.unpack and 1)
local layer = nn.Linear(4, 3)
local t = lorawb.randn { 2, 4 }
print(layer(t):softmax(2):sum(1):tolist()[1])
for name, p in model:named_parameters() do if name == "classifier.bias" then p.requires_grad = true end end
model:save_pretrained(lorawb.run_dir .. "/m")
