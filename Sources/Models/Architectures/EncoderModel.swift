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
    var quietBelow: Int?
    private let prefix: String
    private let backbone: any Backbone
    private let head: (any Head)?
    /// Whether the head is a module of its own name, or parts beside the backbone.
    private let headName: String?

    init(_ config: ModelConfig, taskType: TaskType?, store: any WeightStore) throws {
        (self.config, self.taskType) = (config, taskType)
        let architecture = try Architecture(config)
        try architecture.check(taskType)
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
        let givesHeads = readsHeads && !input.outputHiddenStates
        try input.keptStates.map { try check($0, input) }
        let lowest = try input.keptStates?.states ?? embedded(ids, pass, givesHeads: givesHeads)
        var hiddenStates = input.outputHiddenStates ? [lowest] : nil
        let hidden = try run(lowest, (input.keptStates?.layer ?? 0)..<layerCount, pass, givesHeads: givesHeads) {
            hiddenStates?.append($0)
        }
        var output = ModelOutput(
            lastHiddenState: givesHeads ? nil : hidden, hiddenStates: hiddenStates, boundaries: pass.boundaries)
        let read =
            !givesHeads && (readsHeads || backbone.pooler != nil) ? try hidden.gatherRows(pass.headRows) : hidden
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

    // MARK: Layers

    var layerCount: Int { backbone.layers.count }

    private var readsHeads: Bool { head.map { !$0.readsTokens } ?? false }

    /// The states that enter the lowest layer, or the head where there is none: [T, d], or [B, d] for a head on sequences.
    private func embedded(_ ids: [Int], _ pass: Pass, givesHeads: Bool) throws -> Tensor {
        let states = try backbone.embeddings(ids, pass.inside(layer: nil))
        return layerCount == 0 && givesHeads ? try states.gatherRows(pass.headRows) : states
    }

    /// The states behind the last of some layers; for `givesHeads` the model's last one gives the rows that the head reads.
    private func run(
        _ states: Tensor, _ range: Range<Int>, _ pass: Pass, givesHeads: Bool, seen: (Tensor) -> Void = { _ in }
    ) throws -> Tensor {
        let layers = backbone.layers
        return try range.reduce(states) { states, index in
            let pass = pass.inside(layer: index)
            let isHead = givesHeads && index == layers.count - 1
            let next = try layers[index](states, pass, isHead ? AskedRows(headsOf: pass) : AskedRows(allOf: pass))
            seen(next)
            return next
        }
    }

    func lowerModules(below layer: Int) -> [any Module] {
        [backbone.embeddings] + backbone.layers.prefix(layer).map { $0 as any Module }
    }

    func keptStates(of input: ModelInput, below layer: Int) throws -> KeptStates {
        guard (0...layerCount).contains(layer) else {
            throw ModelError("there is no layer \(layer): the model has \(layerCount)")
        }
        let pass = try Pass(lengths: input.inputIds.map(\.count), tokenTypes: input.tokenTypeIds?.flatMap { $0 })
        return try Recording.off {
            let states = try embedded(checkedIds(input, pass), pass, givesHeads: readsHeads)
            return KeptStates(
                layer: layer, states: try run(states, 0..<layer, pass, givesHeads: readsHeads))
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
                        "sequence \(index + 1) has \(input.inputIds[index].count) tokens and \(row.count) labels")
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
            guard !row.isEmpty else { throw ModelError("sequence \(index + 1) of input_ids is empty") }
            guard row.count <= config.maxLength else {
                throw ModelError(
                    "sequence \(index + 1) has \(row.count) tokens, but the model has positions for \(config.maxLength); "
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
        let count = max(1, config.typeVocabSize)
        if let wrong = types.joined().first(where: { !(0..<count).contains($0) }) {
            throw ModelError(
                config.typeVocabSize == 0
                    ? "token type \(wrong): a \(config.modelType) model knows no token types but 0"
                    : "token type \(wrong) is outside of 0 to \(config.typeVocabSize - 1)")
        }
    }
}
