import Kernels
import Memory

/// Area under the ROC curve (scikit-learn's roc_auc_score): how likely a row of a class scores higher than one of another; ties count half.
///
/// Of two classes by how much higher class 1 scores than class 0; of one score a row by that. Of more classes the mean over each against all
/// others, by softmax (multi_class "ovr", average "macro"); of several labels a row the mean over labels. Keeps the scores, since ranks
/// need all of them.
public final class AreaUnderCurve: Metric {
    private var (scores, labels): ([Float], [Int]) = ([], [])
    private var width = 0
    private var isMultiLabel = false

    /// A metric that has seen nothing.
    public init() {}

    /// Name of the result.
    public let name = "roc_auc"
    /// Forgets what was gathered.
    public func reset() { (scores, labels, width, isMultiLabel) = ([], [], 0, false) }

    /// Takes in a part.
    public func update(_ part: EvaluationPart) throws {
        guard width == 0 || width == part.width else {
            throw TrainingError("metric roc_auc: rows of \(part.width) scores after rows of \(width)")
        }
        width = part.width
        try MemoryBudget.reserve(part.logits.count, of: 4)
        switch part.targets {
        case .classes(let ids):
            for (row, id) in ids.enumerated() where id >= 0 {
                guard id < max(2, width) else {
                    throw TrainingError("metric roc_auc: label \(id) is outside 0..<\(max(2, width))")
                }
                labels.append(id)
                scores += part.logits[row * width..<(row + 1) * width]
            }
        case .values(let values, let columns):
            guard columns == width, values.allSatisfy({ $0 == 0 || $0 == 1 }) else {
                throw TrainingError(
                    "metric roc_auc: labels must be class ids, or 0 and 1 for each of several labels; these are numbers of a regression"
                )
            }
            isMultiLabel = columns > 1
            labels += values.map { Int($0) }
            scores += part.logits
        }
    }

    /// The result over all parts so far.
    public func result() throws -> Double {
        guard !labels.isEmpty else { throw TrainingError("metric roc_auc: no labelled rows were given") }
        let rows = scores.count / width
        if isMultiLabel {
            let areas = try (0..<width).map { column in
                try area((0..<rows).map { Double(scores[$0 * width + column]) }, "label \(column)") {
                    labels[$0 * width + column] == 1
                }
            }
            return areas.reduce(0, +) / Double(width)
        }
        guard width > 2 else {
            let values = (0..<rows).map { row in
                width == 1 ? Double(scores[row]) : Double(scores[row * 2 + 1]) - Double(scores[row * 2])
            }
            return try area(values, "class 1") { labels[$0] == 1 }
        }
        let totals = (0..<rows).map { row -> (top: Double, sum: Double) in
            let own = scores[row * width..<(row + 1) * width].map(Double.init)
            let top = own.max() ?? 0
            return (top, own.reduce(0) { $0 + exponential($1 - top) })
        }
        let areas = try (0..<width).map { id in
            let values = (0..<rows).map {
                exponential(Double(scores[$0 * width + id]) - totals[$0].top) / totals[$0].sum
            }
            return try area(values, "class \(id)") { labels[$0] == id }
        }
        return areas.reduce(0, +) / Double(width)
    }

    /// (Σ of the ranks of positive rows − the least that it can be) over the number of pairs (Mann and Whitney 1947).
    private func area(_ values: [Double], _ what: String, _ isPositive: (Int) -> Bool) throws -> Double {
        guard values.allSatisfy({ !$0.isNaN }) else { return .nan }
        let ranks = Spearman.ranks(values)
        var (sum, positives) = (0.0, 0)
        for row in values.indices where isPositive(row) {
            sum += ranks[row]
            positives += 1
        }
        let negatives = values.count - positives
        guard positives > 0, negatives > 0 else {
            throw TrainingError(
                "metric roc_auc: \(positives == 0 ? "no row" : "every row") is of \(what); it needs rows of it and others"
            )
        }
        let least = Double(positives) * Double(positives + 1) / 2
        return (sum - least) / (Double(positives) * Double(negatives))
    }
}
