import Adapters
import Formats
import Models

/// An adapter's folder: loaded into a model, run, trained, merged, combined and saved.
struct AdapterKind: Kind {
    static let name = "adapter"
    private let root: Folder
    private let bases: [[String: [UInt8]]]

    init(root: Folder) throws {
        self.root = root
        bases = try ["bert-seq-cls", "bert-lora-dropout-eval", "bert-bias-all", "bert-multi-label", "bert-tokens"].map {
            try Input.files(of: root.subfolder("Tests/Goldens/\($0)/adapter"))
        }
    }

    func input(_ dice: inout Dice) -> Input {
        var files = dice.pick(bases)
        let names = files.keys.sorted()
        for _ in 0...(dice.oneIn(4) ? 1 : 0) {
            let name = dice.pick(names)
            files[name] = files[name].map { Bytes.mutated($0, named: name, &dice) }
        }
        return Input(files: files, choice: dice.next())
    }

    func use(_ folder: Folder, _ dice: inout Dice) throws {
        let model = try SmallModel.make(root, weights: dice.oneIn(8) ? .none : .file)
        let adapters = AdapterSet(model: model)
        try adapters.load(folder, isTrainable: dice.oneIn(2), checkBase: dice.oneIn(2))
        _ = try? model(ModelInput(inputIds: [[1, 2], [3]])).logits?.floatArray()
        _ = adapters.trainableParametersLine
        _ = try? adapters.linears(of: "default")
        if dice.oneIn(4) { try? SmallModel.train(model, steps: 1, labels: 3) }
        if dice.oneIn(4) {
            let weight = dice.pick([0, 1, -1, 1e300, .nan, .infinity])
            try? adapters.addWeighted(
                ["default"], weights: [weight], name: "other", combination: dice.pick(AdapterSet.Combination.allCases))
        }
        try adapters.save("default", to: folder.subfolder("saved", create: true))
        defer { try? folder.remove("saved") }
        if dice.oneIn(3) {
            try adapters.merge()
            try adapters.unmerge()
        }
        _ = try? adapters.load(folder.subfolder("saved"), name: "again")
        if dice.oneIn(3) { try adapters.delete("default") }
    }
}

/// A configuration whose target patterns, ranks by pattern and layers are of every kind, on a model of shapes.
struct PatternKind: Kind {
    static let name = "pattern"
    private let root: Folder
    private let config: [UInt8]

    init(root: Folder) throws {
        self.root = root
        config = try root.read("Tests/Goldens/bert-seq-cls/adapter/adapter_config.json")
    }

    func input(_ dice: inout Dice) throws -> Input {
        var json = try JSON(parsing: config, source: "adapter_config.json").object ?? [:]
        func pattern() -> JSON {
            var text = Array(dice.pick(Texts.patterns).replacing("\\\\", with: "\\").utf8)
            if dice.oneIn(2) { text += Array(dice.pick(Texts.patterns).replacing("\\\\", with: "\\").utf8) }
            if dice.oneIn(3) { text = Bytes.changed(text, &dice) }
            return .string(String(decoding: text, as: UTF8.self))
        }
        switch dice.below(4) {
        case 0: json["exclude_modules"] = pattern()
        case 1:
            guard case .string(let key) = pattern() else { break }
            json[dice.pick(["rank_pattern", "alpha_pattern"])] = .object(
                [(key, .integer(Int64(1 + dice.below(9))))].json)
        case 2:
            json["layers_to_transform"] = .integer(Int64(dice.below(3)))
            json["layers_pattern"] = pattern()
        default: json["target_modules"] = pattern()
        }
        var bytes = Array(JSON.object(json).compact().utf8)
        if dice.oneIn(4) { bytes = Bytes.mutatedJSON(bytes, &dice) }
        return Input(files: ["adapter_config.json": bytes], choice: dice.next())
    }

    func use(_ folder: Folder, _ dice: inout Dice) throws {
        let json = try JSON(
            parsing: folder.read("adapter_config.json"), source: "adapter_config.json", allowsNonFinite: true)
        let config = try LoraConfig(json, source: "adapter_config.json", reading: dice.oneIn(2) ? .file : .recipe)
        let adapters = AdapterSet(model: try SmallModel.make(root, weights: .none))
        try adapters.add(config)
        _ = config.toJSON().compact()
        _ = adapters.trainableParametersLine
    }
}

extension [(String, JSON)] {
    fileprivate var json: JSONObject { JSONObject(self) }
}
