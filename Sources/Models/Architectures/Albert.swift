import Kernels
import Options
import Tensors

// ALBERT (Lan et al. 2020, arXiv:1909.11942), as transformers' modeling_albert.py (5.23) computes it: BERT whose layers share
// their weights in groups, over embeddings narrower than the states.

/// ALBERT's own configuration: BERT's, the width of the embeddings, and how layers share weights.
struct Albert: Architecture {
    static let modelTypes = ["albert"]
    static let family = "Albert"
    static let prefix = "albert"
    static let defaults: [String: OptionLiteral] = [
        "vocab_size": 30000, "hidden_size": 4096, "num_attention_heads": 64, "intermediate_size": 16384,
    ]
    static let options = [
        ConfigReader.activation("hidden_act"),
        Option("hidden_dropout_prob", .number(.unit), default: 0, "Dropout of states."),
        Option("attention_probs_dropout_prob", .number(.unit), default: 0, "Dropout of attention's weights."),
        Option("classifier_dropout_prob", .number(.unit), default: 0.1, "Dropout before the head."),
        Option("type_vocab_size", ConfigReader.size, default: 2, "Segments."),
        Option("layer_norm_eps", .number(.unit), default: 1e-12, "Added to variances."),
        Option("embedding_size", ConfigReader.size, default: 128, "Width of the embeddings."),
        Option("num_hidden_groups", .integer(1...10_000), default: 1, "Groups of layers with weights of their own."),
        Option("inner_group_num", .integer(1...10_000), default: 1, "Layers of a group."),
    ]
    static let inert = Bert.encoderInert
    static let paddingId: Int? = 0
    // PEFT's tables name none for it.
    static let usualTargets = ["LORA": ["query", "value"]]
    static let tasks: [TaskType] = [.sequenceClassification, .tokenClassification, .questionAnswering]

    /// What the layers are made by.
    let layer: BertLayerConfig
    /// Width of the embeddings.
    let embeddingSize: Int
    /// Groups of layers.
    let groups: Int
    /// Layers of a group.
    let groupSize: Int

    init(_ reader: ConfigReader) throws {
        layer = try BertLayerConfig(
            reader, typeVocabSize: reader.integer("type_vocab_size"), standardActivation: .geluNew,
            classifierDropout: reader.optionalNumber("classifier_dropout_prob"))
        embeddingSize = try reader.integer("embedding_size")
        (groups, groupSize) = (try reader.integer("num_hidden_groups"), try reader.integer("inner_group_num"))
        let layers = try reader.integer("num_hidden_layers")
        guard max(layers, groups) * groupSize <= 10_000 else {
            throw ModelError(
                "\(reader.source): \(max(layers, groups)) times 'inner_group_num' \(groupSize) layers are more than 10000"
            )
        }
    }

    func complete(_ config: inout ModelConfig, source: String) throws { config.typeVocabSize = layer.typeVocabSize }

    func backbone(_ scope: Scope, _ config: ModelConfig, _ task: TaskType?) throws -> any Backbone {
        try AlbertModel(scope, config, self, hasPooler: task != .tokenClassification && task != .questionAnswering)
    }

    func head(_ task: TaskType, _ scope: Scope, _ config: ModelConfig, _ backbone: any Backbone) throws -> any Head {
        if task == .questionAnswering { return try AnswerHead(scope, config) }
        return try LinearHead(
            scope, config, dropout: layer.classifierDropout ?? layer.hiddenDropout,
            reads: task == .tokenClassification ? .all : .first)
    }
}

/// Softmax attention of each sequence over itself, its output projection, and the norm of the sum with the residual.
final class AlbertAttention: Module {
    let kind = "AlbertAttention"
    var path: String
    private let heads: Int
    private let attentionDropout: Dropout
    private let outputDropout: Dropout
    private let query: Linear
    private let key: Linear
    private let value: Linear
    private let dense: Linear
    private let norm: LayerNorm

    init(_ scope: Scope, _ config: ModelConfig, _ own: BertLayerConfig) throws {
        (path, heads) = (scope.path, config.numAttentionHeads)
        attentionDropout = try Dropout(scope.child("attention_dropout"), p: own.attentionDropout)
        outputDropout = try Dropout(scope.child("output_dropout"), p: own.hiddenDropout)
        query = try Linear(scope.child("query"), config)
        key = try Linear(scope.child("key"), config)
        value = try Linear(scope.child("value"), config)
        dense = try Linear(scope.child("dense"), config)
        norm = try LayerNorm(scope.child("LayerNorm"), width: config.hiddenSize, epsilon: own.layerNormEps)
    }

    var children: [(name: String, module: any Module)] {
        [
            ("attention_dropout", attentionDropout), ("output_dropout", outputDropout), ("query", query),
            ("key", key), ("value", value), ("dense", dense), ("LayerNorm", norm),
        ]
    }

    func callAsFunction(_ x: Tensor, _ pass: Pass, _ asked: AskedRows) throws -> Tensor {
        let own = try asked.of(x)
        let projected = try LinearGroup([query, key, value])(x, first: own, pass, asked)
        let span = Profile.module(path)
        let layout = try asked.layout(over: pass, heads: heads, dropout: attentionDropout.mask(asked.pass))
        let y = try projected[0].attention(keys: projected[1], values: projected[2], layout)
        span.end()
        return try norm(dense(y, asked.pass), residual: own, mask: outputDropout.mask(asked.pass))
    }
}

/// Attention, then feed-forward.
final class AlbertLayer: TransformerLayer {
    let kind = "AlbertLayer"
    var path: String
    private let norm: LayerNorm
    private let attention: AlbertAttention
    private let wide: Linear
    private let narrow: Linear
    private let activation: ActivationLayer

    init(_ scope: Scope, _ config: ModelConfig, _ own: BertLayerConfig) throws {
        path = scope.path
        norm = try LayerNorm(
            scope.child("full_layer_layer_norm"), width: config.hiddenSize, epsilon: own.layerNormEps)
        attention = try AlbertAttention(scope.child("attention"), config, own)
        wide = try Linear(scope.child("ffn"), config, outFeatures: config.intermediateSize)
        narrow = try Linear(scope.child("ffn_output"), config, inFeatures: config.intermediateSize)
        activation = ActivationLayer(scope.child("activation"), own.hiddenAct)
    }

    var children: [(name: String, module: any Module)] {
        [
            ("full_layer_layer_norm", norm), ("attention", attention), ("ffn", wide), ("ffn_output", narrow),
            ("activation", activation),
        ]
    }

    func callAsFunction(_ x: Tensor, _ pass: Pass, _ asked: AskedRows) throws -> Tensor {
        let attended = try attention(x, pass, asked)
        return try norm(
            narrow(wide(attended, asked.pass), after: activation, asked.pass), residual: attended)
    }
}

/// The projection of the embeddings, and the groups of layers, each of which is used several times in a row.
final class AlbertTransformer: Module {
    let kind = "AlbertTransformer"
    var path: String
    let projection: Linear
    /// A layer for each step of a pass; one that is used again stands here again.
    let steps: [AlbertLayer]
    private let groups: Container

    init(_ scope: Scope, _ config: ModelConfig, _ own: Albert) throws {
        path = scope.path
        projection = try Linear(scope.child("embedding_hidden_mapping_in"), config, inFeatures: own.embeddingSize)
        let place = scope.child("albert_layer_groups")
        var made: [[AlbertLayer]] = []
        var containers: [(name: String, module: any Module)] = []
        for group in 0..<own.groups {
            let scope = place.child(String(group)).child("albert_layers")
            let layers = try (0..<own.groupSize).map { try AlbertLayer(scope.child(String($0)), config, own.layer) }
            let list = try Container(children: layers.enumerated().map { (String($0.offset), $0.element) })
            made.append(layers)
            containers.append(
                (String(group), try Container(kind: "AlbertLayerGroup", children: [("albert_layers", list)])))
        }
        groups = try Container(children: containers)
        groups.place(at: place.path)
        // The reference divides in double precision.
        let share = Double(config.numHiddenLayers) / Double(own.groups)
        steps = (0..<config.numHiddenLayers).flatMap { made[min(own.groups - 1, Int(Double($0) / share))] }
    }

    var children: [(name: String, module: any Module)] {
        [("embedding_hidden_mapping_in", projection), ("albert_layer_groups", groups)]
    }
}

/// tanh(pooler(first token)), whose two parts lie beside the encoder.
final class AlbertPooler: Pooler {
    let dense: Linear
    let activation: ActivationLayer

    init(_ scope: Scope, _ config: ModelConfig) throws {
        dense = try Linear(scope.child("pooler"), config)
        activation = ActivationLayer(scope.child("pooler_activation"), .tanh)
    }

    func callAsFunction(_ hidden: Tensor, _ pass: Pass) throws -> Tensor { try activation(dense(hidden, pass), pass) }
}

/// The bare model.
final class AlbertModel: Backbone {
    let kind = "AlbertModel"
    var path: String
    private let embedding: BertEmbeddings
    private let encoder: AlbertTransformer
    private let albertPooler: AlbertPooler?

    init(_ scope: Scope, _ config: ModelConfig, _ own: Albert, hasPooler: Bool) throws {
        path = scope.path
        embedding = try BertEmbeddings(
            scope.child("embeddings"), config, own.layer, family: Albert.family, width: own.embeddingSize)
        encoder = try AlbertTransformer(scope.child("encoder"), config, own)
        albertPooler = hasPooler ? try AlbertPooler(scope, config) : nil
    }

    var children: [(name: String, module: any Module)] {
        [("embeddings", embedding), ("encoder", encoder)]
            + (albertPooler.map { [("pooler", $0.dense), ("pooler_activation", $0.activation)] } ?? [])
    }

    var embeddings: [any Module] { [embedding, encoder.projection] }
    var inputEmbedding: Embedding { embedding.word }
    var layers: [any TransformerLayer] { encoder.steps }
    var pooler: (any Pooler)? { albertPooler }

    func embed(_ ids: [Int], _ pass: Pass) throws -> Tensor { try encoder.projection(embedding(ids, pass), pass) }
}
