import Foundation
import Testing

/// Input that is wrong: one line with file and place, exit code 1, nothing half-written.
struct BadInputTests {
    static let load = "local model = lorawb.load_model('tiny', { task_type = 'SEQ_CLS', num_labels = 2 })\n"

    /// What a recipe of these lines says, and leaves in its run folder.
    private static func failure(
        _ place: Place, _ lines: String, _ words: String..., sourceLocation: SourceLocation = #_sourceLocation
    ) throws -> String {
        try place.put("r.lua", "local lorawb = require 'lorawb'\n" + lines)
        let outcome = try Running(
            [Running.program, "run", "r.lua"] + (words.contains("--run-dir") ? [] : ["--run-dir", "run"]) + words,
            cwd: place.path
        ).wait()
        #expect(outcome.code == 1, "\(outcome)", sourceLocation: sourceLocation)
        #expect(!outcome.line.contains("\n"), "\(outcome)", sourceLocation: sourceLocation)
        #expect(place.files("run") == [], sourceLocation: sourceLocation)
        return outcome.line.replacing(place.path, with: "PLACE")
    }

    @Test func missingModels() throws {
        let place = try Place()
        #expect(try Self.failure(place, Self.load).hasPrefix("r.lua:2: load_model: no model folder 'tiny'; the cache "))
        try place.makeModel()
        try place.remove("tiny/config.json")
        #expect(
            try Self.failure(place, Self.load)
                == "r.lua:2: load_model: PLACE/tiny: there is no config.json; a model folder has one beside model.safetensors"
        )
        try place.put("tiny/config.json", "{\"model_type\": \"bert\",\n \"a\": }")
        #expect(
            try Self.failure(place, Self.load)
                == "r.lua:2: load_model: PLACE/tiny/config.json:2:7: expected a value, got '}'")
        try place.put("tiny/config.json", "{\"model_type\": \"brt\"}")
        #expect(
            try Self.failure(place, Self.load)
                == "r.lua:2: load_model: PLACE/tiny/config.json: model_type 'brt' is not supported; there are 'bert', 'roberta', 'distilbert', 'xlm-roberta', 'electra', 'mpnet', 'albert', 'modernbert', 'deberta-v2', 'gpt2', 'llama', 'mistral', 'qwen2', 'qwen3', 'gemma2', 'gemma3_text', 'phi3', 'smollm3'"
        )
        try place.makeModel()
        try place.remove("tiny/model.safetensors")
        #expect(try Self.failure(place, Self.load).hasPrefix("r.lua:2: load_model: PLACE/tiny: "))
    }

    @Test func brokenWeights() throws {
        let place = try Place()
        let file = "tiny/model.safetensors"
        let start = "r.lua:2: load_model: PLACE/tiny/model.safetensors: "
        try place.makeModel()
        try place.put(file, place.data(file).prefix(50000))
        let cut = try Self.failure(place, Self.load)
        #expect(cut.hasPrefix(start + "tensor '") && cut.contains("truncated: it ends at byte "), "\(cut)")
        try place.put(file, Data([1, 2, 3, 4, 5]))
        #expect(
            try Self.failure(place, Self.load)
                == start + "not a safetensors file: it has 5 bytes, the header's length alone takes 8")

        let name = "encoder.layer.0.attention.self.query.weight"
        func shifted(_ body: (inout [Int], inout [String: Any]) -> Void) throws -> String {
            try place.makeModel()
            try place.change(file) { header, _ in
                var offsets = header[name]?["data_offsets"] as? [Int] ?? []
                var entry = header[name] ?? [:]
                body(&offsets, &entry)
                entry["data_offsets"] = offsets
                header[name] = entry
            }
            return try Self.failure(place, Self.load)
        }
        let overlapping = try shifted { offsets, _ in offsets = offsets.map { $0 - 4 } }
        #expect(overlapping.hasPrefix(start + "tensor '") && overlapping.contains("overlaps"), "\(overlapping)")
        let outside = try shifted { offsets, _ in offsets = offsets.map { $0 + 1 << 40 } }
        #expect(
            outside.hasPrefix(start + "tensor '") && outside.contains("it ends at byte 1099511"), "\(outside)")
        let dtype = try shifted { _, entry in entry["dtype"] = "I32" }
        #expect(
            dtype.hasPrefix(start + "tensor 'encoder.layer.0.attention.self.query.")
                && dtype.hasSuffix("' has dtype I32, expected F32, F16, BF16 or F64"), "\(dtype)")
        let unknown = try shifted { _, entry in entry["dtype"] = "F7" }
        #expect(unknown.hasPrefix(start + "tensor '") && unknown.contains("unknown dtype 'F7'"), "\(unknown)")
    }

    @Test func tokenizersAndData() throws {
        let place = try Place()
        try place.makeModel()
        try place.put(
            "uni/tokenizer.json", #"{"version":"1.0","model":{"type":"Bigram","vocab":[["a",0.0]],"unk_id":0}}"#)
        let kind = try Self.failure(place, "lorawb.load_tokenizer('uni')")
        #expect(
            kind.hasPrefix("r.lua:2: load_tokenizer: ") && kind.contains("/uni/tokenizer.json: model: type 'Bigram'"),
            "\(kind)")
        try place.put("a.tsv", "")
        #expect(
            try Self.failure(place, "lorawb.load_dataset('a.tsv')") == "r.lua:2: load_dataset: a.tsv: is empty")
        try place.put("a.tsv", "sentence\tlabel\n")
        #expect(
            try Self.failure(place, "lorawb.load_dataset('a.tsv')")
                == "r.lua:2: load_dataset: a.tsv: has a header and no rows")
        try place.put("a.tsv", "sentence\tlabel\na\t1\nb\n")
        #expect(
            try Self.failure(place, "lorawb.load_dataset('a.tsv')")
                == "r.lua:2: load_dataset: a.tsv:3: row has 1 field, the header has 2")
        try place.put("a.jsonl", "{\"a\": 1}\n{\"a\": }\n")
        #expect(
            try Self.failure(place, "lorawb.load_dataset('a.jsonl')").hasPrefix(
                "r.lua:2: load_dataset: a.jsonl:2:7: "))
        let missing = try Self.failure(place, "lorawb.load_dataset('none.tsv')")
        #expect(missing.contains("none.tsv") && missing.hasPrefix("r.lua:2: load_dataset: "), "\(missing)")
    }

    @Test func labelsAndColumns() throws {
        let place = try Place()
        try place.makeModel()
        let train = """
            model:add_adapter { r = 4, target_modules = { 'query' } }
            local tokenizer = lorawb.load_tokenizer('tiny')
            local data = lorawb.load_dataset('a.tsv'):map(function(row)
              return { input_ids = tokenizer:encode(row.sentence), labels = row.label }
            end)
            local trainer = lorawb.trainer { model = model, train_dataset = data }
            trainer:train()
            """
        try place.put("a.tsv", "sentence\tlabel\na\t1\nb\t2\n")
        #expect(
            try Self.failure(place, Self.load + train)
                == "r.lua:8: trainer: train_dataset: row 2 (a.tsv:3): labels is 2; expected a whole number from 0 to 1, since the model has 2 labels"
        )
        try place.put("a.tsv", "sentence\tlabel\na\t1\nb\t0.5\n")
        let half = try Self.failure(place, Self.load + train)
        #expect(half.hasPrefix("r.lua:8: trainer: train_dataset: row 2 (a.tsv:3): labels is 0.5; "), "\(half)")
        try place.put("a.tsv", "sentence\ttarget\na\t1\nb\t1\n")
        let column = try place.run(Self.load + train).line
        #expect(column.hasPrefix("r.lua:6: the row has no field 'label'; it has sentence, target"), "\(column)")
        #expect(column.hasSuffix("; this is row 1 (a.tsv:2)"), "\(column)")
        // One cell makes the column text: the cell is to blame.
        try place.put("a.tsv", "sentence\tlabel\na\t1\nb\t0\nc\t\nd\t1\n")
        #expect(
            try Self.failure(place, Self.load + train)
                == "r.lua:8: trainer: train_dataset: row 3 (a.tsv:4): labels is ''; expected a whole number from 0 to 1, since the model has 2 labels"
        )
    }

    @Test(arguments: [
        ("{ r = 4, target_module = { 'query' } }", "unknown option 'target_module'; did you mean 'target_modules'?"),
        ("{ r = 'x', target_modules = { 'query' } }", "option 'r' expected an integer from 1 to 16384, got string 'x'"),
        ("{ r = 0, target_modules = { 'query' } }", "option 'r' expected an integer from 1 to 16384, got 0"),
        ("{ r = 4, lora_dropout = 1.5, target_modules = { 'query' } }", "'lora_dropout' "),
        ("{ r = 4, target_modules = { 'qery' } }", "no module matches 'qery' in target_modules; did you mean 'query'?"),
    ])
    func adapterOptions(_ options: String, _ message: String) throws {
        let place = try Place()
        try place.makeModel()
        let line = try Self.failure(place, Self.load + "model:add_adapter \(options)")
        #expect(line.hasPrefix("r.lua:3: add_adapter: ") && line.contains(message), "\(line)")
    }

    @Test(arguments: [
        ("learning_rat = 1", "unknown option 'learning_rat'; did you mean 'learning_rate'?"),
        ("learning_rate = 'x'", "option 'learning_rate' expected a number of at least 0, got string 'x'"),
        ("fp16 = true", "option 'fp16' = true is not supported: "),
    ])
    func trainerOptions(_ option: String, _ message: String) throws {
        let place = try Place()
        try place.makeModel()
        let line = try Self.failure(place, Self.load + "lorawb.trainer { model = model, args = { \(option) } }")
        #expect(line.hasPrefix("r.lua:3: trainer: args: \(message)"), "\(line)")
    }

    @Test func callsAreNamedOnce() throws {
        let place = try Place()
        try place.makeModel()
        let line = try Self.failure(
            place, Self.load + "lorawb.trainer { model = model, args = { eval_strategy = 'epoch' } }")
        #expect(line == "r.lua:3: trainer: eval_strategy 'epoch' needs an eval_dataset")
    }

    @Test func adaptersOfAnotherBase() throws {
        let place = try Place()
        try place.makeModel()
        let save =
            "model:add_adapter { r = 4, target_modules = { 'query' } }\nmodel:save_adapter(lorawb.run_dir .. '/a')"
        #expect(try place.run(Self.load + save, "--run-dir", "saved").code == 0)
        #expect(try place.run(Self.load + "model:load_adapter('saved/a', 'x')").code == 0)
        try place.change("tiny/model.safetensors") { _, tensors in tensors = Data(count: tensors.count) }
        let other = try Self.failure(place, Self.load + "model:load_adapter('saved/a', 'x')")
        #expect(
            other.hasPrefix(
                "r.lua:3: load_adapter: PLACE/saved/a/adapter_model.safetensors: the adapter was trained on another base: "
            ),
            "\(other)")
        let missing = try Self.failure(place, Self.load + "model:load_adapter('nowhere', 'x')")
        #expect(missing.hasPrefix("r.lua:3: load_adapter: no adapter folder 'nowhere'"), "\(missing)")
    }

    @Test func outputThatCannotBeWritten() throws {
        let place = try Place.training()
        try place.put("taken", "a file")
        for (name, reason) in [
            ("taken", "is not a folder"), ("taken/x", "cannot make the run's folder: not a directory"),
        ] {
            let outcome = try place.train("--run-dir", name)
            #expect(outcome.code == 1, "\(outcome)")
            #expect(outcome.line.hasSuffix("trainer: \(place.path)/\(name): \(reason)"), "\(outcome)")
        }
        #expect(try place.text("taken") == "a file")
        let adapter =
            Self.load + "model:add_adapter { r = 4, target_modules = { 'query' } }\nmodel:save_adapter('taken')"
        let outcome = try place.run(adapter, "--allow-write", ".")
        #expect(outcome.code == 1 && outcome.line.hasPrefix("r.lua:4: save_adapter: "), "\(outcome)")
        #expect(outcome.line.contains("/taken: "), "\(outcome)")
    }
}
