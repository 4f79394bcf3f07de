import Options

/// Mistral (Jiang and others 2023, arXiv:2310.06825), as transformers' modeling_mistral.py computes it: Llama whose layers see a
/// window of tokens.
struct Mistral: Architecture {
    static let modelTypes = ["mistral"]
    static let family = "Mistral"
    static let prefix = "model"
    static let defaults: [String: OptionLiteral] = [
        "vocab_size": 32000, "hidden_size": 4096, "intermediate_size": 14336, "num_hidden_layers": 32,
        "num_attention_heads": 32, "max_position_embeddings": 131072,
    ]
    static let options = DecoderConfig.options
    static let usualTargets = ["LORA": ["q_proj", "v_proj"]]
    static let tasks: [TaskType] = [.causalLM, .sequenceClassification, .tokenClassification]

    private let layers: DecoderConfig

    init(_ reader: ConfigReader) throws {
        var layers = try DecoderConfig(reader)
        layers.keyValueHeads = try reader.keyValueHeads(standard: 8, of: layers.heads)
        (layers.hasAttentionBias, layers.hasOutputBias, layers.hasMLPBias) = (false, false, false)
        // null is no window; absence is the reference's default.
        let window = reader.optionalInteger("sliding_window") ?? (reader.isGiven("sliding_window") ? nil : 4096)
        layers.windows = layers.windows.map { _ in window }
        self.layers = layers
    }

    func complete(_ config: inout ModelConfig, source: String) throws { config.reach(layers.rotations) }

    func backbone(_ scope: Scope, _ config: ModelConfig, _ task: TaskType?) throws -> any Backbone {
        try DecoderModel(scope, config, layers, family: Mistral.family)
    }

    func head(_ task: TaskType, _ scope: Scope, _ config: ModelConfig, _ backbone: any Backbone) throws -> any Head {
        try layers.head(task, scope, config, backbone)
    }
}
