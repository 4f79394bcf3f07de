import Options

/// Llama 1 to 3 (Touvron and others 2023, arXiv:2302.13971), as transformers' modeling_llama.py computes it.
struct Llama: DecoderArchitecture {
    static let modelTypes = ["llama"]
    static let family = "Llama"
    static let defaults: [String: OptionLiteral] = [
        "vocab_size": 32000, "hidden_size": 4096, "intermediate_size": 11008, "num_hidden_layers": 32,
        "num_attention_heads": 32, "max_position_embeddings": 2048,
    ]
    static let inert = ["pretraining_tp": InertOption([1], "only 1 is")]

    let layers: DecoderConfig

    init(_ reader: ConfigReader) throws { layers = try DecoderConfig(reader) }
}
