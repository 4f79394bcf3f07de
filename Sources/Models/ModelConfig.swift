import Formats

/// A model's configuration: what config.json says, checked, and what the options of `loadModel` changed.
public struct ModelConfig: Sendable {
    /// How a head's loss is computed, by the names of transformers.
    public enum ProblemType: String, Sendable, CaseIterable {
        case regression
        case singleLabel = "single_label_classification"
        case multiLabel = "multi_label_classification"
    }

    /// Architecture: "bert", "roberta", "distilbert".
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
    /// Number of position embeddings.
    public var maxPositionEmbeddings: Int
    /// Number of token types; 0 where the architecture has none.
    public var typeVocabSize: Int
    /// Activation of the feed-forward part.
    public var hiddenAct: ActivationFunction
    /// ε of the layer norms.
    public var layerNormEps: Double
    /// Entry of the padding token.
    public var padTokenId: Int?
    /// Dropout of embeddings and sublayers.
    public var hiddenDropout: Double
    /// Dropout of attention probabilities.
    public var attentionDropout: Double
    /// Dropout of the head; `hiddenDropout` where nil (DistilBERT: seq_classif_dropout).
    public var classifierDropout: Double?
    /// Standard deviation of what is initialised.
    public var initializerRange: Double
    /// Number of classes or outputs of the head.
    public var numLabels: Int
    /// Names of the classes, by id.
    public var id2label: [Int: String]
    /// How the head's loss is computed; nil where the labels decide, as in transformers.
    public var problemType: ProblemType?

    /// All that config.json says.
    public var json: JSON

    /// Longest sequence that has positions.
    public var maxLength: Int {
        // RoBERTa's positions begin behind the padding entry.
        modelType == "roberta" ? maxPositionEmbeddings - (padTokenId ?? 1) - 1 : maxPositionEmbeddings
    }
}
