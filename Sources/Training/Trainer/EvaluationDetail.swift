import Kernels
import Models

/// What an evaluation found beside its metrics: how often each class was taken for which, and the rows with the largest losses.
public struct EvaluationDetail: Sendable {
    /// A row, and how it was judged.
    public struct Row: Sendable {
        /// The row, counted from 0.
        public let row: Int
        /// Its label, and what was predicted, in words.
        public let label, predicted: String
        /// Its loss, as the objective counts it without weights and smoothing.
        public let loss: Double
    }

    /// Name of the set; nil where it is the only one.
    public let name: String?
    /// The rows that were evaluated.
    public let dataset: Dataset
    /// Names of the classes.
    public private(set) var classes: [String] = []
    /// How often each class (row) was predicted as each (column), over rows or tokens; empty where labels are no classes, or of more than
    /// `mostClasses` kinds.
    public private(set) var confusion: [[Int]] = []
    /// The rows with the largest losses, the largest first.
    public private(set) var worst: [Row] = []

    private let isRegression: Bool
    private static let (mostClasses, mostRows) = (64, 20)

    init(name: String?, dataset: Dataset, model: any Module) {
        (self.name, self.dataset) = (name, dataset)
        let config = (model as? any Model)?.config
        isRegression = config?.problemType == .regression
        guard let config, config.numLabels <= Self.mostClasses else { return }
        classes = (0..<config.numLabels).map { config.id2label[$0] ?? "LABEL_\($0)" }
    }

    /// Takes in a batch: its scores [rows or tokens, width] and its labels.
    mutating func add(_ batch: Batch, logits: [Float], width: Int) {
        guard width > 0, let labels = batch.labels else { return }
        func scores(_ place: Int) -> ArraySlice<Float> { logits[place * width..<(place + 1) * width] }
        switch labels {
        case .classes(let ids):
            guard ids.count == batch.count, logits.count == ids.count * width else { return }
            for (place, id) in ids.enumerated() where id != -100 {
                let (loss, predicted) = judge(scores(place), id)
                note(id, as: predicted, width)
                keep(batch.rows[place], name(id), name(predicted), loss)
            }
        case .tokens(let rows):
            guard rows.count == batch.count, logits.count == rows.reduce(0, { $0 + $1.count }) * width else { return }
            var token = 0
            for (place, row) in rows.enumerated() {
                var (sum, count, wrong) = (0.0, 0, 0)
                for id in row {
                    defer { token += 1 }
                    guard id != -100 else { continue }
                    let (loss, predicted) = judge(scores(token), id)
                    note(id, as: predicted, width)
                    (sum, count, wrong) = (sum + loss, count + 1, wrong + (id == predicted ? 0 : 1))
                }
                if count > 0 {
                    keep(batch.rows[place], "\(count) tokens", "\(wrong) of them wrong", sum / Double(count))
                }
            }
        case .values(let values):
            guard values.count == batch.count, logits.count == values.count * width, width == 1 else { return }
            for (place, value) in values.enumerated() {
                let error = Double(logits[place] - value)
                keep(batch.rows[place], "\(value)", "\(logits[place])", error * error)
            }
        case .vectors(let rows):
            guard rows.count == batch.count, logits.count == rows.count * width else { return }
            for (place, targets) in rows.enumerated() where targets.count == width {
                judge(several: targets, scores(place), batch.rows[place])
            }
        case .answers: break
        }
    }

    private func name(_ id: Int) -> String { classes.indices.contains(id) ? classes[id] : "\(id)" }

    /// Cross-entropy of the scores with a class, and the class with the largest score.
    private func judge(_ scores: ArraySlice<Float>, _ id: Int) -> (loss: Double, predicted: Int) {
        var best = scores.startIndex
        for place in scores.indices where scores[place] > scores[best] { best = place }
        let most = Double(scores[best])
        let sum = scores.reduce(0.0) { $0 + exponential(Double($1) - most) }
        let own = scores.startIndex + id
        guard scores.indices.contains(own) else { return (0, best - scores.startIndex) }
        return (most + logarithm(sum) - Double(scores[own]), best - scores.startIndex)
    }

    private mutating func judge(several targets: [Float], _ scores: ArraySlice<Float>, _ row: Int) {
        let pairs = zip(targets, scores)
        guard !isRegression else {
            let loss = pairs.reduce(0.0) { $0 + Double(($1.0 - $1.1) * ($1.0 - $1.1)) } / Double(targets.count)
            func list(_ values: some Sequence<Float>) -> String { values.map { "\($0)" }.joined(separator: ", ") }
            return keep(row, list(targets), list(scores), loss)
        }
        // log(1 + e^x) - x·y, written so that no exponential overflows.
        let loss = pairs.reduce(0.0) { sum, pair in
            let (y, x) = (Double(pair.0), Double(pair.1))
            return sum + max(x, 0) - x * y + logarithm(1 + exponential(-abs(x)))
        }
        func names(_ isThere: (Int) -> Bool) -> String {
            let names = targets.indices.filter(isThere).map(name)
            return names.isEmpty ? "none" : names.joined(separator: ", ")
        }
        let first = scores.startIndex
        keep(row, names { targets[$0] > 0.5 }, names { scores[first + $0] > 0 }, loss / Double(targets.count))
    }

    private mutating func note(_ id: Int, as predicted: Int, _ width: Int) {
        guard width == classes.count, (0..<width).contains(id) else { return }
        if confusion.isEmpty { confusion = Array(repeating: Array(repeating: 0, count: width), count: width) }
        confusion[id][predicted] += 1
    }

    private mutating func keep(_ row: Int, _ label: String, _ predicted: String, _ loss: Double) {
        guard loss.isFinite, worst.count < Self.mostRows || loss > worst[worst.count - 1].loss else { return }
        let place = worst.firstIndex { $0.loss < loss } ?? worst.count
        worst.insert(Row(row: row, label: label, predicted: predicted, loss: loss), at: place)
        if worst.count > Self.mostRows { worst.removeLast() }
    }
}
