-- loop: a training loop written by hand: passes, gradients, clipping, optimizer and schedule are the recipe's.
-- Without --data it reads the small file reviews.tsv that comes with lorawb.
-- version: 1.0
-- needs: lorawb >= 0.1
-- licence: Apache-2.0
-- input: reviews.tsv sha256:96980cd9b8b7263a4a8f04d2a553e570fbddc5a2f89b861537371c82cde9cc34
local lorawb = require "lorawb"
local args = lorawb.args {
  model = { "models/all-MiniLM-L6-v2", type = "model", help = "model folder, or a name in the Hugging Face cache" },
  data = { "reviews.tsv", type = "path", help = "a .tsv file with the columns sentence and label" },
  lr = { 2e-3, min = 0 }, epochs = { 2, min = 1 }, batch = { 16, min = 1 },
}
lorawb.manual_seed(7)
local model = lorawb.load_model(args.model, { task_type = "SEQ_CLS", num_labels = 2 })
local tokenizer = lorawb.load_tokenizer(args.model)
local splits = lorawb.load_dataset(args.data):map(function(row)
  return { input_ids = tokenizer:encode(row.sentence, { max_length = 128 }), labels = row.label }
end):train_test_split { test_size = 0.2, seed = 1, stratify_by_column = "label" }

model:add_adapter { r = 8, lora_alpha = 16, lora_dropout = 0.05, target_modules = { "query", "value" } }
local optimizer = lorawb.optim.AdamW(model:parameter_groups { weight_decay = 0.01 }, { lr = args.lr })
local steps = math.ceil(#splits.train / args.batch) * args.epochs
local schedule = lorawb.optim.get_linear_schedule_with_warmup(optimizer, steps // 10, steps)

local trained = {}
for _, parameter in model:named_parameters() do
  if parameter.requires_grad then trained[#trained + 1] = parameter end
end
for epoch = 1, args.epochs do
  model:train()
  local sum, count = 0, 0
  for batch in splits.train:batches { batch_size = args.batch, shuffle = true, seed = 7, epoch = epoch - 1 } do
    local loss = model(batch).loss
    loss:backward()
    lorawb.optim.clip_grad_norm(trained, 1.0)
    optimizer:step()
    schedule:step()
    optimizer:zero_grad()
    sum, count = sum + loss:item(), count + 1
  end
  model:eval()
  local right = 0
  lorawb.no_grad(function()
    for batch in splits.test:batches { batch_size = 32 } do
      local predicted = model(batch).logits:argmax(2):tolist()
      for i, label in ipairs(batch.labels) do right = right + (predicted[i] == label and 1 or 0) end
    end
  end)
  print(("epoch %d  training loss %.4f  accuracy %.4f"):format(epoch, sum / count, right / #splits.test))
end
model:save_adapter(lorawb.run_dir .. "/adapter")
