import Foundation
import Testing

/// `lorawb plan`: what it foretells beside what a run does.
@Suite struct PlanTests {
    /// A plan as JSON, and what the recipe printed beside it.
    private static func plan(_ place: Place, _ words: [String]) throws -> [String: Any] {
        let outcome = try Running([Running.program, "plan"] + words + ["--json"], cwd: place.path).wait()
        #expect(outcome.code == 0, "\(outcome)")
        let object = try JSONSerialization.jsonObject(with: Data(outcome.out.utf8))
        return try #require(object as? [String: Any], "\(outcome)")
    }

    private static func number(_ plan: [String: Any], _ keys: String...) throws -> Double {
        var value: Any? = plan
        for key in keys { value = (value as? [String: Any])?[key] }
        return try #require((value as? NSNumber)?.doubleValue, "\(keys)")
    }

    /// Every recipe in the binary that trains, with data and words.
    private static let recipes: [(name: String, words: [String], isLanguage: Bool)] = [
        ("answers", ["--data", "squad.jsonl", "--epochs", "1"], false),
        ("chat_tune", ["--data", "chat.tsv", "--epochs", "1"], true),
        ("cola", ["--data", "cola", "--epochs", "1"], false),
        ("documents", ["--data", "documents.jsonl", "--epochs", "1", "--length", "16", "--stride", "4"], false),
        ("e2e_nlg", ["--data", "e2e", "--tests", "1"], true),
        ("finetune_text", ["--data", "text.txt", "--steps", "4", "--max_length", "64"], true),
        ("labels", ["--data", "labels.jsonl", "--epochs", "1"], false),
        ("pairs", ["--data", "pairs.csv", "--epochs", "1"], false),
        ("quickstart", ["--epochs", "1"], false),
        ("sst2", ["--data", "data", "--epochs", "2"], false),
        ("sweep", ["--epochs", "1", "--ranks", "2"], false),
        ("tags", ["--data", "tags.jsonl", "--epochs", "1"], false),
        ("text_to_sql", ["--data", "sql", "--epochs", "1"], true),
        ("translate", ["--data", "multi", "--epochs", "1"], true),
        ("zero_shot", ["--data", "shots", "--shots", "2"], true),
    ]

    private static func place() throws -> Place {
        let place = try Place.training()
        try place.makeLanguageModel("lm")
        func lines(_ count: Int, _ row: (Int) -> String) -> String { (0..<count).map { row($0) + "\n" }.joined() }
        try place.put(
            "squad.jsonl",
            lines(40) {
                "{\"question\": \"what is it\", \"context\": \"it is film \($0)\", \"answers\": {\"text\": [\"film\"], \"answer_start\": [6]}}"
            })
        try place.put("chat.tsv", "prompt\tcompletion\n" + lines(40) { "What is \($0)?\tLog: \($0)." })
        for file in ["in_domain_train", "in_domain_dev"] {
            try place.put("cola/\(file).tsv", lines(64) { "gj04\t\($0 % 3 == 0 ? 0 : 1)\t\tThe cat number \($0) sat." })
        }
        try place.put(
            "documents.jsonl",
            lines(24) {
                "{\"text\": \"\(String(repeating: "the film is good ", count: 1 + 4 * $0))\", \"label\": \($0 % 2)}"
            })
        try place.put("e2e/valid.txt", lines(24) { "name : n\($0 / 2) | area : a||n\($0 / 2) is in a , text \($0) . " })
        let speech = lines(40) { "FIRST:\nwhat is \($0) to a king of \($0 * 7) ships?\n" }
        try place.put("text.txt", String(repeating: speech, count: 20))
        try place.put(
            "labels.jsonl",
            lines(40) {
                "{\"text\": \"text \($0)\", \"labels\": [\"\($0 % 2 == 0 ? "sport" : "film")\"\($0 % 5 == 0 ? ", \"art\"" : "")]}"
            })
        try place.put("pairs.csv", "text,text_pair,label\n" + lines(40) { "\"one, \($0)\",two,\($0 % 2)" })
        try place.put(
            "tags.jsonl",
            lines(40) { _ in
                "{\"tokens\": [\"Ann\", \"lives\", \"in\", \"Rome\"], \"tags\": [\"B-PER\", \"O\", \"O\", \"B-LOC\"]}"
            })
        for (split, count) in [("train", 24), ("valid", 4), ("test", 4)] {
            try place.put(
                "sql/\(split).jsonl", lines(count) { #"{"text": "columns: A\nQ: \#($0)?\nA: SELECT \#($0)"}"# })
        }
        for split in ["train", "dev"] {
            try place.put("shots/\(split).tsv", "sentence\tlabel\n" + lines(12) { $0 % 2 == 0 ? "good\t1" : "bad\t0" })
        }
        for split in ["val", "test"] {
            try place.put("multi/\(split).en", lines(12) { "a dog \($0)" })
            try place.put("multi/\(split).de", lines(12) { "ein Hund \($0)" })
        }
        return place
    }

    @Test("the peak of memory, the steps and the checkpoints of every recipe that trains", arguments: recipes)
    func foretold(_ recipe: (name: String, words: [String], isLanguage: Bool)) throws {
        let place = try Self.place()
        // The recipe as it is, and then what was held at the most.
        let source = "\(Place.goldens)/../../stdlib/recipes/\(recipe.name).lua"
        try place.put(
            "\(recipe.name).lua",
            try String(contentsOfFile: source, encoding: .utf8)
                + "\nprint(\"held_peak \" .. require \"lorawb\".memory().held_peak)\n")
        for data in ["reviews.tsv", "chat_tune.tsv"] {
            try place.put(
                data, try Data(contentsOf: URL(fileURLWithPath: "\(Place.goldens)/../../stdlib/recipes/\(data)")))
        }
        let words = ["\(recipe.name).lua", "--model", recipe.isLanguage ? "lm" : "tiny"] + recipe.words
        let plan = try Self.plan(place, words + ["--run-dir", "planned"])
        #expect(!place.files("planned").contains { $0.contains("checkpoint") })
        let run = try Running([Running.program, "run"] + words + ["--run-dir", "run"], cwd: place.path).wait()
        #expect(run.code == 0, "\(run)")
        let held = try #require(
            run.out.split(separator: "\n").last { $0.hasPrefix("held_peak ") }.flatMap { Double($0.dropFirst(10)) })
        let peak = try Self.number(plan, "memory", "peak")
        #expect(abs(peak / held - 1) < 0.1, "\(recipe.name): planned \(peak), really \(held)")
        let written = place.files("run").filter { $0.hasPrefix("checkpoint-") && !$0.contains("/") }
        let checkpoints = try #require(plan["checkpoints"] as? [String])
        #expect(checkpoints.sorted() == written, "\(recipe.name)")
        if let last = checkpoints.last {
            #expect(last == "checkpoint-\(Int(try Self.number(plan, "steps")))")
        }
        guard run.out.contains("trainable params: ") else { return }
        let counted = Int(try Self.number(plan, "trainable_parameters"))
        #expect(run.out.replacing(",", with: "").contains("trainable params: \(counted) "), "\(counted): \(run)")
    }

    @Test("a page for people: what is trained, memory by part, time, files; nothing is trained or written")
    func page() throws {
        let place = try Place.training()
        let before = place.files()
        let outcome = try Running([Running.program, "plan", "train.lua", "--epochs", "3"], cwd: place.path).wait()
        #expect(outcome.code == 0 && outcome.err.isEmpty, "\(outcome)")
        for part in [
            "plan of train.lua: nothing is trained, nothing is written", "\ntrains  ", "attention.self.query.lora_A",
            "\nsteps          24 in 3 epochs over 32 rows", "\nmemory  ", "moments of the optimizer", "\nwork  ",
            "\ntime  ",
            "3 evaluations", "3 checkpoints", "\nkept states  ",
            "runs/train-1: 3 checkpoints, checkpoint-8 to checkpoint-24",
        ] { #expect(outcome.out.contains(part), "\(part): \(outcome)") }
        #expect(!outcome.out.contains("step 1"), "\(outcome)")
        #expect(place.files() == before)
    }

    @Test("a recipe that never trains, one that loops by hand, one that is wrong")
    func nothingToPlan() throws {
        let place = try Place.training()
        try place.put("none.lua", "local lorawb = require \"lorawb\"\nprint(1)")
        let none = try Running([Running.program, "plan", "none.lua"], cwd: place.path).wait()
        #expect(none.code == 1, "\(none)")
        #expect(
            none.line == "lorawb: plan: none.lua never called trainer:train(), so there is nothing to plan", "\(none)")
        try place.put("wrong.lua", "local lorawb = require \"lorawb\"\nlorawb.load_mdel('tiny')")
        let wrong = try Running([Running.program, "plan", "wrong.lua"], cwd: place.path).wait()
        #expect(wrong.code == 1 && wrong.line.contains("wrong.lua:2: "), "\(wrong)")
        let flag = try Running([Running.program, "plan", "--shape", "train.lua"], cwd: place.path).wait()
        #expect(flag.code == 64 && flag.err.contains("--shape"), "\(flag)")
        let help = try Running([Running.program, "plan", "train.lua", "--help"], cwd: place.path).wait()
        #expect(help.code == 0 && help.out.contains("--epochs"), "\(help)")
        // What is caught in a recipe does not go on.
        try place.put(
            "caught.lua", Place.trainingRecipe.replacing("trainer:train()", with: "pcall(trainer.train, trainer)"))
        let caught = try Running([Running.program, "plan", "caught.lua"], cwd: place.path).wait()
        #expect(caught.code == 0 && !caught.out.contains("losses"), "\(caught)")
    }

    @Test("by shapes, and with a limit that is too small: refused before the first step, with what to change")
    func shapesAndLimits() throws {
        let place = try Place.training()
        let plain = try Self.plan(place, ["train.lua"])
        let shapes = try Self.plan(place, ["train.lua", "--shapes"])
        for key in ["trainable_parameters", "steps", "flops_per_step", "tokens"] {
            #expect(try Self.number(plain, key) == Self.number(shapes, key), "\(key)")
        }
        #expect(shapes["by_shapes"] as? Bool == true)
        let small = try Running(
            [Running.program, "run", "train.lua", "--max-memory", "9MB", "--batch", "32"], cwd: place.path
        ).wait()
        #expect(small.code == 125 && !small.out.contains("step 1"), "\(small)")
        #expect(small.err.contains("memory limit: "), "\(small)")
        #expect(!place.exists("runs/train-1/checkpoint-1"))
        let room = try Running(
            [Running.program, "run", "train.lua", "--max-memory", "1GB", "--epochs", "1"], cwd: place.path
        ).wait()
        #expect(room.code == 0 && room.out.contains("step 8"), "\(room)")
        let free = try place.train("--epochs", "1", "--run-dir", "free")
        #expect(free.out.split(separator: "\n").last == room.out.split(separator: "\n").last, "to the bit")
    }
}
