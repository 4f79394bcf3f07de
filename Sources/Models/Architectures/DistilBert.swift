import Kernels
import Options
import Tensors

// DistilBERT (Sanh et al. 2019, arXiv:1910.01108), as transformers' modeling_distilbert.py computes it: BERT without token
// types and pooler, other names, no dropout behind attention.

/// DistilBERT's own configuration.
struct DistilBert: Architecture {
    static let modelTypes = ["distilbert"]
    static let family = "DistilBert"
    static let prefix = "distilbert"
    static let attributeMap = [
        "hidden_size": "dim", "num_hidden_layers": "n_layers", "num_attention_heads": "n_heads",
        "intermediate_size": "hidden_dim",
    ]
    static let defaults: [String: OptionLiteral] = ["num_hidden_layers": 6]
    static let options = [
        ConfigReader.activation("activation"),
        Option("dropout", .number(.unit), default: 0.1, "Dropout of states."),
        Option("attention_dropout", .number(.unit), default: 0.1, "Dropout of attention's weights."),
        Option("seq_classif_dropout", .number(.unit), default: 0.2, "Dropout before the head on sequences."),
        Option("qa_dropout", .number(.unit), default: 0.1, "Dropout before the head for question answering."),
    ]
    static let inert = Bert.encoderInert
    static let paddingId: Int? = 0
    // PEFT's tables name none for it.
    static let usualTargets = ["LORA": ["q_lin", "v_lin"]]
    static let tasks: [TaskType] = [.sequenceClassification, .tokenClassification, .questionAnswering]

    /// Activation of the feed-forward part.
    let activation: ActivationFunction
    /// Dropout of embeddings and sublayers, and of the head on tokens.
    let dropout: Double
    /// Dropout of attention probabilities.
    let attentionDropout: Double
    /// Dropout of the head on sequences.
    let classifierDropout: Double
    /// Dropout of the head for question answering.
    let answerDropout: Double
    /// ε of the layer norms.
    let layerNormEps = 1e-12

    init(_ reader: ConfigReader) throws {
        _ = try reader.headWidth()
        activation = reader.activation("activation", default: .gelu)
        dropout = try reader.number("dropout")
        attentionDropout = try reader.number("attention_dropout")
        classifierDropout = try reader.number("seq_classif_dropout")
        answerDropout = try reader.number("qa_dropout")
    }

    func backbone(_ scope: Scope, _ config: ModelConfig, _ task: TaskType?) throws -> any Backbone {
        try DistilBertModel(scope, config, self)
    }

    func head(_ task: TaskType, _ scope: Scope, _ config: ModelConfig, _ backbone: any Backbone) throws -> any Head {
        if task == .questionAnswering { return try AnswerHead(scope, config, dropout: answerDropout) }
        return task == .tokenClassification
            ? try LinearHead(scope, config, dropout: dropout, reads: .all)
            : try DistilBertHead(scope, config, dropout: classifierDropout)
    }
}

/// Sum of word and position embeddings, normalised.
final class DistilBertEmbeddings: Module {
    let kind = "Embeddings"
    var path: String
    let word: Embedding
    private let position: Embedding
    private let norm: LayerNorm
    private let dropout: Dropout

    init(_ scope: Scope, _ config: ModelConfig, _ own: DistilBert) throws {
        path = scope.path
        word = try Embedding(
            scope.child("word_embeddings"), entries: config.vocabSize, width: config.hiddenSize,
            paddingIndex: config.padTokenId, deviation: config.initializerRange)
        position = try Embedding(
            scope.child("position_embeddings"), entries: config.maxPositionEmbeddings, width: config.hiddenSize,
            deviation: config.initializerRange)
        norm = try LayerNorm(scope.child("LayerNorm"), width: config.hiddenSize, epsilon: own.layerNormEps)
        dropout = try Dropout(scope.child("dropout"), p: own.dropout)
    }

    var children: [(name: String, module: any Module)] {
        [("word_embeddings", word), ("position_embeddings", position), ("LayerNorm", norm), ("dropout", dropout)]
    }

    func callAsFunction(_ ids: [Int], _ pass: Pass) throws -> Tensor {
        let span = Profile.module(path)
        defer { span.end() }
        return try dropout(norm(EmbeddingSum.of([word(ids), position(pass.positions)]), pass), pass)
    }
}

/// Softmax attention of each sequence over itself, and its output projection.
final class DistilBertSelfAttention: Module {
    let kind = "DistilBertSelfAttention"
    var path: String
    private let heads: Int
    private let query: Linear
    private let key: Linear
    private let value: Linear
    private let output: Linear
    private let dropout: Dropout

    init(_ scope: Scope, _ config: ModelConfig, _ own: DistilBert) throws {
        (path, heads) = (scope.path, config.numAttentionHeads)
        query = try Linear(scope.child("q_lin"), config)
        key = try Linear(scope.child("k_lin"), config)
        value = try Linear(scope.child("v_lin"), config)
        output = try Linear(scope.child("out_lin"), config)
        dropout = try Dropout(scope.child("dropout"), p: own.attentionDropout)
    }

    var children: [(name: String, module: any Module)] {
        [("q_lin", query), ("k_lin", key), ("v_lin", value), ("out_lin", output), ("dropout", dropout)]
    }

    /// Output for `own`, the asked rows of x[T, d].
    func callAsFunction(_ x: Tensor, own: Tensor, _ pass: Pass, _ asked: AskedRows) throws -> Tensor {
        let span = Profile.module(path)
        defer { span.end() }
        let projected = try LinearGroup([query, key, value])(x, first: own, pass, asked)
        let layout = try asked.layout(over: pass, heads: heads, dropout: dropout.mask(asked.pass))
        return try output(projected[0].attention(keys: projected[1], values: projected[2], layout), asked.pass)
    }
}

/// The feed-forward part.
final class DistilBertFFN: Module {
    let kind = "FFN"
    var path: String
    private let dropout: Dropout
    private let lin1: Linear
    private let lin2: Linear
    private let activation: ActivationLayer

    init(_ scope: Scope, _ config: ModelConfig, _ own: DistilBert) throws {
        path = scope.path
        dropout = try Dropout(scope.child("dropout"), p: own.dropout)
        lin1 = try Linear(scope.child("lin1"), config, outFeatures: config.intermediateSize)
        lin2 = try Linear(scope.child("lin2"), config, inFeatures: config.intermediateSize)
        activation = ActivationLayer(scope.child("activation"), own.activation)
    }

    var children: [(name: String, module: any Module)] {
        [("dropout", dropout), ("lin1", lin1), ("lin2", lin2), ("activation", activation)]
    }

    func callAsFunction(_ x: Tensor, _ pass: Pass) throws -> Tensor {
        try dropout(lin2(lin1(x, pass), after: activation, pass), pass)
    }
}

/// Attention, then feed-forward, each normalised with its residual.
final class DistilBertBlock: TransformerLayer {
    let kind = "TransformerBlock"
    var path: String
    private let attention: DistilBertSelfAttention
    private let attentionNorm: LayerNorm
    private let ffn: DistilBertFFN
    private let outputNorm: LayerNorm

    init(_ scope: Scope, _ config: ModelConfig, _ own: DistilBert) throws {
        path = scope.path
        attention = try DistilBertSelfAttention(scope.child("attention"), config, own)
        attentionNorm = try LayerNorm(
            scope.child("sa_layer_norm"), width: config.hiddenSize, epsilon: own.layerNormEps)
        ffn = try DistilBertFFN(scope.child("ffn"), config, own)
        outputNorm = try LayerNorm(
            scope.child("output_layer_norm"), width: config.hiddenSize, epsilon: own.layerNormEps)
    }

    var children: [(name: String, module: any Module)] {
        [
            ("attention", attention), ("sa_layer_norm", attentionNorm), ("ffn", ffn),
            ("output_layer_norm", outputNorm),
        ]
    }

    func callAsFunction(_ x: Tensor, _ pass: Pass, _ asked: AskedRows) throws -> Tensor {
        let own = try asked.of(x)
        let attended = try attentionNorm(attention(x, own: own, pass, asked), residual: own)
        return try outputNorm(ffn(attended, asked.pass), residual: attended)
    }
}

/// The layers.
final class DistilBertTransformer: Module {
    let kind = "Transformer"
    var path: String
    let layers: [DistilBertBlock]
    private let list: Container

    init(_ scope: Scope, _ config: ModelConfig, _ own: DistilBert) throws {
        path = scope.path
        let place = scope.child("layer")
        layers = try (0..<config.numHiddenLayers).map { try DistilBertBlock(place.child(String($0)), config, own) }
        list = try Container(children: layers.enumerated().map { (String($0.offset), $0.element) })
        list.path = place.path
    }

    var children: [(name: String, module: any Module)] { [("layer", list)] }
}

/// The bare model.
final class DistilBertModel: Backbone {
    let kind = "DistilBertModel"
    var path: String
    private let embedding: DistilBertEmbeddings
    private let transformer: DistilBertTransformer

    init(_ scope: Scope, _ config: ModelConfig, _ own: DistilBert) throws {
        path = scope.path
        embedding = try DistilBertEmbeddings(scope.child("embeddings"), config, own)
        transformer = try DistilBertTransformer(scope.child("transformer"), config, own)
    }

    var children: [(name: String, module: any Module)] {
        [("embeddings", embedding), ("transformer", transformer)]
    }

    var embeddings: [any Module] { [embedding] }
    var inputEmbedding: Embedding { embedding.word }
    var layers: [any TransformerLayer] { transformer.layers }

    func embed(_ ids: [Int], _ pass: Pass) throws -> Tensor { try embedding(ids, pass) }
}

/// pre_classifier, relu, dropout, classifier, on the first token.
final class DistilBertHead: Head {
    let reads = ReadRows.first
    private let inner: Linear
    private let classifier: Linear
    private let dropout: Dropout

    init(_ scope: Scope, _ config: ModelConfig, dropout p: Double) throws {
        inner = try Linear(scope.child("pre_classifier"), config)
        classifier = try Linear(scope.child("classifier"), config, outFeatures: config.numLabels)
        dropout = try Dropout(scope.child("dropout"), p: p)
    }

    var parts: [(name: String, module: any Module)] {
        [("pre_classifier", inner), ("classifier", classifier), ("dropout", dropout)]
    }

    func logits(_ hidden: Tensor, pooled: Tensor?, _ pass: Pass) throws -> Tensor {
        try classifier(dropout(inner(hidden, pass).relu(), pass), pass)
    }
}
