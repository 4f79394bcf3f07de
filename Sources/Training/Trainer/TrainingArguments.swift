import Models

/// How to train, by the names and defaults of transformers 5.23's TrainingArguments.
///
/// Made from a table of options by `init(_:)`, which checks names, types and ranges; a name that is not supported is an error
/// with the reason (`ArgumentTable`), never ignored.
public struct TrainingArguments: Sendable, Equatable {
    /// When logging, evaluation or saving happens.
    public enum Interval: String, Sendable, CaseIterable {
        case no, steps, epoch
        /// After an evaluation that was better than all before; for saving only.
        case best
    }

    /// Whether states are kept below the lowest layer that is trained, and how.
    public enum StatesKeeping: String, Sendable, CaseIterable {
        /// In float32, where that is exact, pays and fits.
        case auto
        case off, float32, bfloat16

        /// Whether the user asked for it, so that it is an error where it cannot be.
        var isAsked: Bool { self == .float32 || self == .bfloat16 }
    }

    /// Where states are kept.
    public enum StatesPlace: String, Sendable, CaseIterable {
        /// In memory, beyond its bound in a file.
        case auto
        case memory, file
    }

    /// Weights of classes in the loss; of several labels, how much heavier the presence of each is than its absence.
    public enum ClassWeights: Sendable, Equatable {
        /// By how often each class is a label of the training data.
        case balanced
        /// One for each class, from id 0.
        case each([Double])
    }

    /// What a log is reported to, by its name in `report_to`.
    public enum Report: String, Sendable, CaseIterable {
        /// Event files that TensorBoard reads.
        case tensorboard
    }

    /// Optimizers by their names in `optim`.
    public enum OptimizerName: String, Sendable { case adamW, sgd }

    /// Where checkpoints go; nil is the run's folder.
    public var outputDir: String?
    /// Rows of one micro-batch.
    public var perDeviceTrainBatchSize = 8
    /// Rows of one batch of an evaluation.
    public var perDeviceEvalBatchSize = 8
    /// Most tokens of a micro-batch, and of a batch of an evaluation, that has several rows; nil where rows alone bound it.
    public var maxTokensPerBatch: Int?
    /// Whether `perDeviceTrainBatchSize` bounds batches that `maxTokensPerBatch` bounds.
    public var boundsTrainRows = true
    /// Whether `perDeviceEvalBatchSize` bounds batches that `maxTokensPerBatch` bounds.
    public var boundsEvalRows = true
    /// Micro-batches of one optimizer step.
    public var gradientAccumulationSteps = 1
    /// Which layers keep nothing but what enters them and are run again in backward.
    public var gradientCheckpointing = Checkpointing.Mode.off
    /// Passes over the training data; a fraction ends within one.
    public var numTrainEpochs = 3.0
    /// Optimizer steps in all; above 0 it overrides `numTrainEpochs`.
    public var maxSteps = -1
    /// Learning rate after the warm-up.
    public var learningRate = 5e-5
    /// Weight decay of all but biases and norms.
    public var weightDecay = 0.0
    /// AdamW's decay of the first moment.
    public var adamBeta1 = 0.9
    /// AdamW's decay of the second moment.
    public var adamBeta2 = 0.999
    /// AdamW's eps.
    public var adamEpsilon = 1e-8
    /// Bound on the norm of all gradients together; 0 does not clip.
    public var maxGradNorm = 1.0
    /// The optimizer.
    public var optim = OptimizerName.adamW
    /// SGD's momentum.
    public var sgdMomentum = 0.0
    /// Numbers that the optimizer remembers of each parameter.
    var momentsPerParameter: Int { optim == .adamW ? 2 : sgdMomentum != 0 ? 1 : 0 }
    /// SGD's dampening.
    public var sgdDampening = 0.0
    /// Whether SGD looks ahead.
    public var sgdNesterov = false
    /// How the learning rate changes.
    public var lrSchedulerType = Schedule.Kind.linear
    /// Options of the schedule.
    public var lrSchedulerKwargs: [String: Double] = [:]
    /// Steps of warm-up; below 1 a share of all steps.
    public var warmupSteps = 0.0
    /// Share of the labels' weight that is spread over all classes.
    public var labelSmoothingFactor = 0.0
    /// Weights of the classes in the loss; all weigh 1 where nil.
    public var classWeights: ClassWeights?
    /// When to log the training loss.
    public var loggingStrategy = Interval.steps
    /// Steps between logs; below 1 a share of all steps.
    public var loggingSteps = 500.0
    /// Whether to log the first step.
    public var loggingFirstStep = false
    /// When to evaluate.
    public var evalStrategy = Interval.no
    /// Steps between evaluations, `loggingSteps` where nil; below 1 a share of all steps.
    public var evalSteps: Double?
    /// Epochs or steps (as evalStrategy counts) before the first evaluation.
    public var evalDelay = 0.0
    /// Whether to evaluate before the first step.
    public var evalOnStart = false
    /// Whether evaluations gather nothing but the loss.
    public var predictionLossOnly = false
    /// When to write checkpoints.
    public var saveStrategy = Interval.steps
    /// Steps between checkpoints; below 1 a share of all steps.
    public var saveSteps = 500.0
    /// Number of checkpoints to keep; the best one is kept besides.
    public var saveTotalLimit: Int?
    /// Whether checkpoints hold no optimizer state, so that no run can continue from them.
    public var saveOnlyModel = false
    /// Whether the best checkpoint's weights are loaded when training ends.
    public var loadBestModelAtEnd = false
    /// Metric that says which checkpoint is best.
    public var metricForBestModel: String?
    /// Whether a higher metric is better.
    public var greaterIsBetter: Bool?
    /// Evaluations without a better metric after which training stops; nil never stops. (transformers' EarlyStoppingCallback)
    public var earlyStoppingPatience: Int?
    /// How much better the metric must be.
    public var earlyStoppingThreshold = 0.0
    /// Seed of dropout and of the order of rows.
    public var seed = 42
    /// Seed of the order of rows alone.
    public var dataSeed: Int?
    /// How the rows of an epoch are ordered.
    public var trainSamplingStrategy = BatchSampler.Strategy.random
    /// Whether an incomplete last batch of an epoch is left out.
    public var dataloaderDropLast = false
    /// Columns that hold labels, the first that exists counts; `labels`, `label`, `label_ids` where nil.
    public var labelNames: [String]?
    /// Column that holds lengths for group_by_length; those of input_ids where it is absent.
    public var lengthColumnName = "length"
    /// Whether logs give the number of tokens seen.
    public var includeNumInputTokensSeen = false
    /// Whether nothing is dropped below the lowest layer that is trained.
    public var freezeDropout = false
    /// Whether the states that enter the lowest layer that is trained are kept from epoch to epoch.
    public var keptStates = StatesKeeping.auto
    /// Where they are kept.
    public var keptStatesPlace = StatesPlace.auto
    /// The most bytes that they may take, in memory and on the disk together; nil is what the place allows.
    public var keptStatesSize: Int?
    /// Most tokens of a row that is made of text, and the length of packed rows; nil cuts nothing.
    public var maxLength: Int? = 1024
    /// Whether several sequences share a row.
    public var packing = false
    /// How sequences are put into rows.
    public var packingStrategy = PackingStrategy.bfd
    /// Whether eval_dataset is packed; as the rows that are trained on where nil.
    public var evalPacking: Bool?
    /// Whether only completions bear loss; as the data says where nil.
    public var completionOnlyLoss: Bool?
    /// Whether only the assistant's turns of conversations bear loss.
    public var assistantOnlyLoss = false
    /// Which of the assistant's turns bear loss, and nothing else does: "all" or "last".
    public var trainOn: String?
    /// Column of plain texts.
    public var datasetTextField = "text"
    /// Whether no progress bar is drawn.
    public var disableTqdm = false
    /// Who is told of the log beside the run's own files.
    public var reportTo: [Report] = []
    /// Where TensorBoard's event files go; the folder of the checkpoints where nil.
    public var loggingDir: String?

    /// The defaults.
    public init() {}

    /// Most rows of a micro-batch.
    public var trainRowsPerBatch: Int { maxTokensPerBatch == nil || boundsTrainRows ? perDeviceTrainBatchSize : .max }
    /// Most rows of a batch of an evaluation.
    public var evalRowsPerBatch: Int { maxTokensPerBatch == nil || boundsEvalRows ? perDeviceEvalBatchSize : .max }

    /// Steps of warm-up in a run of `total` steps.
    public func warmupSteps(of total: Int) -> Int { Self.steps(warmupSteps, of: total, wholeFrom: 1) }

    /// A number of steps that may be given as a share of all steps, rounded up.
    static func steps(_ value: Double, of total: Int, wholeFrom limit: Double = 1) -> Int {
        Int(exactly: (value < limit ? (value * Double(total)).rounded(.up) : value.rounded(.down))) ?? total
    }
}
