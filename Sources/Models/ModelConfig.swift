/// A model's configuration: what config.json says, checked, and what the options of `loadModel` changed.
public struct ModelConfig: Sendable {
    /// How a head's loss is computed, by the names of transformers.
    public enum ProblemType: String, Sendable {
        case regression
        case singleLabel = "single_label_classification"
        case multiLabel = "multi_label_classification"
    }

    /// Architecture: "bert", "roberta", "distilbert".
    public let modelType: String
    /// Entries of the vocabulary.
    public let vocabSize: Int
    /// Width of the hidden states.
    public let hiddenSize: Int
    /// Number of layers.
    public let numHiddenLayers: Int
    /// Number of attention heads.
    public let numAttentionHeads: Int
    /// Width of the inner layer of the feed-forward part.
    public let intermediateSize: Int
    /// Number of position embeddings.
    public let maxPositionEmbeddings: Int
    /// Number of classes or outputs of the head.
    public var numLabels: Int
    /// Names of the classes, by id.
    public var id2label: [Int: String]
    /// How the head's loss is computed; nil where labels decide, as in transformers.
    public var problemType: ProblemType?

    /// New configuration of these sizes.
    package init(
        modelType: String, vocabSize: Int, hiddenSize: Int, numHiddenLayers: Int, numAttentionHeads: Int,
        intermediateSize: Int, maxPositionEmbeddings: Int, numLabels: Int = 2
    ) {
        (self.modelType, self.vocabSize, self.hiddenSize) = (modelType, vocabSize, hiddenSize)
        (self.numHiddenLayers, self.numAttentionHeads) = (numHiddenLayers, numAttentionHeads)
        (self.intermediateSize, self.maxPositionEmbeddings) = (intermediateSize, maxPositionEmbeddings)
        (self.numLabels, id2label) = (numLabels, [:])
    }
}
