import Formats
import Kernels
import Options
import Tensors

// ModernBERT (Warner et al. 2024, arXiv:2412.13663), as transformers' modeling_modernbert.py (5.23) computes it: norms before each
// part, rotated queries and keys, a gated feed-forward part, and layers of which most see a window on both sides.

/// ModernBERT's own configuration.
struct ModernBert: Architecture {
    static let modelTypes = ["modernbert"]
    static let family = "ModernBert"
    static let prefix = "model"
    static let defaults: [String: OptionLiteral] = [
        "vocab_size": 50368, "intermediate_size": 1152, "num_hidden_layers": 22, "max_position_embeddings": 8192,
    ]
    static let options =
        [
            ConfigReader.activation("hidden_activation"),
            ConfigReader.activation("classifier_activation"),
            Option("norm_eps", .number(.unit), default: 1e-5, "Added to variances."),
            Option("norm_bias", .boolean, default: false, "Whether norms have biases."),
            Option("attention_bias", .boolean, default: false, "Whether attention's products have biases."),
            Option("mlp_bias", .boolean, default: false, "Whether the feed-forward part has biases."),
            Option("classifier_bias", .boolean, default: false, "Whether the head's own layer has a bias."),
            Option("attention_dropout", .number(.unit), default: 0, "Dropout of attention's weights and output."),
            Option("embedding_dropout", .number(.unit), default: 0, "Dropout of the embeddings."),
            Option("mlp_dropout", .number(.unit), default: 0, "Dropout within the feed-forward part."),
            Option("classifier_dropout", .number(.unit), default: 0, "Dropout before the classifier."),
            Option(
                "classifier_pooling", .oneOf(Pooling.allCases.map(\.rawValue)), default: "cls",
                "What a head on sequences reads: the first token, or the mean of all."),
            Option("local_attention", .integer(0...1 << 30), default: 128, "Tokens of a window, half on each side."),
            Option(
                "global_attn_every_n_layers", .integer(1...10_000), default: 3,
                "Every so manieth layer sees all tokens."),
            Option("layer_types", .strings, "What each layer sees: \"full_attention\" or \"sliding_attention\"."),
            Option(
                "global_rope_theta", .number(NumberRange(1, 1e12)), default: 160_000, "Base of layers that see all."),
            Option("local_rope_theta", .number(NumberRange(1, 1e12)), default: 10_000, "Base of layers with a window."),
            Option(
                "initializer_cutoff_factor", .number(NumberRange(0, 1e6)), default: 2,
                "Deviations beyond which no new weight lies."),
        ] + RotaryPositions.options.filter { $0.name != "rope_theta" }
    static let paddingId: Int? = 50283
    // PEFT's tables name none for it; this is its attention's projection.
    static let usualTargets = ["LORA": ["Wqkv"]]
    static let tasks: [TaskType] = [.sequenceClassification, .tokenClassification, .questionAnswering]

    /// What a head on sequences reads.
    enum Pooling: String, CaseIterable { case cls, mean }

    /// Activation of the gate.
    let activation: ActivationFunction
    /// Activation of the head.
    let headActivation: ActivationFunction
    /// ε of the layer norms.
    let normEps: Double
    /// Whether norms, attention, the feed-forward part and the head's own layer have biases.
    let (hasNormBias, hasAttentionBias, hasMLPBias, hasHeadBias): (Bool, Bool, Bool, Bool)
    /// Dropout of attention, the embeddings, the feed-forward part and the head.
    let (attentionDropout, embeddingDropout, mlpDropout, headDropout): (Double, Double, Double, Double)
    /// What a head on sequences reads.
    let pooling: Pooling
    /// Window of each layer; nil where it sees all.
    let windows: [AttentionWindow?]
    /// How each layer rotates queries and keys.
    let rotations: [RotaryPositions]
    /// Numbers of a head.
    let headWidth: Int
    /// Deviations beyond which no new weight lies.
    let cutoff: Double

    init(_ reader: ConfigReader) throws {
        let width = try reader.headWidth()
        headWidth = width
        activation = reader.activation("hidden_activation", default: .gelu)
        headActivation = reader.activation("classifier_activation", default: .gelu)
        normEps = try reader.number("norm_eps")
        (hasNormBias, hasAttentionBias) = (try reader.boolean("norm_bias"), try reader.boolean("attention_bias"))
        (hasMLPBias, hasHeadBias) = (try reader.boolean("mlp_bias"), try reader.boolean("classifier_bias"))
        (attentionDropout, embeddingDropout) = (
            try reader.number("attention_dropout"), try reader.number("embedding_dropout")
        )
        (mlpDropout, headDropout) = (try reader.number("mlp_dropout"), try reader.number("classifier_dropout"))
        pooling = reader.choice("classifier_pooling") ?? .cls
        cutoff = reader.optionalNumber("initializer_cutoff_factor") ?? 3
        let count = try reader.integer("num_hidden_layers")
        let period = try reader.integer("global_attn_every_n_layers")
        let types = try DecoderConfig.layerTypes(reader, count: count)
        let isLocal = (0..<count).map { layer in types.map { $0[layer] == "sliding_attention" } ?? (layer % period > 0)
        }
        let window = AttentionWindow.local(try reader.integer("local_attention"))
        func rotation(_ type: String, _ base: String) throws -> RotaryPositions {
            try RotaryPositions(
                local: reader, headWidth: width, standard: try reader.number(base), layerType: type, isScaled: true)
        }
        let near = try rotation("sliding_attention", "local_rope_theta")
        let far = try rotation("full_attention", "global_rope_theta")
        windows = isLocal.map { $0 ? window : nil }
        rotations = isLocal.map { $0 ? near : far }
    }

    func complete(_ config: inout ModelConfig, source: String) throws { config.reach(rotations) }

    func backbone(_ scope: Scope, _ config: ModelConfig, _ task: TaskType?) throws -> any Backbone {
        try ModernBertModel(scope, config, self)
    }

    func head(_ task: TaskType, _ scope: Scope, _ config: ModelConfig, _ backbone: any Backbone) throws -> any Head {
        // Its head for answers has the same parts, and is called classifier.
        if task == .questionAnswering { try AnswerHead.check(config) }
        return try ModernBertHead(scope, config, self, isForTokens: task != .sequenceClassification)
    }

    /// A linear that starts as the reference's: within the cutoff, and smaller where its output is added to the states.
    func linear(
        _ scope: Scope, _ config: ModelConfig, inFeatures: Int? = nil, outFeatures: Int? = nil, bias: Bool,
        isOutput: Bool = false
    ) throws -> Linear {
        let layers = Double(max(1, config.numHiddenLayers))
        return try Linear(
            scope, inFeatures: inFeatures ?? config.hiddenSize, outFeatures: outFeatures ?? config.hiddenSize,
            bias: bias, deviation: config.initializerRange / (isOutput ? (2 * layers).squareRoot() : 1), cutoff: cutoff)
    }

    /// A norm of the states.
    func norm(_ scope: Scope, _ config: ModelConfig) throws -> LayerNorm {
        try LayerNorm(scope, width: config.hiddenSize, epsilon: normEps, bias: hasNormBias)
    }
}

/// Word embeddings, normalised.
final class ModernBertEmbeddings: Module {
    let kind = "ModernBertEmbeddings"
    var path: String
    let word: Embedding
    private let norm: LayerNorm
    private let dropout: Dropout

    init(_ scope: Scope, _ config: ModelConfig, _ own: ModernBert) throws {
        path = scope.path
        word = try Embedding(
            scope.child("tok_embeddings"), entries: config.vocabSize, width: config.hiddenSize,
            paddingIndex: config.padTokenId, deviation: config.initializerRange, cutoff: own.cutoff)
        norm = try own.norm(scope.child("norm"), config)
        dropout = try Dropout(scope.child("drop"), p: own.embeddingDropout)
    }

    var children: [(name: String, module: any Module)] {
        [("tok_embeddings", word), ("norm", norm), ("drop", dropout)]
    }

    func callAsFunction(_ ids: [Int], _ pass: Pass) throws -> Tensor {
        let span = Profile.module(path)
        defer { span.end() }
        return try dropout(norm(word(ids), pass), pass)
    }
}

/// Softmax attention of each sequence over itself, of rotated queries and keys, with one projection for queries, keys and values.
final class ModernBertAttention: Module {
    let kind = "ModernBertAttention"
    var path: String
    private let heads: Int
    private let headWidth: Int
    private let window: AttentionWindow?
    private let rotation: RotaryPositions
    private let projection: Linear
    private let output: Linear
    private let dropout: Dropout
    private let outputDropout: Dropout?

    init(_ scope: Scope, _ config: ModelConfig, _ own: ModernBert, layer: Int) throws {
        (path, heads, headWidth) = (scope.path, config.numAttentionHeads, own.headWidth)
        (window, rotation) = (own.windows[layer], own.rotations[layer])
        projection = try own.linear(
            scope.child("Wqkv"), config, outFeatures: 3 * config.hiddenSize, bias: own.hasAttentionBias)
        output = try own.linear(scope.child("Wo"), config, bias: own.hasAttentionBias, isOutput: true)
        // The reference has no module for what is dropped of the weights.
        dropout = try Dropout(scope.child("attention_dropout"), p: own.attentionDropout)
        outputDropout = try Dropout.where(own.attentionDropout, scope.child("out_drop"))
    }

    var children: [(name: String, module: any Module)] {
        let dropouts = outputDropout.map { [("attention_dropout", dropout), ("out_drop", $0)] } ?? []
        return [("Wqkv", projection), ("Wo", output)] + dropouts
    }

    /// Output for the asked rows of x[T, d].
    func callAsFunction(_ x: Tensor, _ pass: Pass, _ asked: AskedRows) throws -> Tensor {
        let all = try projection(x, pass)
        let span = Profile.module(path)
        let width = heads * headWidth
        let angles = try pass.shared(rotation.name) { try rotation.angles(pass) }
        let own =
            try asked.indices.map { rows in try asked.pass.shared(rotation.name) { try angles.rows(rows) } } ?? angles
        let queries = try asked.of(all.narrow(1, start: 0, length: width)).rotary(own, width: headWidth)
        let keys = try all.narrow(1, start: width, length: width).rotary(angles, width: headWidth)
        let values = try all.narrow(1, start: 2 * width, length: width)
        let layout = AttentionLayout(
            heads: heads, queryStarts: asked.boundaries, keyStarts: pass.boundaries, positions: asked.pass.positions,
            window: window, dropout: try dropout.mask(asked.pass))
        let y = try queries.attention(keys: keys, values: values, layout)
        span.end()
        let projected = try output(y, asked.pass)
        return try outputDropout.map { try $0(projected, asked.pass) } ?? projected
    }
}

/// Wo(drop(f(input) · gate)), input and gate from one product.
final class ModernBertMLP: Module {
    let kind = "ModernBertMLP"
    var path: String
    private let wide: Linear
    private let activation: ActivationLayer
    private let dropout: Dropout
    private let narrow: Linear

    init(_ scope: Scope, _ config: ModelConfig, _ own: ModernBert) throws {
        path = scope.path
        wide = try own.linear(
            scope.child("Wi"), config, outFeatures: 2 * config.intermediateSize, bias: own.hasMLPBias)
        activation = ActivationLayer(scope.child("act"), own.activation)
        dropout = try Dropout(scope.child("drop"), p: own.mlpDropout)
        narrow = try own.linear(
            scope.child("Wo"), config, inFeatures: config.intermediateSize, bias: own.hasMLPBias, isOutput: true)
    }

    var children: [(name: String, module: any Module)] {
        [("Wi", wide), ("act", activation), ("drop", dropout), ("Wo", narrow)]
    }

    func callAsFunction(_ x: Tensor, _ pass: Pass) throws -> Tensor {
        try narrow(dropout(activation.gated(wide(x, pass)), pass), pass)
    }
}

/// Attention and the feed-forward part, each of what is normalised before it; the embeddings come normalised to the first.
final class ModernBertEncoderLayer: TransformerLayer {
    let kind = "ModernBertEncoderLayer"
    var path: String
    private let attentionNorm: LayerNorm?
    private let attention: ModernBertAttention
    private let mlpNorm: LayerNorm
    private let mlp: ModernBertMLP

    init(_ scope: Scope, _ config: ModelConfig, _ own: ModernBert, layer: Int) throws {
        path = scope.path
        attentionNorm = layer == 0 ? nil : try own.norm(scope.child("attn_norm"), config)
        attention = try ModernBertAttention(scope.child("attn"), config, own, layer: layer)
        mlpNorm = try own.norm(scope.child("mlp_norm"), config)
        mlp = try ModernBertMLP(scope.child("mlp"), config, own)
    }

    var children: [(name: String, module: any Module)] {
        (attentionNorm.map { [("attn_norm", $0)] } ?? [])
            + [("attn", attention), ("mlp_norm", mlpNorm), ("mlp", mlp)]
    }

    func callAsFunction(_ x: Tensor, _ pass: Pass, _ asked: AskedRows) throws -> Tensor {
        let normed = try attentionNorm.map { try $0(x, pass) } ?? x
        let attended = try asked.of(x).add(attention(normed, pass, asked))
        return try attended.add(mlp(mlpNorm(attended, asked.pass), asked.pass))
    }
}

/// The bare model: embeddings, layers, a last norm.
final class ModernBertModel: Backbone {
    let kind = "ModernBertModel"
    var path: String
    private let embedding: ModernBertEmbeddings
    private let own: [ModernBertEncoderLayer]
    private let list: Container
    private let norm: LayerNorm

    init(_ scope: Scope, _ config: ModelConfig, _ own: ModernBert) throws {
        path = scope.path
        embedding = try ModernBertEmbeddings(scope.child("embeddings"), config, own)
        let place = scope.child("layers")
        self.own = try (0..<config.numHiddenLayers).map {
            try ModernBertEncoderLayer(place.child(String($0)), config, own, layer: $0)
        }
        list = try Container(children: self.own.enumerated().map { (String($0.offset), $0.element) })
        list.path = place.path
        norm = try own.norm(scope.child("final_norm"), config)
    }

    var children: [(name: String, module: any Module)] {
        [("embeddings", embedding), ("layers", list), ("final_norm", norm)]
    }
    var embeddings: [any Module] { [embedding] }
    var inputEmbedding: Embedding { embedding.word }
    var layers: [any TransformerLayer] { own }

    func embed(_ ids: [Int], _ pass: Pass) throws -> Tensor { try embedding(ids, pass) }
    func finish(_ states: Tensor, _ pass: Pass) throws -> Tensor { try norm(states, pass) }
}

/// norm(f(dense(x))), which the heads share.
final class ModernBertPredictionHead: Module {
    let kind = "ModernBertPredictionHead"
    var path: String
    private let dense: Linear
    private let activation: ActivationLayer
    private let norm: LayerNorm

    init(_ scope: Scope, _ config: ModelConfig, _ own: ModernBert) throws {
        path = scope.path
        dense = try own.linear(scope.child("dense"), config, bias: own.hasHeadBias, isOutput: true)
        activation = ActivationLayer(scope.child("act"), own.headActivation)
        norm = try own.norm(scope.child("norm"), config)
    }

    var children: [(name: String, module: any Module)] { [("dense", dense), ("act", activation), ("norm", norm)] }

    func callAsFunction(_ x: Tensor, _ pass: Pass) throws -> Tensor { try norm(activation(dense(x, pass), pass), pass) }
}

/// The prediction head, dropout, one linear: on every token, on the first, or on the mean of all.
final class ModernBertHead: Head {
    let reads: ReadRows
    let givesRows: Bool
    private let head: ModernBertPredictionHead
    private let dropout: Dropout
    private let classifier: Linear

    init(_ scope: Scope, _ config: ModelConfig, _ own: ModernBert, isForTokens: Bool) throws {
        (reads, givesRows) = (isForTokens || own.pooling == .mean ? .all : .first, isForTokens)
        head = try ModernBertPredictionHead(scope.child("head"), config, own)
        dropout = try Dropout(scope.child("drop"), p: own.headDropout)
        classifier = try Linear(
            scope.child("classifier"), inFeatures: config.hiddenSize, outFeatures: config.numLabels,
            deviation: 1 / Double(config.hiddenSize).squareRoot(), cutoff: own.cutoff)
    }

    var parts: [(name: String, module: any Module)] {
        [("head", head), ("drop", dropout), ("classifier", classifier)]
    }

    func logits(_ hidden: Tensor, pooled: Tensor?, _ pass: Pass) throws -> Tensor {
        guard reads == .all, !givesRows else {
            return try classifier(dropout(head(hidden, pass), pass), pass)
        }
        let firsts = pass.at(pass.indices(of: .first) ?? [])
        return try classifier(dropout(head(ModernBertHead.means(of: hidden, pass), firsts), firsts), firsts)
    }

    /// The mean [B, d] of each sequence's rows of x[T, d].
    private static func means(of x: Tensor, _ pass: Pass) throws -> Tensor {
        let count = pass.tokenCount
        let weights = try Tensor.zeros([pass.sequenceCount, count])
        let numbers = unsafe try weights.mutableFloats()
        for (s, (start, end)) in zip(pass.boundaries, pass.boundaries.dropFirst()).enumerated() where start < end {
            let share = 1 / Float(end - start)
            for row in start..<end { unsafe numbers[s * count + row] = share }
        }
        return try weights.matmul(x)
    }
}
