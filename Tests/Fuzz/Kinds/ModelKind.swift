import Adapters
import Formats
import Models
import Tensors

/// A model folder, whole or in shards: loaded, run, adapted, trained one step, merged, saved and loaded again.
struct ModelKind: Kind {
    static let name = "model"
    private let bases: [[String: [UInt8]]]

    init(root: Folder) throws {
        var bases: [[String: [UInt8]]] = []
        for name in [
            "bert-bare", "bert-classifier", "bert-pretraining", "distilbert-mlm", "roberta-mlm", "electra", "mpnet",
            "albert-groups", "modernbert-biased", "deberta-v2", "deberta-apart",
        ] {
            let folder = try root.subfolder("Tests/Goldens/models/" + name)
            var files: [String: [UInt8]] = [:]
            for file in ["config.json", "model.safetensors"] { files[file] = try folder.read(file) }
            bases.append(files)
            if name != "bert-pretraining" { bases.append(try ModelKind.sharded(files, folder)) }
        }
        self.bases = bases
    }

    /// The same model as two shards with an index, both of which are the whole file.
    private static func sharded(_ files: [String: [UInt8]], _ folder: Folder) throws -> [String: [UInt8]] {
        let whole = try SafetensorsFile(folder, "model.safetensors")
        var sharded = files
        let bytes = sharded.removeValue(forKey: "model.safetensors")
        var map: JSONObject = [:]
        let names = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"]
        for (index, name) in whole.entries.keys.enumerated() { map[name] = .string(names[index % 2]) }
        for name in names { sharded[name] = bytes }
        let index: JSON = .object(["metadata": .object(["total_size": .integer(100)]), "weight_map": .object(map)])
        sharded["model.safetensors.index.json"] = Array(index.serialized(indent: 1).utf8)
        return sharded
    }

    func input(_ dice: inout Dice) -> Input {
        var files = dice.pick(bases)
        let names = files.keys.sorted()
        for _ in 0...(dice.oneIn(4) ? 1 : 0) {
            let name = dice.oneIn(2) ? "config.json" : dice.pick(names)
            files[name] = files[name].map { Bytes.mutated($0, named: name, &dice) }
        }
        if dice.oneIn(50) { files[dice.pick(names)] = nil }
        return Input(files: files, choice: dice.next())
    }

    private func isSmall(_ folder: Folder) throws -> Bool {
        let json = try JSON(parsing: folder.read("config.json"), source: "config.json", allowsNonFinite: true)
        let config = try ModelConfig(json, source: "config.json")
        let rows = config.vocabSize + config.maxPositionEmbeddings + config.typeVocabSize + config.numLabels
        let (width, inner) = (Double(config.hiddenSize), Double(config.intermediateSize))
        return width * (Double(rows) + Double(config.numHiddenLayers) * (4 * width + 2 * inner)) < 1e6
    }

    func use(_ folder: Folder, _ dice: inout Dice) throws {
        var options = LoadOptions(taskType: dice.pick(TaskType.allCases + [.sequenceClassification]))
        if dice.oneIn(6) { options.taskType = nil }
        if dice.oneIn(6) { options.numLabels = dice.pick([1, 2, 3, 0, -1, 1 << 40, .max]) }
        if dice.oneIn(6) { options.dtype = dice.pick(["float32", "bfloat16"]) }
        if dice.oneIn(6) { options.packing = dice.pick([.none, .once]) }
        options.weights = dice.pick([.file, .file, .file, .random, LoadOptions.Weights.none])
        // Random weights of any size are what was asked for, and take their time.
        if options.weights == .random, try !isSmall(folder) { options.weights = .none }
        let loaded = try loadModel(folder, options)
        _ = loaded.notes
        let model = loaded.model
        let input = ModelInput(inputIds: [[1, 2], [3]], outputHiddenStates: dice.oneIn(3))
        _ = try? model(input).logits?.floatArray()
        _ = try? model(ModelInput(inputIds: [[0, model.config.vocabSize - 1]]))
        guard !dice.oneIn(3) else { return }
        let adapters = AdapterSet(model: model)
        var config = LoraConfig()
        config.targetModules = .list(dice.pick([["query"], ["q_lin", "query", "value"], ["all-linear"]]))
        config.r = dice.pick([1, 4])
        if dice.oneIn(4) { config.modulesToSave = ["classifier"] }
        if (try? adapters.add(config)) != nil, model.taskType == .sequenceClassification {
            try? SmallModel.train(model, steps: 1, labels: model.config.numLabels)
        }
        if dice.oneIn(2) { try? adapters.mergeAndUnload() }
        try saveModel(model, to: folder.subfolder("saved", create: true))
        defer { try? folder.remove("saved") }
        var again = LoadOptions()
        again.taskType = options.taskType
        _ = try loadModel(folder.subfolder("saved"), again)
    }
}
