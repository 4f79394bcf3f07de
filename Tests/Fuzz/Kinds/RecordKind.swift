import Formats
import Workbench

/// The records of two runs: listed, compared, and looked at to be done again.
struct RecordKind: Kind {
    static let name = "record"
    private static let base: [String: String] = [
        "recipe.lua":
            "-- r: x.\n-- expects: eval_accuracy >= 0.9\nlocal lorawb = require \"lorawb\"\nprint(lorawb.version)\n",
        "params.json": #"{"lr": 0.01, "data": "/tmp/d", "epochs": 2, "flag": true}"#,
        "environment.json":
            #"{"lorawb": "0.1.0", "recipe": "r.lua", "folder": "/tmp", "working_folder": "/tmp", "started": "2026-11-29T22:10:07Z", "arguments": ["--lr", "0.01"], "options": ["--threads", "2"], "seed": null, "processor": "p", "threads": 2, "trainer": {"arguments": {"seed": 42}, "fingerprints": {"base": "12"}}}"#,
        "run.json":
            #"{"format": 1, "recipe": "r.lua", "state": "finished", "error": null, "started": "2026-11-29T22:10:07Z", "seconds": 12.5, "peak_memory_bytes": 123456, "trainers": [{"output_dir": ".", "arguments": {"seed": 42, "learning_rate": 0.01}, "fingerprints": {"train_dataset": "32 rows, ab"}, "steps": 16, "epochs": 2.0, "train_loss": 0.5, "evaluation": {"eval_loss": 0.4, "eval_accuracy": 0.75, "step": 16}, "best": {"metric": "eval_accuracy", "value": 0.75, "step": 8, "checkpoint": null}}], "expects": [{"expects": "eval_accuracy >= 0.9", "value": 0.75, "met": false}]}"#,
        "metrics.jsonl": "{\"loss\": 0.7, \"step\": 1}\n{\"eval_loss\": 0.6, \"eval_accuracy\": 0.5, \"step\": 2}\n",
    ]

    init(root: Folder) {}

    func input(_ dice: inout Dice) -> Input {
        var files: [String: [UInt8]] = [:]
        for run in ["a", "b"] {
            for (name, text) in Self.base { files["\(run)/\(name)"] = Array(text.utf8) }
        }
        if dice.oneIn(3) { files["b/run.json"] = nil }
        let names = files.keys.sorted()
        for _ in 0...(dice.oneIn(2) ? 2 : 0) {
            let name = dice.pick(names)
            files[name] = files[name].map { Bytes.mutated($0, named: name, &dice) }
        }
        return Input(files: files, choice: dice.next())
    }

    func use(_ folder: Folder, _ dice: inout Dice) throws {
        let path = folder.path
        for (metric, json, columns) in [(nil, true, nil), ("accuracy", false, 40), (nil, false, nil)]
            as [(String?, Bool, Int?)]
        {
            _ = Runs.listing(in: path, metric: metric, json: json, columns: columns)
        }
        _ = try? Rerun(path + "/a")
        for json in [true, false] {
            _ = try Runs.comparison([path + "/a", path + "/b"], from: "/", json: json, columns: json ? nil : 60)
        }
    }
}
