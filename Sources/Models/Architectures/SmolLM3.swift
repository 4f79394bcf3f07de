import Options

/// SmolLM3 (Hugging Face 2025), as transformers' modeling_smollm3.py computes it: Llama, some of whose layers do not rotate.
///
/// PEFT names no usual targets for it; those of Llama serve.
struct SmolLM3: DecoderArchitecture {
    static let modelTypes = ["smollm3"]
    static let family = "SmolLM3"
    static let defaults: [String: OptionLiteral] = [
        "vocab_size": 128256, "hidden_size": 2048, "intermediate_size": 11008, "num_hidden_layers": 36,
        "num_attention_heads": 16, "max_position_embeddings": 32768,
    ]
    static let options =
        DecoderConfig.options + [
            Option("no_rope_layers", .integers, "1 for each layer that rotates, 0 for those that do not."),
            Option(
                "no_rope_layer_interval", .integer(1...10_000), default: 4,
                "Every how many layers one does not rotate."),
        ]
    static let paddingId: Int? = 128004

    let layers: DecoderConfig

    init(_ reader: ConfigReader) throws {
        let width = try reader.optionalInteger("head_dim") ?? reader.headWidth()
        let rope = try RotaryPositions(reader, headWidth: width, standard: 2_000_000)
        var layers = try DecoderConfig(reader, headWidth: width, rope: rope)
        layers.keyValueHeads = try reader.keyValueHeads(standard: 4, of: layers.heads)
        layers.tiesEmbeddings = reader.isGiven("tie_word_embeddings") ? layers.tiesEmbeddings : true
        let interval = try reader.integer("no_rope_layer_interval")
        let given = try reader["no_rope_layers"].map { value in
            guard let numbers = value.array?.compactMap(\.int) else {
                throw reader.error("no_rope_layers", expected: "a list of integers")
            }
            return numbers
        }
        if let given, given.count < layers.rotations.count {
            throw ModelError(
                "\(reader.source): 'no_rope_layers' has \(given.count) entries for \(layers.rotations.count) layers")
        }
        let rotates = layers.rotations.indices.map { layer in
            given.map { $0[layer] != 0 } ?? ((layer + 1) % interval != 0)
        }
        layers.rotations = rotates.map { $0 ? rope : nil }
        let window = try reader.boolean("use_sliding_window") ? reader.optionalInteger("sliding_window") : nil
        try layers.setWindows(reader, window) { !rotates[$0] }
        self.layers = layers
    }
}
