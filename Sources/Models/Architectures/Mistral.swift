import Options

/// Mistral (Jiang and others 2023, arXiv:2310.06825), as transformers' modeling_mistral.py computes it: Llama whose layers see a
/// window of tokens.
struct Mistral: DecoderArchitecture {
    static let modelTypes = ["mistral"]
    static let family = "Mistral"
    static let defaults: [String: OptionLiteral] = [
        "vocab_size": 32000, "hidden_size": 4096, "intermediate_size": 14336, "num_hidden_layers": 32,
        "num_attention_heads": 32, "max_position_embeddings": 131072,
    ]

    let layers: DecoderConfig

    init(_ reader: ConfigReader) throws {
        var layers = try DecoderConfig(reader)
        layers.keyValueHeads = try reader.keyValueHeads(standard: 8, of: layers.heads)
        (layers.hasAttentionBias, layers.hasOutputBias, layers.hasMLPBias) = (false, false, false)
        let window = reader.slidingWindow
        layers.windows = layers.windows.map { _ in window }
        self.layers = layers
    }
}
