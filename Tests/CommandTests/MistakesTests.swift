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
            "the row has no field 'sentenc'; did you mean 'sentence'?; this is row 1 (data.tsv:2)"
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
        (
            "model.config.num_labels = 3",
            "the config cannot be changed ('num_labels'); load_model takes what may differ as options"
        ),
        (
            "model.config.id2label[0] = 'bad'",
            "id2label cannot be changed ('0'); load_model takes what may differ as options"
        ),
        (
            "local d = data:map(function(row) return { input_ids = tokenizer:encode(row.sentence) } end) lorawb.trainer { model = model, train_dataset = d, args = { save_strategy = 'no' } }.args.learning_rate = 1",
            "args cannot be changed ('learning_rate'); lorawb.trainer is given args when it makes the trainer, and trainer:change { learning_rate = 1e-4 } changes what may change later"
        ),
        (
            "local args = lorawb.args { epochs = 3 } args.epochss = 4",
            "args has no field 'epochss'; did you mean 'epochs'?"
        ),
        ("print(model.config.num_labls)", "the config has no field 'num_labls'; did you mean 'num_labels'?"),
        (
            "model.eval()",
            "calling 'eval' on bad self (lorawb.Model expected, got no value); a method is called with a colon: x:eval()"
        ),
        ("data:select { 0 }", "select: row 0 is outside 1 to 32"),
        ("print(data[33], data[0])", "index: row 0 is outside 1 to 32"),
        (
            "data.map(function(row) return row end)",
            "calling 'map' on bad self (lorawb.Dataset expected, got function); a method is called with a colon: x:map()"
        ),
        (
            "data.select({ 1 })",
            "calling 'select' on bad self (lorawb.Dataset expected, got table); a method is called with a colon: x:select()"
        ),
        (
            "data:train_test_split { test_size = 0.5 }.map(print)",
            "calling 'map' on bad self (lorawb.DatasetDict expected, got function); a method is called with a colon: x:map()"
        ),
        // Dimensions and positions count from 1, ids from 0.
        ("lorawb.ones(2, 3):topk(5)", "topk: 5 elements of dimension 2 of shape [2, 3], which has 3"),
        ("lorawb.ones(2, 3):permute(1, 1)", "permute: [1, 1] is no order of the dimensions of shape [2, 3]"),
        (
            "lorawb.cat({ lorawb.ones(2, 3), lorawb.ones(2, 4) }, 1)",
            "cat: shapes [2, 3] and [2, 4] differ beside dimension 1"
        ),
        ("lorawb.tensor({ { 1, 2 }, { 0 / 0, 4 } }):to('int64')", "to: nan at [2][1] cannot become an int64"),
        ("model { input_ids = { { 1 }, {} } }", "call: sequence 2 of input_ids is empty"),
        (
            "model { input_ids = { { 1 }, { 120 } } }",
            "call: sequence 2 holds the id 120, outside of the vocabulary 0 to 119"
        ),
        (
            "model { input_ids = { { 1 }, { 2 } }, labels = { 0, 2 } }",
            "call: label 2 of sequence 2 is outside of 0 to 1: the model has num_labels 2"
        ),
        // Floats that are whole are the integers that they are.
        (
            "lorawb.metrics.accuracy { predictions = { 1, 0 }, label_ids = { 1, 0.5 } }",
            "call: label_ids: 0.5 at [2] is no class; class labels are whole numbers"
        ),
        (
            "lorawb.metrics.f1 { predictions = { { 0.1, 0.2 }, { 1, 2 } }, label_ids = { 1.5, 0 } }",
            "call: label_ids: 1.5 at [1] is no class; class labels are whole numbers"
        ),
        ("lorawb.zeros('2', 3)", "bad argument #1 'size' to 'zeros' (integer expected, got string '2')"),
        ("lorawb.zeros(2, '3')", "bad argument #2 'size' to 'zeros' (integer expected, got string '3')"),
        (
            "lorawb.zeros { 2, '3' }",
            "bad argument #1 'size' to 'zeros' (a list of integers expected, got string '3' at [2])"
        ),
        (
            "print(lorawb.ones(2, 3)[4])", "index: position 4 is outside 1 to 2 of shape [2, 3]"
        ),
        (
            "print(lorawb.ones(2, 3)[{ 1, 4 }])", "index: position 4 is outside 1 to 3 of shape [2, 3]"
        ),
        (
            "print(lorawb.ones(2, 3):range(2, 4, 2))",
            "range: positions 2 to 4 are outside 1 to 3 of dimension 2 of shape [2, 3]"
        ),
        ("lorawb.ones(2)[1] = 5", "lorawb.Tensor has no element [1] that can be set"),
        (
            "print(lorawb.metrics.f1[1])",
            "lorawb.Metric has no elements: it cannot be indexed by [1]; it has names"
        ),
        (
            "model:classify({ 'a', 'the film' }, { tokenizer = lorawb.load_tokenizer 'large' })",
            "classify: the tokenizer does not belong to the model: it has 123 tokens, the model's vocabulary has 120, and text 2 holds the id 122; load the tokenizer from the model's folder"
        ),
        (
            "model:add_adapter { target_modules = 'query' }",
            "add_adapter: no module matches the expression 'query' in target_modules; a string is a pattern for a module's whole path; for all modules called 'query' write { \"query\" }"
        ),
        (
            "lorawb.trainer { model = model, train_dataset = data, args = { logging_steps = 0 } }",
            "trainer: args: option 'logging_steps' expected a whole number of steps from 1, or a share of all steps above 0 and below 1, got 0"
        ),
        ("lorawb.Trainer {}", "lorawb has no 'Trainer'; did you mean 'trainer'?"),
    ]

    @Test("a recipe of mistakes gets an error for each, with its line, the option and the remedy")
    func mistakes() throws {
        let place = try Place()
        try place.makeModel()
        try place.makeData("data.tsv")
        // What the model's own vocabulary takes apart is one word more in the other one.
        try place.put("large/vocab.txt", try place.text("tiny/vocab.txt") + "zza\nzzb\nfilm\n")
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
        "memory that ends while an argument is read ends the process as any memory does", arguments: ["30MB", "50MB"])
    func memoryOfArguments(_ limit: String) throws {
        let place = try Place()
        let outcome = try place.run(
            "local t = {} for i = 1, 1e6 do t[i] = 'x' end\nlorawb.save_json(lorawb.run_dir .. '/x', t)",
            "--max-memory", limit)
        #expect(outcome.code == 125 && outcome.line.hasPrefix("memory limit: r.lua:3: save_json: "), "\(outcome)")
    }

    @Test("floats that are whole are class ids")
    func wholeFloats() throws {
        let outcome = try Place().run(
            """
            local accuracy, f1 = lorawb.metrics.accuracy, lorawb.metrics.f1
            print(accuracy { predictions = { 1, 0, 1 }, label_ids = { 1.0, 0, 0.0 } }.accuracy)
            print(accuracy { predictions = { 1.0, 0.0, 1.0 }, label_ids = { 1, 0, 0 } }.accuracy)
            print(accuracy { predictions = { 1, 0 }, label_ids = lorawb.tensor({ 1, 1 }, { dtype = 'float32' }) }.accuracy)
            print(f1 { predictions = { { 0.1, 0.2 }, { 2.5, 2 } }, label_ids = { 1.0, 0.0 } }.f1)
            """)
        #expect(outcome.out == "0.66666666666667\n0.66666666666667\n0.5\n1.0\n", "\(outcome)")
    }

    @Test(
        "an error that is no text has a place, its kind, and its text where it has one",
        arguments: [
            ("error({ code = 1 })", "r.lua:2: error object is a table"), ("error()", "r.lua:2: error object is nil"),
            ("error(lorawb.ones(2):sum())", "r.lua:2: error object is a lorawb.Tensor: Tensor float32[] 2.0"),
            (
                "error(setmetatable({}, { __tostring = function() return 'told' end }))",
                "r.lua:2: error object is a table: told"
            ),
            ("local ok, e = pcall(error, {})\nerror(e)", "r.lua:3: error object is a table"),
        ])
    func errorObjects(_ line: String, _ expected: String) throws {
        let outcome = try Place().run(line)
        #expect(outcome.code == 1 && outcome.line == expected, "\(outcome)")
    }

    /// (words behind the recipe, what is said of them).
    private static let words: [([String], String)] = [
        (["--time-limit", "-1"], "--time-limit expects seconds above 0, got -1.0"),
        (["--max-memory", "1KB"], "--max-memory expects at least 1MB, got '1KB'"),
        (
            ["--max-memory", "1XB"],
            "--max-memory expects a size such as 512MB or 4GB (KB, MB, GB and TB by thousands; KiB, MiB, GiB and TiB, or K, M, G and T, by 1024), got '1XB'"
        ),
        (["--max-memry", "1GB"], "unknown parameter --max-memry; did you mean --max-memory?"),
        (["--allow-read", "nope"], "--allow-read: there is no 'nope'"),
        (["--allow-write", "nope"], "--allow-write: there is no 'nope'; make the folder first"),
        (["--lr", "1", "--lr", "2"], "--lr is given twice"),
        (["--threads", "1", "--threads=2"], "--threads is given twice"),
        (["--seed", "1", "--seed", "2"], "--seed is given twice"),
    ]

    @Test("words that are mistyped are refused by name before the recipe runs", arguments: words)
    func commandLine(_ words: [String], _ expected: String) throws {
        let place = try Place()
        try place.put("r.lua", "local lorawb = require 'lorawb'\nlocal args = lorawb.args { lr = 0.5 }\nprint(1)")
        let outcome = try Running([Running.program, "run", "r.lua"] + words, cwd: place.path).wait()
        #expect(outcome.code == 64 && outcome.out.isEmpty && outcome.line == "lorawb: " + expected, "\(outcome)")
        guard ["--time-limit", "--max-memory"].contains(words[0]) else { return }
        let front = try Running([Running.program, "run"] + words + ["r.lua"], cwd: place.path).wait()
        #expect(front.code == 64 && front.err.hasPrefix("Error: " + expected), "\(front)")
    }

    @Test("an option before the recipe is named by its nearest")
    func beforeTheRecipe() throws {
        let outcome = try lorawb("run", "--max-memry", "1GB", "r.lua")
        #expect(
            outcome.err.hasPrefix(
                "Error: unknown option '--max-memry' before the recipe; did you mean --max-memory?"), "\(outcome)")
        let profile = try lorawb("profile", "--trce", "x", "r.lua")
        #expect(profile.err.contains("did you mean --trace?"), "\(profile)")
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
        #expect(outcome.line.hasPrefix("memory limit: r.lua:2: "), "\(outcome)")
        #expect(outcome.err.split(separator: "memory limit: ").count == 1, "\(outcome)")
    }
}
