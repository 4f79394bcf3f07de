import Formats
import Kernels
import Memory

/// What `loadModel` may be told.
public struct LoadOptions: Sendable {
    /// Where the values of a model's weights come from.
    public enum Weights: String, Sendable, CaseIterable {
        /// The files of the model.
        case file
        /// Random numbers: for tests and benchmarks.
        case random
        /// Nowhere: only shapes are known, for counts and plans.
        case none
    }

    /// The task; a bare model where nil.
    public var taskType: TaskType?
    /// Number of classes or outputs of the head; from config.json where nil.
    public var numLabels: Int?
    /// Names of the classes by id, 0, 1, …; from config.json where nil.
    public var id2label: [Int: String]?
    /// How the head's loss is computed; from config.json, or by the labels, where nil.
    public var problemType: ModelConfig.ProblemType?
    /// What frozen matrices are rounded to: "float32" or "bfloat16"; as in the file where nil (float16 and a GGUF file's
    /// quantised blocks become float32).
    public var dtype: String?
    /// How many packed copies of the matrices products make: more are faster; with none, one copy as it is in the file.
    public var packing = FrozenMatrix.Packing.twice
    /// Where values come from.
    public var weights = Weights.file
    /// Whether weights of another size in the file are started anew, such as a head of another number of labels.
    public var ignoreMismatchedSizes = false
    /// Seed of what is initialised, and of random weights.
    public var seed: UInt64 = 0

    /// A bare model with the weights of its folder.
    public init() {}

    /// Options by their names.
    public init(
        taskType: TaskType?, numLabels: Int? = nil, id2label: [Int: String]? = nil,
        problemType: ModelConfig.ProblemType? = nil, dtype: String? = nil, packing: FrozenMatrix.Packing = .twice,
        weights: Weights = .file, ignoreMismatchedSizes: Bool = false, seed: UInt64 = 0
    ) {
        (self.taskType, self.numLabels, self.id2label) = (taskType, numLabels, id2label)
        (self.problemType, self.dtype, self.packing) = (problemType, dtype, packing)
        (self.weights, self.ignoreMismatchedSizes, self.seed) = (weights, ignoreMismatchedSizes, seed)
    }

    /// How matrices are stored, by `dtype` and `packing`.
    func storage() throws -> MatrixStorage {
        if let problem = Backend.problem { throw ModelError(problem) }
        guard let dtype else { return MatrixStorage(dtype: nil, packing: packing) }
        guard let type = FrozenMatrix.DType(rawValue: dtype) else {
            throw ModelError(
                ["int8", "nf4", "float16"].contains(dtype)
                    ? "dtype '\(dtype)' is not supported yet; there are 'float32' and 'bfloat16'"
                    : "dtype expected 'float32' or 'bfloat16', got '\(dtype)'")
        }
        return MatrixStorage(dtype: type, packing: packing)
    }
}

/// A model, and what there is to say about how it was loaded.
public struct LoadedModel {
    /// The model, in evaluation mode.
    public let model: any Model
    /// Weights that the checkpoint did not have and that were initialised: a new head.
    public let initialised: [String]
    /// Weights that the checkpoint has in another size and that were initialised, each with both shapes.
    public let mismatched: [String]
    /// Tensors of the checkpoint that the model does not use.
    public let unused: [String]
    /// Why frozen matrices are float32 though bfloat16 was asked for; nil where nothing is to be said.
    public let expanded: String?

    /// What a user should be told, a line each.
    public var notes: [String] {
        var notes: [String] = expanded.map { [$0] } ?? []
        if !initialised.isEmpty {
            notes.append("initialised, not in the checkpoint: " + LoadedModel.list(initialised, limit: 8))
        }
        if !mismatched.isEmpty {
            notes.append("initialised, of another size in the checkpoint: " + LoadedModel.list(mismatched, limit: 8))
        }
        if !unused.isEmpty { notes.append("in the checkpoint, not used: " + LoadedModel.list(unused, limit: 4)) }
        return notes
    }

    /// The first names of a list, and how many more there are.
    package static func list(_ names: [String], limit: Int) -> String {
        names.prefix(limit).joined(separator: ", ") + (names.count > limit ? " and \(names.count - limit) more" : "")
    }
}

/// Loads a Hugging Face model folder: config.json and model.safetensors, or its shards.
///
/// Throws for a folder, configuration or weights that do not make the model; the message names the file and what was
/// there.
public func loadModel(_ folder: Folder, _ options: LoadOptions = LoadOptions()) throws -> LoadedModel {
    let source = "\(folder.path)/config.json"
    guard folder.isThere("config.json") else {
        let file = try folder.list().first { $0.hasSuffix(".gguf") }
        let hint =
            file.map { "to load '\(FormatError.shown($0))' name that file" } ?? AdapterFolder.explanation(of: folder)
        throw ModelError(
            "\(folder.path): there is no config.json; \(hint ?? "a model folder has one beside model.safetensors")")
    }
    let json = try JSON(parsing: folder.read("config.json"), source: source, allowsNonFinite: true)
    return try loadModel(ModelConfig(json, source: source), options, path: folder.path) {
        try SafetensorsWeights(folder)
    }
}

/// Loads a GGUF file of the folder: its metadata say what config.json says, its tensors are expanded to float32 or bfloat16.
///
/// Throws for a file whose family, blocks or metadata are not supported; the message names the file and what was there.
public func loadModel(
    _ folder: Folder, gguf name: String, _ options: LoadOptions = LoadOptions()
) throws -> LoadedModel {
    let file = try GGUFFile(folder, name)
    let config = try ModelConfig(GGUFConfig.json(of: file), source: file.file.path)
    return try loadModel(config, options, path: file.file.path) { try GGUFWeights(file) }
}

/// A model of this configuration with the weights of `open`, which is called where the files are wanted.
private func loadModel(
    _ config: ModelConfig, _ options: LoadOptions, path: String, _ open: () throws -> any WeightSource
) throws -> LoadedModel {
    var config = config
    try config.apply(options)
    switch options.weights {
    case .random: return try makeModel(config, options)
    case .none: return try makeModel(config, options, files: try? open())
    case .file: break
    }
    let storage = try options.storage()
    let prefix = type(of: config.architecture).prefix
    let isBare = options.taskType == nil || options.taskType == .featureExtraction
    let backbone = isBare ? "" : prefix + "."
    let store = CheckpointStore(
        try open(), prefix: prefix, storage: storage, seed: options.seed,
        ignoresSizes: options.ignoreMismatchedSizes,
        isOptional: { !$0.hasPrefix(backbone) || $0.hasPrefix(backbone + "pooler.") })
    try checkSize(of: config, options) { store.makes($0) }
    let model = try PretrainedModel(config, taskType: options.taskType, store: store)
    guard store.missing.isEmpty else {
        throw ModelError(
            "\(path): the checkpoint lacks \(store.missing.count) weights of a \(model.kind): "
                + LoadedModel.list(store.missing, limit: 5))
    }
    return LoadedModel(
        model: model, initialised: store.initialised, mismatched: store.mismatched, unused: store.unused,
        expanded: store.expanded)
}

/// Makes a model without a checkpoint, with random weights or with shapes only.
public func makeModel(_ config: ModelConfig, _ options: LoadOptions) throws -> LoadedModel {
    try makeModel(config, options, files: nil)
}

/// The same; `files` say how the numbers would be stored of which only the shapes are made.
private func makeModel(
    _ config: ModelConfig, _ options: LoadOptions, files: (any WeightSource)?
) throws -> LoadedModel {
    let storage = try options.storage()
    let random = RandomStore(key: RandomKey(seed: options.seed), storage: storage)
    let store: any WeightStore = options.weights == .none ? ShapeStore(storage: storage, files: files) : random
    if options.weights == .random { try checkSize(of: config, options) { _ in true } }
    let model = try PretrainedModel(config, taskType: options.taskType, store: store)
    let isExpanded = options.weights == .random && storage.dtype == .bfloat16 && storage.resolved(.bfloat16) == .float32
    return LoadedModel(
        model: model, initialised: [], mismatched: [], unused: [],
        expanded: isExpanded ? storage.expansion(of: "dtype") : nil)
}

/// Throws where the weights that are made in memory, of those of a model, do not fit into it; nothing is made before.
private func checkSize(
    of config: ModelConfig, _ options: LoadOptions, isMade: @escaping (_ name: String) -> Bool
) throws {
    let sizes = SizeStore(isMade)
    _ = try PretrainedModel(config, taskType: options.taskType, store: sizes)
    do { try MemoryBudget.expect(sizes.bytes) } catch {
        throw ModelError("\(error); '\(sizes.largest)' of shape \(sizes.largestShape) is the largest weight to be made")
    }
}

extension ModelConfig {
    /// Takes over what `options` say of the head, and checks the rest of them.
    mutating func apply(_ options: LoadOptions) throws {
        _ = try options.storage()
        if let names = options.id2label {
            guard !names.isEmpty, (0..<names.count).allSatisfy({ names[$0] != nil }) else {
                throw ModelError("id2label needs a name for each id 0, 1, …; it has \(names.keys.sorted())")
            }
            if let count = options.numLabels, count != names.count {
                throw ModelError("num_labels is \(count), but id2label names \(names.count) classes")
            }
            (numLabels, id2label) = (names.count, names)
        } else if let count = options.numLabels {
            guard (1...1 << 20).contains(count) else {
                throw ModelError("num_labels expected an integer of at least 1, got \(count)")
            }
            if count != numLabels {
                id2label = Dictionary(uniqueKeysWithValues: (0..<count).map { ($0, ModelConfig.unnamed($0)) })
            }
            numLabels = count
        }
        if let type = options.problemType { problemType = type }
        try checkHead(options)
    }

    /// Throws what is wrong with what config.json says of a head, where the task has one and `options` do not say it instead.
    private func checkHead(_ options: LoadOptions) throws {
        guard let task = options.taskType, ![.featureExtraction, .causalLM, .seq2SeqLM].contains(task) else { return }
        var problems = headProblems
        if options.numLabels != nil || options.id2label != nil {
            for key in ["id2label", "num_labels"] { problems[key] = nil }
        }
        if options.problemType != nil || task != .sequenceClassification { problems["problem_type"] = nil }
        if let problem = problems.min(by: { $0.key < $1.key }) { throw ModelError(problem.value.description) }
        if task == .sequenceClassification, problemType == .singleLabel, numLabels == 1 {
            throw ModelError(
                "problem_type 'single_label_classification' needs num_labels of at least 2, and this is 1; a number for each text is 'regression'"
            )
        }
    }
}

/// Writes a model whole, as transformers does: model.safetensors, with what was merged, and config.json.
///
/// Each weight is written as it is in memory, matrices of a bfloat16 model in their own bits. What stands beside them in float32,
/// vectors and a trained head, is bfloat16 where the file had it so and nothing is lost.
public func saveModel(_ model: any Model, to folder: Folder) throws {
    let weights = model.namedModules().flatMap { $0.module.weights.map(\.weight) }
    for weight in weights { _ = try weight.current() }
    let dtype = model.dtype
    let items = try weights.map { weight in
        guard dtype == .bfloat16, try weight.fitsBfloat16() else {
            return SafetensorsWriter.Item(name: weight.name, dtype: .f32, shape: weight.shape) { writer in
                unsafe try weight.active.floats().withUnsafeBytes { unsafe try writer.append($0) }
            }
        }
        return SafetensorsWriter.Item(name: weight.name, dtype: .bf16, shape: weight.shape) { writer in
            let bits = try weight.active.floats().map(HalfFloats.bfloat16)
            unsafe try bits.withUnsafeBytes { unsafe try writer.append($0) }
        }
    }
    try SafetensorsWriter.write(items, metadata: ["format": "pt"], to: folder, "model.safetensors")
    let json = model.config.toJSON(kind: model.kind, dtype: dtype)
    try folder.write("config.json", text: json.serialized(indent: 2, sortedKeys: true) + "\n")
}

extension Model {
    /// Element type of the frozen matrices: bfloat16 where any of them is.
    public var dtype: FrozenMatrix.DType {
        let isHalf = namedModules().contains { $0.module.weights.contains { $0.weight.dtype == .bfloat16 } }
        return isHalf ? .bfloat16 : .float32
    }
}

extension Weight {
    /// Whether the numbers are bfloat16 without loss, and were so before.
    fileprivate func fitsBfloat16() throws -> Bool {
        if dtype == .bfloat16 { return true }
        guard fileDType == "BF16", active === self else { return false }
        return try floats().allSatisfy { $0.bitPattern & 0xffff == 0 }
    }
}
