import Options
import Tensors

/// Phi 3 (Abdin and others 2024, arXiv:2404.14219), as transformers' modeling_phi3.py computes it: Llama with one product for queries, keys
/// and values and one for gate and up, and frequencies of their own for long sequences.
struct Phi3: DecoderArchitecture {
    static let modelTypes = ["phi3"]
    static let family = "Phi3"
    static let defaults: [String: OptionLiteral] = [
        "vocab_size": 32064, "hidden_size": 3072, "intermediate_size": 8192, "num_hidden_layers": 32,
        "num_attention_heads": 32, "max_position_embeddings": 4096,
    ]
    static let options =
        DecoderConfig.options.filter { $0.name != "rms_norm_eps" } + [
            Option("rms_norm_eps", .number(.unit), default: 1e-5, "Added to mean squares."),
            Option("resid_pdrop", .number(.unit), default: 0, "Dropout behind each part of a layer."),
        ]
    static let paddingId: Int? = 32000
    // PEFT's tables name none for it; these are its projections.
    static let usualTargets = ["LORA": ["qkv_proj"]]

    let layers: DecoderConfig
    private let residualDropout: Double

    init(_ reader: ConfigReader) throws {
        let width = try reader.optionalInteger("head_dim") ?? reader.headWidth()
        let rope = try RotaryPositions(
            reader, headWidth: width, original: reader.optionalInteger("original_max_position_embeddings") ?? 4096)
        guard rope.isForPhi3 else {
            throw ModelError("\(reader.source): rope_type must be 'default' or 'longrope' for model_type 'phi3'")
        }
        var layers = try DecoderConfig(reader, headWidth: width, rope: rope)
        let window = reader.optionalInteger("sliding_window")
        layers.windows = layers.windows.map { _ in window }
        self.layers = layers
        residualDropout = try reader.number("resid_pdrop")
    }

    func backbone(_ scope: Scope, _ config: ModelConfig, _ task: TaskType?) throws -> any Backbone {
        try DecoderModel(scope, config, layers, family: Phi3.family) {
            try Phi3Layer($0, config, layers, layer: $1, dropout: residualDropout)
        }
    }
}

/// Grouped attention with one projection for queries, keys and values.
final class Phi3Attention: Module {
    let kind = "Phi3Attention"
    var path: String
    private let projection: Linear
    private let output: Linear
    private let dropout: Dropout?
    private let attention: CausalAttention
    private let widths: (query: Int, key: Int)

    init(_ scope: Scope, _ config: ModelConfig, _ own: DecoderConfig, layer: Int) throws {
        path = scope.path
        widths = (own.heads * own.headWidth, own.keyValueHeads * own.headWidth)
        output = try Linear(scope.child("o_proj"), config, inFeatures: widths.query, bias: false)
        projection = try Linear(
            scope.child("qkv_proj"), config, outFeatures: widths.query + 2 * widths.key, bias: false)
        dropout = try Dropout.where(own.attentionDropout, scope.child("attention_dropout"))
        attention = CausalAttention(
            layer: layer, heads: own.heads, headWidth: own.headWidth, window: own.windows[layer],
            rotation: own.rotations[layer])
    }

    var children: [(name: String, module: any Module)] {
        [("o_proj", output), ("qkv_proj", projection)] + (dropout.map { [("attention_dropout", $0)] } ?? [])
    }

    /// Output for the asked rows of x[T, d].
    func callAsFunction(_ x: Tensor, _ pass: Pass, _ asked: AskedRows) throws -> Tensor {
        let all = try projection(x, pass)
        let queries = try asked.of(all.narrow(1, start: 0, length: widths.query))
        let keys = try all.narrow(1, start: widths.query, length: widths.key)
        let values = try all.narrow(1, start: widths.query + widths.key, length: widths.key)
        return try output(attention(queries, keys, values, dropout: dropout, pass, asked), asked.pass)
    }
}

/// down(f(gate) · up), gate and up from one product.
final class Phi3MLP: Module {
    let kind = "Phi3MLP"
    var path: String
    private let gateUp: Linear
    private let down: Linear
    private let activation: ActivationLayer

    init(_ scope: Scope, _ config: ModelConfig, _ own: DecoderConfig) throws {
        path = scope.path
        gateUp = try Linear(
            scope.child("gate_up_proj"), config, outFeatures: 2 * config.intermediateSize, bias: false)
        down = try Linear(scope.child("down_proj"), config, inFeatures: config.intermediateSize, bias: false)
        activation = ActivationLayer(scope.child("activation_fn"), own.activation)
    }

    var children: [(name: String, module: any Module)] {
        [("gate_up_proj", gateUp), ("down_proj", down), ("activation_fn", activation)]
    }

    func callAsFunction(_ x: Tensor, _ pass: Pass) throws -> Tensor {
        try down(activation.gated(gateUp(x, pass)), pass)
    }
}

/// Attention and the feed-forward part, each of what is normalised before it, dropped behind it.
final class Phi3Layer: TransformerLayer {
    let kind = "Phi3DecoderLayer"
    var path: String
    private let attention: Phi3Attention
    private let mlp: Phi3MLP
    private let attentionNorm: RMSNorm
    private let mlpNorm: RMSNorm
    private let attentionDropout: Dropout
    private let mlpDropout: Dropout

    init(_ scope: Scope, _ config: ModelConfig, _ own: DecoderConfig, layer: Int, dropout p: Double) throws {
        path = scope.path
        attention = try Phi3Attention(scope.child("self_attn"), config, own, layer: layer)
        mlp = try Phi3MLP(scope.child("mlp"), config, own)
        attentionNorm = try RMSNorm(
            scope.child("input_layernorm"), own, width: config.hiddenSize, family: Phi3.family)
        mlpNorm = try RMSNorm(
            scope.child("post_attention_layernorm"), own, width: config.hiddenSize, family: Phi3.family)
        attentionDropout = try Dropout(scope.child("resid_attn_dropout"), p: p)
        mlpDropout = try Dropout(scope.child("resid_mlp_dropout"), p: p)
    }

    var children: [(name: String, module: any Module)] {
        [
            ("self_attn", attention), ("mlp", mlp), ("input_layernorm", attentionNorm),
            ("post_attention_layernorm", mlpNorm), ("resid_attn_dropout", attentionDropout),
            ("resid_mlp_dropout", mlpDropout),
        ]
    }

    func callAsFunction(_ x: Tensor, _ pass: Pass, _ asked: AskedRows) throws -> Tensor {
        let own = asked.pass
        let attended = try asked.of(x).add(
            attentionDropout(attention(attentionNorm(x, pass), pass, asked), own))
        return try attended.add(mlpDropout(mlp(mlpNorm(attended, own), own), own))
    }
}
