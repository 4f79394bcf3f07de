import Kernels
import Options
import Tensors

// What Llama (Touvron and others 2023, arXiv:2302.13971) and its kin share, as transformers' modeling_llama.py computes it: norms before
// each part, rotated queries and keys, fewer heads of keys than of queries, a gated feed-forward part. Shapes: T tokens, d hidden size.

/// What the layers of a decoder of this kind are made by.
struct DecoderConfig: Sendable {
    /// Heads of queries.
    var heads: Int
    /// Heads of keys and values; divides `heads`.
    var keyValueHeads: Int
    /// Numbers of a head.
    var headWidth: Int
    /// Activation of the gate.
    var activation: ActivationFunction
    /// ε of the norms.
    var normEps: Double
    /// Dropout of attention probabilities.
    var attentionDropout: Double
    /// Whether query, key and value have biases.
    var hasAttentionBias = false
    /// Whether the output projection has one.
    var hasOutputBias = false
    /// Whether the feed-forward part has biases.
    var hasMLPBias = false
    /// Whether queries and keys are normalised, head by head.
    var normsHeads = false
    /// What norms add to their weight.
    var normOffset: Float = 0
    /// Factor on scores; 1 / √headWidth where nil.
    var scale: Float?
    /// Soft cap of scores.
    var scoreCap: Float?
    /// Soft cap of logits.
    var logitCap: Float?
    /// Factor on the embeddings.
    var embeddingScale: Float?
    /// Dropout before the head on tokens.
    var classifierDropout = 0.1
    /// Whether the language head is the table of embeddings.
    var tiesEmbeddings: Bool
    /// How many tokens each layer sees, the own one included; nil where all before.
    var windows: [Int?]
    /// How each layer rotates queries and keys; nil where it does not.
    var rotations: [RotaryPositions?]

    /// What most say in the same way, under the names of LlamaConfig; `layers` beyond ten thousand are refused before.
    init(
        _ reader: ConfigReader, headWidth: Int? = nil, rope: RotaryPositions? = nil
    ) throws {
        heads = try reader.integer("num_attention_heads")
        let shared = try headWidth ?? reader.optionalInteger("head_dim") ?? reader.headWidth()
        self.headWidth = shared
        keyValueHeads = reader.optionalInteger("num_key_value_heads") ?? heads
        guard heads % keyValueHeads == 0 else {
            throw ModelError(
                "\(reader.source): \(heads) heads cannot share \(keyValueHeads) heads of keys and values (num_key_value_heads)"
            )
        }
        guard heads.multipliedReportingOverflow(by: shared).partialValue <= 1 << 24 else {
            throw ModelError("\(reader.source): \(heads) heads of \(shared) numbers are too many")
        }
        activation = reader.activation("hidden_act", default: .silu)
        normEps = try reader.number("rms_norm_eps")
        attentionDropout = reader.optionalNumber("attention_dropout") ?? 0
        hasAttentionBias = reader.optionalBoolean("attention_bias") ?? false
        hasOutputBias = hasAttentionBias
        hasMLPBias = reader.optionalBoolean("mlp_bias") ?? false
        classifierDropout =
            reader.optionalNumber("classifier_dropout") ?? reader.optionalNumber("hidden_dropout") ?? 0.1
        tiesEmbeddings = reader.optionalBoolean("tie_word_embeddings") ?? false
        let layers = try reader.integer("num_hidden_layers")
        let rope = try rope ?? RotaryPositions(reader, headWidth: shared)
        (windows, rotations) = (Array(repeating: nil, count: layers), Array(repeating: rope, count: layers))
    }

    /// Options that most have.
    static let options =
        [
            ConfigReader.activation("hidden_act"),
            Option("num_key_value_heads", ConfigReader.size, "Heads of keys and values."),
            Option("head_dim", ConfigReader.size, "Numbers of a head."),
            Option("rms_norm_eps", .number(.unit), default: 1e-6, "Added to mean squares."),
            Option("attention_dropout", .number(.unit), default: 0, "Dropout of attention's weights."),
            Option("attention_bias", .boolean, default: false, "Whether attention's products have biases."),
            Option("mlp_bias", .boolean, default: false, "Whether the feed-forward part has biases."),
            Option("classifier_dropout", .number(.unit), "Dropout before the head on tokens."),
            Option("hidden_dropout", .number(.unit), "Dropout before the head on tokens, where there is no other."),
            Option("tie_word_embeddings", .boolean, default: false, "Whether the head is the table of embeddings."),
            Option("sliding_window", .integer(1...1 << 30), "Tokens that a layer sees."),
            Option("use_sliding_window", .boolean, default: false, "Whether layers see a window only."),
            Option("max_window_layers", .integer(0...10_000), default: 28, "Layers before those that see a window."),
            Option("layer_types", .strings, "What each layer sees: \"full_attention\" or \"sliding_attention\"."),
        ] + RotaryPositions.options

    /// Sets `windows` by layer_types, or where the file has none by `isSliding`.
    mutating func setWindows(_ reader: ConfigReader, _ size: Int?, isSliding: (_ layer: Int) -> Bool) throws {
        let types = try DecoderConfig.layerTypes(reader, count: windows.count)
        windows = windows.indices.map { layer in
            types.map { $0[layer] == "sliding_attention" } ?? isSliding(layer) ? size : nil
        }
    }

    /// layer_types, checked; nil where the file has none.
    static func layerTypes(_ reader: ConfigReader, count: Int) throws -> [String]? {
        guard let value = reader["layer_types"] else { return nil }
        guard let types = value.array?.compactMap(\.string) else {
            throw reader.error("layer_types", expected: "a list of names")
        }
        let known = ["full_attention", "sliding_attention"]
        guard types.count == count, types.allSatisfy(known.contains) else {
            let wrong = types.first { !known.contains($0) }
            throw ModelError(
                "\(reader.source): 'layer_types' "
                    + (wrong.map { "has '\($0)'; there are 'full_attention' and 'sliding_attention'" }
                        ?? "has \(types.count) entries for \(count) layers"))
        }
        return types
    }
}

/// A family like Llama: what its layers are made by says the rest.
protocol DecoderArchitecture: Architecture {
    /// What its layers are made by.
    var layers: DecoderConfig { get }
}

extension DecoderArchitecture {
    static var prefix: String { "model" }
    static var options: [Option] { DecoderConfig.options }
    static var usualTargets: [String: [String]] { ["LORA": ["q_proj", "v_proj"]] }
    static var tasks: [TaskType] { [.causalLM, .sequenceClassification, .tokenClassification] }

    func complete(_ config: inout ModelConfig, source: String) throws { config.reach(layers.rotations) }

    func backbone(_ scope: Scope, _ config: ModelConfig, _ task: TaskType?) throws -> any Backbone {
        try DecoderModel(scope, config, layers, family: Self.family)
    }

    /// The language head, `score` on the last token, or `score` behind dropout on every token.
    func head(_ task: TaskType, _ scope: Scope, _ config: ModelConfig, _ backbone: any Backbone) throws -> any Head {
        switch task {
        case .causalLM:
            return try LanguageHead(
                scope.child("lm_head"), config, tiedTo: layers.tiesEmbeddings ? backbone.inputEmbedding : nil,
                softCap: layers.logitCap)
        case .tokenClassification:
            return try ScoreHead(scope, config, dropout: layers.classifierDropout, reads: .all, bias: true)
        default: return try ScoreHead(scope, config, dropout: nil, reads: .last, bias: false)
        }
    }
}

extension ConfigReader {
    /// Tokens that a layer with a window sees: null means all, absence the reference's default.
    var slidingWindow: Int? { optionalInteger("sliding_window") ?? (isGiven("sliding_window") ? nil : 4096) }
}

/// Attention over what came before in each sequence, with a cache where the pass has one.
struct CausalAttention {
    /// Place of the layer, for the cache.
    let layer: Int
    /// Heads of queries.
    let heads: Int
    /// Numbers of a head.
    let headWidth: Int
    var scale: Float?
    var softCap: Float?
    var window: Int?
    /// How queries and keys are rotated, where they are.
    var rotation: RotaryPositions?

    /// Output for the asked rows; queries are theirs, keys and values those of all rows of the pass.
    func callAsFunction(
        _ queries: Tensor, _ keys: Tensor, _ values: Tensor, dropout: Dropout?, _ pass: Pass, _ asked: AskedRows
    ) throws -> Tensor {
        var (queries, keys, values) = (queries, keys, values)
        if let rotation {
            let angles = try pass.shared(rotation.name) { try rotation.angles(pass) }
            let own =
                try asked.indices.map { rows in try asked.pass.shared(rotation.name) { try angles.rows(rows) } }
                ?? angles
            queries = try queries.rotary(own, width: headWidth)
            keys = try keys.rotary(angles, width: headWidth)
        }
        var segments = KeySegment.packed(pass.boundaries)
        if let cache = pass.cache {
            let kept = try cache.append(layer: layer, keys: keys, values: values, boundaries: pass.boundaries)
            (keys, values) = (kept.keys, kept.values)
            segments = kept.rows.map { KeySegment(start: $0.lowerBound, count: $0.count) }
        }
        let layout = AttentionLayout(
            heads: heads, queryStarts: asked.boundaries, keys: segments, positions: asked.pass.places, causal: true,
            window: window.map { .sliding($0) }, softCap: softCap, scale: scale,
            dropout: try dropout?.mask(asked.pass))
        return try queries.attention(keys: keys, values: values, layout)
    }
}

/// Grouped attention with a projection each for queries, keys and values.
final class DecoderAttention: Module {
    let kind: String
    var path: String
    private let query: Linear
    private let key: Linear
    private let value: Linear
    private let output: Linear
    private let queryNorm: RMSNorm?
    private let keyNorm: RMSNorm?
    private let dropout: Dropout?
    private let attention: CausalAttention

    init(_ scope: Scope, _ config: ModelConfig, _ own: DecoderConfig, layer: Int, family: String) throws {
        (kind, path) = ("\(family)Attention", scope.path)
        let (wide, narrow) = (own.heads * own.headWidth, own.keyValueHeads * own.headWidth)
        query = try Linear(scope.child("q_proj"), config, outFeatures: wide, bias: own.hasAttentionBias)
        key = try Linear(scope.child("k_proj"), config, outFeatures: narrow, bias: own.hasAttentionBias)
        value = try Linear(scope.child("v_proj"), config, outFeatures: narrow, bias: own.hasAttentionBias)
        output = try Linear(scope.child("o_proj"), config, inFeatures: wide, bias: own.hasOutputBias)
        func norm(_ name: String) throws -> RMSNorm? {
            guard own.normsHeads else { return nil }
            return try RMSNorm(scope.child(name), own, width: own.headWidth, family: family)
        }
        (queryNorm, keyNorm) = (try norm("q_norm"), try norm("k_norm"))
        dropout = try Dropout.where(own.attentionDropout, scope.child("attention_dropout"))
        attention = CausalAttention(
            layer: layer, heads: own.heads, headWidth: own.headWidth, scale: own.scale, softCap: own.scoreCap,
            window: own.windows[layer], rotation: own.rotations[layer])
    }

    var children: [(name: String, module: any Module)] {
        let norms = [("q_norm", queryNorm), ("k_norm", keyNorm)].compactMap { name, norm in
            norm.map { (name, $0 as any Module) }
        }
        return [("q_proj", query), ("k_proj", key), ("v_proj", value), ("o_proj", output)] + norms
            + (dropout.map { [("attention_dropout", $0)] } ?? [])
    }

    /// Output for `own`, the asked rows of x[T, d].
    func callAsFunction(_ x: Tensor, own: Tensor, _ pass: Pass, _ asked: AskedRows) throws -> Tensor {
        var projected = try LinearGroup([query, key, value])(x, first: own, pass, asked)
        if let queryNorm, let keyNorm {
            projected[0] = try queryNorm(projected[0], asked.pass)
            projected[1] = try keyNorm(projected[1], pass)
        }
        let span = Profile.module(path)
        let y = try attention(projected[0], projected[1], projected[2], dropout: dropout, pass, asked)
        span.end()
        return try output(y, asked.pass)
    }
}

/// down(f(gate(x)) · up(x)).
final class GatedMLP: Module {
    let kind: String
    var path: String
    private let gate: Linear
    private let up: Linear
    private let down: Linear
    private let activation: ActivationLayer

    init(_ scope: Scope, _ config: ModelConfig, _ own: DecoderConfig, family: String) throws {
        (kind, path) = ("\(family)MLP", scope.path)
        let inner = config.intermediateSize
        gate = try Linear(scope.child("gate_proj"), config, outFeatures: inner, bias: own.hasMLPBias)
        up = try Linear(scope.child("up_proj"), config, outFeatures: inner, bias: own.hasMLPBias)
        down = try Linear(scope.child("down_proj"), config, inFeatures: inner, bias: own.hasMLPBias)
        activation = ActivationLayer(scope.child("act_fn"), own.activation)
    }

    var children: [(name: String, module: any Module)] {
        [("gate_proj", gate), ("up_proj", up), ("down_proj", down), ("act_fn", activation)]
    }

    func callAsFunction(_ x: Tensor, _ pass: Pass) throws -> Tensor {
        let wide = try LinearGroup([gate, up])(x, pass)
        return try down(activation.gated(wide[0], up: wide[1]), pass)
    }
}

/// Attention and the feed-forward part, each of what is normalised before it.
final class DecoderLayer: TransformerLayer {
    let kind: String
    var path: String
    private let attention: DecoderAttention
    private let mlp: GatedMLP
    private let attentionNorm: RMSNorm
    private let mlpNorm: RMSNorm

    init(_ scope: Scope, _ config: ModelConfig, _ own: DecoderConfig, layer: Int, family: String) throws {
        (kind, path) = ("\(family)DecoderLayer", scope.path)
        attention = try DecoderAttention(scope.child("self_attn"), config, own, layer: layer, family: family)
        mlp = try GatedMLP(scope.child("mlp"), config, own, family: family)
        attentionNorm = try RMSNorm(scope.child("input_layernorm"), own, width: config.hiddenSize, family: family)
        mlpNorm = try RMSNorm(scope.child("post_attention_layernorm"), own, width: config.hiddenSize, family: family)
    }

    var children: [(name: String, module: any Module)] {
        [
            ("self_attn", attention), ("mlp", mlp), ("input_layernorm", attentionNorm),
            ("post_attention_layernorm", mlpNorm),
        ]
    }

    func callAsFunction(_ x: Tensor, _ pass: Pass, _ asked: AskedRows) throws -> Tensor {
        let normed = try attentionNorm(x, pass)
        let attended = try asked.of(x).add(attention(normed, own: asked.of(normed), pass, asked))
        return try attended.add(mlp(mlpNorm(attended, asked.pass), asked.pass))
    }
}

/// The bare model: embeddings, layers, a last norm.
final class DecoderModel: Backbone {
    let kind: String
    var path: String
    let layers: [any TransformerLayer]
    private let embedding: Embedding
    private let list: Container
    private let norm: RMSNorm
    private let scale: Float?

    /// - Parameter makeLayer: makes the layer of a place.
    init(
        _ scope: Scope, _ config: ModelConfig, _ own: DecoderConfig, family: String,
        makeLayer: (_ scope: Scope, _ index: Int) throws -> any TransformerLayer
    ) throws {
        (kind, path, scale) = ("\(family)Model", scope.path, own.embeddingScale)
        embedding = try Embedding(
            scope.child("embed_tokens"), entries: config.vocabSize, width: config.hiddenSize,
            paddingIndex: config.padTokenId, deviation: config.initializerRange)
        let place = scope.child("layers")
        let layers = try (0..<config.numHiddenLayers).map { try makeLayer(place.child(String($0)), $0) }
        self.layers = layers
        list = try Container(children: layers.enumerated().map { (String($0.offset), $0.element) })
        list.path = place.path
        norm = try RMSNorm(scope.child("norm"), own, width: config.hiddenSize, family: family)
    }

    /// The model of Llama's layers.
    convenience init(_ scope: Scope, _ config: ModelConfig, _ own: DecoderConfig, family: String) throws {
        try self.init(scope, config, own, family: family) {
            try DecoderLayer($0, config, own, layer: $1, family: family)
        }
    }

    var children: [(name: String, module: any Module)] {
        [("embed_tokens", embedding), ("layers", list), ("norm", norm)]
    }
    var embeddings: [any Module] { [embedding] }
    var inputEmbedding: Embedding { embedding }

    func embed(_ ids: [Int], _ pass: Pass) throws -> Tensor {
        let states = try embedding(ids)
        return try scale.map { try states.mul(.float(Double($0))) } ?? states
    }

    func finish(_ states: Tensor, _ pass: Pass) throws -> Tensor { try norm(states, pass) }
}

extension RMSNorm {
    /// Norm of a decoder: its weight starts so that the factor is one.
    convenience init(_ scope: Scope, _ own: DecoderConfig, width: Int, family: String) throws {
        try self.init(
            scope, width: width, epsilon: own.normEps, offset: own.normOffset, kind: "\(family)RMSNorm")
    }
}
