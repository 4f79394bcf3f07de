import Tensors

/// A head: hidden states to logits.
protocol Head: AnyObject {
    /// The rows that it reads: all, or one of each sequence.
    var reads: ReadRows { get }
    /// Whether it gives logits for every row that it reads; else for every sequence.
    var givesRows: Bool { get }
    /// Modules by name, as they stand in the model beside the backbone.
    var parts: [(name: String, module: any Module)] { get }
    /// Logits [R, labels] of hidden [R, d], the states of the rows of `pass`; `pooled` [B, d] where the backbone has a pooler.
    func logits(_ hidden: Tensor, pooled: Tensor?, _ pass: Pass) throws -> Tensor
}

extension Head {
    var givesRows: Bool { reads == .all }
}

/// Dropout and one linear: BERT's head on its pooled output, and encoders' heads on tokens.
final class LinearHead: Head {
    let reads: ReadRows
    private let dropout: Dropout
    private let classifier: Linear

    init(_ scope: Scope, _ config: ModelConfig, dropout p: Double, reads: ReadRows) throws {
        self.reads = reads
        dropout = try Dropout(scope.child("dropout"), p: p)
        classifier = try Linear(scope.child("classifier"), config, outFeatures: config.numLabels)
    }

    var parts: [(name: String, module: any Module)] { [("dropout", dropout), ("classifier", classifier)] }

    func logits(_ hidden: Tensor, pooled: Tensor?, _ pass: Pass) throws -> Tensor {
        try classifier(dropout(pooled ?? hidden, pass), pass)
    }
}

/// `qa_outputs`: for each token how much an answer begins there, and how much it ends there.
final class AnswerHead: Head {
    let reads = ReadRows.all
    private let dropout: Dropout?
    private let outputs: Linear

    /// - Parameter p: dropout before the product; none where nil, as in most families.
    init(_ scope: Scope, _ config: ModelConfig, dropout p: Double? = nil) throws {
        try AnswerHead.check(config)
        dropout = try p.map { try Dropout(scope.child("dropout"), p: $0) }
        outputs = try Linear(scope.child("qa_outputs"), config, outFeatures: 2)
    }

    /// Throws where the configuration speaks of another number of scores.
    static func check(_ config: ModelConfig) throws {
        guard config.numLabels == 2 else {
            throw ModelError(
                "task_type QUESTION_ANS has two scores a token, where an answer begins and where it ends: give num_labels = 2, not \(config.numLabels)"
            )
        }
    }

    var parts: [(name: String, module: any Module)] {
        [("qa_outputs", outputs)] + (dropout.map { [("dropout", $0)] } ?? [])
    }

    func logits(_ hidden: Tensor, pooled: Tensor?, _ pass: Pass) throws -> Tensor {
        try outputs(dropout.map { try $0(hidden, pass) } ?? hidden, pass)
    }
}

/// The language head: logits of the token that follows each row.
final class LanguageHead: Head {
    let reads = ReadRows.all
    /// The product; tied to the embeddings where the configuration says so.
    let linear: Linear
    private let softCap: Float?

    init(_ scope: Scope, _ config: ModelConfig, tiedTo embedding: Embedding?, softCap: Float? = nil) throws {
        self.softCap = softCap
        linear =
            try embedding.map { Linear(scope, tiedTo: $0.weight) }
            ?? Linear(scope, config, outFeatures: config.vocabSize, bias: false)
    }

    var parts: [(name: String, module: any Module)] { [(linear.localName, linear)] }

    func logits(_ hidden: Tensor, pooled: Tensor?, _ pass: Pass) throws -> Tensor {
        let logits = try linear(hidden, pass)
        return try softCap.map { try logits.softCap($0) } ?? logits
    }

    /// Loss of hidden [R, d] against the token that follows each row; logits of all rows at once are never held.
    func loss(_ hidden: Tensor, following tokens: [Int], reduction: Reduction, smoothing: Float, _ pass: Pass) throws
        -> LabelledLoss
    {
        let replaced = linear.seats.count == 1 ? try linear.seats[0].replacedRows() : nil
        guard linear.seats.isEmpty || replaced != nil else {
            // What sits on the head changes its output, which is then needed whole.
            let logits = try logits(hidden, pooled: nil, pass)
            return try logits.labelledCrossEntropy(tokens, smoothing: smoothing, reduction: reduction)
        }
        let span = Profile.module(linear.path)
        defer { span.end() }
        switch try linear.weight.current() {
        case .matrix(let matrix):
            return try hidden.linearCrossEntropy(
                matrix, labels: tokens, softCap: softCap, smoothing: smoothing, reduction: reduction,
                replacing: replaced)
        case .tensor(let tensor):
            return try hidden.linearCrossEntropy(
                tensor, labels: tokens, softCap: softCap, smoothing: smoothing, reduction: reduction,
                replacing: replaced)
        case .absent: throw ModelError("'\(linear.path)' has no values")
        }
    }
}

/// `score`: one linear, on the last token of each sequence or, behind dropout, on every token.
final class ScoreHead: Head {
    let reads: ReadRows
    private let dropout: Dropout?
    private let score: Linear

    init(
        _ scope: Scope, _ config: ModelConfig, dropout p: Double?, reads: ReadRows, bias: Bool, name: String = "score"
    ) throws {
        self.reads = reads
        dropout = try p.map { try Dropout(scope.child("dropout"), p: $0) }
        score = try Linear(scope.child(name), config, outFeatures: config.numLabels, bias: bias)
    }

    var parts: [(name: String, module: any Module)] {
        (dropout.map { [("dropout", $0)] } ?? []) + [(score.localName, score)]
    }

    func logits(_ hidden: Tensor, pooled: Tensor?, _ pass: Pass) throws -> Tensor {
        try score(dropout.map { try $0(hidden, pass) } ?? hidden, pass)
    }
}
