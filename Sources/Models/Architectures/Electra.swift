import Options
import Tensors

// ELECTRA (Clark et al. 2020, arXiv:2003.10555), as transformers' modeling_electra.py (5.23) computes its discriminator: BERT's
// encoder over embeddings that may be narrower than the states, no pooler, a head with a layer of its own.

/// ELECTRA's own configuration: BERT's, and the width of the embeddings.
struct Electra: Architecture {
    static let modelTypes = ["electra"]
    static let family = "Electra"
    static let prefix = "electra"
    static let defaults: [String: OptionLiteral] = [
        "hidden_size": 256, "num_attention_heads": 4, "intermediate_size": 1024,
    ]
    static let options =
        Bert.encoderOptions + [Option("embedding_size", ConfigReader.size, default: 128, "Width of the embeddings.")]
    static let inert = Bert.encoderInert
    static let paddingId: Int? = 0
    static let usualTargets = ["LORA": ["query", "value"]]
    static let tasks: [TaskType] = [.sequenceClassification, .tokenClassification, .questionAnswering]

    /// What the layers are made by.
    let layer: BertLayerConfig
    /// Width of the embeddings.
    let embeddingSize: Int

    init(_ reader: ConfigReader) throws {
        layer = try BertLayerConfig(reader)
        embeddingSize = try reader.integer("embedding_size")
    }

    func complete(_ config: inout ModelConfig, source: String) throws { config.typeVocabSize = layer.typeVocabSize }

    func backbone(_ scope: Scope, _ config: ModelConfig, _ task: TaskType?) throws -> any Backbone {
        try ElectraModel(scope, config, self)
    }

    func head(_ task: TaskType, _ scope: Scope, _ config: ModelConfig, _ backbone: any Backbone) throws -> any Head {
        if task == .questionAnswering { return try AnswerHead(scope, config) }
        let p = layer.classifierDropout ?? layer.hiddenDropout
        return task == .tokenClassification
            ? try LinearHead(scope, config, dropout: p, reads: .all)
            : try ElectraClassificationHead(scope.child("classifier"), config, dropout: p)
    }
}

/// The bare model: BERT's embeddings, brought to the width of the states, and BERT's layers.
final class ElectraModel: Backbone {
    let kind = "ElectraModel"
    var path: String
    private let embedding: BertEmbeddings
    private let projection: Linear?
    private let encoder: BertEncoder

    init(_ scope: Scope, _ config: ModelConfig, _ own: Electra) throws {
        path = scope.path
        embedding = try BertEmbeddings(
            scope.child("embeddings"), config, own.layer, family: Electra.family, width: own.embeddingSize)
        projection =
            own.embeddingSize == config.hiddenSize
            ? nil : try Linear(scope.child("embeddings_project"), config, inFeatures: own.embeddingSize)
        encoder = try BertEncoder(scope.child("encoder"), config, own.layer, family: Electra.family)
    }

    var children: [(name: String, module: any Module)] {
        [("embeddings", embedding)] + (projection.map { [("embeddings_project", $0)] } ?? []) + [("encoder", encoder)]
    }

    var embeddings: [any Module] { [embedding] + (projection.map { [$0] } ?? []) }
    var inputEmbedding: Embedding { embedding.word }
    var layers: [any TransformerLayer] { encoder.layers }

    func embed(_ ids: [Int], _ pass: Pass) throws -> Tensor {
        let states = try embedding(ids, pass)
        return try projection.map { try $0(states, pass) } ?? states
    }
}

/// Dropout, dense, gelu, dropout, projection, on the first token.
final class ElectraClassificationHead: Module, Head {
    let kind = "ElectraClassificationHead"
    var path: String
    let reads = ReadRows.first
    private let dense: Linear
    private let activation: ActivationLayer
    private let dropout: Dropout
    private let projection: Linear

    init(_ scope: Scope, _ config: ModelConfig, dropout p: Double) throws {
        path = scope.path
        dense = try Linear(scope.child("dense"), config)
        activation = ActivationLayer(scope.child("activation"), .gelu)
        dropout = try Dropout(scope.child("dropout"), p: p)
        projection = try Linear(scope.child("out_proj"), config, outFeatures: config.numLabels)
    }

    var children: [(name: String, module: any Module)] {
        [("dense", dense), ("activation", activation), ("dropout", dropout), ("out_proj", projection)]
    }

    var parts: [(name: String, module: any Module)] { [("classifier", self)] }

    func logits(_ hidden: Tensor, pooled: Tensor?, _ pass: Pass) throws -> Tensor {
        let inner = try activation(dense(dropout(hidden, pass), pass), pass)
        return try projection(dropout(inner, pass, use: 1), pass)
    }
}
