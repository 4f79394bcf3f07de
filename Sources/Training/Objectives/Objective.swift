import Models
import Tensors

/// What a training minimises.
///
/// A step's loss is the sum over everything labelled in all its micro-batches divided by how much that is, so that accumulation
/// gives the gradient of the whole batch. Hence the two questions: how much is labelled, and the loss divided by a total.
public protocol Objective {
    /// Number of labelled rows, tokens or elements of a batch; batches without labels are an error.
    func count(_ batch: Batch) throws -> Int

    /// What is labelled in a batch by its weights, over which a mean is; its number where nothing has another weight.
    func weight(_ batch: Batch) throws -> Double

    /// Runs the model and gives the loss of the batch as its share of the step.
    func evaluate(_ batch: Batch, _ context: StepContext) throws -> ObjectiveOutput

    /// Names of the columns that it reads beside the labels, of those that a data set may have.
    var columns: [String] { get }

    /// Whether labels may be of any kind, since only the objective itself looks at them.
    var takesAnyLabels: Bool { get }

    /// Whether it runs the model on the batch's input as it is, so that what is known of its states can be given with it.
    var runsInputs: Bool { get }
}

extension Objective {
    /// Everything labelled weighs 1.
    public func weight(_ batch: Batch) throws -> Double { Double(try count(batch)) }
    /// The columns named as forward's inputs.
    public var columns: [String] { BatchReader.inputs }
    /// Labels must fit the model.
    public var takesAnyLabels: Bool { false }
    /// The input is the model's.
    public var runsInputs: Bool { true }
}

/// What an objective found for one batch.
public struct ObjectiveOutput {
    /// The loss, a number; the batch's share of the step's loss is `scale` times it.
    public let loss: Tensor
    /// What the loss and its gradient are multiplied with.
    public let scale: Float
    /// Scores: [rows, labels], or [tokens, labels] of a head on tokens; nil where there are none.
    public let logits: Tensor?
    /// Where the rows' tokens begin, [rows + 1], where there is a score for each token.
    public let boundaries: [Int]?
    /// How many labelled tokens the model finds the most probable; nil where it is not asked.
    public let correct: Int?

    init(loss: Tensor, scale: Float, logits: Tensor?, boundaries: [Int]?, correct: Int? = nil) {
        (self.loss, self.scale, self.logits, self.boundaries, self.correct) = (loss, scale, logits, boundaries, correct)
    }

    /// The batch's share of the step's loss.
    public func value() throws -> Double { Double(try loss.floatArray()[0]) * Double(scale) }

    /// Adds the gradient of the batch's share into the parameters.
    public func backward() throws { try loss.backward(scale == 1 ? nil : Tensor.full(loss.shape, scale)) }
}

/// The objectives that go with a model's task.
public enum Objectives {
    /// The objective of a model's task.
    ///
    /// - Parameters:
    ///   - labelSmoothing: share of the labels' weight that is spread over all classes.
    ///   - weights: of the classes; of several labels, how much heavier the presence of each is than its absence.
    public static func standard(
        for model: any Module, labelSmoothing: Double = 0, weights: [Float]? = nil
    ) throws -> any Objective {
        guard let model = model as? any Model else {
            throw TrainingError("trainer: a module of one's own has no loss; give compute_loss")
        }
        switch model.taskType {
        case .sequenceClassification:
            return SequenceClassification(labelSmoothing: Float(labelSmoothing), weights: weights)
        case .tokenClassification:
            return TokenClassification(labelSmoothing: Float(labelSmoothing), weights: weights)
        case .questionAnswering: return QuestionAnswering()
        case .causalLM: return CausalLanguage(labelSmoothing: Float(labelSmoothing))
        case let task:
            throw TrainingError(
                "trainer: a model with task_type \(task?.rawValue ?? "nil") has no loss of its own; give compute_loss, or load it with task_type SEQ_CLS, TOKEN_CLS, QUESTION_ANS or CAUSAL_LM"
            )
        }
    }

    static func labels(_ batch: Batch) throws -> Labels {
        guard let labels = batch.labels else {
            throw TrainingError(
                "the dataset has no label column; name it labels, label or label_ids, or give label_names")
        }
        return labels
    }

    static func logits(_ output: ModelOutput) throws -> Tensor {
        guard let logits = output.logits else { throw TrainingError("the model gave no logits") }
        return logits
    }
}
