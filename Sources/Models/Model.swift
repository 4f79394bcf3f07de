import Tensors

/// What a model's task is, by PEFT's names.
public enum TaskType: String, Sendable, CaseIterable {
    case sequenceClassification = "SEQ_CLS"
    case tokenClassification = "TOKEN_CLS"
    case questionAnswering = "QUESTION_ANS"
    case causalLM = "CAUSAL_LM"
    case seq2SeqLM = "SEQ_2_SEQ_LM"
    case featureExtraction = "FEATURE_EXTRACTION"
}

/// What a loss compares a model's output with.
public enum Labels: Sendable, Equatable {
    /// A class for each sequence.
    case classes([Int])
    /// A number for each sequence (regression with one output).
    case values([Float])
    /// Numbers for each sequence: 0 or 1 for each label, or targets of a regression with several outputs.
    case vectors([[Float]])
    /// A class for each token of each sequence, or for a language head the ids themselves, which it shifts; -100 bears no loss.
    case tokens([[Int]])
    /// The first and the last token of an answer in each sequence, from 0; one outside of the sequence bears no loss.
    case answers(starts: [Int], ends: [Int])
}

/// What is given to a model.
public struct ModelInput: Sendable {
    /// Token ids of each sequence, of any lengths.
    public var inputIds: [[Int]]
    /// Segment of each token; 0 where nil.
    public var tokenTypeIds: [[Int]]?
    /// What the loss compares with; without it there is no loss.
    public var labels: Labels?
    /// Whether the output lists the hidden states of every layer.
    public var outputHiddenStates: Bool
    /// Whether a language head gives the logits of every token; without, its loss is computed for labelled tokens alone.
    public var outputLogits = true
    /// How the loss of a language head becomes one number.
    public var reduction = Reduction.mean
    /// Label smoothing of a language head's loss.
    public var labelSmoothing: Float = 0
    /// The states that these ids give below some layer, where they are known; nothing below it is then computed.
    public var keptStates: KeptStates?

    /// New input.
    public init(
        inputIds: [[Int]], tokenTypeIds: [[Int]]? = nil, labels: Labels? = nil, outputHiddenStates: Bool = false,
        keptStates: KeptStates? = nil
    ) {
        (self.inputIds, self.tokenTypeIds, self.labels) = (inputIds, tokenTypeIds, labels)
        (self.outputHiddenStates, self.keptStates) = (outputHiddenStates, keptStates)
    }
}

/// What a model gives.
public struct ModelOutput {
    /// Mean loss over what bears one; nil without labels.
    public var loss: Tensor?
    /// What a language head says of each labelled token, in order; nil without labels.
    public var labelled: LabelledLoss?
    /// [B, labels] of a head on sequences, [T, labels] of a head on tokens; nil for a bare model.
    public var logits: Tensor?
    /// Output of the last layer: [T, d]; nil for a head on sequences, for which only the rows that the head reads are
    /// computed, unless hidden states were asked for.
    public var lastHiddenState: Tensor?
    /// Output of the pooler, where the model has one and it was computed: [B, d].
    public var poolerOutput: Tensor?
    /// Output of the embeddings and of each layer: [T, d] each; nil where they were not asked for.
    public var hiddenStates: [Tensor]?
    /// Where sequences begin, and T at the end: [B + 1].
    public var boundaries: [Int]
}

/// A whole model: a backbone, and a head where the task has one.
///
/// It holds weights and what sits on them; what a pass needs beyond that is the pass's.
public protocol Model: Module {
    /// Its configuration, as read and as `load` options and the first labels changed it.
    var config: ModelConfig { get set }
    /// Its task; nil and FEATURE_EXTRACTION for a bare model.
    var taskType: TaskType? { get }
    /// What turns ids into the states that enter the first layer.
    var embeddings: [any Module] { get }
    /// The table of the ids (get_input_embeddings).
    var inputEmbedding: Embedding { get }
    /// The layers, the lowest first.
    var layers: [any Module] { get }
    /// The product of a language head (get_output_embeddings).
    var outputEmbedding: Linear? { get }
    /// How the size of its vocabulary came about since it was loaded.
    var vocabulary: Vocabulary { get }
    /// Changes the number of entries of the table of ids and of a language head, as transformers' resize_token_embeddings; see `Vocabulary`.
    ///
    /// Gives what `restore` takes. Throws where an id that config.json names would be cut off, and where there is no memory; the model is
    /// then as it was.
    func resizeTokenEmbeddings(_ resize: VocabularyResize) throws -> TokenEmbeddings
    /// Takes a resize back.
    func restore(_ embeddings: TokenEmbeddings)
    /// Makes the present vocabulary the model's own: no entry counts as new any more.
    func settleVocabulary()
    /// Rows of the states that a sequence of `length` tokens has where it enters `layer`.
    func keptRows(length: Int, layer: Int) -> Int
    /// The states that enter `layer`, with nothing random in them, and not recorded.
    func keptStates(of input: ModelInput, below layer: Int) throws -> KeptStates
    /// Runs the model; throws for ids, lengths, token types or labels that do not fit it.
    func forward(_ input: ModelInput, _ pass: Pass) throws -> ModelOutput
}

extension Model {
    /// Whether its head gives scores for every token.
    public var givesTokens: Bool {
        taskType == .tokenClassification || taskType == .causalLM || taskType == .questionAnswering
    }

    /// Number of layers.
    public var layerCount: Int { layers.count }

    /// What computes the states that enter `layer`: the embeddings and the layers below it.
    public func lowerModules(below layer: Int) -> [any Module] { embeddings + layers.prefix(layer) }

    /// Runs the model; nothing is dropped where no draws are given.
    public func callAsFunction(_ input: ModelInput, draws: DropoutDraws? = nil) throws -> ModelOutput {
        try forward(input, Pass(over: input, draws: draws))
    }
}
