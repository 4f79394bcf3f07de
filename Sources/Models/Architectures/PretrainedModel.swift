import Tensors

/// A model of any family, bare or with a head.
final class PretrainedModel: Model {
    let kind: String
    var path = ""
    var config: ModelConfig
    var vocabulary = Vocabulary()
    let taskType: TaskType?
    private let prefix: String
    private let backbone: any Backbone
    private let head: (any Head)?
    /// The head where it is one of language.
    private var language: LanguageHead? { head as? LanguageHead }

    init(_ config: ModelConfig, taskType: TaskType?, store: any WeightStore) throws {
        (self.config, self.taskType) = (config, taskType)
        let architecture = type(of: config.architecture)
        try architecture.check(taskType, modelType: config.modelType)
        (prefix, kind) = (architecture.prefix, architecture.kind(of: taskType))
        let root = Scope(store: store)
        guard let task = taskType, task != .featureExtraction else {
            (backbone, head) = (try config.architecture.backbone(root, config, taskType), nil)
            return
        }
        backbone = try config.architecture.backbone(root.child(prefix), config, task)
        head = try config.architecture.head(task, root, config, backbone)
    }

    var children: [(name: String, module: any Module)] {
        guard let head else { return backbone.children }
        return [(prefix, backbone)] + head.parts
    }

    func forward(_ input: ModelInput, _ pass: Pass) throws -> ModelOutput {
        let ids = try checkedIds(input, pass)
        try input.keptStates.map { try check($0, input) }
        let following = try language == nil ? nil : input.labels.map { try tokensFollowing($0, input, pass) }
        let rows = rowsRead(ids, input, pass, following)
        // Where every hidden state is asked for, the last layer has all rows as the others do.
        let asked = input.outputHiddenStates ? nil : rows
        let lowest = try input.keptStates.map { try entering($0, asked) } ?? embedded(ids, pass, asked)
        var hiddenStates = input.outputHiddenStates ? [lowest] : nil
        let last = try run(lowest, (input.keptStates?.layer ?? 0)..<layerCount, pass, asked) {
            hiddenStates?.append($0)
        }
        pass.cache?.advance(pass.boundaries)
        let readPass = rows.map(pass.at) ?? pass
        let hidden = try backbone.finish(last, asked == nil ? pass : readPass)
        // As in the reference, the last of the hidden states is what the model gives.
        if layerCount > 0, let count = hiddenStates?.count { hiddenStates?[count - 1] = hidden }
        var output = ModelOutput(
            lastHiddenState: asked == nil ? hidden : nil, hiddenStates: hiddenStates, boundaries: pass.boundaries)
        let read = try rows.map { asked == nil ? try hidden.gatherRows($0) : hidden } ?? hidden
        if let pooler = backbone.pooler {
            // A bare model's pooler reads what its heads would.
            let heads = rows ?? pass.indices(of: .first) ?? []
            output.poolerOutput = try pooler(
                rows == nil ? hidden.gatherRows(heads) : read, rows == nil ? pass.at(heads) : readPass)
        }
        guard let head else {
            if input.labels != nil {
                throw ModelError("a model without a head takes no labels; load it with a task_type")
            }
            return output
        }
        if let language, let following {
            let tokens = rows.map { rows in rows.map { following[$0] } } ?? following
            if input.outputLogits {
                let logits = try language.logits(read, pooled: nil, readPass)
                output.logits = logits
                output.labelled = try logits.labelledCrossEntropy(
                    tokens, smoothing: input.labelSmoothing, reduction: input.reduction)
            } else {
                output.labelled = try language.loss(
                    read, following: tokens, reduction: input.reduction, smoothing: input.labelSmoothing, readPass)
            }
            output.loss = output.labelled?.loss
            return output
        }
        let logits = try head.logits(read, pooled: output.poolerOutput, readPass)
        output.logits = logits
        if let labels = input.labels { output.loss = try loss(logits, labels, input, pass) }
        return output
    }

    /// The rows that the head reads, in ascending order; nil for all.
    private func rowsRead(_ ids: [Int], _ input: ModelInput, _ pass: Pass, _ following: [Int]?) -> [Int]? {
        if let read = pass.read { return pass.indices(of: read) }
        if let following, !input.outputLogits {
            let labelled = following.indices.filter { following[$0] != -100 }
            // One row without a label keeps a pass without any whole: its loss is 0.
            return labelled.isEmpty ? [0] : labelled
        }
        return headRows(ids, pass)
    }

    /// The rows that the head reads by itself: of one on the last token, the last that is not padding, as in the reference.
    private func headRows(_ ids: [Int], _ pass: Pass) -> [Int]? {
        guard let head else { return nil }
        guard head.reads == .last, let padding = config.padTokenId else { return pass.indices(of: head.reads) }
        return zip(pass.boundaries, pass.boundaries.dropFirst()).filter { $0 < $1 }.map { start, end in
            (start..<end).last { ids[$0] != padding } ?? start
        }
    }

    /// For each token the one that follows it, as labels have it; -100 where there is none.
    private func tokensFollowing(_ labels: Labels, _ input: ModelInput, _ pass: Pass) throws -> [Int] {
        guard case .tokens(let rows) = labels else {
            throw ModelError(
                "a language model takes a list of labels for each sequence, one for each token: the ids themselves")
        }
        try checkLengths(rows, input)
        for (index, row) in rows.enumerated() {
            if let wrong = row.first(where: { !(0..<config.vocabSize).contains($0) && $0 != -100 }) {
                throw ModelError(
                    "sequence \(index + 1) has the label \(wrong), outside of the vocabulary 0 to \(config.vocabSize - 1)"
                )
            }
        }
        return rows.flatMap { $0.dropFirst() + [-100] }
    }

    // MARK: Layers

    /// The states that enter the lowest layer, or the head where there is none: [T, d], or those of the asked rows.
    private func embedded(_ ids: [Int], _ pass: Pass, _ asked: [Int]?) throws -> Tensor {
        let states = try backbone.embed(ids, pass.inside(layer: nil))
        return layerCount == 0 ? try asked.map { try states.gatherRows($0) } ?? states : states
    }

    /// The states that were kept; of those that enter the head, the asked rows.
    private func entering(_ kept: KeptStates, _ asked: [Int]?) throws -> Tensor {
        guard let asked, kept.layer == layerCount, head?.reads == .all else { return kept.states }
        return try kept.states.gatherRows(asked)
    }

    /// The states behind the last of some layers; the model's last one gives the asked rows alone.
    private func run(
        _ states: Tensor, _ range: Range<Int>, _ pass: Pass, _ asked: [Int]?, seen: (Tensor) -> Void = { _ in }
    ) throws -> Tensor {
        let layers = backbone.layers
        let uses = uses
        var plan = pass.checkpointing?.plan()
        return try range.reduce(states) { states, index in
            let pass = pass.inside(layer: index, use: uses[index])
            let asked = AskedRows(index == layers.count - 1 ? asked : nil, of: pass)
            let (layer, live) = (layers[index], StoragePool.shared.liveBytes)
            let next = try layer(states, pass, asked)
            let bytes = StoragePool.shared.liveBytes - live
            if plan?.isRunAgain(next, bytes: bytes, layersLeft: range.upperBound - index) ?? false {
                try next.checkpoint(from: states) { try layer($0, pass, asked) }
            }
            seen(next)
            return next
        }
    }

    /// Of each layer how often it was used before: layers that share weights draw numbers of their own.
    private var uses: [Int] {
        var counts: [ObjectIdentifier: Int] = [:]
        return backbone.layers.map { layer in
            let before = counts[ObjectIdentifier(layer), default: 0]
            counts[ObjectIdentifier(layer)] = before + 1
            return before
        }
    }

    func keptRows(length: Int, layer: Int) -> Int {
        layer == layerCount && taskType == .sequenceClassification && head?.reads != .all ? 1 : length
    }

    var embeddings: [any Module] { backbone.embeddings }
    var layers: [any Module] { backbone.layers }
    var inputEmbedding: Embedding { backbone.inputEmbedding }
    var outputEmbedding: Linear? { language?.linear }

    func keptStates(of input: ModelInput, below layer: Int) throws -> KeptStates {
        guard (0...layerCount).contains(layer) else {
            throw ModelError("there is no layer \(layer): the model has \(layerCount)")
        }
        let pass = try Pass(over: input)
        let ids = try checkedIds(input, pass)
        let asked = headRows(ids, pass)
        return try Recording.off {
            let states = try embedded(ids, pass, asked)
            return KeptStates(layer: layer, states: try run(states, 0..<layer, pass, asked))
        }
    }

    private func check(_ kept: KeptStates, _ input: ModelInput) throws {
        guard !input.outputHiddenStates else {
            throw ModelError("hidden states of all layers cannot be listed where those of the lower ones were given")
        }
        let rows = input.inputIds.reduce(0) { $0 + keptRows(length: $1.count, layer: kept.layer) }
        guard (0...layerCount).contains(kept.layer), kept.states.shape == [rows, config.hiddenSize] else {
            throw ModelError(
                "states of shape \(kept.states.shape) do not enter layer \(kept.layer) of \(layerCount); expected "
                    + "\([rows, config.hiddenSize])")
        }
    }

    private func loss(_ logits: Tensor, _ labels: Labels, _ input: ModelInput, _ pass: Pass) throws -> Tensor {
        if case .answers(let starts, let ends) = labels, taskType == .questionAnswering {
            for positions in [starts, ends] where positions.count != input.inputIds.count {
                throw ModelError(
                    "positions of \(positions.count) answers were given for \(input.inputIds.count) sequences")
            }
            return try logits.spanCrossEntropy([starts, ends], boundaries: pass.boundaries)
        }
        guard taskType != .questionAnswering else {
            throw ModelError("a model for question answering takes start_positions and end_positions, no labels")
        }
        let isTokens = if case .tokens = labels { true } else { false }
        guard isTokens == head?.givesRows else {
            throw ModelError(
                isTokens
                    ? "labels of tokens do not fit a head on sequences (task_type \(taskType?.rawValue ?? "none"))"
                    : "a token classification takes a list of labels for each sequence, one for each token")
        }
        if case .tokens(let rows) = labels { try checkLengths(rows, input) }
        guard !isTokens, config.problemType == nil else { return try config.loss(logits, labels) }
        // Labels that do not fit decide nothing.
        let loss = try config.loss(logits, labels)
        _ = settledProblemType(for: labels)
        return loss
    }

    private func checkLengths(_ labels: [[Int]], _ input: ModelInput) throws {
        guard labels.count == input.inputIds.count else {
            throw ModelError("labels of \(labels.count) sequences were given for \(input.inputIds.count)")
        }
        for (index, row) in labels.enumerated() where row.count != input.inputIds[index].count {
            throw ModelError(
                "sequence \(index + 1) has \(input.inputIds[index].count) tokens and \(row.count) labels")
        }
    }

    /// All ids in a row, after every check that a pass needs.
    private func checkedIds(_ input: ModelInput, _ pass: Pass) throws -> [Int] {
        guard !input.inputIds.isEmpty else { throw ModelError("input_ids holds no sequence") }
        guard input.inputIds.map(\.count) == zip(pass.boundaries, pass.boundaries.dropFirst()).map({ $1 - $0 }) else {
            throw ModelError("the pass was made for sequences of other lengths than input_ids")
        }
        for (index, row) in input.inputIds.enumerated() {
            guard !row.isEmpty else { throw ModelError("sequence \(index + 1) of input_ids is empty") }
            let count = pass.positions[pass.boundaries[index + 1] - 1] + 1
            guard count <= config.maxLength else {
                throw ModelError(
                    "sequence \(index + 1) has \(count) tokens, but the model has positions for \(config.maxLength); "
                        + "truncate with max_length = \(config.maxLength)")
            }
            if let wrong = row.first(where: { !(0..<config.vocabSize).contains($0) }) {
                throw ModelError(
                    "sequence \(index + 1) holds the id \(wrong), outside of the vocabulary 0 to \(config.vocabSize - 1)"
                )
            }
        }
        try checkTokenTypes(input)
        return input.inputIds.flatMap { $0 }
    }

    private func checkTokenTypes(_ input: ModelInput) throws {
        guard let types = input.tokenTypeIds else { return }
        guard types.map(\.count) == input.inputIds.map(\.count) else {
            throw ModelError("token_type_ids and input_ids have different lengths")
        }
        guard config.typeVocabSize > 0 || !type(of: config.architecture).ignoresTokenTypes else { return }
        let count = max(1, config.typeVocabSize)
        if let wrong = types.joined().first(where: { !(0..<count).contains($0) }) {
            throw ModelError(
                config.typeVocabSize == 0
                    ? "token type \(wrong): a \(config.modelType) model knows no token types but 0"
                    : "token type \(wrong) is outside of 0 to \(config.typeVocabSize - 1)")
        }
    }
}
