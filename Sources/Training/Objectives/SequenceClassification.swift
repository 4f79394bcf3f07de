import Models
import Tensors

/// A label for each sequence: cross-entropy over classes, squared error of a regression, or binary cross-entropy of several
/// labels, as transformers' sequence-classification heads choose by problem_type.
public struct SequenceClassification: Objective {
    private let labelSmoothing: Float
    private let weights: [Float]?

    /// Smoothing concerns classes only.
    ///
    /// - Parameter weights: of the classes; of several labels, how much heavier the presence of each is than its absence (pos_weight).
    public init(labelSmoothing: Float = 0, weights: [Float]? = nil) {
        (self.labelSmoothing, self.weights) = (labelSmoothing, weights)
    }

    /// The sum of the labels' weights, as torch divides a weighted mean; of several labels their number.
    public func weight(_ batch: Batch) throws -> Double {
        guard let weights, case .classes(let ids) = try Objectives.labels(batch) else {
            return Double(try count(batch))
        }
        return ids.reduce(0) { $0 + ($1 == -100 ? 0 : Double(weights[$1])) }
    }

    /// Number of labelled rows, tokens or elements.
    public func count(_ batch: Batch) throws -> Int {
        switch try Objectives.labels(batch) {
        case .classes(let ids): ids.count { $0 != -100 }
        case .values(let values): values.count
        case .vectors(let rows): rows.reduce(0) { $0 + $1.count }
        case .tokens, .answers:
            throw TrainingError("labels are lists of integers; a model for sequences takes one label a row")
        }
    }

    /// Runs the model and gives the batch's share of the step's loss.
    public func evaluate(_ batch: Batch, _ context: StepContext) throws -> ObjectiveOutput {
        var input = batch.input
        input.labels = nil
        let logits = try Objectives.logits(context.forward(input))
        let reduction = Reduction.dividedBy(Float(context.total))
        let loss: Tensor
        let labels = try Objectives.labels(batch)
        let problem = (context.model as? any Model)?.settledProblemType(for: labels)
        switch labels {
        case .classes(let ids):
            loss = try logits.crossEntropy(ids, smoothing: labelSmoothing, reduction: reduction, weights: weights)
        case .values(let values):
            loss = try logits.mseLoss(Tensor(values, shape: logits.shape), reduction: reduction)
        case .vectors(let rows):
            let targets = try Tensor(rows.flatMap { $0 }, shape: logits.shape)
            loss =
                problem == .regression
                ? try logits.mseLoss(targets, reduction: reduction)
                : try logits.bceWithLogits(
                    targets, reduction: reduction, positiveWeights: weights.map { try Tensor($0) })
        case .tokens, .answers:
            throw TrainingError("labels are lists of integers; a model for sequences takes one label a row")
        }
        return ObjectiveOutput(loss: loss, scale: 1, logits: logits, boundaries: nil)
    }
}
