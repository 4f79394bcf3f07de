import Options

/// The text part of Gemma 3 (Gemma Team 2025, arXiv:2503.19786), as transformers' modeling_gemma3.py computes it: Gemma 2 with queries and
/// keys normalised, five of six layers with a window and a base of their own.
struct Gemma3: DecoderArchitecture {
    static let modelTypes = ["gemma3_text"]
    static let family = "Gemma3"
    static let defaults: [String: OptionLiteral] = [
        "vocab_size": 262208, "hidden_size": 2304, "intermediate_size": 9216, "num_hidden_layers": 26,
        "num_attention_heads": 8, "max_position_embeddings": 131072,
    ]
    static let options =
        Gemma2.gemmaOptions + [
            Option("rope_local_base_freq", .number(NumberRange(1, 1e12)), "Base of the frequencies in a window."),
            Option(
                "sliding_window_pattern", .integer(1...10_000), default: 6, "Every how many layers one sees all."),
        ]
    static let inert = Gemma2.gemmaInert
    static let paddingId: Int? = 0
    static let tasks: [TaskType] = [.causalLM, .sequenceClassification]

    let layers: DecoderConfig

    init(_ reader: ConfigReader) throws {
        let width = reader.optionalInteger("head_dim") ?? 256
        let full = try RotaryPositions(reader, headWidth: width, standard: 1_000_000, layerType: "full_attention")
        let local = try RotaryPositions(
            local: reader, headWidth: width, standard: reader.optionalNumber("rope_local_base_freq") ?? 10_000,
            layerType: "sliding_attention")
        var layers = try DecoderConfig(gemma: reader, rope: full)
        layers.normsHeads = true
        layers.logitCap = reader.cap("final_logit_softcapping", standard: nil)
        // The reference reads this and never applies it.
        layers.scoreCap = nil
        let pattern = try reader.integer("sliding_window_pattern")
        let types = try DecoderConfig.layerTypes(reader, count: layers.windows.count)
        let slides = layers.windows.indices.map { layer in
            types.map { $0[layer] == "sliding_attention" } ?? ((layer + 1) % pattern != 0)
        }
        layers.windows = slides.map { $0 ? reader.slidingWindow : nil }
        layers.rotations = slides.map { $0 ? local : full }
        self.layers = layers
    }

    func backbone(_ scope: Scope, _ config: ModelConfig, _ task: TaskType?) throws -> any Backbone {
        try DecoderModel(scope, config, layers, family: "Gemma3Text") {
            try GemmaLayer($0, config, layers, layer: $1, family: Gemma3.family)
        }
    }

    static func kind(of task: TaskType?) -> String {
        switch task {
        case .causalLM: "Gemma3ForCausalLM"
        case .sequenceClassification: "Gemma3TextForSequenceClassification"
        default: "Gemma3TextModel"
        }
    }
}
