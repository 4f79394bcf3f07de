import Kernels
import Models
import Tensors
import Tokenizers

/// What a classifier says of one text.
public struct Classification: Sendable, Equatable {
    /// Name of the class with the highest score.
    public let label: String
    /// Its id.
    public let labelId: Int
    /// Its score: a probability of softmax, of the logistic function for several labels at once, or the value of a regression.
    public let score: Double
    /// Scores of all classes, by id.
    public let scores: [Double]
}

/// Classifies texts with a model for sequences; dropout is off, nothing is recorded.
///
/// - Parameters:
///   - maxLength: most tokens of a text; what tokenizer and model take where nil. Longer texts are cut at
///     `truncationSide`, the tokenizer's where nil.
///   - batchSize: texts at a time.
public func classify(
    _ texts: [String], model: any Model, tokenizer: Tokenizer, maxLength: Int? = nil,
    truncationSide: EncodingOptions.Side? = nil, batchSize: Int = 32
) throws -> [Classification] {
    guard model.taskType == .sequenceClassification else {
        throw InferenceError(
            "classify needs a model with task_type SEQ_CLS, this one has \(model.taskType?.rawValue ?? "none")")
    }
    let longest = min(maxLength ?? Int.max, model.config.maxLength, tokenizer.modelMaxLength ?? Int.max)
    let options = EncodingOptions(
        truncation: .longestFirst, truncationSide: truncationSide ?? tokenizer.truncationSide, maxLength: longest)
    return try Recording.off {
        var results: [Classification] = []
        for batch in texts.indices.pieces(of: batchSize) {
            let encodings = try texts[batch].map {
                try tokenizer.encode($0, options: options)
            }
            for (text, encoding) in zip(batch, encodings) {
                try checkVocabulary(encoding.ids, of: text, model, tokenizer)
            }
            let input = ModelInput(
                inputIds: encodings.map(\.ids),
                tokenTypeIds: model.config.typeVocabSize > 1 ? encodings.map(\.typeIds) : nil)
            guard let logits = try model(input).logits else {
                throw InferenceError("the model gave no logits")
            }
            let values = try logits.floatArray().map(Double.init)
            let width = logits.shape[1]
            for row in 0..<logits.shape[0] {
                results.append(classification(Array(values[row * width..<(row + 1) * width]), model.config))
            }
        }
        return results
    }
}

/// An id that the model has not is the tokenizer's fault, not the text's.
private func checkVocabulary(_ ids: [Int], of text: Int, _ model: any Model, _ tokenizer: Tokenizer) throws {
    let size = model.config.vocabSize
    guard let wrong = ids.first(where: { $0 >= size }) else { return }
    throw InferenceError(
        "the tokenizer does not belong to the model: it has \(tokenizer.count) tokens, the model's vocabulary has \(size), and "
            + "text \(text + 1) holds the id \(wrong); load the tokenizer from the model's folder")
}

private func classification(_ logits: [Double], _ config: ModelConfig) -> Classification {
    let scores: [Double]
    switch config.problemType {
    case .regression: scores = logits
    case .multiLabel: scores = logits.map { 1 / (1 + exponential(-$0)) }
    case nil where logits.count == 1: scores = logits
    default:
        let largest = logits.max() ?? 0
        let powers = logits.map { exponential($0 - largest) }
        let sum = powers.reduce(0, +)
        scores = powers.map { $0 / sum }
    }
    let best = scores.indices.max { scores[$0] < scores[$1] } ?? 0
    return Classification(
        label: config.id2label[best] ?? "LABEL_\(best)", labelId: best, score: scores[best], scores: scores)
}
