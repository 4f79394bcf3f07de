import Formats
import Kernels

extension ModelConfig {
    /// Most that a size in config.json may be: far above any model, far below what overflows.
    private static let largest = 1 << 24

    /// Configuration of config.json; `source` names the file in errors.
    ///
    /// Absent keys have the defaults that transformers' configuration classes have. Throws for an unknown `model_type`, a
    /// value of the wrong type or outside of its range, and what changes the computation and is not supported.
    public init(_ json: JSON, source: String) throws {
        let reader = ConfigReader(json: json, source: source)
        modelType = try json.required("model_type", "a string", source: source) { $0.string }
        guard let architecture = Architecture(rawValue: modelType) else {
            throw ModelError(
                "\(source): model_type '\(modelType)' is not supported; there are \(Architecture.supported)")
        }
        let isDistil = architecture == .distilbert
        vocabSize = try reader.size("vocab_size", architecture == .roberta ? 50265 : 30522, ModelConfig.largest)
        hiddenSize = try reader.size(isDistil ? "dim" : "hidden_size", 768, ModelConfig.largest)
        numHiddenLayers = try reader.size(
            isDistil ? "n_layers" : "num_hidden_layers", isDistil ? 6 : 12, 10_000, least: 0)
        numAttentionHeads = try reader.size(isDistil ? "n_heads" : "num_attention_heads", 12, ModelConfig.largest)
        intermediateSize = try reader.size(isDistil ? "hidden_dim" : "intermediate_size", 3072, ModelConfig.largest)
        maxPositionEmbeddings = try reader.size("max_position_embeddings", 512, ModelConfig.largest)
        typeVocabSize = isDistil ? 0 : try reader.size("type_vocab_size", 2, ModelConfig.largest)
        hiddenAct = try reader.activation(isDistil ? "activation" : "hidden_act")
        layerNormEps = isDistil ? 1e-12 : try reader.number("layer_norm_eps", 1e-12, 0...1)
        padTokenId = try reader.padding(default: architecture == .roberta ? 1 : 0, entries: vocabSize)
        hiddenDropout = try reader.number(isDistil ? "dropout" : "hidden_dropout_prob", 0.1, 0...1)
        attentionDropout = try reader.number(
            isDistil ? "attention_dropout" : "attention_probs_dropout_prob", 0.1, 0...1)
        classifierDropout =
            isDistil
            ? try reader.number("seq_classif_dropout", 0.2, 0...1)
            : try reader.optionalNumber("classifier_dropout", 0...1)
        initializerRange = try reader.number("initializer_range", 0.02, 0...1e6)
        problemType = try json.optional(
            "problem_type", ProblemType.allCases.map { "'\($0.rawValue)'" }.joined(separator: " or "), source: source
        ) { $0.string.flatMap(ProblemType.init(rawValue:)) }
        (numLabels, id2label) = try reader.labels(largest: 1 << 20)
        self.json = json
        try check(reader)
    }

    private func check(_ reader: ConfigReader) throws {
        guard hiddenSize % numAttentionHeads == 0 else {
            throw reader.error(
                "hidden size \(hiddenSize) is no multiple of the number of attention heads, \(numAttentionHeads)")
        }
        guard maxLength > 0 else {
            throw reader.error(
                "'max_position_embeddings' \(maxPositionEmbeddings) leaves no positions behind the padding entry \(padTokenId ?? 1)"
            )
        }
        // RoBERTa's padding entry is also one of its position table.
        if modelType == "roberta", let padTokenId, padTokenId >= maxPositionEmbeddings {
            throw reader.error("'pad_token_id' \(padTokenId) is outside of the position table")
        }
        let refused: [(key: String, allowed: JSON)] = [
            ("is_decoder", .bool(false)), ("add_cross_attention", .bool(false)),
            ("position_embedding_type", .string("absolute")),
        ]
        for (key, allowed) in refused {
            if let value = reader.json[key], !value.isNull, value != allowed {
                throw reader.error("'\(key)' of \(value.kind) is not supported, only \(allowed.kind)")
            }
        }
        if let value = reader.json["quantization_config"], !value.isNull {
            throw reader.error(
                "'quantization_config' is not supported: the weights must be float32, float16 or bfloat16")
        }
    }

    /// What config.json says of this model, for a model saved whole.
    public func toJSON(kind: String, dtype: FrozenMatrix.DType) -> JSON {
        var members = json.object ?? [:]
        members["architectures"] = .array([.string(kind)])
        members["model_type"] = .string(modelType)
        for key in ["num_labels", "torch_dtype"] { members.removeValue(forKey: key) }
        members["dtype"] = .string(dtype.rawValue)
        let names = (0..<numLabels).map { id2label[$0] ?? "LABEL_\($0)" }
        members["id2label"] = .object(.init(names.enumerated().map { (String($0), .string($1)) }))
        var ids: JSONObject = [:]
        for (id, name) in names.enumerated() { ids[name] = .integer(Int64(id)) }
        members["label2id"] = .object(ids)
        if let problemType { members["problem_type"] = .string(problemType.rawValue) }
        return .object(members)
    }
}

/// Reads members of config.json with their ranges.
private struct ConfigReader {
    let json: JSON
    let source: String

    func error(_ what: String) -> ModelError { ModelError("\(source): \(what)") }

    func size(_ key: String, _ standard: Int, _ largest: Int, least: Int = 1) throws -> Int {
        try json.optional(key, "an integer in \(least)...\(largest)", source: source) { value in
            value.int.flatMap { $0 >= least && $0 <= largest ? $0 : nil }
        } ?? standard
    }

    func optionalNumber(_ key: String, _ range: ClosedRange<Double>) throws -> Double? {
        try json.optional(key, "a number in \(range.lowerBound)...\(range.upperBound)", source: source) { value in
            value.double.flatMap { range.contains($0) ? $0 : nil }
        }
    }

    func number(_ key: String, _ standard: Double, _ range: ClosedRange<Double>) throws -> Double {
        try optionalNumber(key, range) ?? standard
    }

    func activation(_ key: String) throws -> ActivationFunction {
        let name = try json.optional(key, "a string", source: source) { $0.string } ?? "gelu"
        guard let function = ActivationFunction(rawValue: name) else {
            let known = ActivationFunction.allCases.map { "'\($0.rawValue)'" }.joined(separator: ", ")
            throw error("'\(key)' of '\(name)' is not supported; there are \(known)")
        }
        return function
    }

    /// The padding entry: null means none, absence the default.
    func padding(default standard: Int, entries: Int) throws -> Int? {
        guard let value = json["pad_token_id"] else { return standard < entries ? standard : nil }
        guard !value.isNull else { return nil }
        guard let id = value.int, (0..<entries).contains(id) else {
            throw error("'pad_token_id' expected an integer in 0..<\(entries), got \(value.kind)")
        }
        return id
    }

    /// Number of labels and their names: id2label decides, then num_labels, then 2.
    func labels(largest: Int) throws -> (Int, [Int: String]) {
        let count = try json.optional("num_labels", "an integer in 1...\(largest)", source: source) { value in
            value.int.flatMap { $0 >= 1 && $0 <= largest ? $0 : nil }
        }
        guard let table = try json.optional("id2label", "an object", source: source, { $0.object }) else {
            let labels = count ?? 2
            return (labels, Dictionary(uniqueKeysWithValues: (0..<labels).map { ($0, "LABEL_\($0)") }))
        }
        var names: [Int: String] = [:]
        for (key, value) in table {
            guard let id = Int(key), id >= 0, id < largest, let name = value.string else {
                throw error("'id2label' expected names by integer ids, got '\(key)': \(value.kind)")
            }
            names[id] = name
        }
        guard !names.isEmpty else { throw error("'id2label' is empty") }
        return (names.count, names)
    }
}
