import Formats
import Models
import Words

/// Predictions of some rows (or tokens) beside their labels.
public struct EvaluationPart {
    /// Scores [rows, width], row after row.
    public let logits: [Float]
    /// Scores of one row.
    public let width: Int
    /// Labels of the rows: for several labels or targets a row, all of them in turn.
    public let targets: Targets
    /// Sum of the losses over the labelled rows.
    public let lossSum: Double
    /// Number of labelled rows.
    public let lossCount: Int
    /// Tokens of each row, where each token has a label.
    public let lengths: [Int]?

    /// A part; the number of labels must be that of the rows (of the tokens, where each has one).
    public init(logits: [Float], width: Int, labels: Labels, lossSum: Double = 0, lossCount: Int = 0) throws {
        targets = try Targets(labels)
        guard width > 0, logits.count == targets.count * width else {
            throw TrainingError(
                "metrics: \(logits.count) scores of \(width) each do not fit \(targets.count) labels")
        }
        (self.logits, self.width) = (logits, width)
        (self.lossSum, self.lossCount) = (lossSum, lossCount)
        lengths = if case .tokens(let rows) = labels { rows.map(\.count) } else { nil }
    }

    /// Place of the highest score of a row, the first of equal ones.
    public func argmax(row: Int) -> Int {
        var best = 0
        for column in 1..<max(1, width) where logits[row * width + column] > logits[row * width + best] {
            best = column
        }
        return best
    }
}

/// Labels of rows or tokens, flat.
public enum Targets: Sendable, Equatable {
    /// One class id each; a negative one (-100) means that there is no label.
    case classes([Int])
    /// `width` numbers each: a regression's targets, or 0 and 1 for each of several labels.
    case values([Float], width: Int)

    init(_ labels: Labels) throws {
        switch labels {
        case .classes(let ids): self = .classes(ids)
        case .tokens(let ids): self = .classes(ids.flatMap { $0 })
        case .answers:
            throw TrainingError(
                "metrics: answers are compared as texts: lorawb.metrics.squad { predictions =, references = } of what model:answer gives"
            )
        case .values(let values): self = .values(values, width: 1)
        case .vectors(let rows):
            let width = rows.first?.count ?? 1
            guard rows.allSatisfy({ $0.count == width }) else {
                throw TrainingError("metrics: the rows have different numbers of labels")
            }
            self = .values(rows.flatMap { $0 }, width: width)
        }
    }

    /// Number of rows or tokens.
    public var count: Int {
        switch self {
        case .classes(let ids): ids.count
        case .values(let values, let width): width == 0 ? 0 : values.count / width
        }
    }
}

/// A number gathered part by part over an evaluation, in memory that does not grow with the logits.
public protocol Metric: AnyObject {
    /// Name of the result.
    var name: String { get }
    /// Forgets what was gathered.
    func reset()
    /// Takes in a part; labels of a kind that the metric cannot use are an error.
    func update(_ part: EvaluationPart) throws
    /// The result over all parts so far.
    func result() throws -> Double
}

/// The metrics by name.
public enum Metrics {
    /// Names that `make` knows.
    public static let names = [
        "accuracy", "f1", "precision", "recall", "matthews_correlation", "roc_auc", "pearson", "spearman", "r2",
        "mse", "mae", "perplexity",
    ]

    /// A new metric; `average` (binary, macro, micro, weighted) is for f1, precision and recall.
    public static func make(_ name: String, average: String? = nil) throws -> any Metric {
        let average = try average.map(ClassificationMetric.Average.init(named:))
        if average != nil, !["f1", "precision", "recall"].contains(name) {
            throw TrainingError("metric '\(name)' takes no average; f1, precision and recall do")
        }
        switch name {
        case "accuracy": return ClassificationMetric(.accuracy)
        case "f1": return ClassificationMetric(.f1(average))
        case "precision": return ClassificationMetric(.precision(average))
        case "recall": return ClassificationMetric(.recall(average))
        case "matthews_correlation": return ClassificationMetric(.matthewsCorrelation)
        case "roc_auc": return AreaUnderCurve()
        case "r2": return R2()
        case "pearson": return Pearson()
        case "spearman": return Spearman()
        case "mse": return MeanSquaredError()
        case "mae": return MeanAbsoluteError()
        case "perplexity": return Perplexity()
        default:
            let hint = nearestNameHint(for: name, in: names)
            throw TrainingError(
                "there is no metric '\(name)'" + (hint.isEmpty ? "; there are \(names.joined(separator: ", "))" : hint))
        }
    }
}
