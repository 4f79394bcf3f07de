import Formats
import Options

/// A model's configuration: what config.json says, checked, and what the options of `loadModel` changed.
///
/// What all families have stands here; what one has of its own is in its `Architecture`.
public struct ModelConfig: Sendable {
    /// How a head's loss is computed, by the names of transformers.
    public enum ProblemType: String, Sendable, CaseIterable {
        case regression
        case singleLabel = "single_label_classification"
        case multiLabel = "multi_label_classification"
    }

    /// Family by its name in config.json: "bert", "llama".
    public var modelType: String
    /// Entries of the vocabulary.
    public var vocabSize: Int
    /// Width of the hidden states.
    public var hiddenSize: Int
    /// Number of layers.
    public var numHiddenLayers: Int
    /// Number of attention heads.
    public var numAttentionHeads: Int
    /// Width of the inner layer of the feed-forward part.
    public var intermediateSize: Int
    /// Positions that config.json speaks of: entries of a position table, or the length that a model was made for.
    public var maxPositionEmbeddings: Int
    /// Longest sequence that has positions.
    public var maxLength: Int
    /// Number of token types; 0 where the architecture has none.
    public var typeVocabSize = 0
    /// Entry of the padding token.
    public var padTokenId: Int?
    /// Standard deviation of what is initialised.
    public var initializerRange: Double
    /// Number of classes or outputs of the head.
    public var numLabels: Int
    /// Names of the classes, by id.
    public var id2label: [Int: String]
    /// Name of a class; "LABEL_3" where it has none, as in transformers.
    public func label(_ id: Int) -> String { id2label[id] ?? ModelConfig.unnamed(id) }
    /// What transformers calls a class without a name.
    static func unnamed(_ id: Int) -> String { "LABEL_\(id)" }
    /// How the head's loss is computed; nil until labels decide, as in transformers (`Model.settledProblemType`).
    public var problemType: ProblemType?
    /// What is wrong with what config.json says of a head, by key.
    var headProblems: [String: OptionError] = [:]

    /// Length beyond which keys are rotated by other frequencies, so that those kept of a shorter sequence are of no use; nil
    /// where there is none.
    public internal(set) var cacheBorder: Int?

    /// All that config.json says.
    public var json: JSON
    /// The family, with the configuration of its own.
    var architecture: any Architecture

    /// Modules that PEFT adapts in this family where target_modules says nothing; nil where it names none.
    public func usualTargets(of peftType: String) -> [String]? { type(of: architecture).usualTargets[peftType] }
}
