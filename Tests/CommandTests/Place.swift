import Foundation

/// A folder of a test's own with recipes, models and data, removed at the end.
final class Place {
    let path: String
    static let goldens =
        #filePath.split(separator: "/").dropLast(2).map { "/" + $0 }.joined() + "/Goldens"

    init() throws {
        // Resolved, so that paths in messages are these.
        let parent = URL(fileURLWithPath: NSTemporaryDirectory()).resolvingSymlinksInPath().path
        path = "\(parent)/lorawb-command-\(getpid())-\(UInt64.random(in: 0 ... .max))"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func url(_ name: String) -> URL { URL(fileURLWithPath: path + "/" + name) }

    /// Writes a file, and the folders above it.
    func put(_ name: String, _ text: String) throws { try put(name, Data(text.utf8)) }

    func put(_ name: String, _ data: Data) throws {
        let url = url(name)
        try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        try data.write(to: url)
    }

    func data(_ name: String) throws -> Data { try Data(contentsOf: url(name)) }

    func text(_ name: String) throws -> String { String(decoding: try data(name), as: UTF8.self) }

    func exists(_ name: String) -> Bool { FileManager.default.fileExists(atPath: path + "/" + name) }

    func link(_ name: String, to target: String) throws {
        try FileManager.default.createSymbolicLink(atPath: path + "/" + name, withDestinationPath: target)
    }

    func remove(_ name: String) throws { try FileManager.default.removeItem(at: url(name)) }

    /// All files beneath a folder, hidden ones included.
    func files(_ name: String = ".") -> [String] {
        let found = FileManager.default.enumerator(atPath: path + "/" + name)
        return (found?.compactMap { $0 as? String } ?? []).sorted()
    }

    /// A model folder: a tiny random BERT with a vocabulary that fits it.
    func makeModel(_ name: String = "tiny", dropout: Double = 0) throws {
        let base = Place.goldens + "/models/bert-bare"
        try put(name + "/model.safetensors", Data(contentsOf: URL(fileURLWithPath: base + "/model.safetensors")))
        let config = try String(contentsOfFile: base + "/config.json", encoding: .utf8)
        try put(
            name + "/config.json",
            config.replacing("_dropout_prob\": 0.0", with: "_dropout_prob\": \(dropout)"))
        let vocabulary = try String(contentsOfFile: Place.goldens + "/tokenizers/bert-files/vocab.txt", encoding: .utf8)
        let words = vocabulary.split(separator: "\n").prefix(120).joined(separator: "\n")
        try put(name + "/vocab.txt", words + "\n")
    }

    /// A folder of a tiny random Llama with a tokenizer that has a chat template.
    func makeLanguageModel(_ name: String = "tiny-lm") throws {
        for file in ["config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"] {
            let source = URL(fileURLWithPath: Place.goldens + "/generation/llama/" + file)
            try put(name + "/" + file, Data(contentsOf: source))
        }
    }

    /// Changes the header or the bytes of a safetensors file.
    func change(_ name: String, _ body: (inout [String: [String: Any]], inout Data) -> Void) throws {
        let file = try data(name)
        let length = file.prefix(8).enumerated().reduce(0) { $0 + Int($1.element) << (8 * $1.offset) }
        var tensors = Data(file.dropFirst(8 + length))
        let parsed = try JSONSerialization.jsonObject(with: file.dropFirst(8).prefix(length)) as? [String: Any]
        var header = (parsed ?? [:]).compactMapValues { $0 as? [String: Any] }
        body(&header, &tensors)
        let text = try JSONSerialization.data(withJSONObject: header)
        var changed = Data((0..<8).map { UInt8(truncatingIfNeeded: text.count >> (8 * $0)) })
        changed.append(text)
        changed.append(tensors)
        try put(name, changed)
    }

    /// Rows of a two-class problem.
    func makeData(_ name: String, rows: Int = 32) throws {
        let words = ["good", "bad", "film", "a", "the", "was", "an", "cat", "dog", "in", "of", "on", "at", "it", "is"]
        var text = "sentence\tlabel\n"
        for row in 0..<rows {
            let sentence = (0..<3 + row % 6).map { words[(row * 7 + $0 * $0 * 3 + row / 5) % words.count] }
            text += sentence.joined(separator: " ") + "\t\(row % 2)\n"
        }
        try put(name, text)
    }

    /// Writes a recipe that begins with `local lorawb = require "lorawb"` and runs it.
    func run(
        _ lines: String, _ words: String..., env: [String: String] = [:], name: String = "r.lua"
    ) throws -> Outcome {
        try put(name, "local lorawb = require \"lorawb\"\n" + lines)
        return try Running([Running.program, "run", name] + words, cwd: path, env: env).wait()
    }

    /// A recipe that trains, with everything that the tests change as a parameter.
    static let trainingRecipe = """
        -- train: a tiny training.
        local lorawb = require "lorawb"
        local args = lorawb.args {
          model = { "tiny", type = "model", help = "the base" },
          data = { "data", type = "path", help = "folder with train.tsv and dev.tsv" },
          epochs = { 2, min = 0 }, lr = 1e-2, dropout = 0.1, accumulate = 1, batch = 4, save = "epoch", limit = 0, pause = 0,
        }
        local model = lorawb.load_model(args.model, { task_type = "SEQ_CLS", num_labels = 2 })
        local tokenizer = lorawb.load_tokenizer(args.model)
        local data = lorawb.load_dataset { train = args.data .. "/train.tsv", validation = args.data .. "/dev.tsv" }
        data = data:map(function(row) return { input_ids = tokenizer:encode(row.sentence), labels = row.label } end)
        model:add_adapter { r = 4, lora_alpha = 8, lora_dropout = args.dropout, target_modules = { "query", "value" } }
        model:print_trainable_parameters()
        local losses = {}
        local trainer = lorawb.trainer {
          model = model, train_dataset = data.train, eval_dataset = data.validation,
          compute_metrics = lorawb.metrics.accuracy,
          callbacks = {
            on_step_end = function(state)
              print("step " .. state.global_step)
              for i = 1, args.pause * 100000 do end
            end,
            on_log = function(_, _, row) if row.loss then losses[#losses + 1] = ("%.7f"):format(row.loss) end end,
          },
          args = {
            learning_rate = args.lr, per_device_train_batch_size = args.batch, num_train_epochs = args.epochs,
            gradient_accumulation_steps = args.accumulate, logging_steps = 1,
            eval_strategy = "epoch", save_strategy = args.save, save_steps = 2,
          },
        }
        trainer:train()
        model:save_adapter(lorawb.run_dir .. "/best")
        print("losses " .. table.concat(losses, " "))
        """

    /// The recipe `train.lua` with its model and data.
    static func training() throws -> Place {
        let place = try Place()
        try place.makeModel(dropout: 0.1)
        try place.makeData("data/train.tsv")
        try place.makeData("data/dev.tsv", rows: 12)
        try place.put("train.lua", trainingRecipe)
        return place
    }

    /// Runs `train.lua` to its end.
    func train(_ words: String..., env: [String: String] = [:]) throws -> Outcome {
        try Running([Running.program, "run", "train.lua"] + words, cwd: path, env: env).wait()
    }

    /// Starts `train.lua`.
    func startTraining(_ words: String...) throws -> Running {
        try Running([Running.program, "run", "train.lua"] + words, cwd: path)
    }

    /// Bytes of the two files of an adapter.
    func adapter(_ folder: String) throws -> [Data] {
        try ["adapter_config.json", "adapter_model.safetensors"].map { try data(folder + "/" + $0) }
    }
}
