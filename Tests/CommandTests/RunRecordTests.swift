import Foundation
import Testing

/// What a run records of itself, and what is made of it: `runs`, `compare`, `rerun`.
struct RunRecordTests {
    private static func json(_ text: String) throws -> [String: Any] {
        try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
    }

    private func end(_ place: Place, _ run: String) throws -> [String: Any] {
        try Self.json(place.text(run + "/run.json"))
    }

    private func run(_ place: Place, _ words: String...) throws -> Outcome {
        try Running([Running.program] + words, cwd: place.path).wait()
    }

    private func list(_ place: Place, _ words: String...) throws -> [[String: Any]] {
        let outcome = try Running([Running.program, "runs", "--json"] + words, cwd: place.path).wait()
        return try #require(
            try JSONSerialization.jsonObject(with: Data(outcome.out.utf8)) as? [[String: Any]], "\(outcome)")
    }

    /// The rows of a log without what the clock says.
    private func figures(_ place: Place, _ run: String) throws -> [[String: Double]] {
        try place.text(run + "/metrics.jsonl").split(separator: "\n").map { line in
            try Self.json(String(line)).compactMapValues { $0 as? Double }
                .filter { !$0.key.contains("runtime") && !$0.key.contains("per_second") }
        }
    }

    @Test("a run that finished has all of itself in its folder")
    func finished() throws {
        let place = try Place.training()
        let header =
            "-- version: 2.1\n-- expects: eval_accuracy >= 0\n-- expects: eval_loss < 0\n-- expects: eval_f1 > 0\n"
        try place.put("train.lua", header + Place.trainingRecipe)
        let outcome = try place.train("--lr", "0.02", "--data", "data", "--threads", "1")
        #expect(outcome.code == 0, "\(outcome)")
        for line in [
            "expects eval_accuracy >= 0: met, it is 0.", "expects eval_loss < 0: missed, it is ",
            "expects eval_f1 > 0: not measured, no trainer logged 'eval_f1'\n",
        ] {
            #expect(outcome.out.contains(line), "\(outcome)")
        }
        let run = try end(place, "runs/train-1")
        #expect(run["format"] as? Int == 1 && run["state"] as? String == "finished" && run["error"] is NSNull)
        #expect(run["recipe"] as? String == "train.lua" && run["recipe_version"] as? String == "2.1")
        #expect(
            run["command"] as? [String] == ["run", "train.lua", "--lr", "0.02", "--data", "data", "--threads", "1"])
        let times = try ["started", "finished"].map {
            try #require(ISO8601DateFormatter().date(from: run[$0] as? String ?? ""))
        }
        #expect(abs(times[1].timeIntervalSinceNow) < 60 && times[0] <= times[1])
        #expect((run["seconds"] as? Double ?? 0) > 0 && (run["peak_memory_bytes"] as? Int ?? 0) > 1 << 20)
        let trainer = try #require((run["trainers"] as? [[String: Any]])?.first)
        #expect(
            trainer["output_dir"] as? String == "." && trainer["steps"] as? Int == 16
                && trainer["epochs"] as? Double == 2)
        let arguments = try #require(trainer["arguments"] as? [String: Any])
        #expect(arguments["learning_rate"] as? Double == 0.02 && arguments["adam_beta2"] as? Double == 0.999)
        let prints = try #require(trainer["fingerprints"] as? [String: String])
        #expect(prints.keys.sorted() == ["base", "eval_dataset", "train_dataset"])
        #expect(prints["train_dataset"]?.hasPrefix("32 rows, ") == true && prints["base"]?.count == 64)
        // The figures are those of the log.
        let rows = try place.text("runs/train-1/metrics.jsonl").split(separator: "\n").map { try Self.json(String($0)) }
        let last = try #require(rows.last { $0["eval_loss"] != nil })
        let evaluation = try #require(trainer["evaluation"] as? [String: Any])
        #expect(evaluation["eval_loss"] as? Double == last["eval_loss"] as? Double && evaluation["step"] as? Int == 16)
        #expect(trainer["train_loss"] as? Double == rows.last?["train_loss"] as? Double && trainer["best"] is NSNull)
        #expect(run["adapters"] as? [String] == ["best", "checkpoint-16", "checkpoint-8"])
        let expects = try #require(run["expects"] as? [[String: Any]])
        #expect(expects.map { $0["met"] as? Bool } == [true, false, nil])
        #expect(expects[1]["value"] as? Double == last["eval_loss"] as? Double)
        // Every file with its size.
        let files = try #require(run["files"] as? [[String: Any]])
        let names = place.files("runs/train-1").filter { name in
            var isFolder: ObjCBool = false
            _ = FileManager.default.fileExists(atPath: place.path + "/runs/train-1/" + name, isDirectory: &isFolder)
            return !isFolder.boolValue && name != "run.json" && !name.hasPrefix(".")
        }
        #expect(files.compactMap { $0["path"] as? String }.sorted() == names)
        for file in files {
            let name = try #require(file["path"] as? String)
            #expect(try file["bytes"] as? Int == place.data("runs/train-1/" + name).count)
        }
        let state = try Self.json(place.text("runs/train-1/trainer_state.json"))
        #expect(state["global_step"] as? Int == 16 && (state["log_history"] as? [Any])?.isEmpty == false)
        let environment = try Self.json(place.text("runs/train-1/environment.json"))
        for key in ["lorawb", "processor", "threads", "system", "memory_bytes", "started"] {
            #expect(environment[key] != nil)
        }
        #expect(((environment["trainer"] as? [String: Any])?["arguments"] as? [String: Any])?.count == arguments.count)
        #expect(try Self.json(place.text("runs/train-1/params.json"))["lr"] as? Double == 0.02)
    }

    @Test("however it ends it is said, as far as it can be")
    func ends() throws {
        let place = try Place.training()
        let recipe = Place.trainingRecipe.replacing(
            "trainer:train()", with: "trainer:train()\nif args.accumulate == 2 then local t = nil; t.x = 1 end")
        try place.put("train.lua", recipe)
        #expect(try place.train("--accumulate", "2").code == 1)
        #expect(try place.train("--time-limit", "3", "--pause", "1000").code == 124)
        let stopped = try place.startTraining("--pause", "60")
        #expect(stopped.waits(for: "step 3\n"))
        stopped.signal(SIGINT)
        #expect(stopped.wait().code == 130)
        let killed = try place.startTraining("--pause", "60")
        #expect(killed.waits(for: "step 11\n"))
        #expect(try list(place).last?["state"] as? String == "running")
        killed.signal(SIGKILL)
        _ = killed.wait()
        let terminated = try place.startTraining("--pause", "60")
        #expect(terminated.waits(for: "step 2\n"))
        terminated.signal(SIGTERM)
        #expect(terminated.wait().code == 143)

        let runs = try list(place)
        let states = runs.map { $0["state"] as? String }
        #expect(states == ["failed", "stopped", "interrupted", "died", "interrupted"])
        #expect((runs[0]["error"] as? String)?.contains("attempt to index a nil value") == true, "\(runs[0])")
        #expect(runs[1]["error"] as? String == "time limit: stopped after 3.0 seconds")
        // The step is told before it is logged, and some more may follow before the end.
        #expect((10...15).contains(runs[3]["steps"] as? Int ?? 0) && !place.exists("runs/train-4/run.json"))
        #expect((runs[3]["metric"] as? [String: Any])?["name"] as? String == "eval_accuracy")
        #expect(try end(place, "runs/train-1")["exit_code"] as? Int == 1)
        #expect(try end(place, "runs/train-3")["exit_code"] as? Int == 130)
        #expect(place.exists("runs/train-3/trainer_state.json"))

        // The end of a run that had the folder before is none of the next one's.
        #expect(
            try place.train("--save", "no", "--epochs", "1", "--run-dir", "used").code == 0
                && place.exists("used/run.json"))
        let next = try place.startTraining("--save", "no", "--pause", "60", "--run-dir", "used")
        #expect(next.waits(for: "step 1\n") && !place.exists("used/run.json"))
        next.signal(SIGKILL)
        _ = next.wait()

        // One that goes on has ended differently; one that is refused has not.
        let before = try place.text("runs/train-3/run.json")
        #expect(try place.train("--resume", "runs/train-3", "--lr", "7").code == 1)
        #expect(try place.text("runs/train-3/run.json") == before)
        let resumed = try place.train("--resume", "runs/train-3")
        #expect(resumed.code == 0, "\(resumed)")
        let end = try end(place, "runs/train-3")
        #expect(end["state"] as? String == "finished" && end["resumed"] as? Bool == true)
        #expect(((end["trainers"] as? [[String: Any]])?.first)?["steps"] as? Int == 16)
        let again = try place.startTraining("--pause", "60", "--resume", "runs/train-5")
        #expect(again.waits(for: "step 5\n") && !place.exists("runs/train-5/run.json"))
        again.signal(SIGKILL)
        _ = again.wait()
        #expect(try list(place).last?["state"] as? String == "died")
    }

    @Test("a trainer that only evaluates, several, and one with a folder of its own are recorded too")
    func trainers() throws {
        let place = try Place.training()
        let head = """
            local model, tokenizer = lorawb.load_model("tiny", { task_type = "SEQ_CLS", num_labels = 2 }), lorawb.load_tokenizer("tiny")
            local data = lorawb.load_dataset("data/dev.tsv"):map(function(r) return { input_ids = tokenizer:encode(r.sentence), labels = r.label } end)
            model:add_adapter { r = 2, target_modules = { "query" } }
            local function make(args) return lorawb.trainer { model = model, train_dataset = data, eval_dataset = data, compute_metrics = lorawb.metrics.accuracy, args = args } end

            """
        #expect(try place.run(head + "print(make({}):evaluate().eval_accuracy)", name: "eval.lua").code == 0)
        let evaluated = try #require((end(place, "runs/eval-1")["trainers"] as? [[String: Any]])?.first)
        #expect(
            evaluated["steps"] as? Int == 0 && (evaluated["evaluation"] as? [String: Any])?["eval_accuracy"] is Double)

        let several = """
            for i = 1, 3 do
              make({ max_steps = i, save_strategy = "no", eval_strategy = "steps", eval_steps = 1, metric_for_best_model = "accuracy" }):train()
            end
            """
        #expect(try place.run(head + several, name: "sweep.lua").code == 0)
        let trainers = try #require(end(place, "runs/sweep-1")["trainers"] as? [[String: Any]])
        #expect(trainers.map { $0["output_dir"] as? String } == [".", "trainer-2", "trainer-3"])
        #expect(trainers.map { $0["steps"] as? Int } == [1, 2, 3])
        #expect(trainers.allSatisfy { ($0["best"] as? [String: Any])?["metric"] as? String == "eval_accuracy" })
        #expect(try list(place).last?["steps"] as? Int == 6)

        let elsewhere = "make({ max_steps = 1, output_dir = 'out', save_strategy = 'no' }):train()"
        #expect(try place.run(head + elsewhere, "--allow-write", ".", name: "own.lua").code == 0)
        #expect(try end(place, "out")["state"] as? String == "finished" && !place.exists("runs/own-1"))
        #expect(try list(place, "out").map { $0["name"] as? String } == ["out"])
        // A recipe without a trainer leaves none; one that fails before there is a trainer neither.
        #expect(try place.run("lorawb.save_text(lorawb.run_dir .. '/x', 'x')", name: "none.lua").code == 0)
        #expect(place.files("runs/none-1") == ["x"])
        #expect(
            try place.run(head + "make { learning_rte = 1 }", name: "wrong.lua").code == 1
                && !place.exists("runs/wrong-1"))
        // Another run's folder stays what it is.
        #expect(try place.train("--run-dir", "kept").code == 0)
        let kept = try place.text("kept/run.json")
        #expect(try place.train("--run-dir", "kept").code == 1)
        #expect(try place.text("kept/run.json") == kept)
    }

    @Test func listed() throws {
        let place = try Place.training()
        let none = try run(place, "runs")
        #expect(none.code == 0 && none.out == "no runs in runs: a recipe that makes a trainer leaves one there\n")
        #expect(try run(place, "runs", "nowhere").line == "lorawb: runs: there is no folder 'nowhere'")
        for lr in ["0.01", "0.5"] { #expect(try place.train("--epochs", "1", "--lr", lr, "--save", "no").code == 0) }
        // What is no run, and what is broken, spoils nothing.
        try place.put("runs/notes/x.txt", "x")
        try place.put("runs/broken/recipe.lua", "\u{1b}[2J")
        try place.put("runs/broken/params.json", "{")
        try place.put("runs/broken/run.json", "[1, 2")
        try place.put("runs/odd/recipe.lua", "")
        try place.put("runs/odd/params.json", "{}")
        try place.put(
            "runs/odd/run.json",
            #"{"state": "fin\u001b[2Jished", "recipe": 3, "started": [], "seconds": -1e400, "trainers": [{"steps": 9223372036854775807}, {"steps": 5}, 7]}"#
        )
        let table = try run(place, "runs")
        #expect(table.code == 0 && !table.out.contains("\u{1b}"), "\(table)")
        let lines = table.out.split(separator: "\n").map(String.init)
        #expect(lines.count == 5 && lines[0].hasPrefix("name     state"), "\(table)")
        #expect(lines[0].hasSuffix("steps  accuracy"))
        let newest = try #require(lines.last)
        #expect(
            newest.contains(/^train-2 +finished +train +20\d\d-\d\d-\d\d \d\d:\d\d +[\d.]+ s +8  \d\.\d{4}$/),
            "\(table)")
        let loss = try run(place, "runs", "--metric", "loss")
        let value = try #require(
            (end(place, "runs/train-2")["trainers"] as? [[String: Any]])?.first?["evaluation"] as? [String: Any])
        let shown = String(format: "%.4f", value["eval_loss"] as? Double ?? 0)
        #expect(loss.out.hasSuffix("  \(shown)\n") && loss.out.contains("steps  loss\n"), "\(loss)")
        let near = try run(place, "runs", "--metric", "acuracy")
        #expect(
            near.code == 64 && near.line == "lorawb: runs: no run has a metric 'acuracy'; did you mean 'accuracy'?",
            "\(near)")
        // What cannot be written is said, by every command that prints.
        for words in ["runs", "compare train-1 train-2", "recipes", "show sst2"] {
            let line = "'\(Running.program)' \(words) > /dev/full"
            let full = try Running(["/bin/sh", "-c", line], cwd: place.path).wait()
            #expect(full.code == 1 && full.line.contains("lorawb: standard output: No space left on device"), "\(full)")
        }
        // On a narrow terminal nothing wraps.
        for columns in [80, 60, 40] {
            let terminal = try Terminal([Running.program, "runs"], cwd: place.path, columns: columns)
            let drawn = try #require(terminal.reads(upTo: "train-2", timeout: 30))
            #expect(drawn.split(whereSeparator: \.isNewline).allSatisfy { $0.count <= columns }, "\(drawn)")
            _ = terminal.end()
        }
    }

    @Test func compared() throws {
        let place = try Place.training()
        #expect(try place.train("--epochs", "1").code == 0)
        #expect(try place.train("--epochs", "1").code == 0)
        let same = try run(place, "compare", "train-1", "runs/train-2")
        #expect(
            same.code == 0
                && same.out.contains("  nothing: parameters, arguments, data, base, version and machine are the same\n"),
            "\(same)")
        #expect(same.out.contains("  the recipe is the same\n"))
        try place.put("train.lua", Place.trainingRecipe.replacing("lora_alpha = 8", with: "lora_alpha = 16"))
        try place.makeData("data/train.tsv", rows: 28)
        #expect(try place.train("--epochs", "2", "--lr", "0.5", "--threads", "1").code == 0)
        let other = try run(place, "compare", "train-1", "train-3", "train-2")
        #expect(other.code == 0, "\(other)")
        for pattern in [
            #"--epochs +1 +2 +1"#, #"--lr +0\.01 +0\.5 +0\.01"#, #"learning_rate +0\.01 +0\.5 +0\.01"#,
            #"train_dataset +32 rows, \w+ +28 rows, \w+ +32 rows, \w+"#, #"steps +8 +14 +8"#,
            #"state +finished +finished"#,
            #"eval_accuracy +0\.\d{4}"#, #"peak memory +\d+ MiB"#,
        ] {
            #expect(try other.out.contains(Regex("\n +\(pattern)")), "\(pattern)\n\(other)")
        }
        #expect(other.out.contains("  recipe.lua of train-1 and train-3: -1 +1\n    @@ -"), "\(other)")
        #expect(
            other.out.contains("\n    -model:add_adapter { r = 4, lora_alpha = 8,")
                && other.out.contains("\n    +model:add_adapter { r = 4, lora_alpha = 16,"))
        #expect(!other.out.contains("eval_dataset ") && !other.out.contains("base "), "\(other)")
        let json = try Self.json(run(place, "compare", "train-1", "train-3", "--json").out)
        let differed = try #require(json["differed"] as? [String: [Any]])
        #expect(differed["--lr"] as? [Double] == [0.01, 0.5])
        let results = try #require(json["results"] as? [String: [Any]])
        let recorded = try ["1", "3"].map { number in
            try (end(place, "runs/train-\(number)")["trainers"] as? [[String: Any]])?.first?["train_loss"] as? Double
        }
        #expect(results["train_loss"] as? [Double?] == recorded)
        for (words, message) in [
            (["train-1"], "compare: expected two runs or more, got 1"),
            (["train-1", "trian-2"], "compare: there is no run 'trian-2'; did you mean 'train-2'?"),
            (["train-1", "data"], "compare: data: holds no run: there is no recipe.lua with its params.json"),
        ] {
            let outcome = try Running([Running.program, "compare"] + words, cwd: place.path).wait()
            #expect(outcome.code == 64 && outcome.line == "lorawb: \(message)", "\(outcome)")
        }
    }

    @Test("a rerun gives the same figures to the bit, from another folder too, and has what was typed changed")
    func rerun() throws {
        let place = try Place.training()
        let data = try Place()
        for file in ["train.tsv", "dev.tsv"] { try data.put("d/" + file, place.data("data/" + file)) }
        let first = try run(
            place, "run", "--seed", "5", "train.lua", "--data", data.path + "/d", "--dropout", "0.2", "--threads", "1")
        #expect(first.code == 0, "\(first)")
        // The recipe's file is another by now: the recorded one counts.
        try place.put("train.lua", "error 'the new one'")
        let elsewhere = try Place()
        let again = try run(elsewhere, "rerun", place.path + "/runs/train-1")
        #expect(again.code == 0, "\(again)")
        #expect(again.out.hasPrefix("again: \(place.path)/runs/train-1, whose recipe lay in \(place.path)\n"))
        #expect(try figures(elsewhere, "runs/train-1") == figures(place, "runs/train-1"))
        #expect(try elsewhere.adapter("runs/train-1/best") == place.adapter("runs/train-1/best"))
        #expect(try elsewhere.text("runs/train-1/recipe.lua") == Place.trainingRecipe)
        let end = try end(elsewhere, "runs/train-1")
        #expect(end["rerun_of"] as? String == place.path + "/runs/train-1" && end["threads"] as? Int == 1)
        // A rerun is a run: it is done again too, with something else.
        let third = try run(elsewhere, "rerun", "train-1", "--lr", "0.5", "--epochs=1")
        #expect(third.code == 0, "\(third)")
        let parameters = try Self.json(elsewhere.text("runs/train-2/params.json"))
        #expect(parameters["lr"] as? Double == 0.5 && parameters["dropout"] as? Double == 0.2)
        #expect(parameters["data"] as? String == data.path + "/d")
        #expect(try Self.json(elsewhere.text("runs/train-2/environment.json"))["seed"] as? Int == 5)
        for (words, message) in [
            (["train-9"], "rerun: there is no run 'train-9'; did you mean 'train-1'?"),
            (["train-1", "--lrr", "3"], "unknown parameter --lrr; did you mean --lr?"),
            (["train-1", "--chnaged"], "unknown parameter --chnaged; did you mean --changed?"),
        ] {
            let outcome = try Running([Running.program, "rerun"] + words, cwd: elsewhere.path).wait()
            #expect(outcome.code == 64 && outcome.line == "lorawb: \(message)", "\(outcome)")
        }
    }

    @Test("a rerun with other data is refused, unless it is asked for or something is typed")
    func rerunChanged() throws {
        let place = try Place.training()
        #expect(try place.train("--epochs", "1").code == 0)
        try place.makeData("data/train.tsv", rows: 28)
        let refused = try run(place, "rerun", "train-1")
        #expect(refused.code == 1, "\(refused)")
        #expect(
            refused.line.contains(
                /train: train_dataset is another than in train-1: '32 rows, \w+' then, '28 rows, \w+' now; go back to the one before, or take this one with --changed/
            ), "\(refused)")
        #expect(try list(place).last?["state"] as? String == "failed")
        for words in [["--changed"], ["--lr", "0.02"]] {
            let taken = try Running([Running.program, "rerun", "train-1"] + words, cwd: place.path).wait()
            #expect(taken.code == 0 && taken.out.contains("train_dataset is another than in train-1: "), "\(taken)")
        }
        // The base is told apart as well.
        try place.makeData("data/train.tsv")
        try place.change("tiny/model.safetensors") { _, data in data[data.startIndex + 2] ^= 0x40 }
        let base = try run(place, "rerun", "train-1")
        #expect(base.code == 1 && base.err.contains("base is another than in train-1: "), "\(base)")
    }

    @Test("grants are typed again, an interrupted rerun goes on, and output_dir gives way to the rerun's own folder")
    func rerunPlaces() throws {
        let place = try Place.training()
        let recipe = Place.trainingRecipe.replacing(
            "eval_strategy = \"epoch\",", with: "eval_strategy = \"epoch\", output_dir = \"out\",")
        try place.put("train.lua", recipe)
        #expect(try place.train("--allow-write", ".").code == 0)
        let refused = try run(place, "rerun", "out")
        #expect(
            refused.code == 64
                && refused.line
                    == "lorawb: out was started with --allow-write \(place.path); a grant is not taken from a record, so type it again",
            "\(refused)")
        let running = try Running(
            [Running.program, "rerun", "out", "--allow-write", ".", "--pause", "60"], cwd: place.path)
        #expect(running.waits(for: "step 5\n"))
        running.signal(SIGINT)
        let stopped = running.wait()
        #expect(stopped.code == 130, "\(stopped)")
        #expect(stopped.out.contains("output_dir 'out' is passed over: a rerun has its own folder\n"), "\(stopped)")
        // The first run has one folder for its record, and one that its recipe used; both list it.
        #expect(try list(place).map { $0["name"] as? String } == ["train-1", "train-2"])
        let recorded = try #require((end(place, "runs/train-1")["trainers"] as? [[String: Any]])?.first)
        #expect(recorded["output_dir"] as? String == "\(place.path)/out" && recorded["steps"] as? Int == 16)
        let hint = "lorawb rerun runs/train-2 --resume runs/train-2 --allow-write ."
        #expect(stopped.err.contains("to go on: \(hint)\n"), "\(stopped)")
        let line = hint.replacing("lorawb rerun", with: "'\(Running.program)' rerun")
        let resumed = try Running(["/bin/sh", "-c", line], cwd: place.path).wait()
        #expect(resumed.code == 0 && resumed.out.contains("resuming from "), "\(resumed)")
        #expect(try place.adapter("runs/train-2/checkpoint-16") == place.adapter("out/checkpoint-16"))
        // What stands in a record steers no more than how the run computed.
        let forged = try place.text("runs/train-2/environment.json").replacing(
            "\"--allow-write\"", with: "\"--run-dir\", \"forged\", \"--allow-read=/\", \"x\", \"--allow-write\"")
        try place.put("runs/train-2/environment.json", forged)
        let tame = try run(place, "rerun", "train-2", "--allow-write", ".", "--pause", "0", "--epochs", "1")
        #expect(tame.code == 0 && !place.exists("forged") && place.exists("runs/train-3/run.json"), "\(tame)")
        // A recipe inside the binary keeps the data that it had.
        try place.makeModel("m")
        #expect(try run(place, "run", "loop", "--model", "m", "--epochs", "1").code == 0)
        #expect(try run(place, "run", "quickstart", "--model", "m", "--epochs", "1").code == 0)
        try place.put("reviews.tsv", "another file of that name\n")
        let quick = try run(place, "rerun", "quickstart-1", "--locked")
        #expect(quick.code == 0, "\(quick)")
        #expect(try figures(place, "runs/quickstart-2") == figures(place, "runs/quickstart-1"))
        try place.remove("runs/quickstart-1/environment.json")
        #expect(try run(place, "rerun", "quickstart-1").err.contains("an older lorawb made it; run its recipe.lua"))
    }
}
