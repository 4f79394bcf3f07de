import Tensors

// RoBERTa (Liu et al. 2019, arXiv:1907.11692), as transformers' modeling_roberta.py computes it: BERT's encoder, positions
// that start behind the padding entry, and a head with a layer of its own.

/// Sum of word, token type and position embeddings, normalised.
final class RobertaEmbeddings: Embeddings {
    let kind = "RobertaEmbeddings"
    var path: String
    private let word: Embedding
    private let position: Embedding
    private let tokenType: Embedding
    private let norm: LayerNorm
    private let dropout: Dropout
    private let padding: Int

    init(_ scope: Scope, _ config: ModelConfig) throws {
        path = scope.path
        padding = config.padTokenId ?? 1
        (word, position, tokenType) = try BertEmbeddings.tables(scope, config, positionPadding: padding)
        norm = try LayerNorm(scope.child("LayerNorm"), width: config.hiddenSize, epsilon: config.layerNormEps)
        dropout = try Dropout(scope.child("dropout"), p: config.hiddenDropout)
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
        let summed = try EmbeddingSum.of([word(ids), tokenType(types), position(positions(ids, pass))])
        return try dropout(norm(summed, pass), pass)
    }

    /// Entries of the position table: padding + 1, padding + 2, …, and `padding` itself for padding tokens, which do not
    /// count (create_position_ids_from_input_ids).
    private func positions(_ ids: [Int], _ pass: Pass) -> [Int] {
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
    let kind = "RobertaModel"
    var path: String
    let embeddings: any Embeddings
    let pooler: BertPooler?
    private let encoder: BertEncoder

    init(_ scope: Scope, _ config: ModelConfig, hasPooler: Bool) throws {
        path = scope.path
        embeddings = try RobertaEmbeddings(scope.child("embeddings"), config)
        encoder = try BertEncoder(scope.child("encoder"), config, family: "Roberta")
        pooler = hasPooler ? try BertPooler(scope.child("pooler"), config, family: "Roberta") : nil
    }

    var children: [(name: String, module: any Module)] {
        [("embeddings", embeddings), ("encoder", encoder)] + (pooler.map { [("pooler", $0)] } ?? [])
    }

    var layers: [any EncoderLayer] { encoder.layers }
}

/// Dropout, dense, tanh, dropout, projection, on the first token.
final class RobertaClassificationHead: Module, Head {
    let kind = "RobertaClassificationHead"
    var path: String
    let readsTokens = false
    private let dense: Linear
    private let dropout: Dropout
    private let projection: Linear

    init(_ scope: Scope, _ config: ModelConfig) throws {
        path = scope.path
        dense = try Linear(scope.child("dense"), config)
        dropout = try Dropout(scope.child("dropout"), p: config.classifierDropout ?? config.hiddenDropout)
        projection = try Linear(scope.child("out_proj"), config, outFeatures: config.numLabels)
    }

    var children: [(name: String, module: any Module)] {
        [("dense", dense), ("dropout", dropout), ("out_proj", projection)]
    }

    func logits(_ hidden: Tensor, pooled: Tensor?, _ pass: Pass) throws -> Tensor {
        let heads = pass.atHeads()
        let inner = try dense(dropout(hidden, heads), heads).tanh()
        return try projection(dropout(inner, heads, use: 1), heads)
    }
}
