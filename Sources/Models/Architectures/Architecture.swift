import Formats
import Options

/// The families that there are: a file each, and a line here.
enum Architectures {
    static let all: [any Architecture.Type] = [
        Bert.self, Roberta.self, DistilBert.self, XLMRoberta.self, Electra.self, MPNet.self, Albert.self,
        ModernBert.self, DebertaV2.self, GPT2.self, Llama.self, Mistral.self, Qwen2.self, Qwen3.self,
        Gemma2.self,
        Gemma3.self, Phi3.self, SmolLM3.self,
    ]

    /// The family of a `model_type`; throws for one that there is not.
    static func named(_ modelType: String) throws -> any Architecture.Type {
        guard let found = all.first(where: { $0.modelTypes.contains(modelType) }) else {
            throw ModelError("model_type '\(modelType)' is not supported; there are \(supported)")
        }
        return found
    }

    /// The supported model_types, for messages.
    static var supported: String { all.flatMap { $0.modelTypes }.map { "'\($0)'" }.joined(separator: ", ") }
}

/// A family of models: what its config.json says beyond what all say, and the modules that it is made of.
///
/// A value is one model's own configuration. Names are those of transformers' configuration and modeling files.
protocol Architecture: Sendable {
    /// The `model_type`s in config.json.
    static var modelTypes: [String] { get }
    /// What the names of the reference's classes begin with: "Bert".
    static var family: String { get }
    /// Name of the backbone in a model with a head (base_model_prefix).
    static var prefix: String { get }
    /// Names under which config.json has what all families have, where they are others (attribute_map).
    static var attributeMap: [String: String] { get }
    /// Defaults of what all families have, where they are others.
    static var defaults: [String: OptionLiteral] { get }
    /// Options of its own.
    static var options: [Option] { get }
    /// Options that change the computation and are not supported, with the values that are.
    static var inert: [String: InertOption] { get }
    /// Modules that PEFT adapts where target_modules says nothing, by peft_type.
    static var usualTargets: [String: [String]] { get }
    /// The tasks that there are heads for.
    static var tasks: [TaskType] { get }

    /// Entry of the padding token where config.json says nothing.
    static var paddingId: Int? { get }

    /// Whether token types that it has no table for are left aside, as the reference does.
    static var ignoresTokenTypes: Bool { get }

    /// What config.json says.
    init(_ reader: ConfigReader) throws
    /// Sets what follows for all families' part of the configuration from its own, and checks one against the other.
    func complete(_ config: inout ModelConfig, source: String) throws
    /// The backbone at `scope`; nil is a bare model.
    func backbone(_ scope: Scope, _ config: ModelConfig, _ task: TaskType?) throws -> any Backbone
    /// The head of one of the `tasks`, its parts named from `scope` on.
    func head(_ task: TaskType, _ scope: Scope, _ config: ModelConfig, _ backbone: any Backbone) throws -> any Head
    /// Class that the reference has for the task.
    static func kind(of task: TaskType?) -> String
}

extension Architecture {
    static var attributeMap: [String: String] { [:] }
    static var defaults: [String: OptionLiteral] { [:] }
    static var inert: [String: InertOption] { [:] }
    static var paddingId: Int? { nil }
    static var ignoresTokenTypes: Bool { true }
    func complete(_ config: inout ModelConfig, source: String) throws {}

    static func kind(of task: TaskType?) -> String {
        switch task {
        case .sequenceClassification: "\(family)ForSequenceClassification"
        case .tokenClassification: "\(family)ForTokenClassification"
        case .questionAnswering: "\(family)ForQuestionAnswering"
        case .causalLM: "\(family)ForCausalLM"
        case .seq2SeqLM: "\(family)ForConditionalGeneration"
        case .featureExtraction, nil: "\(family)Model"
        }
    }

    /// Throws for a task without a head, before anything is made.
    static func check(_ task: TaskType?, modelType: String) throws {
        guard let task, task != .featureExtraction, !tasks.contains(task) else { return }
        let supported = tasks.map(\.rawValue).joined(separator: ", ")
        throw ModelError(
            "task_type \(task.rawValue) is not supported for model_type '\(modelType)'; there are \(supported) and "
                + "FEATURE_EXTRACTION")
    }
}
