import Foundation
import Testing

/// New tokens as a recipe has them: added to the tokenizer and to the model, trained, saved, and there again on a base just loaded.
struct NewTokenTests {
    private static let recipe = """
        local lorawb = require "lorawb"
        local args = lorawb.args { model = { "lm", type = "model" } }
        local tokenizer = lorawb.load_tokenizer(args.model)
        local model = lorawb.load_model(args.model, { task_type = "CAUSAL_LM" })
        print("new " .. tokenizer:add_special_tokens { additional_special_tokens = { "<|tool|>", "<|done|>" } })
        print("size " .. model:resize_token_embeddings(#tokenizer, { pad_to_multiple_of = 4 }))
        model:add_adapter { r = 4, target_modules = { "q_proj", "v_proj" } }
        model:print_trainable_parameters()
        local trainer = lorawb.trainer {
          model = model, train_dataset = lorawb.load_dataset("rows.jsonl"), processing_class = tokenizer,
          args = { max_steps = 6, learning_rate = 1e-2, per_device_train_batch_size = 2, logging_steps = 1, save_steps = 2 },
        }
        trainer:train()
        trainer:save_model(lorawb.run_dir .. "/saved")
        print("answer " .. table.concat(model:generate { prompt = "<|tool|>", tokenizer = tokenizer, max_new_tokens = 8 }.tokens, " "))
        print("score " .. model:score("a <|tool|> and <|done|>", { tokenizer = tokenizer }).sum)
        local chosen = model:generate { prompt = "a", tokenizer = tokenizer, choices = { "<|tool|>", "<|done|>", " b" } }
        print("choice " .. chosen.choice)
        """

    private static func place() throws -> Place {
        let place = try Place()
        try place.makeLanguageModel("lm")
        let rows = (0..<8).map { #"{"prompt": "<|tool|> \#($0)", "completion": "<|done|> it is \#($0)"}"# + "\n" }
        try place.put("rows.jsonl", rows.joined())
        try place.put("tokens.lua", recipe)
        return place
    }

    private static func lines(_ outcome: Outcome) -> [String] {
        outcome.out.split(separator: "\n").map(String.init).filter { line in
            ["new ", "size ", "answer ", "score ", "choice "].contains { line.hasPrefix($0) }
        }
    }

    @Test("a recipe adds tokens, trains their rows alone of the table, and they are there again on a base just loaded")
    func wholeWay() throws {
        let place = try Self.place()
        let outcome = try Running([Running.program, "run", "tokens.lua", "--run-dir", "run"], cwd: place.path).wait()
        #expect(outcome.code == 0, "\(outcome)")
        let lines = Self.lines(outcome)
        #expect(lines.count == 5 && lines[0] == "new 2" && lines[1] == "size 292", "\(outcome)")
        #expect(outcome.out.contains("rows 288 to 291 of model.embed_tokens"))
        // LoRA r 4: q_proj 32 + 32, v_proj 32 + 16 in two layers, and four rows of 32.
        #expect(outcome.out.contains("trainable params: 1,024 || all params: "), "\(outcome)")
        let files = place.files("run/saved")
        #expect(files.contains("tokenizer.json") && files.contains("adapter_model.safetensors"))
        #expect(place.files("run/checkpoint-6").contains("tokenizer.json"))
        #expect(try place.data("run/saved/adapter_model.safetensors").count < 12_000)

        let again = try place.run(
            """
            local tokenizer = lorawb.load_tokenizer("run/saved")
            local model = lorawb.load_model("lm", { task_type = "CAUSAL_LM" })
            model:load_adapter("run/saved")
            print("new 2")
            print("size " .. model.config.vocab_size)
            print("answer " .. table.concat(model:generate { prompt = "<|tool|>", tokenizer = tokenizer, max_new_tokens = 8 }.tokens, " "))
            print("score " .. model:score("a <|tool|> and <|done|>", { tokenizer = tokenizer }).sum)
            print("choice " .. model:generate { prompt = "a", tokenizer = tokenizer, choices = { "<|tool|>", "<|done|>", " b" } }.choice)
            model:merge_and_unload():save_pretrained(lorawb.run_dir .. "/whole", { tokenizer = tokenizer })
            print("ids " .. #lorawb.load_tokenizer(lorawb.run_dir .. "/whole"):encode("<|tool|>", { add_special_tokens = false }))
            print(lorawb.load_model(lorawb.run_dir .. "/whole").config.vocab_size)
            """)
        #expect(again.code == 0, "\(again)")
        #expect(Self.lines(again) == lines, "\(again)")
        #expect(again.out.contains("the vocabulary grew from 288 to 292 entries, which the adapter's base had"))
        #expect(again.out.hasSuffix("\nids 1\n292\n"))
        // A conversation takes the adapter's tokenizer with it.
        let chat = try Running(
            [Running.program, "chat", "lm", "--adapter", "run/saved", "--max-new-tokens", "4"], stdin: "<|tool|>\n",
            cwd: place.path
        ).wait()
        #expect(chat.code == 0, "\(chat)")
    }

    @Test("a whole model is saved with the tokenizer and generation_config.json of where it came from")
    func savedWithTokenizer() throws {
        let place = try Self.place()
        try place.put("lm/generation_config.json", #"{"eos_token_id": [1, 2]}"#)
        let outcome = try place.run(
            """
            local model = lorawb.load_model("lm", { task_type = "CAUSAL_LM" })
            local function saved(name) return lorawb.run_dir .. "/" .. name end
            model:save_pretrained(saved "whole")
            local function ids(dir) return table.concat(lorawb.load_tokenizer(dir):encode("a b <|x|>"), " ") end
            print("ids", ids "lm" == ids(saved "whole"))
            local function ends(dir) return lorawb.read_text(dir .. "/generation_config.json") end
            print("ends", ends "lm" == ends(saved "whole"))
            model:resize_token_embeddings(290)
            model:save_pretrained(saved "grown")
            print("grown", (pcall(lorawb.load_tokenizer, saved "grown")))
            lorawb.trainer { model = model, train_dataset = lorawb.load_dataset("rows.jsonl"), args = { max_steps = 1 },
              processing_class = lorawb.load_tokenizer("lm") }:save_model(saved "trained")
            print("trained", ids "lm" == ids(saved "trained") and ends "lm" == ends(saved "trained"))
            """)
        #expect(outcome.code == 0, "\(outcome)")
        for line in ["ids\ttrue", "ends\ttrue", "grown\tfalse", "trained\ttrue"] {
            #expect(outcome.out.contains(line + "\n"), "\(outcome)")
        }
        #expect(
            outcome.out.contains(
                "no tokenizer was saved: the vocabulary had 288 entries in lm, now 290; tokenizer:save_pretrained writes yours"
            ), "\(outcome)")
    }

    @Test("a training that goes on from a checkpoint ends with the rows of one that ran through")
    func resumed() throws {
        let place = try Self.place()
        let whole = try Running([Running.program, "run", "tokens.lua", "--run-dir", "run"], cwd: place.path).wait()
        #expect(whole.code == 0, "\(whole)")
        let bytes = try place.data("run/saved/adapter_model.safetensors")
        for name in ["checkpoint-4", "checkpoint-6", "saved"] { try place.remove("run/\(name)") }
        let resumed = try Running([Running.program, "run", "tokens.lua", "--resume", "run"], cwd: place.path).wait()
        #expect(resumed.code == 0 && resumed.out.contains("resuming from "), "\(resumed)")
        #expect(try place.data("run/saved/adapter_model.safetensors") == bytes)
        #expect(Self.lines(resumed) == Self.lines(whole))
    }

    @Test("sizes that no vocabulary has, and tokens that are not there, are refused in one line")
    func refused() throws {
        let place = try Self.place()
        let cases = [
            ("model:resize_token_embeddings(0)", "integer from 1 to 16777216"),
            ("model:resize_token_embeddings(2^40)", "integer from 1 to 16777216"),
            ("model:resize_token_embeddings(290, { pad_to_multiple_of = 0 })", "pad_to_multiple_of"),
            ("model:resize_token_embeddings(1)", "has no room for eos_token_id 1; new_num_tokens is at least 2"),
            (
                "model:add_adapter { target_modules = { 'q_proj' }, trainable_token_indices = { 288 } }",
                "trainable_token_indices has 288, but 'model.embed_tokens' has 288 rows"
            ),
            (
                "model:add_adapter { target_modules = { 'q_proj' }, trainable_token_indices = { embed = { 1 } } }",
                "no module matches 'embed' in trainable_token_indices"
            ),
            (
                "model:generate { prompt = '<|tool|>', tokenizer = tokenizer }",
                "holds the id 288, but the model's vocabulary has 288"
            ),
        ]
        for (call, expected) in cases {
            let outcome = try place.run(
                """
                local model = lorawb.load_model("lm", { task_type = "CAUSAL_LM" })
                local tokenizer = lorawb.load_tokenizer("lm")
                tokenizer:add_special_tokens { additional_special_tokens = { "<|tool|>" } }
                \(call)
                """)
            #expect(outcome.code == 1 && outcome.err.contains(expected), "\(call): \(outcome)")
            #expect(outcome.err.split(separator: "\n").count == 1, "\(outcome)")
        }
    }
}
