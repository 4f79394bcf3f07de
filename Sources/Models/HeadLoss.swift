import Tensors

extension Model {
    /// How the loss of a head on sequences is computed for these labels; the first labels that a model is given decide, and its
    /// configuration says it from then on, as in transformers.
    public func settledProblemType(for labels: Labels) -> ModelConfig.ProblemType {
        let isClasses = if case .classes = labels { true } else { false }
        let type = config.resolvedProblemType(forClasses: isClasses)
        config.problemType = type
        return type
    }
}

extension ModelConfig {
    /// How the loss of a head on sequences is computed: as is said, else by the rule of transformers, where one label is a
    /// regression, a class for each sequence is a single label, and other labels are several at once.
    public func resolvedProblemType(forClasses isClasses: Bool) -> ProblemType {
        problemType ?? (numLabels == 1 ? .regression : isClasses ? .singleLabel : .multiLabel)
    }

    /// Mean loss of logits [B, labels] (or [T, labels] for labels of tokens) against labels.
    ///
    /// Cross entropy for classes, mean squared error for a regression, binary cross entropy for several labels at once;
    /// throws for labels that do not fit the head.
    ///
    /// - Parameter reduction: how the sum over labelled rows (single label, tokens) or over elements (otherwise) becomes
    ///   one number; a trainer that accumulates divides by the number of the whole batch.
    public func loss(_ logits: Tensor, _ labels: Labels, reduction: Reduction = .mean) throws -> Tensor {
        let isClasses = if case .classes = labels { true } else { false }
        if case .tokens(let rows) = labels {
            let classes = try checkedClasses(rows.flatMap { $0 }, rows: logits.shape[0], what: "token")
            return try logits.crossEntropy(classes, reduction: reduction)
        }
        let rows = logits.shape[0]
        switch (resolvedProblemType(forClasses: isClasses), labels) {
        case (.singleLabel, .classes(let classes)):
            let classes = try checkedClasses(classes, rows: rows, what: "sequence")
            return try logits.crossEntropy(classes, reduction: reduction)
        case (.regression, .classes(let classes)):
            return try squaredError(logits, classes.map { [Float($0)] }, reduction)
        case (.regression, .values(let values)): return try squaredError(logits, values.map { [$0] }, reduction)
        case (.regression, .vectors(let vectors)): return try squaredError(logits, vectors, reduction)
        case (.multiLabel, .vectors(let vectors)):
            if let wrong = vectors.joined().first(where: { !($0 >= 0 && $0 <= 1) }) {
                throw ModelError("labels of a multi-label classification are numbers in 0...1, got \(wrong)")
            }
            return try logits.bceWithLogits(targets(vectors, like: logits), reduction: reduction)
        case (let type, _):
            throw ModelError(
                "labels of this kind do not fit \(type.rawValue) with num_labels \(numLabels): it takes "
                    + (type == .singleLabel
                        ? "a class for each sequence" : "a list of \(numLabels) numbers for each sequence"))
        }
    }

    private func checkedClasses(_ classes: [Int], rows: Int, what: String) throws -> [Int] {
        guard classes.count == rows else {
            throw ModelError("\(classes.count) labels were given for \(rows) \(what)s")
        }
        let wrong = classes.firstIndex { !(0..<numLabels).contains($0) && $0 != -100 }
        guard let wrong else { return classes }
        throw ModelError(
            "label \(classes[wrong]) of \(what) \(wrong + 1) is outside of 0 to \(numLabels - 1): the model has num_labels \(numLabels)"
        )
    }

    private func squaredError(_ logits: Tensor, _ rows: [[Float]], _ reduction: Reduction) throws -> Tensor {
        try logits.mseLoss(targets(rows, like: logits), reduction: reduction)
    }

    private func targets(_ rows: [[Float]], like logits: Tensor) throws -> Tensor {
        guard rows.count == logits.shape[0] else {
            throw ModelError("\(rows.count) labels were given for \(logits.shape[0]) sequences")
        }
        if let wrong = rows.firstIndex(where: { $0.count != numLabels }) {
            throw ModelError(
                "the label of sequence \(wrong + 1) has \(rows[wrong].count) numbers, the model has num_labels \(numLabels)"
            )
        }
        return try Tensor(rows.flatMap { $0 }, shape: logits.shape)
    }
}
