-- lorawb_shape: writes a model of a shape with random weights to the run's folder, for benchmarks that read weights from a file.
local lorawb = require "lorawb"

local args = lorawb.args {
  model = { "", type = "model", help = "folder with the config.json of the shape" },
  task_type = { "SEQ_CLS", one_of = { "SEQ_CLS", "CAUSAL_LM" }, help = "what the model is for" },
}
local model = lorawb.load_model(args.model, {
  task_type = args.task_type, num_labels = args.task_type == "SEQ_CLS" and 2 or nil, weights = "random",
})
model:save_pretrained(lorawb.run_dir)
