import Kernels
import Tensors

// DistilBERT (Sanh et al. 2019, arXiv:1910.01108), as transformers' modeling_distilbert.py computes it: BERT without token
// types and pooler, other names, no dropout behind attention.

/// Sum of word and position embeddings, normalised.
final class DistilBertEmbeddings: Embeddings {
    let kind = "Embeddings"
    var path: String
    private let word: Embedding
    private let position: Embedding
    private let norm: LayerNorm
    private let dropout: Dropout

    init(_ scope: Scope, _ config: ModelConfig) throws {
        path = scope.path
        word = try Embedding(
            scope.child("word_embeddings"), entries: config.vocabSize, width: config.hiddenSize,
            paddingIndex: config.padTokenId, deviation: config.initializerRange)
        position = try Embedding(
            scope.child("position_embeddings"), entries: config.maxPositionEmbeddings, width: config.hiddenSize,
            deviation: config.initializerRange)
        norm = try LayerNorm(scope.child("LayerNorm"), width: config.hiddenSize, epsilon: config.layerNormEps)
        dropout = try Dropout(scope.child("dropout"), p: config.hiddenDropout)
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

    init(_ scope: Scope, _ config: ModelConfig) throws {
        (path, heads) = (scope.path, config.numAttentionHeads)
        query = try Linear(scope.child("q_lin"), config)
        key = try Linear(scope.child("k_lin"), config)
        value = try Linear(scope.child("v_lin"), config)
        output = try Linear(scope.child("out_lin"), config)
        dropout = try Dropout(scope.child("dropout"), p: config.attentionDropout)
    }

    var children: [(name: String, module: any Module)] {
        [("q_lin", query), ("k_lin", key), ("v_lin", value), ("out_lin", output), ("dropout", dropout)]
    }

    /// Output for `own`, the asked rows of x[T, d].
    func callAsFunction(_ x: Tensor, own: Tensor, _ pass: Pass, _ asked: AskedRows) throws -> Tensor {
        let span = Profile.module(path)
        defer { span.end() }
        let projected =
            asked.isAll
            ? try LinearGroup([query, key, value])(x, pass)
            : try [query(own, asked.pass)] + LinearGroup([key, value])(x, pass)
        let layout = AttentionLayout(
            heads: heads, queryStarts: asked.boundaries, keyStarts: pass.boundaries, positions: asked.pass.positions,
            dropout: try dropout.mask(asked.pass))
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

    init(_ scope: Scope, _ config: ModelConfig) throws {
        path = scope.path
        dropout = try Dropout(scope.child("dropout"), p: config.hiddenDropout)
        lin1 = try Linear(scope.child("lin1"), config, outFeatures: config.intermediateSize)
        lin2 = try Linear(scope.child("lin2"), config, inFeatures: config.intermediateSize)
        activation = ActivationLayer(scope.child("activation"), config.hiddenAct)
    }

    var children: [(name: String, module: any Module)] {
        [("dropout", dropout), ("lin1", lin1), ("lin2", lin2), ("activation", activation)]
    }

    func callAsFunction(_ x: Tensor, _ pass: Pass) throws -> Tensor {
        try dropout(lin2(lin1(x, pass), after: activation, pass), pass)
    }
}

/// Attention, then feed-forward, each normalised with its residual.
final class DistilBertBlock: EncoderLayer {
    let kind = "TransformerBlock"
    var path: String
    private let attention: DistilBertSelfAttention
    private let attentionNorm: LayerNorm
    private let ffn: DistilBertFFN
    private let outputNorm: LayerNorm

    init(_ scope: Scope, _ config: ModelConfig) throws {
        path = scope.path
        attention = try DistilBertSelfAttention(scope.child("attention"), config)
        attentionNorm = try LayerNorm(
            scope.child("sa_layer_norm"), width: config.hiddenSize, epsilon: config.layerNormEps)
        ffn = try DistilBertFFN(scope.child("ffn"), config)
        outputNorm = try LayerNorm(
            scope.child("output_layer_norm"), width: config.hiddenSize, epsilon: config.layerNormEps)
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

    init(_ scope: Scope, _ config: ModelConfig) throws {
        path = scope.path
        let place = scope.child("layer")
        layers = try (0..<config.numHiddenLayers).map { try DistilBertBlock(place.child(String($0)), config) }
        list = try Container(children: layers.enumerated().map { (String($0.offset), $0.element) })
        list.path = place.path
    }

    var children: [(name: String, module: any Module)] { [("layer", list)] }
}

/// The bare model.
final class DistilBertModel: Backbone {
    let kind = "DistilBertModel"
    var path: String
    let embeddings: any Embeddings
    let pooler: BertPooler? = nil
    private let transformer: DistilBertTransformer

    init(_ scope: Scope, _ config: ModelConfig) throws {
        path = scope.path
        embeddings = try DistilBertEmbeddings(scope.child("embeddings"), config)
        transformer = try DistilBertTransformer(scope.child("transformer"), config)
    }

    var children: [(name: String, module: any Module)] {
        [("embeddings", embeddings), ("transformer", transformer)]
    }

    var layers: [any EncoderLayer] { transformer.layers }
}

/// pre_classifier, relu, dropout, classifier, on the first token.
final class DistilBertHead: Head {
    let readsTokens = false
    private let inner: Linear
    private let classifier: Linear
    private let dropout: Dropout

    init(_ scope: Scope, _ config: ModelConfig) throws {
        inner = try Linear(scope.child("pre_classifier"), config)
        classifier = try Linear(scope.child("classifier"), config, outFeatures: config.numLabels)
        dropout = try Dropout(scope.child("dropout"), p: config.classifierDropout ?? 0.2)
    }

    var children: [(name: String, module: any Module)] {
        [("pre_classifier", inner), ("classifier", classifier), ("dropout", dropout)]
    }

    func logits(_ hidden: Tensor, pooled: Tensor?, _ pass: Pass) throws -> Tensor {
        let heads = pass.atHeads()
        return try classifier(dropout(inner(hidden, heads).relu(), heads), heads)
    }
}
