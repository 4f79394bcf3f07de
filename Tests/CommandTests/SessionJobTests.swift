import Foundation
import Testing

/// Trainings that go on between the lines of a session.
@Suite(.serialized) struct SessionJobTests {
    private static let args =
        "{ max_steps = 1500, learning_rate = 1e-2, per_device_train_batch_size = 4, save_strategy = 'no' }"

    private static func answer(_ terminal: Terminal, _ line: String) -> String {
        SessionTrainingTests.answer(terminal, line)
    }

    private static func step(_ terminal: Terminal) -> Int { Int(answer(terminal, "job.step")) ?? -1 }

    private static func end(_ terminal: Terminal) -> Int32 {
        terminal.type("\u{4}")
        return terminal.end()
    }

    /// A session whose model was trained whole once, with the bits that gave, and then made anew.
    private static func start() throws -> (Terminal, Place, bits: String) {
        let (terminal, place) = try SessionTrainingTests.start()
        #expect(answer(terminal, "t = new_trainer \(args)") == "")
        _ = answer(terminal, "t:train()")
        let whole = answer(terminal, "bits()")
        #expect(whole.contains("0x"), "\(whole)")
        #expect(answer(terminal, "new_model() t = new_trainer \(args)").contains("classifier"))
        return (terminal, place, whole)
    }

    @Test func aJobGivesTheBitsOfATrainingThatRanThrough() throws {
        let (terminal, place, whole) = try Self.start()
        #expect(Self.answer(terminal, "job = t:start()") == "")
        usleep(50_000)
        // Lines that draw numbers, and train, evaluate and ask the same model, change nothing.
        _ = Self.answer(terminal, "lorawb.randn(10) math.random()")
        _ = Self.answer(
            terminal, "model_text = t.model:classify({ 'a fine film' }, { tokenizer = lorawb.load_tokenizer 'tiny' })")
        #expect(Self.answer(terminal, "t:step()").hasSuffix("true"))
        #expect(Self.answer(terminal, "job:pause()") == "")
        let paused = Self.step(terminal)
        #expect(paused > 1 && paused < 1500, "\(paused)")
        #expect(Self.answer(terminal, "job").hasPrefix("Job paused: step \(paused) of 1500, loss "))
        usleep(100_000)
        #expect(Self.step(terminal) == paused && Self.answer(terminal, "job.state") == "paused")
        #expect(!place.exists("runs"))
        for _ in 0..<3 { #expect(Self.answer(terminal, "job:resume() job:pause() job:resume()") == "") }
        #expect(Self.answer(terminal, "t:start() == job") == "true")
        #expect(Self.answer(terminal, "job:wait().global_step").contains("\n1500"))
        #expect(Self.answer(terminal, "job.state") == "finished")
        #expect(Self.answer(terminal, "bits()") == whole)
        #expect(Self.answer(terminal, "job:resume()").contains("the job is finished, step 1500 of 1500"))
        #expect(Self.end(terminal) == 0)
    }

    @Test func controlCLeavesTheWaitAndNotTheJob() throws {
        let (terminal, place, whole) = try Self.start()
        #expect(Self.answer(terminal, "job = t:start()") == "")
        terminal.type("job:wait()\n")
        #expect(terminal.reads(upTo: "job:wait()\r\n") != nil)
        usleep(60_000)
        terminal.type("\u{3}")
        let text = terminal.reads(upTo: "\r\n> ") ?? ""
        #expect(text.contains("interrupted") && text.contains("the job goes on, step "), "\(text)")
        let first = Self.step(terminal)
        // Ctrl-C at the prompt is for the line.
        terminal.type("1 + ")
        usleep(100_000)
        terminal.type("\u{3}")
        #expect(terminal.reads(upTo: "^C\r\n> ") != nil)
        let second = Self.answer(terminal, "job.step")
        #expect(Int(second) ?? -1 > first, "\(second)")
        #expect(!place.exists("runs"))
        _ = Self.answer(terminal, "job:wait()")
        #expect(Self.answer(terminal, "bits()") == whole)
        #expect(Self.end(terminal) == 0)
    }

    @Test func controlCAtThePromptIsForTheLine() throws {
        let (terminal, place) = try SessionTrainingTests.start()
        #expect(
            Self.answer(terminal, "t = new_trainer { max_steps = 1000000, save_strategy = 'no' } job = t:start()") == ""
        )
        for _ in 0..<5 {
            let before = Self.step(terminal)
            terminal.type("1 + ")
            usleep(60_000)
            terminal.type("\u{3}")
            #expect(terminal.reads(upTo: "^C\r\n> ") != nil)
            #expect(Self.answer(terminal, "job.state") == "running")
            #expect(Self.step(terminal) > before)
        }
        _ = Self.answer(terminal, "job:pause()")
        #expect(Self.end(terminal) == 0)
        withExtendedLifetime(place) {}
    }

    @Test func whatBecameOfAJobIsToldOnceAndTearsNoLine() throws {
        let (terminal, place) = try SessionTrainingTests.start()
        #expect(
            Self.answer(
                terminal,
                "t = new_trainer { max_steps = 6, save_strategy = 'no' } t:add_callback { on_step_end = function(s) print('did', s.global_step) end }"
            ) == "")
        #expect(Self.answer(terminal, "job = t:start()") == "")
        terminal.type("1 + 1")
        usleep(1_500_000)
        terminal.type("\n")
        let text = terminal.reads(upTo: "\r\n> ") ?? ""
        #expect(
            text.contains("\n2\ndid\t1\ndid\t2\n") && text.contains("did\t6\nthe job finished: step 6 of 6, loss"),
            "\(text)")
        #expect(Self.answer(terminal, "2 + 2") == "4")
        #expect(Self.answer(terminal, "t:start()").contains("training is over"))

        #expect(
            Self.answer(
                terminal,
                "t = new_trainer { max_steps = 60, save_strategy = 'no' } t:add_callback { on_step_end = function(s) if s.global_step == 5 then error('no more') end end }"
            ) == "")
        #expect(Self.answer(terminal, "job = t:start()") == "")
        usleep(1_000_000)
        #expect(Self.answer(terminal, "3 + 3").hasSuffix("6\nthe job failed: stdin:1: no more"))
        #expect(Self.answer(terminal, "job.state, job.error") == "failed\tstdin:1: no more")
        // The step whose callback failed is done; the training can go on without it.
        #expect(Self.answer(terminal, "t:remove_callback 'on_step_end'") == "")
        #expect(Self.answer(terminal, "t:start():wait().global_step").contains("60"))
        #expect(Self.end(terminal) == 0)
        withExtendedLifetime(place) {}
    }

    @Test func leavingWritesACheckpointToGoOnFrom() throws {
        let (terminal, place) = try SessionTrainingTests.start()
        let args = Self.args.replacing("'no'", with: "'steps'")
        #expect(Self.answer(terminal, "t = new_trainer \(args) job = t:start()") == "")
        usleep(60_000)
        #expect(Self.step(terminal) > 0)
        terminal.type(":quit\n")
        let text = terminal.reads(upTo: "make the same trainer there") ?? ""
        #expect(text.contains("(the session ended); checkpoint-"), "\(text)")
        #expect(text.contains("to go on: lorawb --resume runs/repl-1, and"), "\(text)")
        #expect(terminal.end() == 0)
        var bits: [String] = []
        for words in [["repl", "--resume", "runs/repl-1"], ["repl", "--run-dir", "whole"]] {
            let (other, _) = try SessionTrainingTests.start(words[0], words[1], words[2], place: place)
            #expect(Self.answer(other, "t = new_trainer \(args)") == "")
            #expect(Self.answer(other, "t:train().global_step").contains("resuming from") == bits.isEmpty)
            bits.append(Self.answer(other, "bits()"))
            #expect(Self.end(other) == 0)
        }
        #expect(bits[0].contains("0x") && bits[0] == bits[1])
    }

    @Test func oneJobRunsAtATimeAndMayBeStopped() throws {
        let (terminal, place) = try SessionTrainingTests.start()
        #expect(
            Self.answer(terminal, "t = new_trainer { max_steps = 100000, save_strategy = 'no' } job = t:start()") == "")
        let other = Self.answer(terminal, "u = new_trainer { max_steps = 9, save_strategy = 'no' } u:start()")
        #expect(other.contains("a job is running already (step"), "\(other)")
        usleep(100_000)
        _ = Self.answer(terminal, "job:stop()")
        #expect(Self.answer(terminal, "job.state") == "finished")
        let step = Self.step(terminal)
        #expect(step > 0 && step < 100000)
        #expect(Self.answer(terminal, "t.state.log_history[#t.state.log_history].train_loss > 0") == "true")
        #expect(Self.answer(terminal, "u:start():wait().global_step").contains("\n9"))
        #expect(Self.end(terminal) == 0)
        withExtendedLifetime(place) {}
    }

    @Test func theTimeLimitEndsASessionWithAJob() throws {
        let (terminal, place) = try SessionTrainingTests.start("repl", "--time-limit", "3")
        #expect(
            Self.answer(terminal, "t = new_trainer { max_steps = 100000, save_strategy = 'no' } job = t:start()") == "")
        #expect(terminal.end() == 124)
        withExtendedLifetime(place) {}
    }

    @Test func inARecipeWaitingDoesTheWork() throws {
        let place = try Place()
        try place.makeModel()
        try place.makeData("train.tsv")
        let head = """
            local lorawb = require "lorawb"
            local tokenizer = lorawb.load_tokenizer "tiny"
            local data = lorawb.load_dataset "train.tsv"
            data = data:map(function(row) return { input_ids = tokenizer:encode(row.sentence), labels = row.label } end)
            local function run(how)
              lorawb.manual_seed(3)
              local model = lorawb.load_model("tiny", { task_type = "SEQ_CLS", num_labels = 2 })
              model:add_adapter { r = 4, target_modules = { "query" } }
              local trainer = lorawb.trainer { model = model, train_dataset = data, args = { max_steps = 5, save_strategy = "no", disable_tqdm = true } }
              local loss = how(trainer).training_loss
              return ("%a"):format(loss)
            end

            """
        let outcome = try place.run(
            head + "print(run(function(t) return t:train() end) == run(function(t) return t:start():wait() end))")
        #expect(outcome.code == 0 && outcome.out.hasSuffix("true\n"), "\(outcome)")
        let left = try place.run(head + "run(function(t) t:start() return { training_loss = 0 } end)")
        #expect(left.code == 0 && left.err.contains("ended before its job had (step 0 of 5)"), "\(left)")
    }

    // MARK: Changing a training

    @Test func aChangedRateReachesScheduleAndLog() throws {
        let (terminal, place) = try SessionTrainingTests.start()
        #expect(
            Self.answer(
                terminal,
                "t = new_trainer { max_steps = 10, learning_rate = 1e-3, logging_steps = 1, save_steps = 100 }")
                == "")
        for _ in 0..<4 { #expect(Self.answer(terminal, "t:step()").hasSuffix("true")) }
        #expect(
            Self.answer(terminal, "t:change { learning_rate = 5e-4, weight_decay = 0.1 }")
                == "learning_rate 0.001 → 0.0005\nweight_decay 0.0 → 0.1")
        #expect(Self.answer(terminal, "t:change { learning_rate = 5e-4 }") == "")
        #expect(Self.answer(terminal, "t.args.learning_rate") == "0.0005")
        #expect(Self.answer(terminal, "t.args.learning_rate = 1").contains("trainer:change"))
        #expect(Self.answer(terminal, "t:change { max_steps = 3 }").contains("unknown option 'max_steps'"))
        #expect(Self.answer(terminal, "t:change { learning_rate = -1 }").contains("at least 0"))
        _ = Self.answer(terminal, "t:train()")
        // Linear: the rate times (10 - steps done) / 10, with the old rate up to step 4.
        for (row, rate) in [(4, "0.0007"), (6, "0.00025"), (10, "5e-05")] {
            let place = row > 4 ? row + 1 : row
            #expect(
                Self.answer(
                    terminal,
                    "('%g %d'):format(t.state.log_history[\(place)].learning_rate, t.state.log_history[\(place)].step)")
                    == "\(rate) \(row)")
        }
        #expect(
            Self.answer(terminal, "t.state.log_history[5].changed")
                == "learning_rate 0.001 → 0.0005, weight_decay 0.0 → 0.1")
        #expect(Self.end(terminal) == 0)
        let changes = try place.text("runs/repl-1/changes.jsonl")
        #expect(
            changes
                == "{\"step\": 4, \"arguments\": {\"learning_rate\": [0.001, 0.0005], \"weight_decay\": [0.0, 0.1]}}\n")
        #expect(try place.text("runs/repl-1/metrics.jsonl").contains("\"changed\""))
    }

    /// Changed before its first step, a training is one that was made so.
    @Test func aTrainingChangedAtOnceIsOneMadeSo() throws {
        let (terminal, place) = try SessionTrainingTests.start()
        func bits(_ rate: String, _ change: String) -> String {
            _ = Self.answer(
                terminal, "new_model() t = new_trainer { max_steps = 8, save_strategy = 'no', learning_rate = \(rate) }"
            )
            _ = Self.answer(terminal, change + " t:train()")
            return Self.answer(terminal, "bits()")
        }
        let made = bits("2e-3, weight_decay = 0.5, max_grad_norm = 0.1", "")
        #expect(made.contains("0x"))
        #expect(bits("1e-2", "t:change { learning_rate = 2e-3, weight_decay = 0.5, max_grad_norm = 0.1 }") == made)
        #expect(bits("1e-2", "") != made)
        #expect(Self.end(terminal) == 0)
        withExtendedLifetime(place) {}
    }
}
