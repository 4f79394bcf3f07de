import Models
import Tensors

/// The token that follows each one: cross-entropy over the tokens whose label is not -100, as transformers' ForCausalLMLoss.
///
/// Labels are the ids themselves, which the model shifts. The head runs on labelled tokens alone, and the logits of a batch are
/// never held.
public struct CausalLanguage: Objective {
    private let labelSmoothing: Float

    /// The objective.
    public init(labelSmoothing: Float = 0) { self.labelSmoothing = labelSmoothing }

    /// Beside forward's inputs, the lengths of the sequences that were packed into a row.
    public var columns: [String] { BatchReader.inputs + [BatchReader.sequenceLengths] }

    /// Number of labelled tokens; the first of a sequence follows none.
    public func count(_ batch: Batch) throws -> Int {
        try tokens(batch).reduce(0) { $0 + $1.dropFirst().count { $0 != -100 } }
    }

    /// Runs the model and gives the batch's share of the step's loss.
    public func evaluate(_ batch: Batch, _ context: StepContext) throws -> ObjectiveOutput {
        var input = batch.input
        (input.labels, input.outputLogits) = (.tokens(try tokens(batch)), false)
        (input.reduction, input.labelSmoothing) = (.dividedBy(Float(context.total)), labelSmoothing)
        let output = try context.forward(input, rows: batch.sequences?.map(CausalLanguage.place))
        guard let labelled = output.labelled else { throw TrainingError("the model gave no loss") }
        return ObjectiveOutput(
            loss: labelled.loss, scale: 1, logits: nil, boundaries: nil, correct: labelled.isTop.count { $0 })
    }

    /// A place of its own for each sequence of a row, so that none draws what another does.
    private static func place(_ sequence: Batch.Sequence) -> Int { sequence.row + sequence.part << 32 }

    private func tokens(_ batch: Batch) throws -> [[Int]] {
        guard case .tokens(let labels) = try Objectives.labels(batch) else {
            throw TrainingError(
                "labels are not lists of integers; a language model takes the ids themselves, -100 for tokens without loss"
            )
        }
        return labels
    }
}
