import Foundation
import TestSupport
import Testing

/// `model:generate`, `model:score` and `tokenizer:apply_chat_template` as recipes call them.
struct GenerateLuaTests {
    private static func bench() throws -> TemporaryBench {
        let bench = try TemporaryBench()
        let goldens = bench.allowGoldens()
        try bench.run(
            """
            model = lorawb.load_model("\(goldens)/generation/llama", { task_type = "CAUSAL_LM" })
            tokenizer = lorawb.load_tokenizer("\(goldens)/generation/llama")
            golden = lorawb.read_json("\(goldens)/generation/generation.json")
            function list(ids) return table.concat(ids, " ") end
            """)
        return bench
    }

    @Test("prompts, conversations and ids give what the engine gives; one gives one, a list a list")
    func forms() throws {
        let bench = try Self.bench()
        try bench.run(
            """
            local prompts = golden.prompts.llama
            local one = model:generate { input_ids = prompts[1], max_new_tokens = 24, eos_token_id = false }
            same(list(one.tokens), list(golden.runs[1].sequences[1]))
            same(one.finish_reason, "length")
            same(pcall(function() return one.text:len() end), false)
            local several = model:generate { input_ids = prompts, max_new_tokens = 24, eos_token_id = false, tokenizer = tokenizer }
            same(#several, 3)
            same(list(several[1].tokens), list(one.tokens))
            same(several[1].text, tokenizer:decode(one.tokens, { skip_special_tokens = true }))
            -- No token begins the text by itself here: the ids are the text's alone.
            local text = model:generate { prompt = "The quick", tokenizer = tokenizer, max_new_tokens = 5 }
            local ids = tokenizer:encode("The quick")
            same(list(text.tokens), list(model:generate { input_ids = ids, max_new_tokens = 5 }.tokens))
            same(#model:generate { prompt = { "The quick" }, tokenizer = tokenizer, max_new_tokens = 2 }, 1)
            local beams = model:generate { input_ids = ids, num_beams = 3, num_return_sequences = 2, max_new_tokens = 4 }
            same(#beams, 2)
            local drawn = { input_ids = ids, do_sample = true, temperature = 1.5, top_k = 0, seed = 5, max_new_tokens = 12 }
            same(list(model:generate(drawn).tokens), list(model:generate(drawn).tokens))
            """)
    }

    @Test("a conversation goes through the tokenizer's template")
    func conversations() throws {
        let bench = try Self.bench()
        try bench.run(
            """
            local messages = { { role = "system", content = "be brief" }, { role = "user", content = "hello" } }
            local text = "<|system|>be brief<|end|><|user|>hello<|end|><|assistant|>"
            same(tokenizer:apply_chat_template(messages, { tokenize = false, add_generation_prompt = true }), text)
            local ids = tokenizer:apply_chat_template(messages, { add_generation_prompt = true })
            same(list(ids), list(tokenizer:encode(text, { add_special_tokens = false })))
            local answer = model:generate { messages = messages, tokenizer = tokenizer, max_new_tokens = 6 }
            same(list(answer.tokens), list(model:generate { input_ids = ids, max_new_tokens = 6 }.tokens))
            same(#model:generate { messages = { messages, messages }, tokenizer = tokenizer, max_new_tokens = 2 }, 2)
            messages[3] = { role = "assistant", content = "Well, " }
            same(tokenizer:apply_chat_template(messages, { tokenize = false, continue_final_message = true }),
              "<|system|>be brief<|end|><|user|>hello<|end|><|assistant|>Well, ")
            """)
    }

    @Test("pieces stream, false stops, choices and scores agree")
    func streamingAndScores() throws {
        let bench = try Self.bench()
        try bench.run(
            """
            local pieces, ids = {}, {}
            local answer = model:generate { prompt = "The quick", tokenizer = tokenizer, max_new_tokens = 9, on_token = function(piece, id, place)
              pieces[#pieces + 1], ids[#ids + 1] = piece, id
              same(place, 1)
            end }
            same(table.concat(pieces), answer.text)
            same(list(ids), list(answer.tokens))
            local count = 0
            local stopped = model:generate { prompt = "The quick", tokenizer = tokenizer, on_token = function() count = count + 1; return count < 2 end }
            same(#stopped.tokens, 2)
            same(stopped.finish_reason, "stop")
            local chosen = model:generate { prompt = "The quick", tokenizer = tokenizer, choices = { " brown", " fox jumps", "z" } }
            same(#chosen.scores, 3)
            same(chosen.scores[chosen.index], math.max(table.unpack(chosen.scores)))
            local whole = model:score("The quick fox jumps", { tokenizer = tokenizer })
            same(#whole.tokens, #whole.logprobs)
            local prompt = model:score("The quick", { tokenizer = tokenizer })
            close({ whole.sum - prompt.sum }, { chosen.scores[2] }, 1e-4)
            """)
    }

    @Test("what is not right is refused in one line")
    func refusals() throws {
        let bench = try Self.bench()
        let cases = [
            ("model:generate {}", "expected one of prompt, messages and input_ids, got none"),
            ("model:generate { prompt = 'a', input_ids = { 1 } }", "got prompt and input_ids"),
            ("model:generate { prompt = 'a' }", "option 'prompt' needs the tokenizer"),
            ("model:generate { input_ids = {} }", "the prompt is empty"),
            ("model:generate { input_ids = { 1, 'a' } }", "option 'input_ids' expected a list of ids"),
            ("model:generate { prompt = '', tokenizer = tokenizer }", "the prompt is empty"),
            ("model:generate { input_ids = { 1 }, top_p = 2 }", "option 'top_p' expected a number from 0 to 1, got 2"),
            ("model:generate { input_ids = { 1 }, top_p = 0.5 }", "has no effect without do_sample = true"),
            ("model:generate { input_ids = { 1 }, max_length = 5 }", "say max_new_tokens"),
            ("model:generate { input_ids = { 1 }, tempratur = 5 }", "did you mean 'temperature'?"),
            ("model:generate { input_ids = { 1 }, eos_token_id = true }", "expected an id, a list of ids, or false"),
            ("model:generate { input_ids = { 1 }, stop = 'a' }", "option 'stop' needs the tokenizer"),
            ("model:generate { messages = {}, tokenizer = tokenizer }", "messages is empty"),
            ("model:generate { messages = { { content = 'a' } }, tokenizer = tokenizer }", "message 1 has no role"),
            (
                "model:generate { prompt = 'a', tokenizer = tokenizer, choices = { 'b' }, do_sample = true }",
                "with choices"
            ),
            ("model:generate { prompt = 'a', tokenizer = tokenizer, choices = {} }", "'choices' is empty"),
            (
                "model:generate { prompt = ('long '):rep(90), tokenizer = tokenizer }",
                "but the model has positions for 96"
            ),
            ("model:generate { input_ids = { 1 }, on_token = function() error('mine') end }", "mine"),
            (
                "tokenizer:apply_chat_template({ { role = 'user', content = 'a' } }, { chat_template = \"{{ raise_exception('no') }}\" })",
                "no"
            ),
        ]
        for (call, wanted) in cases {
            let failure = try #require(bench.failure(call), "\(call)")
            #expect(failure.contains(wanted), "\(call): \(failure)")
        }
    }
}
