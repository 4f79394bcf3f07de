import Options
import Tensors

// XLM-RoBERTa (Conneau et al. 2020, arXiv:1911.02116), as transformers' modeling_xlm_roberta.py (5.23) computes it: RoBERTa
// under a name of its own, with a vocabulary of a hundred languages.

/// XLM-RoBERTa's own configuration: RoBERTa's.
struct XLMRoberta: Architecture {
    static let modelTypes = ["xlm-roberta"]
    static let family = "XLMRoberta"
    static let prefix = "roberta"
    static let options = Bert.encoderOptions
    static let inert = Bert.encoderInert
    static let paddingId: Int? = 1
    static let usualTargets = ["LORA": ["query", "value"]]
    static let tasks: [TaskType] = [.sequenceClassification, .tokenClassification, .questionAnswering]

    private let roberta: Roberta

    init(_ reader: ConfigReader) throws { roberta = try Roberta(reader, family: XLMRoberta.family) }

    func complete(_ config: inout ModelConfig, source: String) throws {
        try roberta.complete(&config, source: source)
    }

    func backbone(_ scope: Scope, _ config: ModelConfig, _ task: TaskType?) throws -> any Backbone {
        try roberta.backbone(scope, config, task)
    }

    func head(_ task: TaskType, _ scope: Scope, _ config: ModelConfig, _ backbone: any Backbone) throws -> any Head {
        try roberta.head(task, scope, config, backbone)
    }
}
