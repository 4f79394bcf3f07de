import Formats
import Kernels
import Options

extension ModelConfig {
    /// The keys under which a family's config.json has what all families have.
    private struct Keys {
        let hiddenSize, numHiddenLayers, numAttentionHeads, intermediateSize, hiddenAct, hiddenDropout,
            attentionDropout, classifierDropout: String

        static let bert = Keys(
            hiddenSize: "hidden_size", numHiddenLayers: "num_hidden_layers", numAttentionHeads: "num_attention_heads",
            intermediateSize: "intermediate_size", hiddenAct: "hidden_act", hiddenDropout: "hidden_dropout_prob",
            attentionDropout: "attention_probs_dropout_prob", classifierDropout: "classifier_dropout")
        static let distilbert = Keys(
            hiddenSize: "dim", numHiddenLayers: "n_layers", numAttentionHeads: "n_heads",
            intermediateSize: "hidden_dim", hiddenAct: "activation", hiddenDropout: "dropout",
            attentionDropout: "attention_dropout", classifierDropout: "seq_classif_dropout")
    }

    /// What config.json may hold, with the defaults that transformers' configuration classes have.
    ///
    /// Sizes are at most 2^24: far above any model, far below what overflows.
    private static func options(_ architecture: Architecture, _ keys: Keys) -> OptionTable {
        let isDistil = architecture == .distilbert
        let size = OptionType.integer(1...1 << 24)
        let own =
            isDistil
            ? [Option(keys.classifierDropout, .number(.unit), default: 0.2, "Dropout before the head.")]
            : [
                Option(keys.classifierDropout, .number(.unit), "Dropout before the head."),
                Option("type_vocab_size", size, default: 2, "Segments."),
                Option("layer_norm_eps", .number(.unit), default: 1e-12, "Added to variances."),
            ]
        return OptionTable(
            [
                Option(
                    "vocab_size", size, default: architecture == .roberta ? 50265 : 30522, "Entries of the vocabulary."),
                Option(keys.hiddenSize, size, default: 768, "Width of the states."),
                Option(keys.numHiddenLayers, .integer(0...10_000), default: isDistil ? 6 : 12, "Layers."),
                Option(keys.numAttentionHeads, size, default: 12, "Heads of attention."),
                Option(keys.intermediateSize, size, default: 3072, "Width between the two products of a layer."),
                Option("max_position_embeddings", size, default: 512, "Entries of the position table."),
                Option(
                    keys.hiddenAct, .oneOf(ActivationFunction.allCases.map(\.rawValue)), default: "gelu",
                    "Activation function of a layer."),
                Option("pad_token_id", .integer(0...1 << 24), "Id of padding."),
                Option(keys.hiddenDropout, .number(.unit), default: 0.1, "Dropout of states."),
                Option(keys.attentionDropout, .number(.unit), default: 0.1, "Dropout of attention's weights."),
                Option("initializer_range", .number(NumberRange(0, 1e6)), default: 0.02, "Deviation of new weights."),
                Option(
                    "problem_type", .oneOf(ProblemType.allCases.map(\.rawValue)), "How the head's loss is computed."),
                Option("num_labels", .integer(1...1 << 20), "Outputs of the head."),
                Option("id2label", .table, "Names of the labels by id."),
            ] + own,
            refused: [
                "quantization_config": "is not supported: the weights must be float32, float16 or bfloat16"
            ],
            inert: [
                "is_decoder": InertOption([false], "only encoders are"),
                "add_cross_attention": InertOption([false], "only encoders are"),
                "position_embedding_type": InertOption(["absolute"], "only 'absolute' is"),
            ])
    }

    /// Configuration of config.json; `source` names the file in errors.
    ///
    /// Absent keys have the defaults that transformers' configuration classes have. Throws for an unknown `model_type`, a
    /// value of the wrong type or outside of its range, and what changes the computation and is not supported.
    public init(_ json: JSON, source: String) throws {
        modelType = try json.required("model_type", "a string", source: source) { $0.string }
        guard let architecture = Architecture(rawValue: modelType) else {
            throw ModelError(
                "\(source): model_type '\(modelType)' is not supported; there are \(Architecture.supported)")
        }
        let isDistil = architecture == .distilbert
        let keys = isDistil ? Keys.distilbert : Keys.bert
        let members = (json.object ?? [:]).map { (name: $0.key, value: $0.value) }
        do {
            let reader = try OptionReader(
                members, ModelConfig.options(architecture, keys), place: "\(source): ", ignoresUnknown: true)
            vocabSize = try reader.integer("vocab_size")
            hiddenSize = try reader.integer(keys.hiddenSize)
            numHiddenLayers = try reader.integer(keys.numHiddenLayers)
            numAttentionHeads = try reader.integer(keys.numAttentionHeads)
            intermediateSize = try reader.integer(keys.intermediateSize)
            maxPositionEmbeddings = try reader.integer("max_position_embeddings")
            typeVocabSize = isDistil ? 0 : try reader.integer("type_vocab_size")
            hiddenAct = reader.choice(keys.hiddenAct) ?? .gelu
            layerNormEps = isDistil ? 1e-12 : try reader.number("layer_norm_eps")
            padTokenId = try ModelConfig.padding(
                reader, default: architecture == .roberta ? 1 : 0, entries: vocabSize)
            hiddenDropout = try reader.number(keys.hiddenDropout)
            attentionDropout = try reader.number(keys.attentionDropout)
            classifierDropout = reader.optionalNumber(keys.classifierDropout)
            initializerRange = try reader.number("initializer_range")
            problemType = reader.choice("problem_type")
            (numLabels, id2label) = try ModelConfig.labels(reader, largest: 1 << 20)
        } catch let error as OptionError {
            throw ModelError(error.description)
        }
        self.json = json
        try check(source)
    }

    /// The padding entry: null means none, absence the default.
    private static func padding(_ reader: OptionReader<JSON>, default standard: Int, entries: Int) throws -> Int? {
        guard let id = reader.optionalInteger("pad_token_id") else {
            return reader.given.contains("pad_token_id") || standard >= entries ? nil : standard
        }
        guard id < entries else {
            throw reader.error("pad_token_id", expected: "an integer from 0 to \(entries - 1)")
        }
        return id
    }

    /// Number of labels and their names: id2label decides, then num_labels, then 2.
    private static func labels(_ reader: OptionReader<JSON>, largest: Int) throws -> (Int, [Int: String]) {
        guard let table = reader["id2label"]?.asMembers else {
            let labels = reader.optionalInteger("num_labels") ?? 2
            return (labels, Dictionary(uniqueKeysWithValues: (0..<labels).map { ($0, "LABEL_\($0)") }))
        }
        var names: [Int: String] = [:]
        for (key, value) in table {
            guard let id = Int(key), id >= 0, id < largest, let name = value.string else {
                throw OptionError(
                    "\(reader.place)option 'id2label' expected names by integer ids, got '\(FormatError.shown(key))': \(value.kind)"
                )
            }
            names[id] = name
        }
        guard !names.isEmpty else { throw OptionError("\(reader.place)option 'id2label' is empty") }
        return (names.count, names)
    }

    private func check(_ source: String) throws {
        func error(_ what: String) -> ModelError { ModelError("\(source): \(what)") }
        guard hiddenSize % numAttentionHeads == 0 else {
            throw error(
                "hidden size \(hiddenSize) is no multiple of the number of attention heads, \(numAttentionHeads)")
        }
        guard maxLength > 0 else {
            throw error(
                "'max_position_embeddings' \(maxPositionEmbeddings) leaves no positions behind the padding entry \(padTokenId ?? 1)"
            )
        }
        // RoBERTa's padding entry is also one of its position table.
        if modelType == "roberta", let padTokenId, padTokenId >= maxPositionEmbeddings {
            throw error("'pad_token_id' \(padTokenId) is outside of the position table")
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
