import Options
import Tensors

/// Gemma 2 (Gemma Team 2024, arXiv:2408.00118), as transformers' modeling_gemma2.py computes it: scaled embeddings, norms with 1 + weight
/// before and behind each part, every other layer with a window, soft caps of scores and logits.
struct Gemma2: DecoderArchitecture {
    static let modelTypes = ["gemma2"]
    static let family = "Gemma2"
    static let defaults: [String: OptionLiteral] = [
        "vocab_size": 256000, "hidden_size": 2304, "intermediate_size": 9216, "num_hidden_layers": 26,
        "num_attention_heads": 8, "max_position_embeddings": 8192,
    ]
    static let options = gemmaOptions
    static let inert = gemmaInert
    static let paddingId: Int? = 0

    let layers: DecoderConfig

    init(_ reader: ConfigReader) throws {
        var layers = try DecoderConfig(gemma: reader)
        layers.scoreCap = reader.cap("attn_logit_softcapping", standard: 50)
        layers.logitCap = reader.cap("final_logit_softcapping", standard: 30)
        try layers.setWindows(reader, reader.slidingWindow) { ($0 + 1) % 2 != 0 }
        self.layers = layers
    }

    func backbone(_ scope: Scope, _ config: ModelConfig, _ task: TaskType?) throws -> any Backbone {
        try DecoderModel(scope, config, layers, family: Gemma2.family) {
            try GemmaLayer($0, config, layers, layer: $1, family: Gemma2.family)
        }
    }

    /// Options of Gemma 2 and 3.
    static let gemmaOptions =
        DecoderConfig.options + [
            ConfigReader.activation("hidden_activation"),
            Option("query_pre_attn_scalar", .number(NumberRange(1e-6, 1e9)), default: 256, "1 / scale² of scores."),
            Option("final_logit_softcapping", .number(NumberRange(1e-3, 1e9)), "Soft cap of logits."),
            Option("attn_logit_softcapping", .number(NumberRange(1e-3, 1e9)), "Soft cap of scores."),
        ]

    /// What would change the computation of either.
    static let gemmaInert = [
        "use_bidirectional_attention": InertOption([false], "only decoders are")
    ]
}

extension DecoderConfig {
    /// What Gemma 2 and 3 say in the same way.
    init(gemma reader: ConfigReader, rope: RotaryPositions? = nil) throws {
        try self.init(reader, headWidth: reader.optionalInteger("head_dim") ?? 256, rope: rope)
        // hidden_act, which files have besides, is not read by the reference.
        activation = reader.activation("hidden_activation", default: .geluTanh)
        keyValueHeads = try reader.keyValueHeads(standard: 4, of: heads)
        (normOffset, hasMLPBias) = (1, false)
        scale = try 1 / Float(reader.number("query_pre_attn_scalar")).squareRoot()
        embeddingScale = try Float(reader.integer("hidden_size")).squareRoot()
        tiesEmbeddings = reader.isGiven("tie_word_embeddings") ? tiesEmbeddings : true
    }
}

extension ConfigReader {
    /// A soft cap: null means none, absence the default.
    func cap(_ key: String, standard: Float?) -> Float? {
        optionalNumber(key).map { Float($0) } ?? (isGiven(key) ? nil : standard)
    }
}

/// Attention and the feed-forward part, each normalised before and behind.
final class GemmaLayer: TransformerLayer {
    let kind: String
    var path: String
    private let attention: DecoderAttention
    private let mlp: GatedMLP
    private let before: RMSNorm
    private let behind: RMSNorm
    private let beforeMLP: RMSNorm
    private let behindMLP: RMSNorm

    init(_ scope: Scope, _ config: ModelConfig, _ own: DecoderConfig, layer: Int, family: String) throws {
        (kind, path) = ("\(family)DecoderLayer", scope.path)
        attention = try DecoderAttention(scope.child("self_attn"), config, own, layer: layer, family: family)
        mlp = try GatedMLP(scope.child("mlp"), config, own, family: family)
        func norm(_ name: String) throws -> RMSNorm {
            try RMSNorm(scope.child(name), own, width: config.hiddenSize, family: family)
        }
        (before, behind) = (try norm("input_layernorm"), try norm("post_attention_layernorm"))
        (beforeMLP, behindMLP) = (try norm("pre_feedforward_layernorm"), try norm("post_feedforward_layernorm"))
    }

    var children: [(name: String, module: any Module)] {
        [
            ("self_attn", attention), ("mlp", mlp), ("input_layernorm", before), ("post_attention_layernorm", behind),
            ("pre_feedforward_layernorm", beforeMLP), ("post_feedforward_layernorm", behindMLP),
        ]
    }

    func callAsFunction(_ x: Tensor, _ pass: Pass, _ asked: AskedRows) throws -> Tensor {
        let normed = try before(x, pass)
        let own = asked.pass
        let attended = try asked.of(x).add(behind(attention(normed, own: asked.of(normed), pass, asked), own))
        return try attended.add(behindMLP(mlp(beforeMLP(attended, own), own), own))
    }
}
