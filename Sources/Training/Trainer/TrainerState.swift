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
        "eval_samples_per_second", "eval_steps_per_second", "samples", "changed",
    ]
    /// Best value of the metric so far.
    public internal(set) var bestMetric: Double?
    /// Step at which it was reached.
    public internal(set) var bestGlobalStep: Int?
    /// Checkpoint of that step, once it is written.
    public internal(set) var bestModelCheckpoint: String?

    /// The step at which something logged first had a value.
    func step(of key: String, _ value: Double) -> JSON? {
        logHistory.first { row in row.contains { $0.key == key && $0.value.double == value } }?.last?.value
    }

    /// Takes the steps between logs, evaluations and checkpoints from the arguments.
    mutating func setIntervals(_ plan: StepPlan, _ arguments: TrainingArguments) {
        loggingSteps = plan.interval(arguments.loggingSteps)
        evalSteps = plan.evalSteps(arguments)
        saveSteps = plan.interval(arguments.saveSteps)
    }

    /// What the reference does not keep, and a run needs to go on exactly.
    var progress = RunProgress()

    /// The rows of the log's file: those of `logHistory`, and the losses of epochs between them.
    var logRows: [[JSON.Member]] {
        var rows: [[JSON.Member]] = []
        var losses = progress.epochLosses[...]
        for (place, row) in logHistory.enumerated() {
            while let loss = losses.first, loss.place <= place {
                rows.append(loss.members)
                losses.removeFirst()
            }
            rows.append(row)
        }
        return rows + losses.map(\.members)
    }
}

/// The mean training loss of an epoch, a row of the run's log.
struct EpochLoss: Sendable, Equatable {
    let epoch: Double
    let step: Int
    let loss: Double
    /// How many rows of `logHistory` stand before it.
    let place: Int

    /// The row.
    var members: [JSON.Member] {
        [.init("epoch_loss", .number(loss)), .init("epoch", .number(epoch)), .init("step", .integer(step))]
    }
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
    /// The losses of the epochs so far that no other row of the log says.
    var epochLosses: [EpochLoss] = []
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

    /// Takes back the end of a training that is now to be longer: what ended it may have stood within an epoch.
    mutating func goOn(_ plan: StepPlan, after step: Int) {
        guard step < plan.totalSteps, phase == .finished || phase == .epochEnd else { return }
        control.shouldTrainingStop = false
        if stepInEpoch > 0, stepInEpoch < plan.stepsPerEpoch, !control.shouldEpochStop {
            phase = .step
        } else if phase == .finished, epochIndex < plan.epochs {
            phase = .epochBegin
        }
    }
}
