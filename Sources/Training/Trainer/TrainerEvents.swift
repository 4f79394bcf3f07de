import Formats

/// What happens in a training, by the names of transformers' callbacks.
public enum TrainerEvent: Sendable {
    case trainBegin, trainEnd, epochBegin, epochEnd, stepBegin, substepEnd, preOptimizerStep, optimizerStep, stepEnd
    /// A row was added to the log.
    case log([JSON.Member])
    /// An evaluation gave these metrics.
    case evaluate([JSON.Member])
    /// A prediction gave these metrics.
    case predict([JSON.Member])
    /// A checkpoint of that name was written.
    case save(String)

    /// Name of the callback, "on_step_end".
    public var name: String {
        switch self {
        case .trainBegin: "on_train_begin"
        case .trainEnd: "on_train_end"
        case .epochBegin: "on_epoch_begin"
        case .epochEnd: "on_epoch_end"
        case .stepBegin: "on_step_begin"
        case .substepEnd: "on_substep_end"
        case .preOptimizerStep: "on_pre_optimizer_step"
        case .optimizerStep: "on_optimizer_step"
        case .stepEnd: "on_step_end"
        case .log: "on_log"
        case .evaluate: "on_evaluate"
        case .predict: "on_predict"
        case .save: "on_save"
        }
    }

    /// Every callback: its name, what it is given beside state and control, and when it is called.
    public static let documentation: [(name: String, argument: String?, doc: String)] = [
        ("on_train_begin", nil, "Called before the first step."), ("on_train_end", nil, "Called after the last step."),
        ("on_epoch_begin", nil, "Called before the first step of an epoch."),
        ("on_epoch_end", nil, "Called after the last step of an epoch."),
        ("on_step_begin", nil, "Called before a step."),
        ("on_substep_end", nil, "Called after a micro-batch that is not the last of its step."),
        ("on_pre_optimizer_step", nil, "Called before the parameters change, with all gradients there."),
        ("on_optimizer_step", nil, "Called after the parameters changed, before gradients are cleared."),
        ("on_step_end", nil, "Called after a step."),
        ("on_log", "row: table", "Called when a row was added to the log."),
        ("on_evaluate", "metrics: table", "Called after an evaluation."),
        ("on_predict", "metrics: table", "Called after a prediction."),
        ("on_save", "name: string", "Called when the checkpoint of that name was written."),
    ]
}

/// Hears of what happens in a training and may steer it through `trainer.control`.
public protocol TrainerCallback: AnyObject {
    /// Called in the order in which callbacks were given; an error stops the training.
    func handle(_ event: TrainerEvent, _ trainer: Trainer) throws
    /// Whether it looks at gradients, which are then clipped before the parameters change.
    var seesGradients: Bool { get }
}

extension TrainerCallback {
    /// It may.
    public var seesGradients: Bool { true }
}

/// What callbacks may ask of the trainer.
public struct TrainerControl: Sendable, Equatable {
    /// Stop after this step.
    public var shouldTrainingStop = false
    /// End the epoch after this step.
    public var shouldEpochStop = false
    /// Write a checkpoint now.
    public var shouldSave = false
    /// Evaluate now.
    public var shouldEvaluate = false
    /// Log now.
    public var shouldLog = false

    /// Nothing asked.
    public init() {}
}

/// Why a training is to stop at once.
public struct Interruption: Error, Sendable, Equatable {
    /// What asked for it: "interrupted", "time limit".
    public let reason: String
    /// Whether somebody may want to go on from here, so that the state is written.
    public let savesState: Bool

    /// An interruption.
    public init(_ reason: String, savesState: Bool = true) { (self.reason, self.savesState) = (reason, savesState) }
}

/// A training stopped on request; it can go on from the checkpoint.
public struct TrainingInterrupted: Error, CustomStringConvertible, Sendable {
    /// Name of the checkpoint, beneath the output folder; nil where none could be written.
    public let checkpoint: String?
    /// Steps that were finished.
    public let step: Int
    /// What asked for it.
    public let reason: String

    /// The message, as users read it.
    public var description: String {
        "training stopped after step \(step) (\(reason))" + (checkpoint.map { "; \($0) holds its state" } ?? "")
    }
}
