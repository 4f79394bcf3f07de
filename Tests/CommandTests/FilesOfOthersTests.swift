import Foundation
import Testing

/// Model folders, adapters and caches as people have them: links, names, revisions, folders of other kinds.
struct FilesOfOthersTests {
    private static let load = "print(lorawb.load_model('link').config.hidden_size)\n"

    /// A recipe's folder with a model whose files are links into a folder beside it.
    private static func linked() throws -> Place {
        let place = try Place()
        try place.makeModel("cache/model")
        try place.put("recipes/link/.keep", "")
        for name in ["config.json", "model.safetensors", "vocab.txt"] {
            try place.link("recipes/link/\(name)", to: "../../cache/model/\(name)")
        }
        return place
    }

    private static func run(_ place: Place, _ lines: String, _ words: String..., env: [String: String] = [:]) throws
        -> Outcome
    {
        try place.put("recipes/r.lua", "local lorawb = require 'lorawb'\n" + lines)
        return try Running([Running.program, "run"] + words + ["r.lua"], cwd: place.path + "/recipes", env: env).wait()
    }

    @Test func linkedModels() throws {
        let place = try Self.linked()
        let refused = try Self.run(place, Self.load)
        #expect(refused.code == 1)
        #expect(
            refused.line
                == "r.lua:2: load_model: link/config.json: a link leads out of \(place.path)/recipes, to '\(place.path)/cache/model/config.json'; to allow it, run again with --allow-read \(place.path)/cache/model"
                || refused.line.hasSuffix(
                    "/link/config.json: a link leads out of \(place.path)/recipes, to '\(place.path)/cache/model/config.json'; to allow it, run again with --allow-read \(place.path)/cache/model"
                ), "\(refused)")
        #expect(try Self.run(place, Self.load, "--allow-read", "../cache").out == "32\n")
        #expect(
            try Self.run(place, "print(#lorawb.load_tokenizer('link'):encode('a film'))", "--allow-read", "../cache")
                .out == "4\n")
        // Absolute links, and a folder that is itself one.
        try place.link("recipes/whole", to: place.path + "/cache/model")
        let whole = "print(lorawb.load_model('whole').config.hidden_size)\n"
        #expect(try Self.run(place, whole, "--allow-read", "../cache").out == "32\n")
        let asked = try Self.run(place, whole)
        #expect(
            asked.line.hasSuffix(
                "whole: a link leads out of \(place.path)/recipes, to '\(place.path)/cache/model'; to allow it, run again with --allow-read \(place.path)/cache/model"
            ),
            "\(asked)")
        // Weights alone: what is there and not allowed is never called missing.
        try place.remove("recipes/link/config.json")
        try place.put("recipes/link/config.json", place.data("cache/model/config.json"))
        let weights = try Self.run(place, Self.load)
        #expect(
            weights.code == 1 && !weights.line.contains("there is no") && weights.line.contains("--allow-read"),
            "\(weights)")
    }

    @Test func linkedAdapters() throws {
        let place = try Place()
        try place.makeModel("recipes/tiny")
        let start = "local model = lorawb.load_model('tiny', { task_type = 'SEQ_CLS', num_labels = 2 })\n"
        try place.put("store/.keep", "")
        let again = try Self.run(
            place,
            start + "model:add_adapter { r = 2, target_modules = { 'query' } } model:save_adapter('../store/style')",
            "--allow-write", "../store")
        #expect(again.code == 0, "\(again)")
        try place.put("recipes/adapter/.keep", "")
        for name in ["adapter_config.json", "adapter_model.safetensors"] {
            try place.link("recipes/adapter/\(name)", to: "../../store/style/\(name)")
        }
        let load = start + "model:load_adapter('adapter') print(#model:adapter_names())"
        #expect(try Self.run(place, load, "--allow-read", "../store").out.hasSuffix("1\n"))
        let refused = try Self.run(place, load)
        #expect(refused.code == 1 && refused.line.contains("--allow-read \(place.path)/store/style"), "\(refused)")
        #expect(!refused.line.contains("there is no"), "\(refused)")
    }

    /// A repository of the cache.
    private static func cache(
        _ place: Place, _ name: String, _ files: [String: Data], revision: String = "abc123", isMain: Bool = true
    ) throws {
        let repository = "home/hub/\(name)"
        for (file, data) in files {
            let blob = "\(file.replacing("/", with: "-"))-\(revision)"
            try place.put("\(repository)/blobs/\(blob)", data)
            try place.put("\(repository)/snapshots/\(revision)/\(file)", "")
            try place.remove("\(repository)/snapshots/\(revision)/\(file)")
            let up = file.split(separator: "/").map { _ in "../" }.joined()
            try place.link("\(repository)/snapshots/\(revision)/\(file)", to: "\(up)../blobs/\(blob)")
        }
        if isMain { try place.put("\(repository)/refs/main", revision) }
    }

    @Test func modelsWithoutMain() throws {
        let place = try Place()
        try place.makeModel("model")
        let files = try ["config.json", "model.safetensors", "vocab.txt"].map { ($0, try place.data("model/\($0)")) }
        let model = Dictionary(uniqueKeysWithValues: files)
        let env = ["HF_HOME": place.path + "/home"]
        try Self.cache(place, "models--org--tiny", model, isMain: false)
        let load = "print(lorawb.load_model('org/tiny').config.hidden_size)\n"
        #expect(try place.run(load, env: env).out == "32\n")
        // Two snapshots, and nothing says which.
        var other = model
        other["config.json"] = Data(
            String(decoding: model["config.json"] ?? Data(), as: UTF8.self).replacing(
                "\"hidden_act\": \"gelu\"", with: "\"hidden_act\": \"relu\""
            ).utf8)
        try Self.cache(place, "models--org--tiny", other, revision: "def456", isMain: false)
        let unclear = try place.run(load, env: env)
        #expect(
            unclear.line.contains(
                "the cache does not have 'org/tiny' at its main revision; it has 'abc123', 'def456': name one by revision ="
            ), "\(unclear)")
        let line = "print(lorawb.load_model('org/tiny', { revision = %s }).config.hidden_act)\n"
        func act(_ revision: String) throws -> Outcome {
            try place.run(line.replacing("%s", with: "'\(revision)'"), env: env)
        }
        #expect(try act("abc123").out == "gelu\n" && act("def456").out == "relu\n")
        try place.put("home/hub/models--org--tiny/refs/v1.0", "def456\n")
        try place.put("home/hub/models--org--tiny/refs/pr/1", "abc123")
        #expect(try act("v1.0").out == "relu\n" && act("pr/1").out == "gelu\n")
        let missing = try act("v2")
        #expect(
            missing.line.contains("the cache has no revision 'v2' of 'org/tiny'; it has 'abc123', 'def456'"),
            "\(missing)")
        #expect(try act("../../x").code == 1)
        // A typed name leaves the revision to the recipe.
        let typed = """
            local args = lorawb.args { model = { "org/tiny", type = "model" } }
            print(lorawb.load_model(args.model, { revision = "v1.0" }).config.hidden_act)
            print(#lorawb.load_tokenizer(args.model, { revision = "v1.0" }):encode("a film"))
            print(lorawb.find_model(args.model, { revision = "v1.0" }):match("[^/]+$"))
            """
        #expect(try place.run(typed, "--model", "org/tiny", env: env).out == "relu\n4\ndef456\n")
        try place.put("home/hub/models--org--tiny/refs/main", "abc123")
        #expect(try place.run(typed, "--model", "org/tiny", env: env).out == "relu\n4\ndef456\n")
        // The base's revision stands in the adapter's file.
        let saved = try place.run(
            """
            local model = lorawb.load_model('org/tiny', { revision = 'v1.0' })
            model:add_adapter { r = 2, target_modules = { 'query' } }
            model:save_adapter(lorawb.run_dir .. '/a')
            print(lorawb.read_json(lorawb.run_dir .. '/a/adapter_config.json').revision)
            """, env: env)
        #expect(saved.out.hasSuffix("v1.0\n"), "\(saved)")
        // ~ and variables, as huggingface_hub puts them in.
        for home in ["~/home", "$BASE/home", "${BASE}/home"] {
            #expect(
                try place.run(load, env: ["HF_HOME": home, "HOME": place.path, "BASE": place.path]).out == "32\n",
                "\(home)")
        }
        #expect(try place.run(load, env: ["HF_HUB_CACHE": "~/home/hub", "HOME": place.path]).out == "32\n")
    }

    @Test func adaptersByName() throws {
        let place = try Place()
        try place.makeModel("tiny")
        let start = "local model = lorawb.load_model('tiny', { task_type = 'SEQ_CLS', num_labels = 2 })\n"
        let made = try place.run(
            start
                + "model:add_adapter { r = 2, target_modules = { 'query' } } model:save_adapter(lorawb.run_dir .. '/a')",
            "--run-dir", "run")
        #expect(made.code == 0, "\(made)")
        let files = try ["adapter_config.json", "adapter_model.safetensors"].map { ($0, try place.data("run/a/\($0)")) }
        try Self.cache(place, "models--org--style", Dictionary(uniqueKeysWithValues: files))
        let env = ["HF_HOME": place.path + "/home"]
        #expect(
            try place.run(start + "model:load_adapter('org/style') print(#model:adapter_names())", env: env).out
                .hasSuffix("1\n"))
        let typed =
            "local args = lorawb.args { adapter = { 'x', type = 'model' } }\n" + start
            + "model:load_adapter(args.adapter) print(#model:adapter_names())"
        #expect(try place.run(typed, "--adapter", "org/style", env: env).out.hasSuffix("1\n"))
        let wrong = try place.run(start + "model:load_adapter('org/none')", env: env)
        #expect(
            wrong.line.hasSuffix(
                "no adapter folder 'org/none'; the cache \(place.path)/home/hub has no adapter of that name either"),
            "\(wrong)")
        // Taken for a model it says what it is.
        let model = try place.run("lorawb.load_model('org/style')", env: env)
        #expect(model.line.contains("the folder holds an adapter, no model; load its base 'tiny'"), "\(model)")
        #expect(
            try place.run("lorawb.load_tokenizer('org/style')", env: env).line.contains(
                "the folder holds an adapter, no model"))
    }

    @Test func datasetsByName() throws {
        let place = try Place()
        try place.makeData("d.tsv", rows: 6)
        let rows = try place.data("d.tsv")
        let env = ["HF_HOME": place.path + "/home"]
        try Self.cache(
            place, "datasets--org--reviews",
            [
                "train.tsv": rows, "data/dev.tsv": rows, "test-00000-of-00001.tsv": rows, "README.md": Data("x".utf8),
                "dataset_infos.json": Data("{}".utf8),
            ])
        let load =
            "local d = lorawb.load_dataset('org/reviews') print(#d.train, #d.validation, #d.test, d.train[1].label)"
        #expect(try place.run(load, env: env).out == "6\t6\t6\t0\n")
        try Self.cache(
            place, "datasets--plain", ["reviews.jsonl": Data("{\"a\": 1}\n{\"a\": 2}\n".utf8)], isMain: false)
        #expect(try place.run("print(#lorawb.load_dataset('plain').train)", env: env).out == "2\n")
        let typed =
            "local args = lorawb.args { data = { 'x', type = 'path' } } print(#lorawb.load_dataset(args.data).train)"
        #expect(try place.run(typed, "--data", "org/reviews", env: env).out == "6\n")
        try Self.cache(place, "datasets--org--binary", ["data/train-00000-of-00001.parquet": Data([1])])
        let parquet = try place.run("lorawb.load_dataset('org/binary')", env: env)
        #expect(
            parquet.line.contains("there is no .csv, .json, .jsonl, .tsv or .txt file; .parquet files are not read"),
            "\(parquet)")
        // A folder of files is read the same way.
        try place.put("folder/train.tsv", rows)
        #expect(try place.run("print(#lorawb.load_dataset('folder').train)").out == "6\n")
        let missing = try place.run("lorawb.load_dataset('org/none')", env: env)
        let none = "; the cache \(place.path)/home/hub has no data set of that name either"
        #expect(missing.code == 1 && missing.line.hasSuffix("no data file or folder 'org/none'" + none), "\(missing)")
    }

    @Test func refusedSavesLeaveNoFolder() throws {
        let place = try Place()
        try place.makeModel()
        let start = "local model = lorawb.load_model('tiny', { task_type = 'SEQ_CLS', num_labels = 2 })\n"
        let adapter = "model:add_adapter { r = 2, target_modules = { 'query' } }\n"
        let trainer =
            "local t = lorawb.trainer { model = model, train_dataset = lorawb.dataset { { input_ids = { 2, 3 }, labels = 1 } }, args = { save_strategy = 'no' } }\n"
        let refused = [
            start + adapter + "model:save_adapter(lorawb.run_dir .. '/out/deep', 'nobody')",
            "local model = lorawb.load_model('tiny', { weights = 'none' })\nmodel:save_pretrained(lorawb.run_dir .. '/out')",
            "local model = lorawb.load_model('tiny', { weights = 'none' })\n" + adapter
                + "model:save_adapter(lorawb.run_dir .. '/out')",
            "local model = lorawb.load_model('tiny', { weights = 'none' })\n" + adapter
                + "model:save_pretrained(lorawb.run_dir .. '/out')",
            "local model = lorawb.load_model('tiny', { task_type = 'SEQ_CLS', num_labels = 2, weights = 'none' })\n"
                + adapter + trainer + "t:save_model(lorawb.run_dir .. '/out/deep/er')",
        ]
        for lines in refused {
            let outcome = try place.run(lines, "--run-dir", "run")
            #expect(outcome.code == 1, "\(outcome)")
            #expect(!place.files("run").contains { $0.hasPrefix("out") }, "\(lines): \(place.files("run"))")
        }
        // A folder that was there stays, with what was in it.
        let kept = try place.run(
            "lorawb.save_text(lorawb.run_dir .. '/keep.txt', 'x')\n" + start
                + "pcall(model.save_adapter, model, lorawb.run_dir, 'nobody')", "--run-dir", "run")
        #expect(kept.code == 0 && place.files("run").contains("keep.txt"), "\(kept)")
    }

    @Test func everySaveWritesEveryAdapter() throws {
        let place = try Place()
        try place.makeModel()
        try place.makeData("d.tsv", rows: 8)
        let outcome = try place.run(
            """
            local model = lorawb.load_model('tiny', { task_type = 'SEQ_CLS', num_labels = 2 })
            local tokenizer = lorawb.load_tokenizer('tiny')
            model:add_adapter({ r = 2, target_modules = { 'query' } }, 'style')
            model:add_adapter({ r = 2, target_modules = { 'value' } }, 'tone')
            local data = lorawb.load_dataset('d.tsv'):map(function(row) return { input_ids = tokenizer:encode(row.sentence), labels = row.label } end)
            local trainer = lorawb.trainer { model = model, train_dataset = data, args = { max_steps = 1, output_dir = lorawb.run_dir } }
            trainer:train()
            trainer:save_model(lorawb.run_dir .. '/saved')
            model:save_pretrained(lorawb.run_dir .. '/pretrained')
            model:disable_adapters()
            model:save_pretrained(lorawb.run_dir .. '/disabled')
            """, "--run-dir", "run")
        #expect(outcome.code == 0, "\(outcome)")
        for folder in ["saved", "pretrained", "disabled", "checkpoint-1"] {
            for adapter in ["style", "tone"] {
                #expect(
                    place.exists("run/\(folder)/\(adapter)/adapter_config.json")
                        && place.exists("run/\(folder)/\(adapter)/adapter_model.safetensors"), "\(folder)")
            }
        }
        let style = try ["saved", "pretrained", "disabled", "checkpoint-1"].map {
            try place.data("run/\($0)/style/adapter_model.safetensors")
        }
        #expect(Set(style).count == 1)
    }

    /// Several labels at once are scored as they were trained: by the logistic function, in this session and after saving.
    @Test func scoresOfSeveralLabels() throws {
        let place = try Place()
        try place.makeModel()
        let outcome = try place.run(
            """
            local model = lorawb.load_model('tiny', { task_type = 'SEQ_CLS', num_labels = 2 })
            local tokenizer = lorawb.load_tokenizer('tiny')
            model:add_adapter { r = 2, target_modules = { 'query' } }
            print(model.config.problem_type)
            local rows = lorawb.dataset { { input_ids = tokenizer:encode('a film'), labels = { 1, 0 } }, { input_ids = tokenizer:encode('it is'), labels = { 1, 1 } } }
            lorawb.trainer { model = model, train_dataset = rows, args = { max_steps = 1, save_strategy = 'no' } }:train()
            print(model.config.problem_type)
            local function check(m)
              local s = m:classify({ 'a film' }, { tokenizer = tokenizer })[1].scores
              local z = m:forward { input_ids = { tokenizer:encode('a film') } }.logits:tolist()[1]
              for i = 1, 2 do assert(math.abs(s[i] - 1 / (1 + math.exp(-z[i]))) < 1e-6, s[i]) end
            end
            check(model)
            model:save_adapter(lorawb.run_dir .. '/a')
            local again = lorawb.load_model('tiny', { task_type = 'SEQ_CLS', num_labels = 2 })
            again:load_adapter(lorawb.run_dir .. '/a')
            check(again)
            model:merge_and_unload():save_pretrained(lorawb.run_dir .. '/m')
            print(lorawb.read_json(lorawb.run_dir .. '/m/config.json').problem_type)
            check(lorawb.load_model(lorawb.run_dir .. '/m', { task_type = 'SEQ_CLS' }))
            print('same')
            """, "--run-dir", "run")
        #expect(outcome.code == 0, "\(outcome)")
        let said = outcome.out.split(separator: "\n").filter {
            ["nil", "multi_label_classification", "same"].contains(String($0))
        }
        #expect(said == ["nil", "multi_label_classification", "multi_label_classification", "same"], "\(outcome)")
    }

    @Test func trainedNormsAreNamed() throws {
        let place = try Place()
        try place.makeModel()
        let outcome = try place.run(
            """
            local model = lorawb.load_model('tiny', { task_type = 'SEQ_CLS', num_labels = 2 })
            model:add_adapter { r = 2, target_modules = { 'query' } }
            for name, p in model:named_parameters() do if name:find 'LayerNorm' then p.requires_grad = true end end
            model:save_adapter(lorawb.run_dir .. '/a')
            local again = lorawb.load_model('tiny', { task_type = 'SEQ_CLS', num_labels = 2 })
            again:load_adapter(lorawb.run_dir .. '/a')
            """, "--run-dir", "run")
        #expect(outcome.code == 0, "\(outcome)")
        #expect(
            outcome.out.contains("does not hold 10 trained weights: ")
                && outcome.out.contains("modules_to_save = { \"LayerNorm\" }"), "\(outcome)")
    }

    @Test func theTokenizersSideIsTaken() throws {
        let place = try Place()
        try place.makeModel()
        try place.put("tiny/tokenizer_config.json", #"{"truncation_side": "left", "padding_side": "left", "zeta": 1}"#)
        let outcome = try place.run(
            """
            local tokenizer = lorawb.load_tokenizer('tiny')
            lorawb.load_tokenizer('tiny')
            local text = 'a the was an cat dog in of on at'
            local whole = tokenizer:encode(text)
            local left = tokenizer:encode(text, { max_length = 6 })
            assert(left[2] == whole[#whole - 4], 'the last four stay')
            assert(tokenizer:encode(text, { max_length = 6, truncation_side = 'right' })[5] == whole[5], 'the first four stay')
            print(tokenizer.truncation_side, tokenizer.padding_side)
            """)
        #expect(outcome.code == 0, "\(outcome)")
        #expect(
            outcome.out == "\(place.path)/tiny: tokenizer_config.json: 'zeta' not known, without effect\nleft\tleft\n",
            "\(outcome)")
    }
}
