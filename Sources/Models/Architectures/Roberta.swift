import Options
import Tensors

// RoBERTa (Liu et al. 2019, arXiv:1907.11692), as transformers' modeling_roberta.py computes it: BERT's encoder, positions
// that start behind the padding entry, and a head with a layer of its own.

/// RoBERTa's own configuration: BERT's, and where positions begin.
struct Roberta: Architecture {
    static let modelTypes = ["roberta"]
    static let family = "Roberta"
    static let prefix = "roberta"
    static let defaults: [String: OptionLiteral] = ["vocab_size": 50265]
    static let options = Bert.encoderOptions
    static let inert = Bert.encoderInert
    static let paddingId: Int? = 1
    static let usualTargets = ["LORA": ["query", "value"]]
    static let tasks: [TaskType] = [.sequenceClassification, .tokenClassification, .questionAnswering]

    private let layer: BertLayerConfig
    private let family: String

    init(_ reader: ConfigReader) throws { try self.init(reader, family: Roberta.family) }

    /// The configuration of a family that is RoBERTa under another name.
    init(_ reader: ConfigReader, family: String) throws {
        (layer, self.family) = (try BertLayerConfig(reader), family)
    }

    func complete(_ config: inout ModelConfig, source: String) throws {
        config.typeVocabSize = layer.typeVocabSize
        // Positions begin behind the padding entry, which is one of the position table as well.
        config.maxLength = config.maxPositionEmbeddings - (config.padTokenId ?? 1) - 1
        if let id = config.padTokenId, id >= config.maxPositionEmbeddings {
            throw ModelError("\(source): 'pad_token_id' \(id) is outside of the position table")
        }
    }

    func backbone(_ scope: Scope, _ config: ModelConfig, _ task: TaskType?) throws -> any Backbone {
        try RobertaModel(scope, config, layer, family: family, hasPooler: task == nil || task == .featureExtraction)
    }

    func head(_ task: TaskType, _ scope: Scope, _ config: ModelConfig, _ backbone: any Backbone) throws -> any Head {
        if task == .questionAnswering { return try AnswerHead(scope, config) }
        let p = layer.classifierDropout ?? layer.hiddenDropout
        return task == .tokenClassification
            ? try LinearHead(scope, config, dropout: p, reads: .all)
            : try RobertaClassificationHead(scope.child("classifier"), config, dropout: p, family: family)
    }
}

/// Sum of word, token type and position embeddings, normalised.
final class RobertaEmbeddings: Module {
    let kind: String
    var path: String
    let word: Embedding
    private let position: Embedding
    private let tokenType: Embedding
    private let norm: LayerNorm
    private let dropout: Dropout
    private let padding: Int

    init(_ scope: Scope, _ config: ModelConfig, _ own: BertLayerConfig, family: String) throws {
        (kind, path) = ("\(family)Embeddings", scope.path)
        padding = config.padTokenId ?? 1
        (word, position, tokenType) = try BertEmbeddings.tables(scope, config, positionPadding: padding)
        norm = try LayerNorm(scope.child("LayerNorm"), width: config.hiddenSize, epsilon: own.layerNormEps)
        dropout = try Dropout(scope.child("dropout"), p: own.hiddenDropout)
    }

    var children: [(name: String, module: any Module)] {
        [
            ("word_embeddings", word), ("token_type_embeddings", tokenType), ("LayerNorm", norm),
            ("dropout", dropout), ("position_embeddings", position),
        ]
    }

    func callAsFunction(_ ids: [Int], _ pass: Pass) throws -> Tensor {
        let span = Profile.module(path)
        defer { span.end() }
        let types = pass.tokenTypes ?? Array(repeating: 0, count: ids.count)
        let places = RobertaEmbeddings.positions(ids, pass, padding: padding)
        let summed = try EmbeddingSum.of([word(ids), tokenType(types), position(places)])
        return try dropout(norm(summed, pass), pass)
    }

    /// Entries of the position table: padding + 1, padding + 2, …, and `padding` itself for padding tokens, which do not
    /// count (create_position_ids_from_input_ids).
    static func positions(_ ids: [Int], _ pass: Pass, padding: Int) -> [Int] {
        var count = 0
        return zip(ids, pass.positions).map { id, position in
            if position == 0 { count = 0 }
            guard id != padding else { return padding }
            count += 1
            return padding + count
        }
    }
}

/// The bare model.
final class RobertaModel: Backbone {
    let kind: String
    var path: String
    private let bertPooler: BertPooler?
    private let embedding: RobertaEmbeddings
    private let encoder: BertEncoder

    init(_ scope: Scope, _ config: ModelConfig, _ own: BertLayerConfig, family: String, hasPooler: Bool) throws {
        (kind, path) = ("\(family)Model", scope.path)
        embedding = try RobertaEmbeddings(scope.child("embeddings"), config, own, family: family)
        encoder = try BertEncoder(scope.child("encoder"), config, own, family: family)
        bertPooler = hasPooler ? try BertPooler(scope.child("pooler"), config, family: family) : nil
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

/// Dropout, dense, tanh, dropout, projection, on the first token.
final class RobertaClassificationHead: Module, Head {
    let kind: String
    var path: String
    let reads = ReadRows.first
    private let dense: Linear
    private let dropout: Dropout
    private let projection: Linear

    init(_ scope: Scope, _ config: ModelConfig, dropout p: Double, family: String) throws {
        (kind, path) = ("\(family)ClassificationHead", scope.path)
        dense = try Linear(scope.child("dense"), config)
        dropout = try Dropout(scope.child("dropout"), p: p)
        projection = try Linear(scope.child("out_proj"), config, outFeatures: config.numLabels)
    }

    var children: [(name: String, module: any Module)] {
        [("dense", dense), ("dropout", dropout), ("out_proj", projection)]
    }

    var parts: [(name: String, module: any Module)] { [("classifier", self)] }

    func logits(_ hidden: Tensor, pooled: Tensor?, _ pass: Pass) throws -> Tensor {
        let inner = try dense(dropout(hidden, pass), pass).tanh()
        return try projection(dropout(inner, pass, use: 1), pass)
    }
}
