import Options

/// Qwen 2 and 2.5 (Yang and others 2024, arXiv:2407.10671), as transformers' modeling_qwen2.py computes it: Llama with biases of
/// queries, keys and values, whose upper layers may see a window.
struct Qwen2: DecoderArchitecture {
    static let modelTypes = ["qwen2"]
    static let family = "Qwen2"
    static let defaults: [String: OptionLiteral] = [
        "vocab_size": 151936, "hidden_size": 4096, "intermediate_size": 22016, "num_hidden_layers": 32,
        "num_attention_heads": 32, "max_position_embeddings": 32768,
    ]

    let layers: DecoderConfig

    init(_ reader: ConfigReader) throws {
        var layers = try DecoderConfig(reader)
        layers.keyValueHeads = try reader.keyValueHeads(standard: 32, of: layers.heads)
        (layers.hasAttentionBias, layers.hasOutputBias, layers.hasMLPBias) = (true, false, false)
        try layers.setUpperWindows(reader)
        self.layers = layers
    }
}

extension DecoderConfig {
    /// Qwen's windows: those of the layers from max_window_layers on, where use_sliding_window says so.
    mutating func setUpperWindows(_ reader: ConfigReader) throws {
        let first = try reader.integer("max_window_layers")
        let window = try reader.boolean("use_sliding_window") ? reader.slidingWindow : nil
        try setWindows(reader, window) { $0 >= first }
    }
}
