import Formats
import Models
import OrderedCollections
import Tensors
import Words

/// PEFT's adapter folders: adapter_config.json, adapter_model.safetensors and README.md.
///
/// Keys are `base_model.model.` + the module's path + `.lora_A.weight` [r, in], `.lora_B.weight` [out, r], the plain names
/// of modules saved whole, `.token_adapter.trainable_tokens_delta` [n, d] for rows of tokens, and for trained biases `.bias` or, on an
/// adapted linear, `.base_layer.bias`. The adapter's name is in none of them.
enum PEFTFormat {
    static let configName = AdapterFolder.configName
    static let weightsName = "adapter_model.safetensors"
    static let prefix = "base_model.model."
    /// Key in `__metadata__`, which PEFT ignores: how the loss of a head on sequences was computed, which its scores depend on.
    static let problemTypeKey = "lorawb.problem_type"

    /// Weights of an adapter by their keys in the file.
    static func tensors(of adapter: AdapterSet.Adapter) -> [(key: String, weight: Weight)] {
        var tensors: [(key: String, weight: Weight)] = []
        for linear in adapter.linears {
            guard let factors = AdapterSet.seat(of: linear)?.factors(of: adapter.name) else { continue }
            tensors.append(("\(prefix)\(linear.path).lora_A.weight", factors.a))
            tensors.append(("\(prefix)\(linear.path).lora_B.weight", factors.b))
        }
        for weight in adapter.saved.flatMap({ $0.module.namedModules() }).flatMap({ $0.module.weights.map(\.weight) }) {
            if let copy = weight.copy(of: adapter.name) { tensors.append((prefix + weight.name, copy)) }
        }
        for (target, tokens) in adapter.tokens {
            tensors.append(("\(prefix)\(target.path).\(TokenRows.localName)", tokens.rows))
        }
        let adapted = Set(adapter.linears.map(\.path))
        for (weight, _) in adapter.biases {
            let path = String(weight.name.dropLast(".bias".count))
            let name = adapted.contains(path) ? "\(path).base_layer.bias" : weight.name
            tensors.append((prefix + name, weight))
        }
        return tensors
    }

    /// Names that PEFT also writes with bias = "all" and that mean nothing: parts of its wrapper of saved modules.
    static func isLeftOver(_ key: String) -> Bool {
        key.contains(".original_module.") || key.contains(".modules_to_save.")
    }
}

extension AdapterSet {
    /// Weights of an adapter by their keys in PEFT's file, in the model's order.
    public func tensors(of name: String) throws -> [(key: String, weight: Weight)] {
        PEFTFormat.tensors(of: try adapter(name))
    }

    /// Saves an adapter as PEFT does: "default" in the folder itself, another in a subfolder of its name.
    ///
    /// - Returns: what a user should be told, a line each: trained weights that the file does not hold.
    @discardableResult
    public func save(_ name: String, to folder: Folder) throws -> [String] { try save([name], to: folder) }

    /// Saves every adapter, as PEFT's save_pretrained does.
    ///
    /// - Returns: what a user should be told, a line each: trained weights that no file holds.
    @discardableResult
    public func saveAll(to folder: Folder) throws -> [String] { try save(names, to: folder) }

    /// Whatever may be refused is refused before anything is written.
    private func save(_ names: [String], to folder: Folder) throws -> [String] {
        let trained = try trainedBeside()
        var metadata: OrderedDictionary = [
            "format": "pt", Fingerprint.key: try savedFingerprint(besides: trained).text,
        ]
        metadata[FileVocabulary.key] = (model as? any Model).flatMap { FileVocabulary.text($0.vocabulary) }
        metadata[PEFTFormat.problemTypeKey] = sequenceModel?.config.problemType?.rawValue
        let files = try names.map { (adapter: try adapter($0), items: try items(of: $0)) }
        for (adapter, items) in files {
            let place = adapter.name == "default" ? folder : try folder.subfolder(adapter.name, create: true)
            try SafetensorsWriter.write(items, metadata: metadata, to: place, PEFTFormat.weightsName)
            try place.write(PEFTFormat.configName, text: JSON.object(members(of: adapter)).serialized(indent: 2))
            try folder.write("README.md", text: ModelCard.text(adapter.config))
        }
        return try names.first.map { try notes(onTrained: trained, besides: $0) } ?? []
    }

    /// The tensors of an adapter's file; throws where one has no values, or values that no one can use.
    private func items(of name: String) throws -> [SafetensorsWriter.Item] {
        try tensors(of: name).map { key, weight in
            guard let tensor = weight.tensor else {
                throw AdapterError("'\(key)' has no values to save: the model has shapes only")
            }
            let floats = try tensor.floatArray()
            guard floats.allSatisfy(\.isFinite) else {
                throw AdapterError("'\(key)' has a number that is not finite; it is not saved")
            }
            return SafetensorsWriter.Item(name: key, shape: weight.shape, floats: floats)
        }
    }

    /// adapter_config.json: keys in order as PEFT writes them, but those of a pattern as they count.
    private func members(of adapter: Adapter) -> JSONObject {
        var members = adapter.config.toJSON().object ?? [:]
        if adapter.config.taskType == nil, let model = model as? any Model {
            let type = model.config.modelType
            members["auto_mapping"] = .object([
                "base_model_class": .string(model.kind),
                "parent_library": .string("transformers.models.\(type).modeling_\(type)"),
            ])
        }
        return JSONObject(members.sorted { $0.key < $1.key }.map { ($0.key, $0.value) })
    }

    /// Loads an adapter from a folder in PEFT's format, or from the folder of its name beneath; the first one acts at once.
    ///
    /// Every tensor of the file must be for a module of this model, and every one expected must be there in its shape. What
    /// PEFT tolerates in the configuration is tolerated: unknown keys, names that match nothing beside others that do.
    /// Where the adapter's base had a larger vocabulary, this one grows to it (`FileVocabulary`).
    ///
    /// - Parameters:
    ///   - isTrainable: whether it is trained while it acts; otherwise it stays frozen.
    ///   - checkBase: whether a fingerprint of another base is an error.
    /// - Returns: what a user should be told, a line each.
    @discardableResult
    public func load(
        _ folder: Folder, name: String = "default", isTrainable: Bool = false, checkBase: Bool = true
    ) throws -> [String] {
        var notes: [String] = []
        let folder = try PEFTFormat.place(of: name, in: folder)
        let source = "\(folder.path)/\(PEFTFormat.configName)"
        let json = try JSON(parsing: folder.read(PEFTFormat.configName), source: source, allowsNonFinite: true)
        let config = try LoraConfig(json, source: source, reading: .file) { notes.append($0) }
        guard folder.isThere(PEFTFormat.weightsName) else {
            let pickle = folder.isThere("adapter_model.bin")
            throw AdapterError(
                "\(folder.path): there is no \(PEFTFormat.weightsName)"
                    + (pickle
                        ? "; adapter_model.bin is a pickle, which is never read: save it anew with a PEFT of today"
                        : ""))
        }
        let file = try SafetensorsFile(folder, PEFTFormat.weightsName)
        try checkRoom(for: config, name: name)
        let vocabulary = try FileVocabulary(file, config, model)
        let grown = try vocabulary.grow(self) { notes.append($0) }
        do {
            let targets: TargetModules
            do { targets = try TargetModules(config, in: model, reading: .file) } catch let error as AdapterError {
                throw AdapterError("\(source): \(error)")
            }
            try PEFTFormat.check(
                file, against: PEFTFormat.expected(targets, in: self), besides: vocabulary.keys, model: model)
            notes += try insert(config, name: name, reading: .file, isTrainable: isTrainable, zeroed: true)
            do {
                if checkBase { try vocabulary.checkTables() }
                notes += try fill(name, from: file, checkBase: checkBase)
            } catch {
                try delete(name)
                throw error
            }
        } catch {
            for before in grown.reversed() { (model as? any Model)?.restore(before) }
            throw error
        }
        return notes
    }

    /// The model, where it has a head on sequences.
    private var sequenceModel: (any Model)? {
        (model as? any Model).flatMap { $0.taskType == .sequenceClassification ? $0 : nil }
    }

    private func fill(_ name: String, from file: SafetensorsFile, checkBase: Bool) throws -> [String] {
        var notes: [String] = []
        if let text = file.metadata[Fingerprint.key] {
            let theirs = try Fingerprint(text, source: file.file.path)
            if checkBase { try theirs.check(Fingerprint(of: self, like: theirs), source: file.file.path) }
        } else {
            notes.append("\(file.file.path): has no fingerprint of its base; only shapes were checked")
        }
        if let model = sequenceModel, model.config.problemType == nil {
            let type = file.metadata[PEFTFormat.problemTypeKey].flatMap(ModelConfig.ProblemType.init(rawValue:))
            // Of one label there is one reading only.
            if type != .singleLabel || model.config.numLabels > 1 { model.config.problemType = type }
        }
        for (key, weight) in PEFTFormat.tensors(of: try adapter(name)) {
            guard let tensor = weight.tensor else { continue }
            let floats = try file.floats(key)
            guard floats.allSatisfy(\.isFinite) else {
                throw AdapterError("\(file.file.path): tensor '\(key)' has a number that is not finite")
            }
            let target = unsafe try tensor.mutableFloats()
            for (index, value) in floats.enumerated() { unsafe target[index] = value }
        }
        return notes
    }
}

extension PEFTFormat {
    /// Where the adapter lies: in the folder, or in the one of its name beneath; throws with what else the folder holds.
    static func place(of name: String, in folder: Folder) throws -> Folder {
        if folder.isThere(configName) { return folder }
        let others = AdapterFolder.beneath(folder)
        if others.contains(name) { return try folder.subfolder(name) }
        let missing = "\(folder.path): there is no \(configName)"
        if let other = others.first {
            throw AdapterError(
                "\(missing); there are adapters in folders beneath: \(LoadedModel.list(others.map { "'\(FormatError.shown($0))'" }, limit: 8)); "
                    + "name one of these, such as \(folder.path)/\(FormatError.shown(other))")
        }
        if folder.isThere("config.json") {
            throw AdapterError("\(missing); the folder holds a model, which load_model takes")
        }
        throw AdapterError("\(missing); an adapter folder has one")
    }

    /// Keys and shapes of the tensors that a file for these targets has.
    static func expected(_ targets: TargetModules, in set: AdapterSet) -> [(key: String, shape: [Int])] {
        var expected: [(key: String, shape: [Int])] = []
        for (path, linear, rank, _) in targets.linears {
            expected.append(("\(prefix)\(path).lora_A.weight", [rank, linear.inFeatures]))
            expected.append(("\(prefix)\(path).lora_B.weight", [linear.outFeatures, rank]))
        }
        for (_, module) in targets.saved {
            for weight in module.namedModules().flatMap({ $0.module.weights.map(\.weight) }) {
                expected.append((prefix + weight.name, weight.shape))
            }
        }
        for target in targets.tokens {
            expected.append(
                (
                    "\(prefix)\(target.path).\(TokenRows.localName)",
                    [target.indices.count, target.table.weight.shape[1]]
                ))
        }
        let adapted = Set(targets.linears.map(\.path))
        for weight in set.trainedBiases(targets.config, targets) {
            let path = String(weight.name.dropLast(".bias".count))
            expected.append((prefix + (adapted.contains(path) ? "\(path).base_layer.bias" : weight.name), weight.shape))
        }
        return expected
    }

    /// Throws unless the file has every expected tensor in its shape, and no other but those in `besides`.
    static func check(
        _ file: SafetensorsFile, against expected: [(key: String, shape: [Int])], besides: Set<String>,
        model: any Module
    ) throws {
        let source = file.file.path
        for (key, shape) in expected {
            guard let entry = file.entries[key] else {
                let hint = nearestName(to: key, in: file.entries.keys).map { "; the nearest there is '\($0)'" } ?? ""
                throw AdapterError("\(source): tensor '\(key)' is missing, which adapter_config.json asks for\(hint)")
            }
            guard entry.shape == shape else {
                throw AdapterError("\(source): tensor '\(key)' has shape \(entry.shape), this model needs \(shape)")
            }
        }
        let known = Set(expected.map(\.key))
        if let extra = file.entries.keys.first(where: {
            !known.contains($0) && !besides.contains($0) && !isLeftOver($0)
        }) {
            throw AdapterError(
                "\(source): tensor '\(extra)' belongs to no module of this \(model.kind) that adapter_config.json names; "
                    + "was the model loaded with the adapter's task_type?")
        }
    }
}

/// README.md beside an adapter, with the front matter by which hubs find its base.
enum ModelCard {
    static func text(_ config: LoraConfig) -> String {
        let base = config.baseModelNameOrPath ?? ""
        // JSON strings are YAML strings too, whatever the name holds.
        let quoted = JSON.string(base).serialized()
        let tag = JSON.string("base_model:adapter:\(base)").serialized()
        return """
            ---
            base_model: \(quoted)
            library_name: peft
            tags:
            - \(tag)
            - lora
            - transformers
            ---

            # LoRA adapter

            Trained with lorawb: rank \(config.r), lora_alpha \(JSON.number(config.loraAlpha).serialized()).

            ### Framework versions

            - PEFT \(config.peftVersion)

            """
    }
}
