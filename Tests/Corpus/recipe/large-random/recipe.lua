local lorawb = require "lorawb"
print(pcall(lorawb.load_model, "model", { task_type = "SEQ_CLS", weights = "random" }))
