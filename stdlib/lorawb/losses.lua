-- lorawb.losses: losses written in Lua, to use and to copy from.
--   local losses = require "lorawb.losses"
--   lorawb.trainer { model = model, train_dataset = data, compute_loss = losses.focal { gamma = 2 } }

local lorawb = require "lorawb"
local losses = {}

--- Ids of rows or, of lists for sequences, of their tokens one after another.
local function flat(labels)
  if type(labels) ~= "table" or type(labels[1]) ~= "table" then return labels end
  local ids = {}
  for _, row in ipairs(labels) do
    for _, id in ipairs(row) do ids[#ids + 1] = id end
  end
  return ids
end

--- Focal loss (Lin et al. 2017, arXiv:1708.02002): the mean of -alpha_y (1 - p_y)^gamma log p_y over the rows that have a label, p = softmax(logits).
--- `gamma` (default 2) is how little a row counts whose label is found likely; `alpha` has a weight for each class.
---@param logits lorawb.Tensor Scores [rows, classes].
---@param labels lorawb.Tensor|integer[] Ids from 0; -100 bears no loss.
---@param options? { gamma?: number, alpha?: number[] }
---@return lorawb.Tensor
function losses.focal_loss(logits, labels, options)
  local gamma, alpha = 2, nil
  if options then gamma, alpha = options.gamma or 2, options.alpha end
  local ids = flat(labels)
  if type(ids) == "table" then ids = lorawb.tensor(ids) end
  local labelled = ids:ne(-100)
  -- -log p of each label, 0 where there is none.
  local each = lorawb.nn.cross_entropy(logits, ids, { reduction = "none" })
  local loss = (1 - (-each):exp()) ^ gamma * each
  if alpha then loss = loss * lorawb.tensor(alpha, { dtype = "float32" }):gather(1, ids:clamp(0)) end
  return loss:sum() / labelled:sum():item()
end

--- The focal loss as a trainer's compute_loss.
---@param options? { gamma?: number, alpha?: number[] }
---@return fun(model: lorawb.Model, inputs: table): lorawb.Tensor, table
function losses.focal(options)
  return function(model, inputs)
    local outputs = model {
      input_ids = inputs.input_ids, token_type_ids = inputs.token_type_ids, attention_mask = inputs.attention_mask,
    }
    return losses.focal_loss(outputs.logits, inputs.labels, options), outputs
  end
end

return losses
