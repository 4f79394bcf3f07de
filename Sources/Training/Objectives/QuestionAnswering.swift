import Models
import Tensors

/// Where an answer begins and ends: the mean of two cross-entropies over the tokens of a sequence, as transformers'
/// ForQuestionAnsweringLoss.
///
/// A position outside of its sequence bears no loss, as there; sequences are never padded, so that padding takes no share of the softmax.
public struct QuestionAnswering: Objective {
    /// The objective.
    public init() {}

    /// Number of positions that lie within their sequences, two of a whole answer.
    public func count(_ batch: Batch) throws -> Int {
        let (starts, ends) = try answers(batch)
        return [starts, ends].reduce(0) { sum, positions in
            sum + zip(positions, batch.input.inputIds).count { (0..<$1.count).contains($0) }
        }
    }

    /// Runs the model and gives the batch's share of the step's loss.
    public func evaluate(_ batch: Batch, _ context: StepContext) throws -> ObjectiveOutput {
        var input = batch.input
        input.labels = nil
        let output = try context.forward(input)
        let logits = try Objectives.logits(output)
        let (starts, ends) = try answers(batch)
        let loss = try logits.spanCrossEntropy(
            [starts, ends], boundaries: output.boundaries, reduction: .dividedBy(Float(context.total)))
        return ObjectiveOutput(loss: loss, scale: 1, logits: logits, boundaries: output.boundaries)
    }

    private func answers(_ batch: Batch) throws -> (starts: [Int], ends: [Int]) {
        guard case .answers(let starts, let ends)? = batch.labels else {
            throw TrainingError(
                "the dataset has no columns start_positions and end_positions; lorawb.answer_features makes them of questions and contexts"
            )
        }
        return (starts, ends)
    }
}
