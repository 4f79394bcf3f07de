import Testing

/// What a recipe writer gets wrong: each mistake is an error that names the line, the option and what to do.
struct MistakesTests {
    /// (line of a recipe, what is said of it).
    private static let mistakes = [
        (
            "lorawb.load_model('tiny', { task_typ = 'SEQ_CLS' })",
            "load_model: unknown option 'task_typ'; did you mean 'task_type'?"
        ),
        (
            "data:map(function(row) return { input_ids = tokenizer:encode(row.sentenc) } end)",
            "the row has no field 'sentenc'; did you mean 'sentence'?"
        ),
        (
            "model:add_adapter { r = 0, target_modules = { 'query' } }",
            "add_adapter: option 'r' expected an integer from 1 to 16384, got 0"
        ),
        (
            "model:add_adapter { target_modules = { 'qurey' } }",
            "add_adapter: no module matches 'qurey' in target_modules; did you mean 'query'?"
        ),
        (
            "model:add_adapter { use_dora = true, target_modules = { 'query' } }",
            "add_adapter: option 'use_dora' = true is not supported: it comes with a later version"
        ),
        (
            "lorawb.trainer { model = model, train_dataset = data, args = { lerning_rate = 1e-3 } }",
            "trainer: args: unknown option 'lerning_rate'; did you mean 'learning_rate'?"
        ),
        (
            "lorawb.trainer { model = model, train_dataset = data, args = { per_device_train_batch_size = '16' } }",
            "trainer: args: option 'per_device_train_batch_size' expected an integer from 1 to 2147483648, got string '16'"
        ),
        (
            "lorawb.trainer { model = model, train_dataset = data, args = { eval_strategy = 'epochs' } }",
            "trainer: args: option 'eval_strategy' expected one of 'no', 'steps', 'epoch', got 'epochs'; did you mean 'epoch'?"
        ),
        ("print(model.config.num_labls)", "the config has no field 'num_labls'; did you mean 'num_labels'?"),
        (
            "model.eval()",
            "calling 'eval' on bad self (lorawb.Model expected, got no value); a method is called with a colon: x:eval()"
        ),
        ("data:select { 0 }", "select: row 0 is outside 1 to 32"),
        ("lorawb.Trainer {}", "lorawb has no 'Trainer'; did you mean 'trainer'?"),
    ]

    @Test("a recipe of mistakes gets an error for each, with its line, the option and the remedy")
    func mistakes() throws {
        let place = try Place()
        try place.makeModel()
        try place.makeData("data.tsv")
        let start = """
            local tokenizer, data = lorawb.load_tokenizer 'tiny', lorawb.load_dataset 'data.tsv'
            local model = lorawb.load_model('tiny', { task_type = 'SEQ_CLS', num_labels = 2 })
            local function try(f) print(select(2, pcall(f))) end

            """
        let lines = Self.mistakes.map { "try(function() \($0.0) end)\n" }.joined()
        let outcome = try place.run(start + lines)
        #expect(outcome.code == 0, "\(outcome)")
        let told = outcome.out.split(separator: "\n").filter { $0.hasPrefix("r.lua:") }.map(String.init)
        #expect(told == Self.mistakes.enumerated().map { "r.lua:\($0.offset + 5): \($0.element.1)" })
    }

    @Test("places, names and texts of a recipe's own stay where they belong")
    func oddPlaces() throws {
        let place = try Place()
        let module =
            "lorawb.nn.module { forward = function(s, x) return x end, ['a\\nlorawb: fine'] = lorawb.nn.ReLU() }"
        let outcome = try place.run(
            """
            print(lorawb.nn.Sequential(lorawb.nn.ReLU())[math.mininteger], lorawb.nn.ModuleList()[0])
            print(\(module))
            """)
        #expect(outcome.code == 0 && outcome.out.hasPrefix("nil\tnil\n"), "\(outcome)")
        #expect(!outcome.out.contains("\nlorawb: fine"), "\(outcome)")
        try place.put("bare.lua", "print(lorawb.version)")
        let bare = try lorawb("run", "bare.lua", cwd: place.path)
        #expect(bare.line == "bare.lua:1: undefined global 'lorawb'; it is a module: local lorawb = require \"lorawb\"")
    }

    @Test(
        "a text counts each time that a table has it",
        arguments: ["save_json(lorawb.run_dir .. '/x', t)", "nn.module { forward = print, x = t }"])
    func sharedTexts(_ call: String) throws {
        let place = try Place()
        let outcome = try place.run(
            "local s, t = ('x'):rep(1000000), {} for i = 1, 600 do t[i] = s end lorawb.\(call)", "--max-memory", "150MB"
        )
        #expect(outcome.code == 125, "\(outcome)")
    }
}
