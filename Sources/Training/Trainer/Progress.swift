import Formats

/// What is told of a training while it runs.
public struct ProgressUpdate: Sendable {
    /// Steps done and in all.
    public let step, totalSteps: Int
    /// Epochs done.
    public let epoch: Double
    /// Loss of the last step.
    public let loss: Double
    /// Learning rate of the last step.
    public let learningRate: Double
    /// Rows per second since the training began or was resumed, evaluations left out.
    public let samplesPerSecond: Double
    /// Seconds since the training began or was resumed, evaluations included.
    public let seconds: Double
    /// Seconds that the remaining steps take at this rate.
    public let remainingSeconds: Double
}

/// One line of the table that is shown after each evaluation.
public struct EpochSummary: Sendable {
    /// Epochs done.
    public let epoch: Double
    /// Steps done.
    public let step: Int
    /// Mean loss of the steps since the epoch began; nil where there was none.
    public let trainingLoss: Double?
    /// Loss on the evaluation's rows; nil where none was evaluated.
    public let validationLoss: Double?
    /// The other metrics, without the prefix eval_.
    public let metrics: [JSON.Member]
}

/// Shows how a training goes.
public protocol ProgressReporter: AnyObject {
    /// The training begins, or goes on.
    func begin(totalSteps: Int, from step: Int)
    /// A step is done.
    func update(_ update: ProgressUpdate)
    /// An evaluation has done this many of its rows.
    func evaluating(done: Int, of total: Int)
    /// A row was logged.
    func log(_ row: [JSON.Member])
    /// An epoch ended, or an evaluation within one.
    func summary(_ summary: EpochSummary)
    /// Something worth knowing was decided.
    func note(_ message: String)
    /// Something looks wrong but does not stop the run.
    func warn(_ message: String)
    /// The training ended or stopped.
    func end()
}
