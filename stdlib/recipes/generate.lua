-- generate: lets a causal language model go on with texts, or answer messages by its chat template.
-- Reads a model (--model) and what to say (--prompt). Prints a greedy continuation, streamed; two that are drawn by their
-- probabilities; two prompts of different length in one batch; and, where the model has a chat template, its answer to a message.
-- version: 1.0
-- needs: lorawb >= 0.1
-- licence: Apache-2.0
local lorawb = require "lorawb"

local args = lorawb.args {
  model = { "models/SmolLM2-135M-Instruct.Q4_1.gguf", type = "model", help = "a causal language model: a .gguf file, a folder, or its name in the cache" },
  adapter = { "", type = "path", help = "folder of an adapter to answer with" },
  prompt = { "Once upon a time", help = "text to go on with" },
  message = { "What is the sea?", help = "what to say to a model with a chat template" },
  max_new_tokens = { 40, min = 1, help = "most tokens of an answer" },
  temperature = { 0.8, min = 0.01, help = "what logits are divided by before a token is drawn" },
  top_p = { 0.95, min = 0, max = 1, help = "share of the probability that is drawn from" },
  seed = { 42, help = "seed of what is drawn" },
}

local model = lorawb.load_model(args.model, { task_type = "CAUSAL_LM" })
local tokenizer = lorawb.load_tokenizer(args.model)
if args.adapter ~= "" then model:load_adapter(args.adapter) end

local function one_line(text) return (text:gsub("%s+", " ")) end

-- 1. Greedy: the most probable token each time. on_token is given the text as it becomes certain; false would end the answer.
print "Greedy:"
local streamed = {}
local answer = model:generate {
  prompt = args.prompt, tokenizer = tokenizer, max_new_tokens = args.max_new_tokens,
  on_token = function(piece) streamed[#streamed + 1] = piece end,
}
assert(table.concat(streamed) == answer.text, "what was streamed is the text")
print("  " .. one_line(args.prompt .. answer.text))
print(("  %d tokens in %d pieces, finish_reason %s"):format(#answer.tokens, #streamed, answer.finish_reason))

-- 2. Drawn. The same seed gives the same texts, whatever else is in the batch.
print "Sampled:"
local drawn = model:generate {
  prompt = args.prompt, tokenizer = tokenizer, max_new_tokens = args.max_new_tokens, num_return_sequences = 2,
  do_sample = true, temperature = args.temperature, top_p = args.top_p, seed = args.seed,
}
for _, one in ipairs(drawn) do print("  " .. one_line(args.prompt .. one.text)) end

-- 3. Prompts of different lengths in one batch, each up to its first full stop.
print "Two at once:"
local prompts = { args.prompt, args.prompt .. ", far away," }
local several = model:generate { prompt = prompts, tokenizer = tokenizer, max_new_tokens = args.max_new_tokens, stop = "." }
for i, one in ipairs(several) do print("  " .. one_line(prompts[i] .. one.text)) end

-- 4. A conversation, as the model's template writes it.
if tokenizer.chat_template then
  local messages = { { role = "user", content = args.message } }
  print "Chat:"
  print("  " .. one_line(tokenizer:apply_chat_template(messages, { tokenize = false, add_generation_prompt = true })))
  local reply = model:generate { messages = messages, tokenizer = tokenizer, max_new_tokens = args.max_new_tokens }
  print("  " .. one_line(reply.text))
end
