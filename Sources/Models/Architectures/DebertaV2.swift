import Formats
import Kernels
import Options
import Tensors

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

// DeBERTa (He et al. 2021, arXiv:2006.03654; v3: arXiv:2111.09543), as transformers' modeling_deberta_v2.py (5.23) computes it: BERT whose
// scores have a part for what tokens are and parts for how far they are apart.

/// DeBERTa's own configuration, of its second and third version.
struct DebertaV2: Architecture {
    static let modelTypes = ["deberta-v2"]
    static let family = "DebertaV2"
    static let prefix = "deberta"
    static let defaults: [String: OptionLiteral] = [
        "vocab_size": 128100, "hidden_size": 1536, "num_hidden_layers": 24, "num_attention_heads": 24,
        "intermediate_size": 6144,
    ]
    static let options =
        Bert.encoderOptions.filter { !["type_vocab_size", "layer_norm_eps", "classifier_dropout"].contains($0.name) }
        + [
            Option("type_vocab_size", .integer(0...1 << 24), default: 0, "Segments."),
            Option("layer_norm_eps", .number(.unit), default: 1e-7, "Added to variances."),
            Option("relative_attention", .boolean, default: false, "Whether scores depend on distances."),
            Option("max_relative_positions", .integer(-1...1 << 24), default: -1, "Distances that are told apart."),
            Option(
                "position_buckets", .integer(-1...1 << 24), default: -1, "Entries that distances share, on each side."),
            Option("pos_att_type", .any, "Parts of scores by distance: \"c2p\", \"p2c\"."),
            Option("share_att_key", .boolean, default: false, "Whether distances go through the tokens' projections."),
            Option("position_biased_input", .boolean, default: true, "Whether embeddings have positions."),
            Option("norm_rel_ebd", .string, default: "none", "Whether the table of distances is normalised."),
            Option("embedding_size", ConfigReader.size, "Width of the embeddings."),
            Option("attention_head_size", ConfigReader.size, "Numbers of a head."),
            Option("conv_kernel_size", .integer(0...1 << 10), default: 0, "Tokens that the convolution sees."),
            Option("conv_act", .oneOf(ActivationFunction.allCases.map(\.rawValue)), "Activation of the convolution."),
            Option("pooler_hidden_size", ConfigReader.size, "Width of the pooler."),
            Option("pooler_dropout", .number(.unit), default: 0, "Dropout before the pooler."),
            ConfigReader.activation("pooler_hidden_act"),
            Option("cls_dropout", .number(.unit), "Dropout before the head on sequences."),
        ]
    static let inert = Bert.encoderInert.filter { $0.key != "position_embedding_type" }.merging([
        "conv_groups": InertOption([1], "only 1 is")
    ]) { $1 }
    static let paddingId: Int? = 0
    static let usualTargets = ["LORA": ["query_proj", "value_proj"]]
    static let tasks: [TaskType] = [.sequenceClassification, .tokenClassification, .questionAnswering]

    /// What the layers are made by.
    let layer: BertLayerConfig
    /// How scores depend on distances.
    let distances: DebertaDistances
    /// Whether embeddings have positions.
    let hasPositions: Bool
    /// Width of the embeddings.
    let embeddingSize: Int
    /// Tokens that the convolution beside the first layer sees; 0 where there is none.
    let convolution: Int
    /// Activation of the convolution.
    let convolutionActivation: ActivationFunction
    /// Activation of the pooler.
    let poolerActivation: ActivationFunction
    /// Dropout before the pooler.
    let poolerDropout: Double
    /// Dropout before the head on sequences.
    let headDropout: Double

    init(_ reader: ConfigReader) throws {
        layer = try BertLayerConfig(reader, typeVocabSize: reader.integer("type_vocab_size"))
        distances = try DebertaDistances(reader)
        hasPositions = try reader.boolean("position_biased_input")
        let width = try reader.integer("hidden_size")
        embeddingSize = reader.optionalInteger("embedding_size") ?? width
        convolution = try reader.integer("conv_kernel_size")
        convolutionActivation = reader.choice("conv_act") ?? .tanh
        poolerActivation = reader.activation("pooler_hidden_act", default: .gelu)
        poolerDropout = try reader.number("pooler_dropout")
        headDropout = reader.optionalNumber("cls_dropout") ?? layer.hiddenDropout
        guard convolution == 0 || convolution % 2 == 1 else {
            throw ModelError("\(reader.source): 'conv_kernel_size' \(convolution) is even, which leaves a token out")
        }
        let headWidth = try reader.headWidth()
        for (key, needed) in [("pooler_hidden_size", width), ("attention_head_size", headWidth)] {
            guard let size = reader.optionalInteger(key), size != needed else { continue }
            throw ModelError(
                "\(reader.source): '\(key)' is \(size), hidden_size and num_attention_heads need \(needed)")
        }
    }

    func complete(_ config: inout ModelConfig, source: String) throws {
        config.typeVocabSize = layer.typeVocabSize
        // Without a table of positions there is no last one: far distances share the entries at the ends.
        if !hasPositions { config.maxLength = max(config.maxLength, 1 << 24) }
    }

    func backbone(_ scope: Scope, _ config: ModelConfig, _ task: TaskType?) throws -> any Backbone {
        try DebertaV2Model(scope, config, self)
    }

    func head(_ task: TaskType, _ scope: Scope, _ config: ModelConfig, _ backbone: any Backbone) throws -> any Head {
        if task == .questionAnswering { return try AnswerHead(scope, config) }
        return task == .tokenClassification
            ? try LinearHead(scope, config, dropout: layer.hiddenDropout, reads: .all)
            : try DebertaV2Head(scope, config, self)
    }
}

/// How DeBERTa's scores depend on distances.
package struct DebertaDistances: Sendable {
    /// Whether they do.
    let isUsed: Bool
    /// Whether "content to position" is a part of scores.
    let hasContent: Bool
    /// Whether "position to content" is.
    let hasPosition: Bool
    /// Entries on each side that near distances have one each of and far ones share; 0 where each distance has its own.
    let buckets: Int
    /// Distances that are told apart.
    let longest: Int
    /// Whether they go through the projections of the tokens.
    let isShared: Bool
    /// Whether their table is normalised.
    let isNormed: Bool
    /// Parts of scores, by which they are divided.
    private let parts: Int

    init(_ reader: ConfigReader) throws {
        isUsed = try reader.boolean("relative_attention")
        let given = try reader.integer("max_relative_positions")
        longest = given < 1 ? try reader.integer("max_position_embeddings") : given
        buckets = max(0, try reader.integer("position_buckets"))
        isShared = try reader.boolean("share_att_key")
        let norm = reader.optionalString("norm_rel_ebd") ?? "none"
        isNormed = DebertaDistances.words(norm).contains("layer_norm")
        var kinds: [String] = []
        if let value = reader["pos_att_type"], !value.isNull {
            let list = value.array?.compactMap(\.string)
            guard let names = value.string.map(DebertaDistances.words) ?? list, list?.count == value.array?.count else {
                throw reader.error("pos_att_type", expected: "a list of names, or names with | between them")
            }
            kinds = names
        }
        (hasContent, hasPosition) = (kinds.contains("c2p"), kinds.contains("p2c"))
        parts = 1 + (hasContent ? 1 : 0) + (hasPosition ? 1 : 0)
        guard buckets != 1 else {
            throw ModelError(
                "\(reader.source): 'position_buckets' 1 has no middle; expected 2 at least, or -1 for none")
        }
    }

    private static func words(_ text: String) -> [String] {
        text.lowercased().split(separator: "|").map { $0.filter { !$0.isWhitespace } }
    }

    /// Rows of the table for distances of one sign.
    var span: Int { buckets > 0 ? buckets : longest }

    /// Whether scores have a part by distance.
    var actsOnScores: Bool { isUsed && (hasContent || hasPosition) }

    /// Factor on scores of heads of this width.
    func scale(_ width: Int) -> Float { 1 / Float(width * parts).squareRoot() }

    /// Row of the table for the distance of a query from a key.
    private func place(_ distance: Int) -> Int {
        DebertaDistances.place(distance, buckets: buckets, longest: longest)
    }

    /// Row of the table for the distance of a query from a key (make_log_bucket_position of the reference, whose logarithms are
    /// float32's).
    package static func place(_ distance: Int, buckets: Int, longest: Int) -> Int {
        let (size, middle, span) = (abs(distance), buckets / 2, buckets > 0 ? buckets : longest)
        var bucket = distance
        if buckets > 0, size > middle {
            let share = log(Float(size) / Float(middle)) / log(Float(Double(longest - 1) / Double(middle)))
            let far = (share * Float(middle - 1)).rounded(.up) + Float(middle)
            // What is no number is cut off like what is far.
            let whole = Int(exactly: far) ?? Int.max / 4
            bucket = distance < 0 ? -whole : whole
        }
        return min(max(bucket + span, 0), 2 * span - 1)
    }

    /// The rows of the table that a pass needs.
    struct Rows: Sendable {
        /// Which these are.
        let rows: Range<Int>
        /// The row among them of the distances from the longest down to its negative.
        let places: [Int]
    }

    /// The rows for distances up to the longest.
    func rows(longest: Int) -> Rows {
        let all = (-longest...longest).reversed().map(place)
        let (first, last) = (all.min() ?? 0, all.max() ?? 0)
        return Rows(rows: first..<last + 1, places: all.map { $0 - first })
    }
}

/// Word embeddings, with positions and token types where there are any, brought to the width of the states and normalised.
final class DebertaV2Embeddings: Module {
    let kind = "DebertaV2Embeddings"
    var path: String
    let word: Embedding
    private let position: Embedding?
    private let tokenType: Embedding?
    private let projection: Linear?
    private let norm: LayerNorm
    private let dropout: Dropout

    init(_ scope: Scope, _ config: ModelConfig, _ own: DebertaV2) throws {
        path = scope.path
        func table(_ name: String, _ entries: Int, padding: Int? = nil) throws -> Embedding {
            try Embedding(
                scope.child(name), entries: entries, width: own.embeddingSize, paddingIndex: padding,
                deviation: config.initializerRange)
        }
        word = try table("word_embeddings", config.vocabSize, padding: config.padTokenId)
        position = own.hasPositions ? try table("position_embeddings", config.maxPositionEmbeddings) : nil
        tokenType = config.typeVocabSize > 0 ? try table("token_type_embeddings", config.typeVocabSize) : nil
        projection =
            own.embeddingSize == config.hiddenSize
            ? nil : try Linear(scope.child("embed_proj"), config, inFeatures: own.embeddingSize, bias: false)
        norm = try LayerNorm(scope.child("LayerNorm"), width: config.hiddenSize, epsilon: own.layer.layerNormEps)
        dropout = try Dropout(scope.child("dropout"), p: own.layer.hiddenDropout)
    }

    var children: [(name: String, module: any Module)] {
        let optional: [(String, (any Module)?)] = [
            ("position_embeddings", position), ("token_type_embeddings", tokenType), ("embed_proj", projection),
        ]
        return [("word_embeddings", word)] + optional.compactMap { name, module in module.map { (name, $0) } }
            + [("LayerNorm", norm), ("dropout", dropout)]
    }

    func callAsFunction(_ ids: [Int], _ pass: Pass) throws -> Tensor {
        let span = Profile.module(path)
        defer { span.end() }
        var parts = [try word(ids)]
        if let position { parts.append(try position(pass.positions)) }
        if let tokenType { parts.append(try tokenType(pass.tokenTypes ?? Array(repeating: 0, count: ids.count))) }
        var states = parts.count > 1 ? try EmbeddingSum.of(parts) : parts[0]
        if let projection { states = try projection(states, pass) }
        return try dropout(norm(states, pass), pass)
    }
}

/// The table of distances that all layers share, [2 · span, d], and its norm.
final class DebertaV2DistanceTable {
    let embedding: Embedding
    let norm: LayerNorm?

    init(_ scope: Scope, _ config: ModelConfig, _ own: DebertaV2) throws {
        embedding = try Embedding(
            scope.child("rel_embeddings"), entries: 2 * own.distances.span, width: config.hiddenSize,
            deviation: config.initializerRange)
        norm =
            own.distances.isNormed
            ? try LayerNorm(
                scope.child("LayerNorm"), width: config.hiddenSize, epsilon: own.layer.layerNormEps) : nil
    }

    /// Some rows of it.
    func callAsFunction(_ rows: Range<Int>, _ pass: Pass) throws -> Tensor {
        let vectors = try embedding(Array(rows))
        return try norm.map { try $0(vectors, pass) } ?? vectors
    }
}

/// Softmax attention of each sequence over itself, with scores by content and by distance.
final class DisentangledSelfAttention: Module {
    let kind = "DisentangledSelfAttention"
    var path: String
    private let heads: Int
    private let distances: DebertaDistances
    private let scale: Float
    private let query: Linear
    private let key: Linear
    private let value: Linear
    private let positionKey: Linear?
    private let positionQuery: Linear?
    private let positionDropout: Dropout?
    private let dropout: Dropout
    private let table: DebertaV2DistanceTable?

    init(_ scope: Scope, _ config: ModelConfig, _ own: DebertaV2, _ table: DebertaV2DistanceTable?) throws {
        (path, heads, distances, self.table) = (scope.path, config.numAttentionHeads, own.distances, table)
        scale = own.distances.scale(config.hiddenSize / config.numAttentionHeads)
        query = try Linear(scope.child("query_proj"), config)
        key = try Linear(scope.child("key_proj"), config)
        value = try Linear(scope.child("value_proj"), config)
        let hasOwn = own.distances.isUsed && !own.distances.isShared
        positionDropout =
            own.distances.isUsed ? try Dropout(scope.child("pos_dropout"), p: own.layer.hiddenDropout) : nil
        positionKey = hasOwn && own.distances.hasContent ? try Linear(scope.child("pos_key_proj"), config) : nil
        positionQuery = hasOwn && own.distances.hasPosition ? try Linear(scope.child("pos_query_proj"), config) : nil
        dropout = try Dropout(scope.child("dropout"), p: own.layer.attentionDropout)
    }

    var children: [(name: String, module: any Module)] {
        let optional: [(String, (any Module)?)] = [
            ("pos_dropout", positionDropout), ("pos_key_proj", positionKey), ("pos_query_proj", positionQuery),
        ]
        return [("query_proj", query), ("key_proj", key), ("value_proj", value)]
            + optional.compactMap { name, module in module.map { (name, $0) } } + [("dropout", dropout)]
    }

    /// Output for `own`, the asked rows of x[T, d].
    func callAsFunction(_ x: Tensor, own: Tensor, _ pass: Pass, _ asked: AskedRows) throws -> Tensor {
        let span = Profile.module(path)
        defer { span.end() }
        let projected = try LinearGroup([query, key, value])(x, first: own, pass, asked)
        let mask = try dropout.mask(asked.pass)
        guard let table, let positionDropout, distances.actsOnScores else {
            let layout = asked.layout(over: pass, heads: heads, scale: scale, dropout: mask)
            return try projected[0].attention(keys: projected[1], values: projected[2], layout)
        }
        // Only the distances that there are in this pass are projected, once for all of its rows.
        let needed = pass.shared { distances.rows(longest: pass.positions.max() ?? 0) }
        let tablePass = try pass.overTable(rows: needed.rows)
        let vectors = try positionDropout(table(needed.rows, tablePass), tablePass)
        let projections = [
            distances.hasContent ? positionKey ?? key : nil, distances.hasPosition ? positionQuery ?? query : nil,
        ]
        let tables = try LinearGroup(projections.compactMap { $0 })(vectors, tablePass)
        let layout = DisentangledLayout(
            heads: heads, queryStarts: asked.boundaries, keyStarts: pass.boundaries, positions: asked.pass.positions,
            places: needed.places, scale: scale, dropout: mask)
        return try projected[0].disentangledAttention(
            keys: projected[1], values: projected[2], positionKeys: distances.hasContent ? tables.first : nil,
            positionQueries: distances.hasPosition ? tables.last : nil, layout)
    }
}

/// Self-attention and what follows it.
final class DebertaV2Attention: Module {
    let kind = "DebertaV2Attention"
    var path: String
    private let attention: DisentangledSelfAttention
    private let output: BertOutput

    init(_ scope: Scope, _ config: ModelConfig, _ own: DebertaV2, _ table: DebertaV2DistanceTable?) throws {
        path = scope.path
        attention = try DisentangledSelfAttention(scope.child("self"), config, own, table)
        output = try BertOutput(
            scope.child("output"), config, own.layer, kind: "DebertaV2SelfOutput", inFeatures: config.hiddenSize)
    }

    var children: [(name: String, module: any Module)] { [("self", attention), ("output", output)] }

    func callAsFunction(_ x: Tensor, _ pass: Pass, _ asked: AskedRows) throws -> Tensor {
        let own = try asked.of(x)
        return try output(attention(x, own: own, pass, asked), residual: own, asked.pass)
    }
}

/// norm(x + f(drop(convolution of the embeddings))), x what the first layer gives; beyond the ends of a sequence there are zeros.
final class DebertaV2Convolution: Module {
    let kind = "ConvLayer"
    var path: String
    private let convolution: Convolution
    private let norm: LayerNorm
    private let dropout: Dropout
    private let activation: ActivationFunction

    /// Weight [d, d, size] and bias [d], as torch's Conv1d has them.
    private final class Convolution: Module {
        let kind = "Conv1d"
        var path: String
        let weight: Weight
        let bias: Weight

        init(_ scope: Scope, width: Int, size: Int, deviation: Double) throws {
            path = scope.path
            weight = try scope.weight("weight", [width, width, size], .normal(deviation: Float(deviation)))
            bias = try scope.weight("bias", [width], .constant(0))
        }

        var weights: [(name: String, weight: Weight)] { [("weight", weight), ("bias", bias)] }
        var summary: String {
            "\(weight.shape[1]), \(weight.shape[0]), kernel_size=(\(weight.shape[2]),), stride=(1,), padding=(\(weight.shape[2] / 2),)"
        }

        /// Output for the asked rows of x[T, d]: the tokens around each side by side, then one product.
        func callAsFunction(_ x: Tensor, _ pass: Pass, _ asked: AskedRows) throws -> Tensor {
            let (width, size) = (weight.shape[0], weight.shape[2])
            let count = pass.tokenCount
            var (starts, ends) = ([Int](), [Int]())
            for (start, end) in zip(pass.boundaries, pass.boundaries.dropFirst()) {
                starts += Array(repeating: start, count: end - start)
                ends += Array(repeating: end, count: end - start)
            }
            let rows = asked.indices ?? Array(0..<count)
            // Row `count` is zeros.
            let padded = try Tensor.cat([x, Tensor.zeros([1, width])])
            let around = try (0..<size).map { place in
                try padded.gatherRows(
                    rows.map { row in
                        let other = row + place - size / 2
                        return starts[row]..<ends[row] ~= other ? other : count
                    })
            }
            let matrix = try weight.currentTensor().permute([0, 2, 1]).reshape([width, size * width])
            return try Tensor.cat(around, 1).linear(matrix, bias: bias.currentTensor())
        }
    }

    init(_ scope: Scope, _ config: ModelConfig, _ own: DebertaV2) throws {
        path = scope.path
        convolution = try Convolution(
            scope.child("conv"), width: config.hiddenSize, size: own.convolution, deviation: config.initializerRange)
        norm = try LayerNorm(scope.child("LayerNorm"), width: config.hiddenSize, epsilon: own.layer.layerNormEps)
        dropout = try Dropout(scope.child("dropout"), p: own.layer.hiddenDropout)
        activation = own.convolutionActivation
    }

    var children: [(name: String, module: any Module)] {
        [("conv", convolution), ("LayerNorm", norm), ("dropout", dropout)]
    }

    /// For the asked rows, what the first layer gives of `states`, the embeddings.
    func callAsFunction(_ states: Tensor, after layer: Tensor, _ pass: Pass, _ asked: AskedRows) throws -> Tensor {
        let span = Profile.module(path)
        defer { span.end() }
        let seen = try activation(dropout(convolution(states, pass, asked), asked.pass))
        return try norm(seen, residual: layer)
    }
}

/// Attention, then feed-forward; the first layer also has the convolution's part, where there is one.
final class DebertaV2Layer: TransformerLayer {
    let kind = "DebertaV2Layer"
    var path: String
    private let attention: DebertaV2Attention
    private let intermediate: BertIntermediate
    private let output: BertOutput
    private let convolution: DebertaV2Convolution?

    init(
        _ scope: Scope, _ config: ModelConfig, _ own: DebertaV2, _ table: DebertaV2DistanceTable?,
        _ convolution: DebertaV2Convolution?
    ) throws {
        (path, self.convolution) = (scope.path, convolution)
        attention = try DebertaV2Attention(scope.child("attention"), config, own, table)
        intermediate = try BertIntermediate(scope.child("intermediate"), config, own.layer, family: DebertaV2.family)
        output = try BertOutput(
            scope.child("output"), config, own.layer, kind: "DebertaV2Output", inFeatures: config.intermediateSize)
    }

    var children: [(name: String, module: any Module)] {
        [("attention", attention), ("intermediate", intermediate), ("output", output)]
    }

    func callAsFunction(_ x: Tensor, _ pass: Pass, _ asked: AskedRows) throws -> Tensor {
        let attended = try attention(x, pass, asked)
        let states = try output(
            intermediate(attended, asked.pass), after: intermediate.activation, residual: attended, asked.pass)
        return try convolution.map { try $0(x, after: states, pass, asked) } ?? states
    }
}

/// The layers, and what they share: the table of distances and the convolution.
final class DebertaV2Encoder: Module {
    let kind = "DebertaV2Encoder"
    var path: String
    let layers: [DebertaV2Layer]
    private let table: DebertaV2DistanceTable?
    private let convolution: DebertaV2Convolution?
    private let list: Container

    init(_ scope: Scope, _ config: ModelConfig, _ own: DebertaV2) throws {
        path = scope.path
        let table = own.distances.isUsed ? try DebertaV2DistanceTable(scope, config, own) : nil
        let convolution = own.convolution > 0 ? try DebertaV2Convolution(scope.child("conv"), config, own) : nil
        (self.table, self.convolution) = (table, convolution)
        let place = scope.child("layer")
        layers = try (0..<config.numHiddenLayers).map {
            try DebertaV2Layer(place.child(String($0)), config, own, table, $0 == 0 ? convolution : nil)
        }
        list = try Container(children: layers.enumerated().map { (String($0.offset), $0.element) })
        list.path = place.path
    }

    /// What lies beside the layers.
    var shared: [(name: String, module: any Module)] {
        let optional: [(String, (any Module)?)] = [
            ("rel_embeddings", table?.embedding), ("LayerNorm", table?.norm), ("conv", convolution),
        ]
        return optional.compactMap { name, module in module.map { (name, $0) } }
    }

    var children: [(name: String, module: any Module)] { [("layer", list)] + shared }
}

/// The bare model.
final class DebertaV2Model: Backbone {
    let kind = "DebertaV2Model"
    var path: String
    private let embedding: DebertaV2Embeddings
    private let encoder: DebertaV2Encoder

    init(_ scope: Scope, _ config: ModelConfig, _ own: DebertaV2) throws {
        path = scope.path
        embedding = try DebertaV2Embeddings(scope.child("embeddings"), config, own)
        encoder = try DebertaV2Encoder(scope.child("encoder"), config, own)
    }

    var children: [(name: String, module: any Module)] { [("embeddings", embedding), ("encoder", encoder)] }

    // What layers share lies below all of them.
    var embeddings: [any Module] { [embedding] + encoder.shared.map(\.module) }
    var inputEmbedding: Embedding { embedding.word }
    var layers: [any TransformerLayer] { encoder.layers }

    func embed(_ ids: [Int], _ pass: Pass) throws -> Tensor { try embedding(ids, pass) }
}

/// The first token's state through a layer of its own.
final class ContextPooler: Module {
    let kind = "ContextPooler"
    var path: String
    private let dense: Linear
    private let dropout: Dropout
    private let activation: ActivationFunction

    init(_ scope: Scope, _ config: ModelConfig, _ own: DebertaV2) throws {
        (path, activation) = (scope.path, own.poolerActivation)
        dense = try Linear(scope.child("dense"), config)
        dropout = try Dropout(scope.child("dropout"), p: own.poolerDropout)
    }

    var children: [(name: String, module: any Module)] { [("dense", dense), ("dropout", dropout)] }

    func callAsFunction(_ hidden: Tensor, _ pass: Pass) throws -> Tensor {
        try activation(dense(dropout(hidden, pass), pass))
    }
}

/// The pooler, dropout, one linear, on the first token.
final class DebertaV2Head: Head {
    let reads = ReadRows.first
    private let pooler: ContextPooler
    private let classifier: Linear
    private let dropout: Dropout

    init(_ scope: Scope, _ config: ModelConfig, _ own: DebertaV2) throws {
        pooler = try ContextPooler(scope.child("pooler"), config, own)
        classifier = try Linear(scope.child("classifier"), config, outFeatures: config.numLabels)
        dropout = try Dropout(scope.child("dropout"), p: own.headDropout)
    }

    var parts: [(name: String, module: any Module)] {
        [("pooler", pooler), ("classifier", classifier), ("dropout", dropout)]
    }

    func logits(_ hidden: Tensor, pooled: Tensor?, _ pass: Pass) throws -> Tensor {
        try classifier(dropout(pooler(hidden, pass), pass), pass)
    }
}
