-- lorawb_ready: loads a model, adds an adapter and makes a trainer, for measuring how long a start takes.
local lorawb = require "lorawb"

local args = lorawb.args {
  model = { "", type = "model", help = "folder of the model" },
  rows = { "", type = "path", help = "JSON Lines of { input_ids, label }" },
}
local model = lorawb.load_model(args.model, { task_type = "SEQ_CLS", num_labels = 2 })
model:add_adapter { r = 4, lora_alpha = 32, lora_dropout = 0.01, target_modules = { "query" } }
lorawb.trainer { model = model, train_dataset = lorawb.load_dataset(args.rows), args = { save_strategy = "no" } }
