-- lorawb_shape: writes a model of a shape with random weights to the run's folder, for benchmarks that read weights from a file.
local lorawb = require "lorawb"

local args = lorawb.args { model = { "", type = "model", help = "folder with the config.json of the shape" } }
local model = lorawb.load_model(args.model, { task_type = "SEQ_CLS", num_labels = 2, weights = "random" })
model:save_pretrained(lorawb.run_dir)
