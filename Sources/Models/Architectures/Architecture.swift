/// The families that there are, by their `model_type` in config.json.
enum Architecture: String, CaseIterable {
    case bert, roberta, distilbert

    init(_ config: ModelConfig) throws {
        guard let found = Architecture(rawValue: config.modelType) else {
            throw ModelError(
                "model_type '\(config.modelType)' is not supported; there are \(Architecture.supported)")
        }
        self = found
    }

    /// The supported ones, for messages.
    static var supported: String { allCases.map { "'\($0.rawValue)'" }.joined(separator: ", ") }

    /// Name of the backbone in a model with a head (base_model_prefix).
    var prefix: String { rawValue }

    private var family: String {
        switch self {
        case .bert: "Bert"
        case .roberta: "Roberta"
        case .distilbert: "DistilBert"
        }
    }

    /// Class that the reference has for the task.
    func kind(of task: TaskType?) -> String {
        switch task {
        case .sequenceClassification: "\(family)ForSequenceClassification"
        case .tokenClassification: "\(family)ForTokenClassification"
        default: "\(family)Model"
        }
    }

    /// Name of the head where it is one module.
    func headName(of task: TaskType?) -> String? {
        self == .roberta && task == .sequenceClassification ? "classifier" : nil
    }

    /// The backbone at `scope`; it has a pooler where it is bare, and for BERT's head on sequences.
    func backbone(_ scope: Scope, _ config: ModelConfig, _ task: TaskType?) throws -> any Backbone {
        let isBare = task == nil || task == .featureExtraction
        switch self {
        case .bert:
            return try BertModel(scope, config, hasPooler: isBare || task == .sequenceClassification)
        case .roberta: return try RobertaModel(scope, config, hasPooler: isBare)
        case .distilbert: return try DistilBertModel(scope, config)
        }
    }

    /// The head of a task.
    func head(_ scope: Scope, _ config: ModelConfig, _ task: TaskType?) throws -> any Head {
        switch (task, self) {
        case (.tokenClassification, _):
            // DistilBERT's head on tokens drops as its sublayers do.
            let p = self == .distilbert ? config.hiddenDropout : config.classifierDropout ?? config.hiddenDropout
            return try LinearHead(scope, config, dropout: p, readsTokens: true)
        case (.sequenceClassification, .bert):
            let p = config.classifierDropout ?? config.hiddenDropout
            return try LinearHead(scope, config, dropout: p, readsTokens: false)
        case (.sequenceClassification, .roberta):
            return try RobertaClassificationHead(scope.child("classifier"), config)
        case (.sequenceClassification, .distilbert): return try DistilBertHead(scope, config)
        default:
            throw unsupported(task)
        }
    }

    /// Throws for a task without a head, before anything is made.
    func check(_ task: TaskType?) throws {
        guard let task else { return }
        guard [.featureExtraction, .sequenceClassification, .tokenClassification].contains(task) else {
            throw unsupported(task)
        }
    }

    private func unsupported(_ task: TaskType?) -> ModelError {
        ModelError(
            "task_type \(task?.rawValue ?? "none") is not supported for model_type '\(rawValue)'; there are SEQ_CLS, "
                + "TOKEN_CLS and FEATURE_EXTRACTION")
    }
}
