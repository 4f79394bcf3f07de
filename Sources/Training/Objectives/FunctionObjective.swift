import Models
import Tensors

/// A loss of the caller's own: a function from batch and context to the mean loss over the batch's rows (`compute_loss`).
///
/// Micro-batches of a step are weighted by their rows.
public struct FunctionObjective: Objective {
    /// What the function gives: the mean loss over the rows, and scores for metrics where there are any.
    public struct Result {
        /// The mean loss, a number.
        public let loss: Tensor
        /// Scores [rows, labels], for metrics.
        public let logits: Tensor?

        /// A result.
        public init(loss: Tensor, logits: Tensor? = nil) { (self.loss, self.logits) = (loss, logits) }
    }

    private let function: (Batch, StepContext) throws -> Result

    /// An objective that calls `function`.
    public init(_ function: @escaping (Batch, StepContext) throws -> Result) { self.function = function }

    /// Labels may be of any kind.
    public var takesAnyLabels: Bool { true }

    /// A language model's rows may be packed.
    public var columns: [String] { BatchReader.inputs + [BatchReader.sequenceLengths] }

    /// The function makes inputs of its own.
    public var runsInputs: Bool { false }

    /// Number of labelled rows, tokens or elements.
    public func count(_ batch: Batch) -> Int { batch.count }

    /// Runs the model and gives the batch's share of the step's loss.
    public func evaluate(_ batch: Batch, _ context: StepContext) throws -> ObjectiveOutput {
        let result = try function(batch, context)
        guard result.loss.count == 1 else {
            throw TrainingError("compute_loss gave a tensor of shape \(result.loss.shape); expected a single number")
        }
        return ObjectiveOutput(
            loss: result.loss, scale: Float(batch.count) / Float(max(1, context.total)), logits: result.logits,
            boundaries: nil)
    }
}
