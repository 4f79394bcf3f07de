import Formats
import Kernels
import Models
import Tensors
import Testing
import Training

/// Small models and data that training is tried on.
enum Tiny {
    /// A two-layer BERT with random weights, whose query projections, from a layer on, and head are trained.
    static func model(
        dropout: Double = 0.1, labels: Int = 2, task: TaskType = .sequenceClassification, seed: UInt64 = 3,
        layers: Int? = nil, trainedFrom lowest: Int = 0
    ) throws -> any Model {
        var json = try JSON(parsing: Goldens.folder().read("models/bert-classifier/config.json"), source: "config.json")
        guard case .object(var members) = json else { throw TrainingError("no object") }
        for key in ["hidden_dropout_prob", "attention_probs_dropout_prob", "classifier_dropout"] {
            members[key] = .number(dropout)
        }
        members["num_labels"] = .integer(Int64(labels))
        members["id2label"] = .null
        members["label2id"] = .null
        members["problem_type"] = .null
        members["initializer_range"] = .number(0.2)
        json = .object(members)
        var config = try ModelConfig(json, source: "config.json")
        config.numLabels = labels
        config.numHiddenLayers = layers ?? config.numHiddenLayers
        let options = LoadOptions(taskType: task, weights: .random, seed: seed)
        let model = try makeModel(config, options).model
        for (name, weight) in model.namedParameters() where name.contains("query") || name.hasPrefix("classifier") {
            let layer = name.split(separator: ".").compactMap { Int($0) }.first ?? .max
            if layer >= lowest { try weight.setRequiresGrad(true) }
        }
        return model
    }

    /// Rows of random ids of many lengths, the label being whether the sum of ids is odd.
    static func dataset(_ count: Int, seed: UInt64 = 1) throws -> Dataset {
        let key = RandomKey(seed: seed)
        return try Dataset(
            rows: (0..<count).map { row in
                let rowKey = key.child(row)
                let length = 3 + Int(rowKey.word(0) % 7)
                let ids = (0..<length).map { 5 + Int32(rowKey.word(1 + $0) % 30) }
                return [.init("input_ids", .integers(ids)), .init("labels", .integer(Int(ids.reduce(0, +)) % 2))]
            })
    }

    /// Arguments by their names.
    static func arguments(_ entries: [(String, JSON)]) throws -> TrainingArguments {
        try TrainingArguments(entries.map { JSON.Member($0.0, $0.1) })
    }

    /// All trainable numbers by name.
    static func weights(_ model: any Module) throws -> [String: [Float]] {
        var weights: [String: [Float]] = [:]
        for (name, weight) in model.trainableParameters() { weights[name] = try weight.tensor?.floatArray() }
        return weights
    }

    /// The log without what depends on the clock, keys sorted (as a trainer_state.json that was read has them).
    static func history(_ trainer: Trainer) -> [[JSON.Member]] {
        trainer.state.logHistory.map { row in
            row.filter { !$0.key.hasSuffix("_runtime") && !$0.key.hasSuffix("_per_second") }.sorted { $0.key < $1.key }
        }
    }

    /// Names of the checkpoints in a folder.
    static func checkpoints(_ folder: Folder) throws -> [String] {
        try folder.list().filter { $0.contains("checkpoint-") }
    }

    /// A new folder that vanishes with the test.
    static func folder(_ body: (Folder) throws -> Void) throws {
        let key = UInt64.random(in: 0 ... .max)
        let top = try Folder(path: "/tmp")
        let name = "lorawb-training-\(key)"
        let folder = try top.subfolder(name, create: true)
        defer { try? top.remove(name) }
        try body(folder)
    }
}
