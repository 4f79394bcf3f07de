import Foundation
import Testing

/// No name out of data, a file or a recipe begins a line of its own in what the program says.
struct OneLineTests {
    private static let forged = "lorawb: everything is fine"
    /// The name as JSON and Lua write it.
    private static let name = "b\\n\(forged)"

    /// Fails where a line of either output is forged; what a recipe says on several lines itself is marked.
    private static func check(
        _ outcome: Outcome, code: Int32 = 1, sourceLocation: SourceLocation = #_sourceLocation
    ) {
        #expect(outcome.code == code, "\(outcome)", sourceLocation: sourceLocation)
        for line in (outcome.out + outcome.err).split(whereSeparator: \.isNewline) {
            #expect(!line.hasPrefix("lorawb: every"), "\(outcome)", sourceLocation: sourceLocation)
        }
    }

    @Test(arguments: [
        // Columns, rows and labels.
        "lorawb.load_dataset('d.jsonl', { columns = { n } })",
        "lorawb.load_dataset('d.jsonl', { types = { [n] = 'float' } })",
        "local k = 0; data:map(function(row) k = k + 1; return k == 1 and { a = 1 } or { a = 1, [n] = 2 } end)",
        "data:map(function(row) return { [n] = print } end)", "data:column(n)", "error(tostring(data))",
        "lorawb.load_dataset { [n] = 'none.tsv' }", "lorawb.load_dataset { [n] = 1 }",
        "lorawb.load_model('tiny', { task_type = 'SEQ_CLS', id2label = { [n] = 'x' } })",
        // Files and folders.
        "lorawb.load_dataset(n .. '.tsv')", "lorawb.load_model(n)", "lorawb.load_model('/' .. n)",
        "lorawb.read_text(n)",
        "lorawb.read_json(n)", "lorawb.save_text('/' .. n, 'x')", "require(n)", "lorawb.load_tokenizer(n)",
        "model:load_adapter(n)", "model:save_adapter('/' .. n)", "error(lorawb.run_dir .. 1, 0) x = lorawb[n]",
        // Modules, adapters, options, metrics.
        "model:add_adapter { r = 2, target_modules = { n } }", "model:add_adapter { r = 2, target_modules = n }",
        "model:add_adapter({ r = 2, target_modules = { 'query' } }, n) model:set_adapter(n .. n)",
        "model:add_adapter { [n] = 1 }",
        "model:add_adapter { r = 2, rank_pattern = { [n] = 'x' } }", "model:set_adapter(n)", "model:delete_adapter(n)",
        "lorawb.load_model('tiny', { [n] = 1 })", "lorawb.load_model('tiny', { task_type = n })",
        "lorawb.trainer { model = model, args = { [n] = 1 } }",
        "lorawb.trainer { model = model, args = { optim = n } }",
        "lorawb.trainer { model = model, callbacks = { [n] = print } }", "lorawb.args { [n] = print }",
        "lorawb.metrics[n]()",
        "lorawb.nn[n]()", "model:load_state_dict { [n] = 1 }",
        // Lua's own words.
        "error(n)", "error('a' .. n)", "lorawb[n]()", "_G[n]()", "model[n]()", "model[n] = 1",
        "local x = nil; x[n] = 1",
        "local t = { [n] = function() error('inside') end }; t[n]()", "string[n]()", "local s = ''; s[n]()",
        "load('x = = 1', n)()", "assert(false, n)", "assert(load('x = = 1', '=' .. n))",
        "coroutine.wrap(function() error(n) end)()",
        "error(setmetatable({}, { __tostring = function() return n end }))", "print(model); error(tostring(tokenizer))",
    ])
    func errors(_ line: String) throws {
        let place = try Place()
        try place.makeModel()
        try place.put("d.jsonl", "{\"\(Self.name)\":\"a\",\"label\":1}\n{\"sentence\":\"b\",\"label\":0}\n")
        let start = """
            local n = "\(Self.name)"
            local model = lorawb.load_model('tiny', { task_type = 'SEQ_CLS' })
            local tokenizer = lorawb.load_tokenizer('tiny')
            local data = lorawb.load_dataset('d.jsonl')
            """
        Self.check(try place.run(start + "\n" + line, "--run-dir", "run"))
    }

    @Test func namesInFiles() throws {
        let place = try Place()
        func load(_ lines: String = BadInputTests.load) throws { Self.check(try place.run(lines)) }
        for (file, text) in [
            ("config.json", #"{"model_type": "NAME"}"#),
            ("config.json", #"{"model_type": "bert", "hidden_act": "NAME"}"#),
            ("config.json", #"{"model_type": "bert", "id2label": {"NAME": 1}}"#),
            ("config.json", #"{"NAME": 1, "NAME"}"#),
            ("model.safetensors.index.json", #"{"weight_map": {"NAME": "x.safetensors"}}"#),
            ("model.safetensors.index.json", #"{"weight_map": {"x": "NAME.safetensors"}}"#),
        ] {
            try place.makeModel()
            if file.contains("index") { try place.remove("tiny/model.safetensors") }
            try place.put("tiny/" + file, text.replacing("NAME", with: Self.name))
            try load()
        }
        try place.makeModel()
        try place.change("tiny/model.safetensors") { header, _ in
            header["b\n\(Self.forged)"] = ["dtype": "F7", "shape": [1], "data_offsets": [0, 4]]
        }
        try load()
        try place.makeModel()
        try place.put(
            "tok/tokenizer.json",
            #"{"version":"1.0","model":{"type":"NAME","vocab":{}}}"#.replacing("NAME", with: Self.name))
        try load("lorawb.load_tokenizer('tok')")
        for text in [
            #"{"peft_type":"NAME"}"#, #"{"peft_type":"LORA","r":2,"target_modules":["NAME"]}"#,
            #"{"peft_type":"LORA","r":2,"bias":"NAME"}"#, #"{"peft_type":"LORA","r":2,"NAME":1}"#,
        ] {
            try place.put("a/adapter_config.json", text.replacing("NAME", with: Self.name))
            try load(BadInputTests.load + "model:load_adapter('a')")
        }
        try place.put("a\n\(Self.forged)/r.lua", "error('x')")
        Self.check(try Running([Running.program, "run", "a\n\(Self.forged)/r.lua"], cwd: place.path).wait())
    }

    /// The table of a training, its notes and warnings.
    @Test func metricsAndLogs() throws {
        let place = try Place.training()
        let recipe = Place.trainingRecipe.replacing(
            "compute_metrics = lorawb.metrics.accuracy",
            with: "compute_metrics = function() return { [\"\(Self.name)\"] = 1 } end")
        try place.put("train.lua", recipe)
        let outcome = try place.train("--run-dir", "run")
        Self.check(outcome, code: 0)
        #expect(outcome.out.contains("b\\u{a}\(Self.forged)"), "\(outcome)")
    }

    /// A recipe's own error of several lines can be read, and is seen to be the recipe's.
    @Test func errorsOfSeveralLines() throws {
        let place = try Place()
        let outcome = try place.run("error('first\\nlorawb: second\\n\\nthird', 0)")
        #expect(outcome.code == 1 && outcome.err == "first\n  | lorawb: second\n  | \n  | third\n", "\(outcome)")
    }
}
