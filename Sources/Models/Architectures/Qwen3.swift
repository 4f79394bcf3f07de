import Options

/// Qwen 3 (Yang and others 2025, arXiv:2505.09388), as transformers' modeling_qwen3.py computes it: heads of a width of their own,
/// queries and keys normalised head by head, no biases.
struct Qwen3: Architecture {
    static let modelTypes = ["qwen3"]
    static let family = "Qwen3"
    static let prefix = "model"
    static let defaults = Qwen2.defaults
    static let options = DecoderConfig.options
    static let usualTargets = ["LORA": ["q_proj", "v_proj"]]
    static let tasks: [TaskType] = [.causalLM, .sequenceClassification, .tokenClassification]

    private let layers: DecoderConfig

    init(_ reader: ConfigReader) throws {
        var layers = try DecoderConfig(reader, headWidth: reader.optionalInteger("head_dim") ?? 128)
        layers.keyValueHeads = try reader.keyValueHeads(standard: 32, of: layers.heads)
        (layers.normsHeads, layers.hasMLPBias) = (true, false)
        try layers.setUpperWindows(reader)
        self.layers = layers
    }

    func complete(_ config: inout ModelConfig, source: String) throws { config.reach(layers.rotations) }

    func backbone(_ scope: Scope, _ config: ModelConfig, _ task: TaskType?) throws -> any Backbone {
        try DecoderModel(scope, config, layers, family: Qwen3.family)
    }

    func head(_ task: TaskType, _ scope: Scope, _ config: ModelConfig, _ backbone: any Backbone) throws -> any Head {
        try layers.head(task, scope, config, backbone)
    }
}
