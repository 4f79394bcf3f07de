import Kernels
import Options
import Tensors

// BERT (Devlin et al. 2019, arXiv:1810.04805), as transformers' modeling_bert.py computes it: layers normalise after the
// residual. RoBERTa shares everything but the embeddings and the head. Shapes: T tokens, B sequences, d hidden size.

/// BERT's own configuration.
struct Bert: Architecture {
    static let modelTypes = ["bert"]
    static let family = "Bert"
    static let prefix = "bert"
    static let options = encoderOptions
    static let inert = encoderInert
    static let paddingId: Int? = 0
    static let usualTargets = ["LORA": ["query", "value"]]
    static let tasks: [TaskType] = [.sequenceClassification, .tokenClassification, .questionAnswering]

    /// What the layers of BERT and of its kin are made by.
    let layer: BertLayerConfig

    init(_ reader: ConfigReader) throws { layer = try BertLayerConfig(reader) }

    func complete(_ config: inout ModelConfig, source: String) throws { config.typeVocabSize = layer.typeVocabSize }

    func backbone(_ scope: Scope, _ config: ModelConfig, _ task: TaskType?) throws -> any Backbone {
        let isBare = task == nil || task == .featureExtraction
        return try BertModel(scope, config, layer, hasPooler: isBare || task == .sequenceClassification)
    }

    func head(_ task: TaskType, _ scope: Scope, _ config: ModelConfig, _ backbone: any Backbone) throws -> any Head {
        if task == .questionAnswering { return try AnswerHead(scope, config) }
        return try LinearHead(
            scope, config, dropout: layer.classifierDropout ?? layer.hiddenDropout,
            reads: task == .tokenClassification ? .all : .first)
    }

    /// Options of BERT and of encoders like it.
    static let encoderOptions = [
        ConfigReader.activation("hidden_act"),
        Option("hidden_dropout_prob", .number(.unit), default: 0.1, "Dropout of states."),
        Option("attention_probs_dropout_prob", .number(.unit), default: 0.1, "Dropout of attention's weights."),
        Option("classifier_dropout", .number(.unit), "Dropout before the head."),
        Option("type_vocab_size", ConfigReader.size, default: 2, "Segments."),
        Option("layer_norm_eps", .number(.unit), default: 1e-12, "Added to variances."),
    ]

    /// What would change the computation of an encoder.
    static let encoderInert = [
        "is_decoder": InertOption([false], "only encoders are"),
        "add_cross_attention": InertOption([false], "only encoders are"),
        "position_embedding_type": InertOption(["absolute"], "only 'absolute' is"),
    ]
}

/// What the layers of BERT and of its kin are made by.
struct BertLayerConfig {
    /// Activation of the feed-forward part.
    let hiddenAct: ActivationFunction
    /// Dropout of embeddings and sublayers.
    let hiddenDropout: Double
    /// Dropout of attention probabilities.
    let attentionDropout: Double
    /// Dropout of the head; `hiddenDropout` where nil.
    let classifierDropout: Double?
    /// Number of token types.
    let typeVocabSize: Int
    /// ε of the layer norms.
    let layerNormEps: Double

    /// What BERT's options say.
    init(_ reader: ConfigReader) throws {
        try self.init(
            reader, typeVocabSize: reader.integer("type_vocab_size"),
            classifierDropout: reader.optionalNumber("classifier_dropout"))
    }

    /// What kin of BERT's says, whose own options are given here.
    init(
        _ reader: ConfigReader, typeVocabSize: Int, standardActivation: ActivationFunction = .gelu,
        classifierDropout: Double? = nil
    ) throws {
        _ = try reader.headWidth()
        hiddenAct = reader.activation("hidden_act", default: standardActivation)
        hiddenDropout = try reader.number("hidden_dropout_prob")
        attentionDropout = try reader.number("attention_probs_dropout_prob")
        (self.classifierDropout, self.typeVocabSize) = (classifierDropout, typeVocabSize)
        layerNormEps = try reader.number("layer_norm_eps")
    }
}

/// Sum of word, position and token type embeddings, normalised.
final class BertEmbeddings: Module {
    let kind: String
    var path: String
    let word: Embedding
    private let position: Embedding
    private let tokenType: Embedding
    private let norm: LayerNorm
    private let dropout: Dropout

    /// Embeddings of this width; of the states' where nil.
    init(
        _ scope: Scope, _ config: ModelConfig, _ own: BertLayerConfig, family: String = Bert.family, width: Int? = nil
    ) throws {
        (kind, path) = ("\(family)Embeddings", scope.path)
        (word, position, tokenType) = try BertEmbeddings.tables(scope, config, width: width, positionPadding: nil)
        norm = try LayerNorm(
            scope.child("LayerNorm"), width: width ?? config.hiddenSize, epsilon: own.layerNormEps)
        dropout = try Dropout(scope.child("dropout"), p: own.hiddenDropout)
    }

    var children: [(name: String, module: any Module)] {
        [
            ("word_embeddings", word), ("position_embeddings", position), ("token_type_embeddings", tokenType),
            ("LayerNorm", norm), ("dropout", dropout),
        ]
    }

    func callAsFunction(_ ids: [Int], _ pass: Pass) throws -> Tensor {
        let span = Profile.module(path)
        defer { span.end() }
        let types = pass.tokenTypes ?? Array(repeating: 0, count: ids.count)
        return try dropout(norm(EmbeddingSum.of([word(ids), tokenType(types), position(pass.positions)]), pass), pass)
    }

    static func tables(
        _ scope: Scope, _ config: ModelConfig, width: Int? = nil, positionPadding: Int?
    ) throws -> (Embedding, Embedding, Embedding) {
        let (width, deviation) = (width ?? config.hiddenSize, config.initializerRange)
        return (
            try Embedding(
                scope.child("word_embeddings"), entries: config.vocabSize, width: width,
                paddingIndex: config.padTokenId, deviation: deviation),
            try Embedding(
                scope.child("position_embeddings"), entries: config.maxPositionEmbeddings, width: width,
                paddingIndex: positionPadding, deviation: deviation),
            try Embedding(
                scope.child("token_type_embeddings"), entries: config.typeVocabSize, width: width,
                deviation: deviation)
        )
    }
}

/// Softmax attention of each sequence over itself; query, key and value read the same input.
final class BertSelfAttention: Module {
    let kind: String
    var path: String
    private let heads: Int
    private let query: Linear
    private let key: Linear
    private let value: Linear
    private let dropout: Dropout

    init(_ scope: Scope, _ config: ModelConfig, _ own: BertLayerConfig, family: String) throws {
        (kind, path, heads) = ("\(family)SelfAttention", scope.path, config.numAttentionHeads)
        query = try Linear(scope.child("query"), config)
        key = try Linear(scope.child("key"), config)
        value = try Linear(scope.child("value"), config)
        dropout = try Dropout(scope.child("dropout"), p: own.attentionDropout)
    }

    var children: [(name: String, module: any Module)] {
        [("query", query), ("key", key), ("value", value), ("dropout", dropout)]
    }

    /// Output for `own`, the asked rows of x[T, d].
    func callAsFunction(_ x: Tensor, own: Tensor, _ pass: Pass, _ asked: AskedRows) throws -> Tensor {
        let span = Profile.module(path)
        defer { span.end() }
        let projected = try LinearGroup([query, key, value])(x, first: own, pass, asked)
        let layout = try asked.layout(over: pass, heads: heads, dropout: dropout.mask(asked.pass))
        return try projected[0].attention(keys: projected[1], values: projected[2], layout)
    }
}

/// dense, dropout, then the norm of the sum with the residual: behind attention and behind the feed-forward part.
final class BertOutput: Module {
    let kind: String
    var path: String
    private let dense: Linear
    private let norm: LayerNorm
    private let dropout: Dropout

    init(_ scope: Scope, _ config: ModelConfig, _ own: BertLayerConfig, kind: String, inFeatures: Int) throws {
        (self.kind, path) = (kind, scope.path)
        dense = try Linear(scope.child("dense"), config, inFeatures: inFeatures)
        norm = try LayerNorm(scope.child("LayerNorm"), width: config.hiddenSize, epsilon: own.layerNormEps)
        dropout = try Dropout(scope.child("dropout"), p: own.hiddenDropout)
    }

    var children: [(name: String, module: any Module)] {
        [("dense", dense), ("LayerNorm", norm), ("dropout", dropout)]
    }

    func callAsFunction(_ x: Tensor, after activation: ActivationLayer? = nil, residual: Tensor, _ pass: Pass) throws
        -> Tensor
    {
        let y = try activation.map { try dense(x, after: $0, pass) } ?? dense(x, pass)
        return try norm(y, residual: residual, mask: dropout.mask(pass))
    }
}

/// Self-attention and what follows it.
final class BertAttention: Module {
    let kind: String
    var path: String
    private let attention: BertSelfAttention
    private let output: BertOutput

    init(_ scope: Scope, _ config: ModelConfig, _ own: BertLayerConfig, family: String) throws {
        (kind, path) = ("\(family)Attention", scope.path)
        attention = try BertSelfAttention(scope.child("self"), config, own, family: family)
        output = try BertOutput(
            scope.child("output"), config, own, kind: "\(family)SelfOutput", inFeatures: config.hiddenSize)
    }

    var children: [(name: String, module: any Module)] { [("self", attention), ("output", output)] }

    func callAsFunction(_ x: Tensor, _ pass: Pass, _ asked: AskedRows) throws -> Tensor {
        let own = try asked.of(x)
        return try output(attention(x, own: own, pass, asked), residual: own, asked.pass)
    }
}

/// The wide half of the feed-forward part.
final class BertIntermediate: Module {
    let kind: String
    var path: String
    private let dense: Linear
    /// Applied by who reads what this gives, along with its product.
    let activation: ActivationLayer

    init(_ scope: Scope, _ config: ModelConfig, _ own: BertLayerConfig, family: String) throws {
        (kind, path) = ("\(family)Intermediate", scope.path)
        dense = try Linear(scope.child("dense"), config, outFeatures: config.intermediateSize)
        activation = ActivationLayer(scope.child("intermediate_act_fn"), own.hiddenAct)
    }

    var children: [(name: String, module: any Module)] { [("dense", dense), ("intermediate_act_fn", activation)] }

    /// The argument of the activation.
    func callAsFunction(_ x: Tensor, _ pass: Pass) throws -> Tensor { try dense(x, pass) }
}

/// Attention, then feed-forward.
final class BertLayer: TransformerLayer {
    let kind: String
    var path: String
    private let attention: BertAttention
    private let intermediate: BertIntermediate
    private let output: BertOutput

    init(_ scope: Scope, _ config: ModelConfig, _ own: BertLayerConfig, family: String) throws {
        (kind, path) = ("\(family)Layer", scope.path)
        attention = try BertAttention(scope.child("attention"), config, own, family: family)
        intermediate = try BertIntermediate(scope.child("intermediate"), config, own, family: family)
        output = try BertOutput(
            scope.child("output"), config, own, kind: "\(family)Output", inFeatures: config.intermediateSize)
    }

    var children: [(name: String, module: any Module)] {
        [("attention", attention), ("intermediate", intermediate), ("output", output)]
    }

    func callAsFunction(_ x: Tensor, _ pass: Pass, _ asked: AskedRows) throws -> Tensor {
        let attended = try attention(x, pass, asked)
        return try output(
            intermediate(attended, asked.pass), after: intermediate.activation, residual: attended, asked.pass)
    }
}

/// The layers.
final class BertEncoder: Module {
    let kind: String
    var path: String
    let layers: [BertLayer]
    private let list: Container

    init(_ scope: Scope, _ config: ModelConfig, _ own: BertLayerConfig, family: String) throws {
        (kind, path) = ("\(family)Encoder", scope.path)
        let place = scope.child("layer")
        layers = try (0..<config.numHiddenLayers).map {
            try BertLayer(place.child(String($0)), config, own, family: family)
        }
        list = try Container(children: layers.enumerated().map { (String($0.offset), $0.element) })
        list.path = place.path
    }

    var children: [(name: String, module: any Module)] { [("layer", list)] }
}

/// tanh(dense(first token)).
final class BertPooler: Module, Pooler {
    let kind: String
    var path: String
    private let dense: Linear
    private let activation: ActivationLayer

    init(_ scope: Scope, _ config: ModelConfig, family: String) throws {
        (kind, path) = ("\(family)Pooler", scope.path)
        dense = try Linear(scope.child("dense"), config)
        activation = ActivationLayer(scope.child("activation"), .tanh)
    }

    var children: [(name: String, module: any Module)] { [("dense", dense), ("activation", activation)] }

    /// Pooled [B, d] of the hidden states [B, d] of the first tokens, the rows of `pass`.
    func callAsFunction(_ hidden: Tensor, _ pass: Pass) throws -> Tensor {
        try activation(dense(hidden, pass), pass)
    }
}

/// The bare model.
final class BertModel: Backbone {
    let kind = "BertModel"
    var path: String
    private let bertPooler: BertPooler?
    private let embedding: BertEmbeddings
    private let encoder: BertEncoder

    init(_ scope: Scope, _ config: ModelConfig, _ own: BertLayerConfig, hasPooler: Bool) throws {
        path = scope.path
        embedding = try BertEmbeddings(scope.child("embeddings"), config, own)
        encoder = try BertEncoder(scope.child("encoder"), config, own, family: "Bert")
        bertPooler = hasPooler ? try BertPooler(scope.child("pooler"), config, family: "Bert") : nil
    }

    var children: [(name: String, module: any Module)] {
        [("embeddings", embedding), ("encoder", encoder)] + (bertPooler.map { [("pooler", $0)] } ?? [])
    }

    var pooler: (any Pooler)? { bertPooler }
    var embeddings: [any Module] { [embedding] }
    var inputEmbedding: Embedding { embedding.word }
    var layers: [any TransformerLayer] { encoder.layers }

    func embed(_ ids: [Int], _ pass: Pass) throws -> Tensor { try embedding(ids, pass) }
}

extension Linear {
    /// Linear of a transformer: hidden size in and out where nothing else is said, started as transformers does.
    convenience init(
        _ scope: Scope, _ config: ModelConfig, inFeatures: Int? = nil, outFeatures: Int? = nil, bias: Bool = true,
        isConv1D: Bool = false
    ) throws {
        try self.init(
            scope, inFeatures: inFeatures ?? config.hiddenSize, outFeatures: outFeatures ?? config.hiddenSize,
            bias: bias, deviation: config.initializerRange, isConv1D: isConv1D)
    }
}
