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

    /// The classes' ids, that of the highest score first; of equal ones the lower id.
    public var ranked: [Int] { scores.indices.sorted { scores[$0] == scores[$1] ? $0 < $1 : scores[$0] > scores[$1] } }

    /// What the logits of one text say by the configuration's problem_type.
    public init(logits: some Sequence<Float>, _ config: ModelConfig) {
        let logits = logits.map(Double.init)
        let scores: [Double] =
            switch config.problemType {
            case .regression: logits
            case .multiLabel: logits.map { 1 / (1 + exponential(-$0)) }
            case nil where logits.count == 1: logits
            default: softmax(logits)
            }
        let best = scores.indices.max { scores[$0] < scores[$1] } ?? 0
        (label, labelId, self.scores) = (config.label(best), best, scores)
        score = scores.isEmpty ? 0 : scores[best]
    }
}

/// Probabilities of logits.
func softmax(_ logits: [Double]) -> [Double] {
    let largest = logits.max() ?? 0
    let powers = logits.map { exponential($0 - largest) }
    let sum = powers.reduce(0, +)
    return powers.map { $0 / sum }
}

/// A text that is classified, or the two of a pair.
public struct ClassifiedText: Sendable, Equatable {
    /// The text.
    public var text: String
    /// The second text of a pair.
    public var pair: String?

    /// A text, or a pair.
    public init(_ text: String, pair: String? = nil) { (self.text, self.pair) = (text, pair) }
}

/// How texts are brought to a model that says something of them.
public struct TextOptions {
    /// Most tokens of a text; what tokenizer and model take where nil.
    public var maxLength: Int?
    /// The side on which longer texts are cut; the tokenizer's where nil.
    public var truncationSide: EncodingOptions.Side?
    /// Texts at a time.
    public var batchSize = 32
    /// Called with the number of texts that are done; it may throw to stop.
    public var progress: ((Int) throws -> Void)?

    /// What is cut where nothing is said.
    public init() {}

    /// Options of the tokenizer for this model.
    public func encoding(_ model: any Model, _ tokenizer: Tokenizer) -> EncodingOptions {
        let longest = min(maxLength ?? Int.max, model.config.maxLength, tokenizer.modelMaxLength ?? Int.max)
        return EncodingOptions(
            truncation: .longestFirst, truncationSide: truncationSide ?? tokenizer.truncationSide, maxLength: longest)
    }
}

/// Classifies texts or pairs with a model for sequences; dropout is off, nothing is recorded.
///
/// Rows are never padded, so that their order does not matter for speed.
public func classify(
    _ texts: [ClassifiedText], model: any Model, tokenizer: Tokenizer, options: TextOptions = TextOptions()
) throws -> [Classification] {
    try check(model, [.sequenceClassification], "classify")
    let encoding = options.encoding(model, tokenizer)
    var results: [Classification] = []
    try run(texts.count, model, tokenizer, options) { row in
        try tokenizer.encode(texts[row].text, pair: texts[row].pair, options: encoding)
    } each: { _, _, logits in
        results.append(Classification(logits: logits, model.config))
    }
    return results
}

/// Throws for a model of another task.
func check(_ model: any Model, _ tasks: [TaskType], _ call: String) throws {
    guard let task = model.taskType, tasks.contains(task) else {
        throw InferenceError(
            "\(call) needs a model with task_type \(tasks.map(\.rawValue).joined(separator: " or ")), this one has "
                + "\(model.taskType?.rawValue ?? "none")")
    }
}

/// Brings rows to a model batch by batch, and its logits of each row to `each`: one set, or one a token.
func run(
    _ count: Int, _ model: any Model, _ tokenizer: Tokenizer, _ options: TextOptions,
    encode: (Int) throws -> Encoding, each: (Int, Encoding, ArraySlice<Float>) throws -> Void
) throws {
    try Recording.off {
        for batch in (0..<count).pieces(of: options.batchSize) {
            let encodings = try batch.map(encode)
            for (row, encoding) in zip(batch, encodings) {
                try checkVocabulary(encoding.ids, of: row, model, tokenizer)
            }
            let input = ModelInput(
                inputIds: encodings.map(\.ids),
                tokenTypeIds: model.config.typeVocabSize > 1 ? encodings.map(\.typeIds) : nil)
            let output = try model(input)
            guard let logits = output.logits else { throw InferenceError("the model gave no logits") }
            let (values, width) = (try logits.floatArray(), logits.shape[1])
            for (place, row) in batch.enumerated() {
                let rows =
                    model.givesTokens ? output.boundaries[place]..<output.boundaries[place + 1] : place..<place + 1
                try each(row, encodings[place], values[rows.lowerBound * width..<rows.upperBound * width])
            }
            try options.progress?(batch.upperBound)
        }
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
