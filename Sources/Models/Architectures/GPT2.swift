import Options
import Tensors

/// GPT-2 (Radford and others 2019), as transformers' modeling_gpt2.py computes it: a table of positions, layer norms before each part,
/// matrices that the file has as [in, out] (Conv1D).
struct GPT2: Architecture {
    static let modelTypes = ["gpt2"]
    static let family = "GPT2"
    static let prefix = "transformer"
    static let attributeMap = [
        "hidden_size": "n_embd", "max_position_embeddings": "n_positions", "num_attention_heads": "n_head",
        "num_hidden_layers": "n_layer", "intermediate_size": "n_inner",
    ]
    static let defaults: [String: OptionLiteral] = [
        "vocab_size": 50257, "max_position_embeddings": 1024, "intermediate_size": .nothing,
    ]
    static let options = [
        ConfigReader.activation("activation_function"),
        Option("resid_pdrop", .number(.unit), default: 0.1, "Dropout behind each part of a layer."),
        Option("embd_pdrop", .number(.unit), default: 0.1, "Dropout of the embeddings."),
        Option("attn_pdrop", .number(.unit), default: 0.1, "Dropout of attention's weights."),
        Option("layer_norm_epsilon", .number(.unit), default: 1e-5, "Added to variances."),
        Option("scale_attn_weights", .boolean, default: true, "Whether scores are divided by √width."),
        Option(
            "scale_attn_by_inverse_layer_idx", .boolean, default: false, "Whether they are also by the layer's number."),
        Option("classifier_dropout", .number(.unit), "Dropout before the head on tokens."),
        Option("hidden_dropout", .number(.unit), "Dropout before the head on tokens, where there is no other."),
        Option("tie_word_embeddings", .boolean, default: true, "Whether the head is the table of embeddings."),
    ]
    static let inert = ["add_cross_attention": InertOption([false], "only decoders by themselves are")]
    static let usualTargets = ["LORA": ["c_attn"]]
    // The reference adds the embeddings of the ids that they would be.
    static let ignoresTokenTypes = false
    static let tasks: [TaskType] = [.causalLM, .sequenceClassification, .tokenClassification]

    /// Activation of the feed-forward part.
    let activation: ActivationFunction
    /// Dropout behind each part of a layer.
    let residualDropout: Double
    /// Dropout of the embeddings.
    let embeddingDropout: Double
    /// Dropout of attention probabilities.
    let attentionDropout: Double
    /// ε of the layer norms.
    let normEps: Double
    private let scalesByWidth: Bool
    private let scalesByLayer: Bool
    private let classifierDropout: Double
    private let tiesEmbeddings: Bool
    let headWidth: Int

    init(_ reader: ConfigReader) throws {
        headWidth = try reader.headWidth()
        activation = reader.activation("activation_function", default: .geluNew)
        residualDropout = try reader.number("resid_pdrop")
        embeddingDropout = try reader.number("embd_pdrop")
        attentionDropout = try reader.number("attn_pdrop")
        normEps = try reader.number("layer_norm_epsilon")
        scalesByWidth = try reader.boolean("scale_attn_weights")
        scalesByLayer = try reader.boolean("scale_attn_by_inverse_layer_idx")
        classifierDropout =
            reader.optionalNumber("classifier_dropout") ?? reader.optionalNumber("hidden_dropout") ?? 0.1
        tiesEmbeddings = try reader.boolean("tie_word_embeddings")
    }

    /// Factor on the scores of a layer.
    func scale(layer: Int) -> Float {
        (scalesByWidth ? 1 / Float(headWidth).squareRoot() : 1) / (scalesByLayer ? Float(layer + 1) : 1)
    }

    func backbone(_ scope: Scope, _ config: ModelConfig, _ task: TaskType?) throws -> any Backbone {
        try GPT2Model(scope, config, self)
    }

    func head(_ task: TaskType, _ scope: Scope, _ config: ModelConfig, _ backbone: any Backbone) throws -> any Head {
        switch task {
        case .causalLM:
            return try LanguageHead(
                scope.child("lm_head"), config, tiedTo: tiesEmbeddings ? backbone.inputEmbedding : nil)
        case .tokenClassification:
            return try ScoreHead(
                scope, config, dropout: classifierDropout, reads: .all, bias: true, name: "classifier")
        default: return try ScoreHead(scope, config, dropout: nil, reads: .last, bias: false)
        }
    }

    static func kind(of task: TaskType?) -> String {
        switch task {
        case .causalLM: "GPT2LMHeadModel"
        case .sequenceClassification: "GPT2ForSequenceClassification"
        case .tokenClassification: "GPT2ForTokenClassification"
        default: "GPT2Model"
        }
    }
}

/// Attention over what came before, queries, keys and values from one product.
final class GPT2Attention: Module {
    let kind = "GPT2Attention"
    var path: String
    private let projection: Linear
    private let output: Linear
    private let attentionDropout: Dropout
    private let dropout: Dropout
    private let attention: CausalAttention
    private let width: Int

    init(_ scope: Scope, _ config: ModelConfig, _ own: GPT2, layer: Int) throws {
        (path, width) = (scope.path, config.hiddenSize)
        projection = try Linear(scope.child("c_attn"), config, outFeatures: 3 * width, isConv1D: true)
        output = try Linear(scope.child("c_proj"), config, isConv1D: true)
        attentionDropout = try Dropout(scope.child("attn_dropout"), p: own.attentionDropout)
        dropout = try Dropout(scope.child("resid_dropout"), p: own.residualDropout)
        attention = CausalAttention(
            layer: layer, heads: config.numAttentionHeads, headWidth: own.headWidth, scale: own.scale(layer: layer))
    }

    var children: [(name: String, module: any Module)] {
        [("c_attn", projection), ("c_proj", output), ("attn_dropout", attentionDropout), ("resid_dropout", dropout)]
    }

    /// Output for the asked rows of x[T, d].
    func callAsFunction(_ x: Tensor, _ pass: Pass, _ asked: AskedRows) throws -> Tensor {
        let all = try projection(x, pass)
        let queries = try asked.of(all.narrow(1, start: 0, length: width))
        let keys = try all.narrow(1, start: width, length: width)
        let values = try all.narrow(1, start: 2 * width, length: width)
        let y = try attention(queries, keys, values, dropout: attentionDropout, pass, asked)
        return try dropout(output(y, asked.pass), asked.pass)
    }
}

/// The feed-forward part.
final class GPT2MLP: Module {
    let kind = "GPT2MLP"
    var path: String
    private let inner: Linear
    private let output: Linear
    private let activation: ActivationLayer
    private let dropout: Dropout

    init(_ scope: Scope, _ config: ModelConfig, _ own: GPT2) throws {
        path = scope.path
        inner = try Linear(scope.child("c_fc"), config, outFeatures: config.intermediateSize, isConv1D: true)
        output = try Linear(scope.child("c_proj"), config, inFeatures: config.intermediateSize, isConv1D: true)
        activation = ActivationLayer(scope.child("act"), own.activation)
        dropout = try Dropout(scope.child("dropout"), p: own.residualDropout)
    }

    var children: [(name: String, module: any Module)] {
        [("c_fc", inner), ("c_proj", output), ("act", activation), ("dropout", dropout)]
    }

    func callAsFunction(_ x: Tensor, _ pass: Pass) throws -> Tensor {
        try dropout(output(inner(x, pass), after: activation, pass), pass)
    }
}

/// Attention and the feed-forward part, each of what is normalised before it.
final class GPT2Block: TransformerLayer {
    let kind = "GPT2Block"
    var path: String
    private let attentionNorm: LayerNorm
    private let attention: GPT2Attention
    private let mlpNorm: LayerNorm
    private let mlp: GPT2MLP

    init(_ scope: Scope, _ config: ModelConfig, _ own: GPT2, layer: Int) throws {
        path = scope.path
        attentionNorm = try LayerNorm(scope.child("ln_1"), width: config.hiddenSize, epsilon: own.normEps)
        attention = try GPT2Attention(scope.child("attn"), config, own, layer: layer)
        mlpNorm = try LayerNorm(scope.child("ln_2"), width: config.hiddenSize, epsilon: own.normEps)
        mlp = try GPT2MLP(scope.child("mlp"), config, own)
    }

    var children: [(name: String, module: any Module)] {
        [("ln_1", attentionNorm), ("attn", attention), ("ln_2", mlpNorm), ("mlp", mlp)]
    }

    func callAsFunction(_ x: Tensor, _ pass: Pass, _ asked: AskedRows) throws -> Tensor {
        let attended = try asked.of(x).add(attention(attentionNorm(x, pass), pass, asked))
        return try attended.add(mlp(mlpNorm(attended, asked.pass), asked.pass))
    }
}

/// The bare model: token and position embeddings, layers, a last norm.
final class GPT2Model: Backbone {
    let kind = "GPT2Model"
    var path: String
    let layers: [any TransformerLayer]
    private let token: Embedding
    private let position: Embedding
    private let dropout: Dropout
    private let list: Container
    private let norm: LayerNorm

    init(_ scope: Scope, _ config: ModelConfig, _ own: GPT2) throws {
        path = scope.path
        token = try Embedding(
            scope.child("wte"), entries: config.vocabSize, width: config.hiddenSize, deviation: config.initializerRange)
        position = try Embedding(
            scope.child("wpe"), entries: config.maxPositionEmbeddings, width: config.hiddenSize,
            deviation: config.initializerRange)
        dropout = try Dropout(scope.child("drop"), p: own.embeddingDropout)
        let place = scope.child("h")
        let layers = try (0..<config.numHiddenLayers).map {
            try GPT2Block(place.child(String($0)), config, own, layer: $0)
        }
        self.layers = layers
        list = try Container(children: layers.enumerated().map { (String($0.offset), $0.element) })
        list.path = place.path
        norm = try LayerNorm(scope.child("ln_f"), width: config.hiddenSize, epsilon: own.normEps)
    }

    var children: [(name: String, module: any Module)] {
        [("wte", token), ("wpe", position), ("drop", dropout), ("h", list), ("ln_f", norm)]
    }

    var embeddings: [any Module] { [token, position, dropout] }
    var inputEmbedding: Embedding { token }

    func embed(_ ids: [Int], _ pass: Pass) throws -> Tensor {
        try dropout(EmbeddingSum.of([token(ids), position(pass.positions)]), pass)
    }

    func finish(_ states: Tensor, _ pass: Pass) throws -> Tensor { try norm(states, pass) }
}
