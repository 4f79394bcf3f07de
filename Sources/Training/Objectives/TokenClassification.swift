import Models
import Tensors

/// A class for each token: cross-entropy over the tokens whose label is not -100.
public struct TokenClassification: Objective {
    private let labelSmoothing: Float
    private let weights: [Float]?

    /// The objective, with a weight for each class where given.
    public init(labelSmoothing: Float = 0, weights: [Float]? = nil) {
        (self.labelSmoothing, self.weights) = (labelSmoothing, weights)
    }

    /// The sum of the labels' weights, as torch divides a weighted mean.
    public func weight(_ batch: Batch) throws -> Double {
        guard let weights else { return Double(try count(batch)) }
        return try tokens(batch).reduce(0) { sum, row in
            row.reduce(sum) { $0 + ($1 == -100 ? 0 : Double(weights[$1])) }
        }
    }

    /// Number of labelled rows, tokens or elements.
    public func count(_ batch: Batch) throws -> Int {
        try tokens(batch).reduce(0) { $0 + $1.count { $0 != -100 } }
    }

    /// Runs the model and gives the batch's share of the step's loss.
    public func evaluate(_ batch: Batch, _ context: StepContext) throws -> ObjectiveOutput {
        var input = batch.input
        input.labels = nil
        let output = try context.forward(input)
        let logits = try Objectives.logits(output)
        let loss = try logits.crossEntropy(
            tokens(batch).flatMap { $0 }, smoothing: labelSmoothing, reduction: .dividedBy(Float(context.total)),
            weights: weights)
        return ObjectiveOutput(loss: loss, scale: 1, logits: logits, boundaries: output.boundaries)
    }

    private func tokens(_ batch: Batch) throws -> [[Int]] {
        guard case .tokens(let labels) = try Objectives.labels(batch) else {
            throw TrainingError("labels are not lists of integers; a model for tokens takes one label for each token")
        }
        return labels
    }
}
