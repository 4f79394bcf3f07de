import Formats
import Kernels
import Options

/// Reads a config.json as one family has it: what all families have under the family's names, and options of its own.
struct ConfigReader {
    private let reader: OptionReader<JSON>
    private let attributeMap: [String: String]
    let source: String
    /// What is wrong with what the file says of a head, by key: an error only where a head is made that needs it.
    private(set) var headProblems: [String: OptionError] = [:]

    /// Keys that only heads on labels need; a model without one, or with options instead, is not held to them.
    private static let ofHeads: Set<String> = [
        "classifier_dropout", "id2label", "num_labels", "problem_type", "seq_classif_dropout",
    ]

    /// Sizes are at most 2^24: far above any model, far below what overflows.
    static let size = OptionType.integer(1...1 << 24)

    /// What all families have, by transformers' names, with the defaults of most.
    private static let shared: [Option] = [
        Option("vocab_size", size, default: 30522, "Entries of the vocabulary."),
        Option("hidden_size", size, default: 768, "Width of the states."),
        Option("num_hidden_layers", .integer(0...10_000), default: 12, "Layers."),
        Option("num_attention_heads", size, default: 12, "Heads of attention."),
        Option("intermediate_size", size, default: 3072, "Width between the two products of a layer."),
        Option("max_position_embeddings", size, default: 512, "Positions."),
        Option("pad_token_id", .integer(-1...1 << 24), "Id of padding."),
        Option("initializer_range", .number(NumberRange(0, 1e6)), default: 0.02, "Deviation of new weights."),
        Option(
            "problem_type", .oneOf(ModelConfig.ProblemType.allCases.map(\.rawValue)), "How the head's loss is computed."
        ),
        Option("num_labels", .integer(1...1 << 20), "Outputs of the head."),
        Option("id2label", .table, "Names of the labels by id."),
    ]

    init(_ json: JSON, as architecture: any Architecture.Type, source: String) throws {
        (attributeMap, self.source) = (architecture.attributeMap, source)
        let shared = ConfigReader.shared.map { option in
            Option(
                architecture.attributeMap[option.name] ?? option.name, option.type,
                default: architecture.defaults[option.name] ?? option.standard, option.doc)
        }
        let table = OptionTable(
            shared + architecture.options,
            refused: ["quantization_config": "is not supported: the weights must be float32, float16 or bfloat16"],
            inert: architecture.inert)
        let members = (json.object ?? [:]).map { (name: $0.key, value: $0.value) }
        var needed = members
        for member in members where ConfigReader.ofHeads.contains(member.name) {
            do { _ = try OptionReader([member], table, place: "\(source): ", ignoresUnknown: true) } catch let error
                as OptionError
            {
                headProblems[member.name] = error
                needed.removeAll { $0.name == member.name }
            }
        }
        reader = try OptionReader(needed, table, place: "\(source): ", ignoresUnknown: true)
    }

    private func name(_ shared: String) -> String { attributeMap[shared] ?? shared }

    func integer(_ key: String) throws -> Int { try reader.integer(name(key)) }
    func number(_ key: String) throws -> Double { try reader.number(name(key)) }
    func boolean(_ key: String) throws -> Bool { try reader.boolean(name(key)) }
    func optionalInteger(_ key: String) -> Int? { reader.optionalInteger(name(key)) }
    func optionalNumber(_ key: String) -> Double? { reader.optionalNumber(name(key)) }
    func optionalBoolean(_ key: String) -> Bool? { reader.optionalBoolean(name(key)) }
    func optionalString(_ key: String) -> String? { reader.optionalString(name(key)) }
    func choice<Choice: RawRepresentable<String>>(_ key: String) -> Choice? { reader.choice(name(key)) }
    func error(_ key: String, expected: String) -> OptionError { reader.error(name(key), expected: expected) }
    subscript(key: String) -> JSON? { reader[name(key)] }
    /// Whether the file has the key, be it with null.
    func isGiven(_ key: String) -> Bool { reader.given.contains(name(key)) }

    /// Width of a head where heads share the hidden size; throws where they cannot.
    func headWidth() throws -> Int {
        let (width, heads) = (try integer("hidden_size"), try integer("num_attention_heads"))
        guard width % heads == 0 else {
            throw ModelError(
                "\(source): hidden size \(width) is no multiple of the number of attention heads, \(heads)")
        }
        return width / heads
    }

    /// Heads of keys and values, of `heads` of queries: null means as many, absence the default.
    func keyValueHeads(standard: Int, of heads: Int) throws -> Int {
        let count = optionalInteger("num_key_value_heads") ?? (isGiven("num_key_value_heads") ? heads : standard)
        guard heads % count == 0 else {
            throw ModelError(
                "\(source): \(heads) heads cannot share \(count) heads of keys and values (num_key_value_heads)")
        }
        return count
    }

    /// An activation by its name; `standard` where the file has none.
    func activation(_ key: String, default standard: ActivationFunction) -> ActivationFunction {
        choice(key) ?? standard
    }

    /// How the table of options declares an activation.
    static func activation(_ key: String) -> Option {
        Option(key, .oneOf(ActivationFunction.allCases.map(\.rawValue)), "Activation function of a layer.")
    }

    /// Number of labels and their names, as transformers reads them (`PreTrainedConfig`, 5.23): num_labels decides where id2label
    /// has not as many, then id2label, then there are 2.
    func labels(largest: Int) throws -> (Int, [Int: String]) {
        let count = reader.optionalInteger("num_labels")
        guard let value = reader["id2label"] else { return ConfigReader.unnamed(count ?? 2) }
        guard let table = value.asMembers else { throw reader.error("id2label", expected: "names by integer ids") }
        var names: [Int: String] = [:]
        for (key, value) in table {
            guard let id = Int(key), id >= 0, id < largest, !value.isTable else {
                throw OptionError(
                    "\(reader.place)option 'id2label' expected names by integer ids, got '\(FormatError.shown(key))': \(value.kind)"
                )
            }
            // A name that was written as a number is that number's text.
            names[id] = value.string ?? value.compact()
        }
        if let count, count != names.count { return ConfigReader.unnamed(count) }
        // transformers makes a head of no outputs then, which is of no use.
        if names.isEmpty { return ConfigReader.unnamed(2) }
        return (names.count, names)
    }

    private static func unnamed(_ count: Int) -> (Int, [Int: String]) {
        (count, Dictionary(uniqueKeysWithValues: (0..<count).map { ($0, ModelConfig.unnamed($0)) }))
    }
}

extension ModelConfig {
    /// Lets sequences be as long as the scaling of rotary frequencies is for.
    mutating func reach(_ rotations: [RotaryPositions?]) {
        maxLength = max(maxLength, rotations.compactMap { $0?.reach }.max() ?? 0)
        cacheBorder = rotations.compactMap { $0?.cacheBorder }.min()
    }

    /// Configuration of config.json; `source` names the file in errors.
    ///
    /// Absent keys have the defaults that transformers' configuration classes have. Throws for an unknown `model_type`, a
    /// value of the wrong type or outside of its range, and what changes the computation and is not supported.
    public init(_ json: JSON, source: String) throws {
        let type = try json.required("model_type", "a string", source: source) { $0.string }
        let architecture: any Architecture.Type
        do { architecture = try Architectures.named(type) } catch { throw ModelError("\(source): \(error)") }
        do {
            let reader = try ConfigReader(json, as: architecture, source: source)
            self = try ModelConfig(reader, type, json, architecture)
        } catch let error as OptionError {
            throw ModelError(error.description)
        }
    }

    private init(
        _ reader: ConfigReader, _ type: String, _ json: JSON, _ family: any Architecture.Type
    ) throws {
        (modelType, self.json) = (type, json)
        vocabSize = try reader.integer("vocab_size")
        hiddenSize = try reader.integer("hidden_size")
        numHiddenLayers = try reader.integer("num_hidden_layers")
        numAttentionHeads = try reader.integer("num_attention_heads")
        intermediateSize = reader.optionalInteger("intermediate_size") ?? 4 * hiddenSize
        maxPositionEmbeddings = try reader.integer("max_position_embeddings")
        maxLength = maxPositionEmbeddings
        initializerRange = try reader.number("initializer_range")
        problemType = reader.choice("problem_type")
        (numLabels, id2label, headProblems) = (2, [:], reader.headProblems)
        do { (numLabels, id2label) = try reader.labels(largest: 1 << 20) } catch let error as OptionError {
            headProblems["id2label"] = error
        }
        padTokenId = try ModelConfig.padding(reader, family.paddingId, entries: vocabSize)
        architecture = try family.init(reader)
        try architecture.complete(&self, source: reader.source)
        guard maxLength > 0 else {
            throw ModelError(
                "\(reader.source): 'max_position_embeddings' \(maxPositionEmbeddings) leaves no positions behind the padding entry \(padTokenId ?? 1)"
            )
        }
    }

    /// The padding entry: null means none, absence the default; so does −1, which some files have.
    private static func padding(_ reader: ConfigReader, _ standard: Int?, entries: Int) throws -> Int? {
        guard let id = reader.optionalInteger("pad_token_id"), id >= 0 else {
            guard let standard, !reader.isGiven("pad_token_id"), standard < entries else { return nil }
            return standard
        }
        guard id < entries else {
            throw reader.error("pad_token_id", expected: "an integer from 0 to \(entries - 1)")
        }
        return id
    }

    /// Sets the number of entries of the vocabulary, in what config.json says too.
    mutating func setVocabSize(_ size: Int) {
        vocabSize = size
        var members = json.object ?? [:]
        members["vocab_size"] = .integer(Int64(size))
        json = .object(members)
    }

    /// What config.json says of this model, for a model saved whole.
    public func toJSON(kind: String, dtype: FrozenMatrix.DType) -> JSON {
        var members = json.object ?? [:]
        members["architectures"] = .array([.string(kind)])
        members["model_type"] = .string(modelType)
        for key in ["num_labels", "torch_dtype"] where headProblems[key] == nil { members.removeValue(forKey: key) }
        members["dtype"] = .string(dtype.rawValue)
        // What could not be read stays as it was.
        if headProblems["id2label"] == nil {
            let names = (0..<numLabels).map(label)
            members["id2label"] = .object(.init(names.enumerated().map { (String($0), .string($1)) }))
            var ids: JSONObject = [:]
            for (id, name) in names.enumerated() { ids[name] = .integer(Int64(id)) }
            members["label2id"] = .object(ids)
        }
        if let problemType { members["problem_type"] = .string(problemType.rawValue) }
        return .object(members)
    }
}
