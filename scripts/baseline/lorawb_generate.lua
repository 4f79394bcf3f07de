-- lorawb_generate: tokens a second of greedy generation, as generate_speed.py measures them.
local lorawb = require "lorawb"

local args = lorawb.args {
  model = { "", type = "model", help = "a causal language model: a folder or a .gguf file" },
  dtype = { "", help = "of the frozen weights: float32, bfloat16; as in the file where nothing is said" },
  batch = { 1, min = 1, help = "prompts that are continued together" },
  prompt = { 64, min = 1, help = "tokens of a prompt" },
  tokens = { 40, min = 2, help = "tokens of an answer" },
  repeats = { 3, min = 1, help = "times that it is measured" },
}

local model = lorawb.load_model(args.model, { task_type = "CAUSAL_LM", dtype = args.dtype ~= "" and args.dtype or nil })
local ids, rows = {}, {}
for t = 1, args.prompt do ids[t] = (t * 104729) % 30000 + 5 end
for i = 1, args.batch do rows[i] = ids end

local function seconds(tokens)
  local start = lorawb.clock()
  model:generate { input_ids = rows, max_new_tokens = tokens, eos_token_id = false }
  return lorawb.clock() - start
end
local function median(list)
  table.sort(list)
  return list[(#list + 1) // 2]
end

seconds(2)
local prompts, answers = {}, {}
for i = 1, args.repeats do
  prompts[i] = seconds(1)
  answers[i] = seconds(args.tokens) - prompts[i]
end
local prompt, answer = median(prompts), median(answers)
print(('{"tool": "lorawb", "prompt_seconds": %.4f, "prompt_tokens_per_second": %.1f, "tokens_per_second": %.2f}')
  :format(prompt, args.batch * args.prompt / prompt, args.batch * (args.tokens - 1) / answer))
