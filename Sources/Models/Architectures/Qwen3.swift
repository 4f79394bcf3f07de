import Options

/// Qwen 3 (Yang and others 2025, arXiv:2505.09388), as transformers' modeling_qwen3.py computes it: heads of a width of their own,
/// queries and keys normalised head by head, no biases.
struct Qwen3: DecoderArchitecture {
    static let modelTypes = ["qwen3"]
    static let family = "Qwen3"
    static let defaults = Qwen2.defaults

    let layers: DecoderConfig

    init(_ reader: ConfigReader) throws {
        var layers = try DecoderConfig(reader, headWidth: reader.optionalInteger("head_dim") ?? 128)
        layers.keyValueHeads = try reader.keyValueHeads(standard: 32, of: layers.heads)
        (layers.normsHeads, layers.hasMLPBias) = (true, false)
        try layers.setUpperWindows(reader)
        self.layers = layers
    }
}
