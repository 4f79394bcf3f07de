import Foundation
import Testing

/// Training in a session: stopping and going on, and several trainers.
@Suite(.serialized) struct SessionTrainingTests {
    /// A session with a model, an adapter, data, and a function that makes a trainer.
    static func start(_ words: String..., place: Place? = nil) throws -> (Terminal, Place) {
        let isNew = place == nil
        let place = try place ?? Place()
        if isNew {
            try place.makeModel(dropout: 0.1)
            try place.makeData("train.tsv")
            try place.put(
                "prepare.lua",
                """
                local tokenizer = lorawb.load_tokenizer "tiny"
                local data = lorawb.load_dataset "train.tsv"
                data = data:map(function(row) return { input_ids = tokenizer:encode(row.sentence), labels = row.label } end)
                local model
                function new_model()
                  lorawb.manual_seed(7)
                  model = lorawb.load_model("tiny", { task_type = "SEQ_CLS", num_labels = 2 })
                  model:add_adapter { r = 4, lora_alpha = 8, lora_dropout = 0.1, target_modules = { "query", "value" } }
                end
                function new_trainer(args)
                  args.disable_tqdm = true
                  return lorawb.trainer { model = model, train_dataset = data, args = args }
                end
                function bits()
                  local parts = {}
                  for _, parameter in ipairs(model:parameters()) do parts[#parts + 1] = ("%a"):format(parameter:sum():item()) end
                  return table.concat(parts, " ")
                end
                new_model()
                """)
        }
        let terminal = try Terminal([Running.program] + words, cwd: place.path)
        #expect(terminal.reads(upTo: "> ") != nil)
        #expect(SessionTests.answer(terminal, ":load prepare.lua", timeout: 30) != nil)
        return (terminal, place)
    }

    static func answer(_ terminal: Terminal, _ line: String) -> String {
        SessionTests.answer(terminal, line, timeout: 60) ?? "no answer to \(line)"
    }

    /// Lets a line run for a while, types Ctrl-C, and gives what is printed until the prompt; nil where that takes half a second.
    private static func interrupt(_ terminal: Terminal, _ line: String, after microseconds: UInt32) -> String? {
        terminal.type(line + "\n")
        guard terminal.reads(upTo: line + "\r\n") != nil else { return nil }
        usleep(microseconds)
        let start = Date()
        terminal.type("\u{3}")
        let text = terminal.reads(upTo: "\r\n> ", timeout: 10)
        // Half a second is the promise; a machine that does other things too gets as much again.
        #expect(Date().timeIntervalSince(start) < 1, "\(line)")
        return text
    }

    @Test func trainingGoesOnWhereItStopped() throws {
        let (terminal, place) = try Self.start()
        let args = "{ max_steps = 400, learning_rate = 1e-2, per_device_train_batch_size = 4, save_strategy = 'no' }"
        // Whole first, then in pieces: the same bits.
        #expect(Self.answer(terminal, "t = new_trainer \(args)") == "")
        _ = Self.answer(terminal, "t:train()")
        let whole = Self.answer(terminal, "bits()")
        #expect(whole.contains("0x"), "\(whole)")
        #expect(Self.answer(terminal, "new_model() t = new_trainer \(args)").contains("classifier"))
        for _ in 0..<2 {
            let text = Self.interrupt(terminal, "t:train()", after: 60_000)
            guard text?.contains("training stopped after step") == true else { continue }
            #expect(text?.contains("trainer:train()") == true && text?.contains("--resume") == false, "\(text ?? "")")
        }
        _ = Self.answer(terminal, "t:train()")
        #expect(Self.answer(terminal, "t.state.global_step") == "400")
        #expect(Self.answer(terminal, "bits()") == whole)
        terminal.type("\u{4}")
        #expect(terminal.end() == 0)
        withExtendedLifetime(place) {}
    }

    /// A checkpoint of an interruption is whole, also where writing it takes loops that would stop: a tokenizer of many tokens.
    @Test func whatIsWrittenAtAnInterruptionIsNotInterrupted() throws {
        let (terminal, place) = try Self.start()
        let words = (0..<20_000).map { "word\($0)\n" }.joined()
        try place.put("tiny/vocab.txt", try place.text("tiny/vocab.txt") + words)
        try? place.remove("tiny/tokenizer.json")
        #expect(Self.answer(terminal, "tokenizer = lorawb.load_tokenizer 'tiny'") == "")
        let args = "{ num_train_epochs = 100000, disable_tqdm = true, save_strategy = '%' }"
        let make =
            "t = lorawb.trainer { model = model, processing_class = tokenizer, train_dataset = data, args = \(args) }"
        #expect(Self.answer(terminal, make.replacing("%", with: "steps")) == "")
        let text = Self.interrupt(terminal, "t:train()", after: 200_000) ?? ""
        #expect(text.contains("; checkpoint-") && text.contains("to go on: trainer:train()"), "\(text)")
        // Where nothing is to be saved, coming back to the prompt saves nothing.
        #expect(Self.answer(terminal, make.replacing("%", with: "no")) == "")
        let other = Self.interrupt(terminal, "t:train()", after: 200_000) ?? ""
        #expect(other.contains("training stopped after step") && !other.contains("checkpoint"), "\(other)")
        #expect(place.exists("runs/repl-1") && !place.exists("runs/repl-1/trainer-2"))
        terminal.type("\u{4}")
        #expect(terminal.end() == 0)
    }

    @Test func stepsStopWithinHalfASecond() throws {
        let (terminal, place) = try Self.start()
        #expect(Self.answer(terminal, "t = new_trainer { num_train_epochs = 100000, save_strategy = 'no' }") == "")
        for wait in [200_000, 333_333, 50_000] as [UInt32] {
            let text = Self.interrupt(terminal, "t:train()", after: wait)
            #expect(text?.contains("training stopped after step") == true, "\(text ?? "nothing")")
        }
        let first = Int(Self.answer(terminal, "t.state.global_step")) ?? 0
        #expect(first > 0)
        _ = Self.interrupt(terminal, "while t:step() do end", after: 200_000)
        #expect((Int(Self.answer(terminal, "t.state.global_step")) ?? 0) > first)
        // A loop by hand, in a coroutine, that catches errors.
        let loop = "coroutine.wrap(function() while true do pcall(t.step, t) end end)()"
        #expect(Self.interrupt(terminal, loop, after: 200_000)?.contains("interrupted") == true)
        terminal.type("\u{4}")
        #expect(terminal.end() == 0)
        withExtendedLifetime(place) {}
    }

    @Test func trainersHaveFoldersOfTheirOwn() throws {
        let (terminal, place) = try Self.start()
        let args = "{ max_steps = 2, save_strategy = 'steps', save_steps = 1 }"
        for _ in 0..<3 {
            #expect(Self.answer(terminal, "t = new_trainer \(args)") == "")
            #expect(Self.answer(terminal, "t:train().global_step").contains("\n2"))
        }
        terminal.type("\u{4}")
        #expect(terminal.end() == 0)
        for folder in ["runs/repl-1", "runs/repl-1/trainer-2", "runs/repl-1/trainer-3"] {
            #expect(place.exists(folder + "/checkpoint-1") && place.exists(folder + "/checkpoint-2"), "\(folder)")
        }
        // A session that goes on finds each by its order.
        let (second, _) = try Self.start("--resume", "runs/repl-1", place: place)
        for number in 1...2 {
            #expect(Self.answer(second, "t = new_trainer \(args)") == "")
            let folder = number == 1 ? "runs/repl-1" : "runs/repl-1/trainer-2"
            let text = Self.answer(second, "t:train().global_step")
            #expect(text.contains("resuming from \(place.path)/\(folder)/checkpoint-2"), "\(text)")
        }
        second.type("\u{4}")
        #expect(second.end() == 0)
    }

    /// A recipe with two trainers: stopped in the second, it goes on there.
    @Test func resumeFindsEachTrainerByItsOrder() throws {
        let place = try Place()
        try place.makeModel(dropout: 0.1)
        try place.makeData("train.tsv")
        let recipe = """
            local tokenizer = lorawb.load_tokenizer "tiny"
            local data = lorawb.load_dataset "train.tsv"
            data = data:map(function(row) return { input_ids = tokenizer:encode(row.sentence), labels = row.label } end)
            local model = lorawb.load_model("tiny", { task_type = "SEQ_CLS", num_labels = 2 })
            model:add_adapter { r = 4, lora_alpha = 8, target_modules = { "query" } }
            local function train(steps, stop)
              local trainer = lorawb.trainer { model = model, train_dataset = data,
                args = { max_steps = steps, save_strategy = "steps", save_steps = 2, disable_tqdm = true } }
              while trainer:step() do
                if trainer.state.global_step == stop and not lorawb.exists(lorawb.run_dir .. "/stopped") then
                  lorawb.save_text(lorawb.run_dir .. "/stopped", "")
                  error "stopped"
                end
              end
            end
            train(4)
            train(6, 3)
            local sum = 0
            for _, parameter in ipairs(model:parameters()) do sum = sum + parameter:sum():item() end
            print(("sum %a"):format(sum))
            """
        let first = try place.run(recipe, "--run-dir", "one")
        #expect(first.code == 1 && first.err.contains("stopped"), "\(first)")
        let second = try place.run(recipe, "--resume", "one")
        #expect(second.code == 0, "\(second)")
        #expect(
            second.out.contains("one/checkpoint-4") && second.out.contains("one/trainer-2/checkpoint-2"), "\(second)")
        try place.put("two/stopped", "")
        let whole = try place.run(recipe, "--run-dir", "two")
        #expect(whole.out.split(separator: "\n").last == second.out.split(separator: "\n").last)
    }
}
