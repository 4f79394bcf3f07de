import Tensors

/// A head: hidden states to logits.
protocol Head: AnyObject {
    /// Whether it reads every token, or the first of each sequence.
    var readsTokens: Bool { get }
    /// Parts by local name, as they stand in the model beside the backbone.
    var children: [(name: String, module: any Module)] { get }
    /// Logits of hidden [T, d] for a head on tokens, [B, d] for one on sequences; `pooled` [B, d] where the backbone has a
    /// pooler.
    func logits(_ hidden: Tensor, pooled: Tensor?, _ pass: Pass) throws -> Tensor
}

/// An encoder of any family, bare or with a head.
final class EncoderModel: Model {
    let kind: String
    var path = ""
    let config: ModelConfig
    let taskType: TaskType?
    var isTraining = false
    var seed: UInt64 = 0
    var clock = StepClock()
    private let prefix: String
    private let backbone: any Backbone
    private let head: (any Head)?
    /// Whether the head is a module of its own name, or parts beside the backbone.
    private let headName: String?

    init(_ config: ModelConfig, taskType: TaskType?, store: any WeightStore) throws {
        (self.config, self.taskType) = (config, taskType)
        let architecture = try Architecture(config)
        prefix = architecture.prefix
        let root = Scope(store: store)
        let isBare = taskType == nil || taskType == .featureExtraction
        backbone = try architecture.backbone(isBare ? root : root.child(prefix), config, taskType)
        (kind, headName) = (architecture.kind(of: taskType), architecture.headName(of: taskType))
        head = isBare ? nil : try architecture.head(root, config, taskType)
    }

    var children: [(name: String, module: any Module)] {
        guard let head else { return backbone.children }
        if let headName, let module = head as? any Module { return [(prefix, backbone), (headName, module)] }
        return [(prefix, backbone)] + head.children
    }

    func forward(_ input: ModelInput, _ pass: Pass) throws -> ModelOutput {
        let ids = try checkedIds(input, pass)
        // The last layer of a classifier is computed for the rows that the head reads, where nobody asked for others.
        let readsHeads = head.map { !$0.readsTokens } ?? false
        let asked = readsHeads && !input.outputHiddenStates ? AskedRows(headsOf: pass) : AskedRows(allOf: pass)
        let layers = backbone.layers
        var hidden = try backbone.embeddings(ids, pass)
        var hiddenStates = input.outputHiddenStates ? [hidden] : nil
        for (index, layer) in layers.enumerated() {
            hidden = try layer(hidden, pass, index == layers.count - 1 ? asked : AskedRows(allOf: pass))
            hiddenStates?.append(hidden)
        }
        if layers.isEmpty { hidden = try asked.of(hidden) }
        var output = ModelOutput(
            lastHiddenState: asked.isAll ? hidden : nil, hiddenStates: hiddenStates, boundaries: pass.boundaries)
        let read = asked.isAll && (readsHeads || backbone.pooler != nil) ? try hidden.gatherRows(pass.headRows) : hidden
        output.poolerOutput = try backbone.pooler.map { try $0(read, pass) }
        guard let head else {
            if input.labels != nil {
                throw ModelError("a model without a head takes no labels; load it with a task_type")
            }
            return output
        }
        let logits = try head.logits(readsHeads ? read : hidden, pooled: output.poolerOutput, pass)
        output.logits = logits
        if let labels = input.labels { output.loss = try loss(logits, labels, input) }
        return output
    }

    private func loss(_ logits: Tensor, _ labels: Labels, _ input: ModelInput) throws -> Tensor {
        let isTokens = if case .tokens = labels { true } else { false }
        guard isTokens == (head?.readsTokens ?? false) else {
            throw ModelError(
                isTokens
                    ? "labels of tokens do not fit a head on sequences (task_type \(taskType?.rawValue ?? "none"))"
                    : "a token classification takes a list of labels for each sequence, one for each token")
        }
        if case .tokens(let rows) = labels {
            for (index, row) in rows.enumerated() where index < input.inputIds.count {
                guard row.count == input.inputIds[index].count else {
                    throw ModelError(
                        "sequence \(index) has \(input.inputIds[index].count) tokens and \(row.count) labels")
                }
            }
        }
        return try config.loss(logits, labels)
    }

    /// All ids in a row, after every check that a pass needs.
    private func checkedIds(_ input: ModelInput, _ pass: Pass) throws -> [Int] {
        guard !input.inputIds.isEmpty else { throw ModelError("input_ids holds no sequence") }
        guard input.inputIds.map(\.count) == zip(pass.boundaries, pass.boundaries.dropFirst()).map({ $1 - $0 }) else {
            throw ModelError("the pass was made for sequences of other lengths than input_ids")
        }
        for (index, row) in input.inputIds.enumerated() {
            guard !row.isEmpty else { throw ModelError("sequence \(index) of input_ids is empty") }
            guard row.count <= config.maxLength else {
                throw ModelError(
                    "sequence \(index) has \(row.count) tokens, but the model has positions for \(config.maxLength); "
                        + "truncate with max_length = \(config.maxLength)")
            }
            if let wrong = row.first(where: { !(0..<config.vocabSize).contains($0) }) {
                throw ModelError(
                    "sequence \(index) holds the id \(wrong), outside of the vocabulary 0..<\(config.vocabSize)")
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
        let count = max(1, config.typeVocabSize)
        if let wrong = types.joined().first(where: { !(0..<count).contains($0) }) {
            throw ModelError(
                config.typeVocabSize == 0
                    ? "token type \(wrong): a \(config.modelType) model knows no token types but 0"
                    : "token type \(wrong) is outside of 0..<\(config.typeVocabSize)")
        }
    }
}
