import Foundation
import Testing

/// What a run leaves and says, how it goes on, and what is typed for a recipe.
struct RunTests {
    /// The training of `Place.trainingRecipe` without what it prints at each step, and with what `args` adds to the trainer's.
    private static func place(_ arguments: String, callbacks: String = "") throws -> Place {
        let place = try Place.training()
        let recipe = Place.trainingRecipe
            .replacing("      print(\"step \" .. state.global_step)\n", with: "")
            .replacing("eval_strategy = \"epoch\",", with: "eval_strategy = \"epoch\", \(arguments)")
            .replacing("callbacks = {", with: "callbacks = { \(callbacks)")
        try place.put("train.lua", recipe)
        return place
    }

    private func log(_ place: Place, _ folder: String) throws -> [[String: Any]] {
        try place.text(folder + "/metrics.jsonl").split(separator: "\n").map {
            try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
        }
    }

    @Test func aRunWithoutCheckpointsIsRecorded() throws {
        let place = try Self.place("")
        let outcome = try place.train("--save", "no", "--epochs", "2")
        #expect(outcome.code == 0, "\(outcome)")
        let files = place.files("runs/train-1")
        #expect(
            Set(files).isSuperset(of: ["metrics.jsonl", "recipe.lua", "params.json", "environment.json"]), "\(files)")
        #expect(!files.contains { $0.hasPrefix("checkpoint-") })
        let rows = try log(place, "runs/train-1")
        let losses = rows.compactMap { $0["loss"] as? Double }
        let epochs = rows.compactMap { $0["epoch_loss"] as? Double }
        #expect(losses.count == 16 && epochs.count == 2)
        #expect(abs((epochs.first ?? 0) - losses.prefix(8).reduce(0, +) / 8) < 1e-9)
        // One line for each log, plain: no figure is drawn over another.
        let lines = outcome.out.split(separator: "\n").map(String.init)
        #expect(
            lines.count { $0.wholeMatch(of: /step \d+ of 16: loss \d\.\d{4}, grad_norm .*, learning_rate .*/) != nil }
                == 16)
        #expect(lines.contains { $0.hasPrefix("step 16 of 16: train_loss ") }, "\(outcome)")
        #expect(!outcome.out.contains("\r"))
    }

    @Test func anOutputFolderThatMayNotBeWrittenIsNotNeededForALog() throws {
        let place = try Self.place("output_dir = \"/proc/none\",")
        let outcome = try place.train("--save", "no", "--epochs", "1")
        #expect(outcome.code == 0 && place.exists("runs/train-1/metrics.jsonl"), "\(outcome)")
        let refused = try place.train("--epochs", "1")
        #expect(refused.code == 1 && refused.err.contains("--allow-write /proc/none"), "\(refused)")
    }

    @Test func theLineThatGoesOnHasTheFlags() throws {
        let place = try Self.place("output_dir = \"out\",", callbacks: "on_step_begin = function() print 'at it' end,")
        try place.put("my data/train.tsv", place.data("data/train.tsv"))
        try place.put("my data/dev.tsv", place.data("data/dev.tsv"))
        let words = [
            "run", "--max-memory", "4GB", "train.lua", "--pause", "60", "--data", "my data", "--allow-write", ".",
            "--threads", "2", "--seed", "9", "--allow-read", "/usr/share",
        ]
        let running = try Running([Running.program] + words, cwd: place.path)
        #expect(running.waits(for: "at it\nstep 5 of"))
        running.signal(SIGINT)
        let stopped = running.wait()
        let hint =
            "lorawb run train.lua --pause 60 --data 'my data' --seed 9 --resume out --threads 2 --allow-read /usr/share --allow-write . --max-memory 4GB"
        #expect(stopped.code == 130 && stopped.err.contains("to go on: \(hint)\n"), "\(stopped)")
        // A shell takes it as it is.
        let line = hint.replacing("lorawb run", with: "'\(Running.program)' run")
        let resumed = try Running(["/bin/sh", "-c", line], cwd: place.path).wait()
        #expect(resumed.code == 0 && resumed.out.contains("resuming from \(place.path)/out/checkpoint-"), "\(resumed)")
        #expect(place.exists("out/checkpoint-16") && place.exists("out/best") && !place.exists("runs"))
    }

    @Test func aRunGoesOnWithItsParameters() throws {
        let place = try Self.place(
            "", callbacks: "on_epoch_end = function() if lorawb.exists('crash') then error 'boom' end end,")
        // The data lies where a recipe may not read unless it was typed.
        let other = try Place()
        for file in ["train.tsv", "dev.tsv"] { try other.put("d/" + file, place.data("data/" + file)) }
        let typed = ["--data", other.path + "/d", "--lr", "0.02", "--dropout", "0.2", "--seed", "3"]
        #expect(
            try Running([Running.program, "run", "train.lua", "--run-dir", "whole"] + typed, cwd: place.path).wait()
                .code == 0)
        try place.put("crash", "")
        let words = [Running.program, "run", "train.lua", "--save", "steps", "--run-dir", "cut"] + typed
        let cut = try Running(words, cwd: place.path).wait()
        #expect(cut.code == 1 && cut.err.contains("boom"), "\(cut)")
        try place.remove("crash")
        let resumed = try place.train("--resume", "cut")
        #expect(resumed.code == 0 && resumed.out.contains("resuming from \(place.path)/cut/checkpoint-"), "\(resumed)")
        #expect(
            resumed.out.contains("--data \(other.path)/d: may be read again, as typed when the run began\n"),
            "\(resumed)")
        #expect(try place.adapter("cut/best") == place.adapter("whole/best"))
        // One that is typed counts, and must be the run's.
        let another = try place.train("--resume", "cut", "--lr", "0.5")
        #expect(
            another.code == 1
                && another.line.hasSuffix(
                    "\(place.path)/cut/params.json: the run was made with lr = 0.02, now it is 0.5; give it the same value, or start a new run"
                ), "\(another)")
        // A seed in front of the recipe is the run's too.
        #expect(
            try lorawb("run", "--seed", "5", "train.lua", "--epochs", "1", "--run-dir", "seeded", cwd: place.path).code
                == 0)
        let seeded = try place.train("--resume", "seeded", "--epochs", "2")
        #expect(seeded.code == 0, "\(seeded)")
    }

    @Test func aRunGoesOnLonger() throws {
        let place = try Self.place("")
        #expect(try place.train("--epochs", "1").code == 0)
        let longer = try place.train("--epochs", "3", "--resume", "runs/train-1")
        #expect(longer.code == 0, "\(longer)")
        #expect(
            longer.out.contains(
                "the training goes on to 24 steps instead of 8 (num_train_epochs 1.0 → 3.0), and the schedule is worked out anew from that total\n"
            ), "\(longer)")
        #expect(place.exists("runs/train-1/checkpoint-24"))
        #expect(try place.text("runs/train-1/changes.jsonl").contains("\"max_steps\": [8, 24]"))
        let rates = try log(place, "runs/train-1").compactMap { $0["learning_rate"] as? Double }
        // The linear schedule of 24 steps from the ninth on.
        #expect(rates.count == 24)
        for (step, rate) in rates.enumerated().dropFirst(8) {
            #expect(abs(rate - 1e-2 * Double(24 - step) / 24) < 1e-12)
        }
        let fewer = try place.train("--epochs", "2", "--resume", "runs/train-1")
        #expect(fewer.code == 1 && fewer.line.contains("num_train_epochs = 3.0, now it is 2.0"), "\(fewer)")
        let both = try place.train("--epochs", "4", "--lr", "0.5", "--resume", "runs/train-1")
        #expect(both.code == 1 && both.line.contains("lr = 0.01, now it is 0.5"), "\(both)")
    }

    @Test func anEditedRecipeIsTakenWhereAsked() throws {
        let place = try Self.place("")
        #expect(try place.train("--epochs", "1").code == 0)
        let before = try place.text("train.lua")
        try place.put("train.lua", before + "\nprint 'edited'\n")
        let refused = try place.train("--epochs", "2", "--resume", "runs/train-1")
        #expect(refused.code == 1 && refused.line.contains("take this one with --edited"), "\(refused)")
        let taken = try place.train("--epochs", "2", "--resume", "runs/train-1", "--edited")
        #expect(taken.code == 0 && taken.out.hasSuffix("edited\n"), "\(taken)")
        #expect(taken.out.contains("; the recipe was edited; the one before is kept beside it\n"), "\(taken)")
        #expect(try place.text("runs/train-1/recipe-1.lua") == before)
        #expect(try place.text("runs/train-1/recipe.lua") == before + "\nprint 'edited'\n")
        // What shows in no tensor's shape is the run's too.
        try place.put("train.lua", before.replacing("lora_alpha = 8", with: "lora_alpha = 16"))
        let alpha = try place.train("--resume", "runs/train-1", "--edited")
        #expect(
            alpha.code == 1 && alpha.line.contains("lora_alpha of adapter 'default': recorded '8', now '16'"),
            "\(alpha)")
        let alone = try place.train("--edited")
        #expect(alone.code == 64 && alone.err.contains("--edited goes with --resume RUN"), "\(alone)")
    }

    @Test func aRecipeDoesNotWriteItsRecord() throws {
        for file in ["params.json", "recipe.lua", "environment.json"] {
            let outcome = try Place().run("lorawb.save_text(lorawb.run_dir .. '/\(file)', 'x')")
            #expect(
                outcome.code == 1
                    && outcome.line.hasSuffix("is the running recipe or its record, which is not to be written"),
                "\(outcome)")
        }
    }

    @Test func parametersMayBeRequired() throws {
        let place = try Place()
        let recipe = """
            local args = lorawb.args {
              data = { type = "path", required = true, help = "folder with train.tsv" }, rank = { required = true, type = "integer", min = 1 },
              epochs = 3,
            }
            print(args.data:match("[^/]*$"), args.rank, args.epochs)
            """
        #expect(try place.run(recipe, "--data", "x", "--rank", "4").out == "x\t4\t3\n")
        let missing = try place.run(recipe, "--rank", "4")
        #expect(
            missing.code == 64
                && missing.line
                    == "lorawb: r.lua needs --data (folder with train.tsv); usage: lorawb run r.lua --data <path> --rank <integer> [--name value ...]",
            "\(missing)")
        let both = try place.run(recipe)
        #expect(
            both.code == 64
                && both.line.hasPrefix("lorawb: r.lua needs --data (folder with train.tsv) and --rank; usage: "))
        #expect(try place.run(recipe, "--data", "x", "--rank", "0").code == 64)
        let help = try place.run(recipe, "--help")
        #expect(
            help.code == 0
                && help.out.contains("usage: lorawb run r.lua --data <path> --rank <integer> [--name value ...]\n"))
        #expect(
            help.out.contains("folder with train.tsv (required)\n") && help.out.contains("from 1 (required)\n")
                || help.out.contains("(required)\n"))
        for (wrong, message) in [
            (
                "x = { 1, required = true }",
                "'x' is required, so its default would never be used; leave one of them out"
            ),
            ("x = { help = 'y' }", "'x' expected { default, help = ... } with one default, got 0 values"),
        ] {
            let outcome = try place.run("lorawb.args { \(wrong) }")
            #expect(outcome.code == 1 && outcome.line.hasSuffix(message), "\(outcome)")
        }
    }

    @Test func writesToStandardOutput() throws {
        let outcome = try Place().run(
            "for i = 1, 3 do io.write(i, ' ') end\nio.write('x', 1.5):write('\\n'):write('end')")
        #expect(outcome.code == 0 && outcome.out == "1 2 3 x1.5\nend", "\(outcome)")
        let closed = try Running(
            ["/bin/sh", "-c", "'\(Running.program)' run - | head -c 5; echo"],
            stdin: "for i = 1, 100000 do io.write('abcde') end print 'over'",
            cwd: "/tmp"
        ).wait()
        #expect(closed.code == 0 && closed.out == "abcde\n" && closed.err.isEmpty, "\(closed)")
    }

    /// Recipes inside the binary, where nothing but a model lies.
    @Test func builtInRecipesHaveTheirData() throws {
        let place = try Place()
        try place.makeModel()
        let quickstart = try lorawb(
            "run", "quickstart", "--model", "tiny", "--epochs", "1", "--r", "2", cwd: place.path)
        #expect(quickstart.code == 0 && quickstart.out.contains("train       "), "\(quickstart)")
        #expect(
            try place.data("runs/quickstart-1/reviews.tsv")
                == Data(contentsOf: URL(fileURLWithPath: Place.goldens + "/../../stdlib/recipes/reviews.tsv")))
        try place.makeLanguageModel()
        let chat = try lorawb("run", "chat_tune", "--model", "tiny-lm", "--epochs", "1", "--r", "2", cwd: place.path)
        #expect(chat.code == 0 && place.exists("runs/chat_tune-1/chat_tune.tsv"), "\(chat)")
        // What the user names is the user's.
        let missing = try lorawb("run", "quickstart", "--model", "tiny", "--data", "reviews.tsv", cwd: place.path)
        #expect(missing.code == 1 && missing.err.contains("reviews.tsv"), "\(missing)")
    }

    @Test func checkpointsHoldTheTokenizer() throws {
        let place = try Place()
        try place.makeLanguageModel()
        let recipe = """
            local model, tokenizer = lorawb.load_model("tiny-lm", { task_type = "CAUSAL_LM" }), lorawb.load_tokenizer("tiny-lm")
            model:add_adapter { r = 2, target_modules = { "q_proj" } }
            local rows = lorawb.dataset { { text = "one two three" }, { text = "four five" } }
            lorawb.trainer { model = model, processing_class = tokenizer, train_dataset = rows, args = { max_steps = 1, save_steps = 1 } }:train()
            local saved = lorawb.load_tokenizer(lorawb.run_dir .. "/checkpoint-1")
            print(table.concat(saved:encode("one two"), " ") == table.concat(tokenizer:encode("one two"), " "), saved.vocab_size == tokenizer.vocab_size)
            """
        let outcome = try place.run(recipe)
        #expect(outcome.code == 0 && outcome.out.hasSuffix("true\ttrue\n"), "\(outcome)")
        let files = place.files("runs/r-1/checkpoint-1")
        #expect(
            Set(files).isSuperset(of: ["tokenizer.json", "tokenizer_config.json", "adapter_config.json"]), "\(files)")
    }

    @Test func severalEvaluationSets() throws {
        let place = try Place.training()
        let head = """
            local model, tokenizer = lorawb.load_model("tiny", { task_type = "SEQ_CLS", num_labels = 2 }), lorawb.load_tokenizer("tiny")
            local data = lorawb.load_dataset("data/dev.tsv"):map(function(r) return { input_ids = tokenizer:encode(r.sentence), labels = r.label } end)
            model:add_adapter { r = 2, target_modules = { "query" } }
            local args = { max_steps = 4, eval_strategy = "steps", eval_steps = 2, save_strategy = "no", metric_for_best_model = "eval_dev_loss" }
            local function make(sets) return lorawb.trainer { model = model, train_dataset = data, eval_dataset = sets, compute_metrics = lorawb.metrics.accuracy, args = args } end

            """
        let outcome = try place.run(
            head + """
                local trainer = make { test = data:select(6), dev = data:select(1, 5) }
                trainer:train()
                for _, row in ipairs(trainer.state.log_history) do
                  if row.eval_dev_loss then print("dev", row.step, row.eval_test_loss == nil) end
                  if row.eval_test_loss then print("test", row.step, row.eval_test_accuracy ~= nil) end
                end
                local all, named = trainer:evaluate(), trainer:evaluate { other = data }
                print(all.eval_dev_loss ~= nil, all.eval_test_loss ~= nil, named.eval_other_loss ~= nil, trainer:evaluate(data).eval_loss == named.eval_other_loss)
                """)
        #expect(outcome.code == 0, "\(outcome)")
        #expect(
            outcome.out.contains("dev\t2\ttrue\ntest\t2\ttrue\ndev\t4\ttrue\ntest\t4\ttrue\ntrue\ttrue\ttrue\ttrue\n"),
            "\(outcome)")
        #expect(outcome.out.contains("dev_loss  dev_accuracy   test_loss  test_accuracy\n"), "\(outcome)")
        #expect(outcome.out.contains("best eval_dev_loss: "), "\(outcome)")
        for (sets, message) in [
            ("{ data }", "eval_dataset expected lorawb.Dataset, or { name = dataset } of several, got table"),
            ("{}", "eval_dataset expected lorawb.Dataset, or { name = dataset } of several, got table"),
            ("{ dev = 1 }", "eval_dataset: 'dev' expected lorawb.Dataset, got 1"),
        ] {
            let refused = try place.run(head + "make(\(sets))")
            #expect(refused.code == 1 && refused.err.contains(message), "\(refused)")
        }
    }
}
