/// Accuracy, F1, precision, recall or Matthews' correlation, from counts per class, to the numbers of scikit-learn.
///
/// The prediction is the highest score; where each row has several 0/1 labels, every score above 0 (a probability above one half), and
/// accuracy counts rows that are right in all of them.
public final class ClassificationMetric: Metric {
    /// How F1, precision and recall of the classes become one number.
    public enum Average: String, Sendable, CaseIterable {
        /// That of class 1.
        case binary
        /// The mean over the classes that occur in labels or predictions.
        case macro
        /// From the counts of all classes together.
        case micro
        /// The mean weighted by how often each class is the label.
        case weighted

        init(named name: String) throws {
            guard let average = Average(rawValue: name) else {
                let known = Average.allCases.map(\.rawValue)
                throw TrainingError("average '\(name)' is unknown; there are \(known.joined(separator: ", "))")
            }
            self = average
        }
    }

    /// What is computed from the counts.
    ///
    /// Without an average it is binary, which needs two classes, as in scikit-learn.
    public enum Kind: Sendable {
        case accuracy
        case f1(Average?)
        case precision(Average?)
        case recall(Average?)
        case matthewsCorrelation
    }

    private let kind: Kind
    private var counts = ClassCounts()

    /// A metric that has seen nothing.
    public init(_ kind: Kind) { self.kind = kind }

    /// Name of the result.
    public var name: String {
        switch kind {
        case .accuracy: "accuracy"
        case .f1: "f1"
        case .precision: "precision"
        case .recall: "recall"
        case .matthewsCorrelation: "matthews_correlation"
        }
    }

    /// Forgets what was gathered.
    public func reset() { counts = ClassCounts() }

    /// Takes in a part.
    public func update(_ part: EvaluationPart) throws {
        try counts.add(part, metric: name)
        switch kind {
        case .f1(nil), .precision(nil), .recall(nil):
            guard counts.hits.count == 2, !counts.isMultiLabel else {
                let what =
                    counts.isMultiLabel ? "each row has several labels" : "there are \(counts.hits.count) classes"
                throw TrainingError(
                    "metric \(name): \(what), so it needs an average: metrics.\(name) { average = \"macro\" }, or \"micro\" or \"weighted\""
                )
            }
        default: break
        }
    }

    /// The result over all parts so far.
    public func result() throws -> Double {
        guard counts.rows > 0 else { throw TrainingError("metric \(name): no labelled rows were given") }
        switch kind {
        case .accuracy: return Double(counts.exactRows) / Double(counts.rows)
        case .f1(let average):
            return try averaged(average) { hits, predicted, actual in ratio(2 * hits, predicted + actual) }
        case .precision(let average): return try averaged(average) { hits, predicted, _ in ratio(hits, predicted) }
        case .recall(let average): return try averaged(average) { hits, _, actual in ratio(hits, actual) }
        case .matthewsCorrelation: return try matthews()
        }
    }

    /// Quotient, 0 where there is nothing to divide by (scikit-learn's zero_division).
    private func ratio(_ a: Int, _ b: Int) -> Double { b == 0 ? 0 : Double(a) / Double(b) }

    private func averaged(_ average: Average?, _ score: (Int, Int, Int) -> Double) throws -> Double {
        let classes = counts.hits.indices
        switch average ?? .binary {
        case .binary:
            guard counts.hits.count == 2, !counts.isMultiLabel else {
                throw TrainingError(
                    "metric \(name): average 'binary' needs two classes, there are \(counts.hits.count); use macro, micro or weighted"
                )
            }
            return score(counts.hits[1], counts.predicted[1], counts.actual[1])
        case .micro:
            return score(sum(counts.hits), sum(counts.predicted), sum(counts.actual))
        case .macro:
            let seen = classes.filter { counts.isMultiLabel || counts.predicted[$0] + counts.actual[$0] > 0 }
            let total = seen.reduce(0.0) { $0 + score(counts.hits[$1], counts.predicted[$1], counts.actual[$1]) }
            return seen.isEmpty ? 0 : total / Double(seen.count)
        case .weighted:
            let total = classes.reduce(0.0) {
                $0 + Double(counts.actual[$1]) * score(counts.hits[$1], counts.predicted[$1], counts.actual[$1])
            }
            let weight = sum(counts.actual)
            return weight == 0 ? 0 : total / Double(weight)
        }
    }

    private func sum(_ counts: [Int]) -> Int { counts.reduce(0, +) }

    /// Gorodkin's generalisation to many classes, which scikit-learn uses; 0 where it is not defined.
    private func matthews() throws -> Double {
        guard !counts.isMultiLabel else {
            throw TrainingError("metric matthews_correlation: each row must have one label, not several")
        }
        let (rows, hits) = (Double(counts.rows), Double(sum(counts.hits)))
        var (both, actual, predicted) = (hits * rows, rows * rows, rows * rows)
        for (t, p) in zip(counts.actual, counts.predicted) {
            both -= Double(t) * Double(p)
            actual -= Double(t) * Double(t)
            predicted -= Double(p) * Double(p)
        }
        return actual * predicted == 0 ? 0 : both / (actual * predicted).squareRoot()
    }
}

/// How often each class was predicted, was the label, and both.
struct ClassCounts {
    private(set) var hits: [Int] = []
    private(set) var predicted: [Int] = []
    private(set) var actual: [Int] = []
    private(set) var rows = 0
    private(set) var exactRows = 0
    private(set) var isMultiLabel = false

    mutating func add(_ part: EvaluationPart, metric: String) throws {
        if hits.isEmpty {
            hits = Array(repeating: 0, count: part.width)
            (predicted, actual) = (hits, hits)
        }
        guard hits.count == part.width else {
            throw TrainingError("metric \(metric): rows of \(part.width) scores after rows of \(hits.count)")
        }
        switch part.targets {
        case .classes(let labels): try add(labels, part, metric)
        case .values(let labels, let width): try add(labels, width, part, metric)
        }
    }

    private mutating func add(_ labels: [Int], _ part: EvaluationPart, _ metric: String) throws {
        for (row, label) in labels.enumerated() where label >= 0 {
            guard label < part.width else {
                throw TrainingError("metric \(metric): label \(label) is outside 0..<\(part.width)")
            }
            let guess = part.argmax(row: row)
            predicted[guess] += 1
            actual[label] += 1
            rows += 1
            guard guess == label else { continue }
            hits[label] += 1
            exactRows += 1
        }
    }

    private mutating func add(_ labels: [Float], _ width: Int, _ part: EvaluationPart, _ metric: String) throws {
        guard width == part.width, width > 1 else {
            throw TrainingError(
                "metric \(metric): labels must be class ids, or 0 and 1 for each of several labels; these are numbers of a regression"
            )
        }
        isMultiLabel = true
        for row in 0..<part.targets.count {
            var isExact = true
            for column in 0..<width {
                let guess = part.logits[row * width + column] > 0
                let label = labels[row * width + column] > 0.5
                if guess { predicted[column] += 1 }
                if label { actual[column] += 1 }
                if guess && label { hits[column] += 1 }
                if guess != label { isExact = false }
            }
            rows += 1
            if isExact { exactRows += 1 }
        }
    }
}
