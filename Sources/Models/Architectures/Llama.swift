import Options

/// Llama 1 to 3 (Touvron and others 2023, arXiv:2302.13971), as transformers' modeling_llama.py computes it.
struct Llama: Architecture {
    static let modelTypes = ["llama"]
    static let family = "Llama"
    static let prefix = "model"
    static let defaults: [String: OptionLiteral] = [
        "vocab_size": 32000, "hidden_size": 4096, "intermediate_size": 11008, "num_hidden_layers": 32,
        "num_attention_heads": 32, "max_position_embeddings": 2048,
    ]
    static let options = DecoderConfig.options
    static let inert = ["pretraining_tp": InertOption([1], "only 1 is")]
    static let usualTargets = ["LORA": ["q_proj", "v_proj"]]
    static let tasks: [TaskType] = [.causalLM, .sequenceClassification, .tokenClassification]

    private let layers: DecoderConfig

    init(_ reader: ConfigReader) throws { layers = try DecoderConfig(reader) }

    func complete(_ config: inout ModelConfig, source: String) throws { config.reach(layers.rotations) }

    func backbone(_ scope: Scope, _ config: ModelConfig, _ task: TaskType?) throws -> any Backbone {
        try DecoderModel(scope, config, layers, family: Llama.family)
    }

    func head(_ task: TaskType, _ scope: Scope, _ config: ModelConfig, _ backbone: any Backbone) throws -> any Head {
        try layers.head(task, scope, config, backbone)
    }
}
