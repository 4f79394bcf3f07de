import Adapters
import Formats
import Kernels
import Models
import Tensors
import TestSupport
import Testing
import Training

/// Twenty steps of the trainer beside those of transformers and PEFT.
struct GoldenTrainingTests {
    @Test(
        "full fine-tuning: twenty losses, gradient norms, learning rates and the weights after them",
        arguments: ["bert-full"] + Golden.wholeDecoders + Golden.wholeEncoders)
    func full(name: String) throws {
        let golden = try GoldenCase(name)
        let model = try golden.model()
        for (_, weight) in model.namedParameters() { try weight.setRequiresGrad(true) }
        try golden.check(model, [:])
    }

    @Test(
        "LoRA: twenty losses, gradient norms, learning rates and the weights after them",
        arguments: [
            "bert-seq-cls", "bert-pair", "bert-regression", "bert-multi-label", "bert-token-cls", "bert-bias-all",
            "roberta-all-linear-rslora", "roberta-bias-lora-only", "roberta-patterns", "roberta-token-cls",
            "distilbert-seq-cls", "distilbert-token-cls", "bert-two-adapters",
        ] + Golden.decoders + Golden.tokens + Golden.trainedEncoders + Golden.trainedAnswers)
    func lora(name: String) throws {
        let golden = try GoldenCase(name)
        let model = try golden.model()
        let adapters = try golden.adapters(model)
        var keys: [String: String] = [:]
        for name in adapters.active {
            for (key, weight) in try adapters.tensors(of: name) {
                keys[adapters.names.count > 1 ? "\(name)/\(key)" : key] = weight.name
            }
        }
        try golden.check(model, keys)
    }

    /// The cases that learn slowly: others know their four batches by heart after some steps, and of a loss near zero 1 % is
    /// less than what rounding the weights of a model of width 32 does.
    @Test(
        "LoRA in bfloat16: twenty losses within 1 % of float32's",
        .enabled(if: Backend.multiplies(.bfloat16), "the processor multiplies no bfloat16"),
        arguments: ["bert-seq-cls"])
    func half(name: String) throws {
        let golden = try GoldenCase(name)
        let model = try golden.model(dtype: "bfloat16")
        _ = try golden.adapters(model)
        let losses = try golden.train(model).prefix(20).compactMap { row in row.first { $0.key == "loss" }?.value.double
        }
        let expected = try golden.file.floats("step.loss").map(Double.init)
        #expect(losses.count == 20)
        for (a, b) in zip(losses, expected) { #expect(abs(a - b) <= 0.01 * abs(b), "\(a), not \(b)") }
        // The weights were rounded, so some loss must differ from float32's by more than its own rounding.
        #expect(zip(losses, expected).contains { abs($0 - $1) > 1e-5 * abs($1) })
    }
}

/// One case of Tests/Goldens.
struct GoldenCase {
    let folder: Folder
    let json: JSON
    let file: SafetensorsFile

    init(_ name: String) throws {
        folder = try Goldens.folder().subfolder(name)
        json = try JSON(parsing: folder.read("golden.json"), source: "\(name)/golden.json", allowsNonFinite: true)
        file = try SafetensorsFile(folder, "golden.safetensors")
    }

    /// The base model, as the case loads it.
    func model(dtype: String? = nil) throws -> any Model {
        let options = LoadOptions(
            taskType: json["task_type"]?.string.flatMap(TaskType.init(rawValue:)), numLabels: json["num_labels"]?.int,
            problemType: json["problem_type"]?.string.flatMap(ModelConfig.ProblemType.init(rawValue:)),
            dtype: dtype ?? json["dtype"]?.string)
        return try loadModel(Goldens.folder().subfolder(#require(json["base"]?.string)), options).model
    }

    /// The case's adapters, loaded and active.
    func adapters(_ model: any Model) throws -> AdapterSet {
        let adapters = AdapterSet(model: model)
        for (name, part) in try #require(json["adapters"]?.object) {
            let folder = try folder.subfolder(#require(part["path"]?.string))
            try adapters.load(folder, name: name, isTrainable: true, checkBase: false)
        }
        try adapters.setActive(Goldens.elements(json["active_adapters"]).compactMap(\.string))
        return adapters
    }

    /// The four training batches, one after another.
    func dataset() throws -> Dataset {
        var rows: [[JSON.Member]] = []
        for batch in 0..<4 {
            let ids = try file.entry("train.\(batch).input_ids")
            let labels = try file.entry("train.\(batch).labels")
            for row in 0..<ids.shape[0] {
                var entries: [JSON.Member] = []
                for name in ["input_ids", "attention_mask", "token_type_ids"]
                where file.entries["train.\(batch).\(name)"] != nil {
                    let all = try file.integers("train.\(batch).\(name)")
                    entries.append(
                        .init(name, .integers(all[row * ids.shape[1]..<(row + 1) * ids.shape[1]].map { Int32($0) })))
                }
                if json["task_type"]?.string == "QUESTION_ANS" {
                    let positions = try file.integers("train.\(batch).labels")
                    entries.append(.init("start_positions", .integer(positions[2 * row])))
                    entries.append(.init("end_positions", .integer(positions[2 * row + 1])))
                } else {
                    entries.append(.init("labels", try label("train.\(batch).labels", labels, row)))
                }
                rows.append(entries)
            }
        }
        return try Dataset(rows: rows)
    }

    private func label(_ name: String, _ entry: SafetensorsFile.Entry, _ row: Int) throws -> JSON {
        let width = entry.shape.count > 1 ? entry.shape[1] : 1
        if entry.dtype == .i64 {
            let all = try file.integers(name)[row * width..<(row + 1) * width]
            return entry.shape.count > 1 ? .integers(all.map { Int32($0) }) : .integer(Int(all[row * width]))
        }
        let all = try file.floats(name)[row * width..<(row + 1) * width]
        return entry.shape.count > 1 ? .array(all.map { .number(Double($0)) }) : .number(Double(all[row]))
    }

    /// Trains as the case was trained; gives the log.
    func train(_ model: any Model) throws -> [[JSON.Member]] {
        let training = try #require(json["training"])
        func number(_ name: String) throws -> JSON { .number(try #require(training[name]?.double)) }
        let data = try dataset()
        let trainer = try Trainer(
            model: model,
            arguments: Tiny.arguments([
                ("learning_rate", number("learning_rate")), ("weight_decay", number("weight_decay")),
                ("warmup_steps", number("warmup_steps")), ("max_grad_norm", number("max_grad_norm")),
                ("max_steps", number("total_steps")), ("per_device_train_batch_size", .integer(data.count / 4)),
                ("train_sampling_strategy", .string("sequential")), ("logging_steps", .integer(1)),
                ("save_strategy", .string("no")),
            ]), trainDataset: data)
        try trainer.train()
        return trainer.state.logHistory
    }

    /// Trains as the case was trained, and compares every step.
    ///
    /// `keys` maps keys of the file to names of weights.
    func check(_ model: any Model, _ keys: [String: String]) throws {
        let log = try train(model)
        #expect(log.count == 21)
        // Twenty steps carry rounding on: the case's own tolerance for losses and norms is 1e-3.
        for (name, tolerance) in [("loss", 1e-3), ("grad_norm", 1e-3), ("learning_rate", 1e-6)] {
            let expected = try file.floats("step.\(name)").map(Double.init)
            let found = log.prefix(20).compactMap { row in row.first { $0.key == name }?.value.double }
            #expect(found.count == 20)
            for (step, (a, b)) in zip(found, expected).enumerated() {
                #expect(abs(a - b) <= tolerance * abs(b), "\(name) of step \(step): \(a), not \(b)")
            }
        }
        try checkFinal(model, keys)
    }

    private func checkFinal(_ model: any Model, _ keys: [String: String]) throws {
        let weights = try Tiny.weights(model)
        let noise = Set((json["indeterminate"]?.array ?? []).compactMap(\.string))
        var compared = 0
        for (key, entry) in file.entries where key.hasPrefix("final/") {
            let name = String(key.dropFirst("final/".count))
            guard !noise.contains(name), let found = weights[keys[name] ?? name], entry.count == found.count else {
                continue
            }
            let expected = try file.floats(key)
            let largest = try #require(expected.map(abs).max())
            // Adam divides by the root of v: entries with a gradient near zero are moved by rounding (the case's tolerance, 1e-2).
            let worst = zip(found, expected).map { abs($0 - $1) }.max() ?? 0
            #expect(worst <= 1e-2 * largest, "\(name): \(worst) of \(largest)")
            compared += 1
        }
        #expect(compared > 0)
    }
}
