import Formats

/// Where a training stands, by the names of the reference's trainer_state.json.
public struct TrainerState: Sendable, Equatable {
    /// Epochs done, with the share of the present one.
    public internal(set) var epoch = 0.0
    /// Optimizer steps done.
    public internal(set) var globalStep = 0
    /// Optimizer steps in all.
    public internal(set) var maxSteps = 0
    /// Epochs in all, the last perhaps in part.
    public internal(set) var numTrainEpochs = 0
    /// Steps between logs.
    public internal(set) var loggingSteps = 500
    /// Steps between evaluations.
    public internal(set) var evalSteps = 500
    /// Steps between checkpoints.
    public internal(set) var saveSteps = 500
    /// Rows of one micro-batch.
    public internal(set) var trainBatchSize = 0
    /// Tokens seen in training.
    public internal(set) var numInputTokensSeen = 0
    /// The reference's estimate of operations: 6 · tokens · parameters without embeddings.
    public internal(set) var totalFlos = 0.0
    /// What was logged, row by row; each row ends with `step`.
    public internal(set) var logHistory: [[JSON.Member]] = []
    /// What rows of the log may hold; metrics of the recipe's come with eval_ in front.
    public static let logged = [
        "loss", "grad_norm", "learning_rate", "epoch", "step", "num_input_tokens_seen", "train_loss", "train_runtime",
        "train_samples_per_second", "train_steps_per_second", "total_flos", "eval_loss", "eval_runtime",
        "eval_samples_per_second", "eval_steps_per_second", "samples",
    ]
    /// Best value of the metric so far.
    public internal(set) var bestMetric: Double?
    /// Step at which it was reached.
    public internal(set) var bestGlobalStep: Int?
    /// Checkpoint of that step, once it is written.
    public internal(set) var bestModelCheckpoint: String?

    /// What the reference does not keep, and a run needs to go on exactly.
    var progress = RunProgress()
}

/// The parts of a training's state by which it goes on to the bit.
struct RunProgress: Sendable, Equatable {
    /// What happens next.
    enum Phase: String, Sendable {
        /// The epoch begins.
        case epochBegin
        /// A step.
        case step
        /// What follows a step: logging, evaluation, a checkpoint.
        case stepEnd
        /// What follows an epoch.
        case epochEnd
        /// Nothing: the training is over.
        case finished
    }

    var phase = Phase.epochBegin
    var epochIndex = 0
    /// Steps done in the epoch.
    var stepInEpoch = 0
    /// Sum of the steps' losses since the last log.
    var lossSum = 0.0
    /// Sum of the steps' losses that were logged.
    var totalLoss = 0.0
    var lastLoggedStep = 0
    /// Sum of the steps' losses in this epoch, and their number.
    var epochLoss = 0.0
    var epochSteps = 0
    var lastGradNorm = 0.0
    var lastLearningRate = 0.0
    var evaluationsWithoutImprovement = 0
    var control = TrainerControl()
    /// Steps at a learning rate above 0, and the tensors whose gradient was 0 in all of them; until ten are reached.
    var watchedSteps = 0
    var unmoved: [String]?
    /// Whether the training was evaluated before its first step.
    var evaluatedOnStart = false
    /// Seconds that the training took before it was resumed.
    var seconds = 0.0
}
