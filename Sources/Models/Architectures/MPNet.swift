import Kernels
import Options
import Tensors

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

// MPNet (Song et al. 2020, arXiv:2004.09297), as transformers' modeling_mpnet.py (5.23) computes it: BERT's layers under other
// names, RoBERTa's positions, no token types, and a bias of attention by distance that all layers share.

/// MPNet's own configuration.
struct MPNet: Architecture {
    static let modelTypes = ["mpnet"]
    static let family = "MPNet"
    static let prefix = "mpnet"
    static let defaults: [String: OptionLiteral] = ["vocab_size": 30527]
    static let options =
        Bert.encoderOptions.filter { $0.name != "type_vocab_size" && $0.name != "classifier_dropout" } + [
            Option(
                "relative_attention_num_buckets", .integer(32...1 << 20), default: 32,
                "Distances that attention tells apart; the first 32 are used.")
        ]
    static let inert = Bert.encoderInert
    static let paddingId: Int? = 1
    // PEFT's tables name none for it.
    static let usualTargets = ["LORA": ["q", "v"]]
    static let tasks: [TaskType] = [.sequenceClassification, .tokenClassification, .questionAnswering]
    /// Padding entry of both tables, whatever config.json says.
    static let padding = 1

    /// What the layers are made by.
    let layer: BertLayerConfig
    /// Rows of the table of distances.
    let buckets: Int

    init(_ reader: ConfigReader) throws {
        layer = try BertLayerConfig(reader, typeVocabSize: 0)
        buckets = try reader.integer("relative_attention_num_buckets")
    }

    func complete(_ config: inout ModelConfig, source: String) throws {
        config.maxLength = config.maxPositionEmbeddings - MPNet.padding - 1
    }

    func backbone(_ scope: Scope, _ config: ModelConfig, _ task: TaskType?) throws -> any Backbone {
        try MPNetModel(scope, config, self, hasPooler: task == nil || task == .featureExtraction)
    }

    func head(_ task: TaskType, _ scope: Scope, _ config: ModelConfig, _ backbone: any Backbone) throws -> any Head {
        if task == .questionAnswering { return try AnswerHead(scope, config) }
        return task == .tokenClassification
            ? try LinearHead(scope, config, dropout: layer.hiddenDropout, reads: .all)
            : try RobertaClassificationHead(
                scope.child("classifier"), config, dropout: layer.hiddenDropout, family: MPNet.family)
    }
}

/// Sum of word and position embeddings, normalised.
final class MPNetEmbeddings: Module {
    let kind = "MPNetEmbeddings"
    var path: String
    let word: Embedding
    private let position: Embedding
    private let norm: LayerNorm
    private let dropout: Dropout

    init(_ scope: Scope, _ config: ModelConfig, _ own: BertLayerConfig) throws {
        path = scope.path
        func table(_ name: String, _ entries: Int) throws -> Embedding {
            try Embedding(
                scope.child(name), entries: entries, width: config.hiddenSize, paddingIndex: MPNet.padding,
                deviation: config.initializerRange)
        }
        word = try table("word_embeddings", config.vocabSize)
        position = try table("position_embeddings", config.maxPositionEmbeddings)
        norm = try LayerNorm(scope.child("LayerNorm"), width: config.hiddenSize, epsilon: own.layerNormEps)
        dropout = try Dropout(scope.child("dropout"), p: own.hiddenDropout)
    }

    var children: [(name: String, module: any Module)] {
        [("word_embeddings", word), ("position_embeddings", position), ("LayerNorm", norm), ("dropout", dropout)]
    }

    func callAsFunction(_ ids: [Int], _ pass: Pass) throws -> Tensor {
        let span = Profile.module(path)
        defer { span.end() }
        let places = RobertaEmbeddings.positions(ids, pass, padding: MPNet.padding)
        return try dropout(norm(EmbeddingSum.of([word(ids), position(places)]), pass), pass)
    }
}

/// Distances of keys from queries by their entry in the table (arXiv:1910.10683, section 2.1).
///
/// Near ones have one each, farther ones share.
package enum MPNetDistances {
    private static let (buckets, longest) = (32, 128)

    /// Entries of the distances -128...128 of a key from its query; farther ones have those at the ends.
    package static let entries = (-longest...longest).map(entry)
    /// Where the distance 0 is among them.
    package static let zero = longest

    /// relative_position_bucket of the reference, whose logarithms are float32's.
    private static func entry(_ distance: Int) -> Int {
        let (half, size) = (buckets / 2, abs(distance))
        let exact = half / 2
        let side = distance > 0 ? half : 0
        guard size >= exact else { return side + size }
        let share = log(Float(size) / Float(exact)) / Float(log(Double(longest) / Double(exact)))
        return side + min(half - 1, exact + Int(share * Float(half - exact)))
    }
}

/// Softmax attention of each sequence over itself with a bias by distance, and its output projection.
final class MPNetSelfAttention: Module {
    let kind = "MPNetSelfAttention"
    var path: String
    private let heads: Int
    private let query: Linear
    private let key: Linear
    private let value: Linear
    private let output: Linear
    private let dropout: Dropout
    private let distances: Embedding

    init(_ scope: Scope, _ config: ModelConfig, _ own: BertLayerConfig, distances: Embedding) throws {
        (path, heads, self.distances) = (scope.path, config.numAttentionHeads, distances)
        query = try Linear(scope.child("q"), config)
        key = try Linear(scope.child("k"), config)
        value = try Linear(scope.child("v"), config)
        output = try Linear(scope.child("o"), config)
        dropout = try Dropout(scope.child("dropout"), p: own.attentionDropout)
    }

    var children: [(name: String, module: any Module)] {
        [("q", query), ("k", key), ("v", value), ("o", output), ("dropout", dropout)]
    }

    /// Output for `own`, the asked rows of x[T, d].
    func callAsFunction(_ x: Tensor, own: Tensor, _ pass: Pass, _ asked: AskedRows) throws -> Tensor {
        let projected = try LinearGroup([query, key, value])(x, first: own, pass, asked)
        let span = Profile.module(path)
        let layout = try asked.layout(over: pass, heads: heads, dropout: dropout.mask(asked.pass))
        let bias = AttentionBias(try distances(MPNetDistances.entries).t(), zero: MPNetDistances.zero)
        let y = try projected[0].attention(keys: projected[1], values: projected[2], bias: bias, layout)
        span.end()
        return try output(y, asked.pass)
    }
}

/// Self-attention, and the norm of its sum with the residual.
final class MPNetAttention: Module {
    let kind = "MPNetAttention"
    var path: String
    private let attention: MPNetSelfAttention
    private let norm: LayerNorm
    private let dropout: Dropout

    init(_ scope: Scope, _ config: ModelConfig, _ own: BertLayerConfig, distances: Embedding) throws {
        path = scope.path
        attention = try MPNetSelfAttention(scope.child("attn"), config, own, distances: distances)
        norm = try LayerNorm(scope.child("LayerNorm"), width: config.hiddenSize, epsilon: own.layerNormEps)
        dropout = try Dropout(scope.child("dropout"), p: own.hiddenDropout)
    }

    var children: [(name: String, module: any Module)] {
        [("attn", attention), ("LayerNorm", norm), ("dropout", dropout)]
    }

    func callAsFunction(_ x: Tensor, _ pass: Pass, _ asked: AskedRows) throws -> Tensor {
        let own = try asked.of(x)
        return try norm(attention(x, own: own, pass, asked), residual: own, mask: dropout.mask(asked.pass))
    }
}

/// Attention, then feed-forward.
final class MPNetLayer: TransformerLayer {
    let kind = "MPNetLayer"
    var path: String
    private let attention: MPNetAttention
    private let intermediate: BertIntermediate
    private let output: BertOutput

    init(_ scope: Scope, _ config: ModelConfig, _ own: BertLayerConfig, distances: Embedding) throws {
        path = scope.path
        attention = try MPNetAttention(scope.child("attention"), config, own, distances: distances)
        intermediate = try BertIntermediate(scope.child("intermediate"), config, own, family: MPNet.family)
        output = try BertOutput(
            scope.child("output"), config, own, kind: "MPNetOutput", inFeatures: config.intermediateSize)
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

/// The layers, and the table of distances [32, heads] that they share.
final class MPNetEncoder: Module {
    let kind = "MPNetEncoder"
    var path: String
    let layers: [MPNetLayer]
    let distances: Embedding
    private let list: Container

    init(_ scope: Scope, _ config: ModelConfig, _ own: MPNet) throws {
        path = scope.path
        let distances = try Embedding(
            scope.child("relative_attention_bias"), entries: own.buckets, width: config.numAttentionHeads,
            deviation: config.initializerRange)
        self.distances = distances
        let place = scope.child("layer")
        layers = try (0..<config.numHiddenLayers).map {
            try MPNetLayer(place.child(String($0)), config, own.layer, distances: distances)
        }
        list = try Container(children: layers.enumerated().map { (String($0.offset), $0.element) })
        list.path = place.path
    }

    var children: [(name: String, module: any Module)] { [("layer", list), ("relative_attention_bias", distances)] }
}

/// The bare model.
final class MPNetModel: Backbone {
    let kind = "MPNetModel"
    var path: String
    private let embedding: MPNetEmbeddings
    private let encoder: MPNetEncoder
    private let bertPooler: BertPooler?

    init(_ scope: Scope, _ config: ModelConfig, _ own: MPNet, hasPooler: Bool) throws {
        path = scope.path
        embedding = try MPNetEmbeddings(scope.child("embeddings"), config, own.layer)
        encoder = try MPNetEncoder(scope.child("encoder"), config, own)
        bertPooler = hasPooler ? try BertPooler(scope.child("pooler"), config, family: MPNet.family) : nil
    }

    var children: [(name: String, module: any Module)] {
        [("embeddings", embedding), ("encoder", encoder)] + (bertPooler.map { [("pooler", $0)] } ?? [])
    }

    // What all layers share lies below all of them.
    var embeddings: [any Module] { [embedding, encoder.distances] }
    var inputEmbedding: Embedding { embedding.word }
    var layers: [any TransformerLayer] { encoder.layers }
    var pooler: (any Pooler)? { bertPooler }

    func embed(_ ids: [Int], _ pass: Pass) throws -> Tensor { try embedding(ids, pass) }
}
