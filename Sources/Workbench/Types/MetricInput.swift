import LuaBridge
import Models
import Tensors
import Training

/// Predictions and labels as a recipe gives them to a metric.
struct MetricInput {
    private let predictions: LuaNumbers
    private let labels: LuaNumbers

    /// Tensors, or nested lists; lists of different lengths (one a sequence) are joined.
    init(predictions: LuaValue, labels: LuaValue) throws {
        self.predictions = try MetricInput.numbers(predictions, "predictions")
        self.labels = try MetricInput.numbers(labels, "label_ids")
    }

    private static func numbers(_ value: LuaValue, _ name: String) throws -> LuaNumbers {
        if let tensor = value.asObject(Tensor.self) {
            guard !tensor.isFreed else { throw LuaFault("\(name): the tensor was freed") }
            return tensor.dtype == .int64
                ? .integers(try tensor.integerArray(), shape: tensor.shape)
                : .numbers(try tensor.floatArray().map { Double($0) }, shape: tensor.shape)
        }
        guard let table = value.asTable else {
            throw LuaFault("\(name) expected a tensor or a list, got \(value.shown)")
        }
        if let lists = table.integerLists(), table.count > 0, Set(lists.map(\.count)).count > 1 {
            let all = lists.flatMap { $0 }
            return .integers(all, shape: [all.count])
        }
        do { return try table.nestedNumbers() } catch { throw LuaFault("\(name): \(error)") }
    }

    /// What a metric is given.
    func parts(for metric: String) throws -> [EvaluationPart] {
        switch metric {
        case "pearson", "spearman", "r2", "mse", "mae": return [try regression()]
        case "roc_auc": return [try ranked()]
        case "perplexity": return [try scored(withLoss: true)]
        default:
            if let ids = predictedIds { return try classes(ids) }
            return [try scored(withLoss: false)]
        }
    }

    private func regression() throws -> EvaluationPart {
        let (scores, targets) = (floats(predictions), floats(labels))
        guard scores.count == targets.count else { throw mismatch }
        guard shape(predictions).dropFirst().allSatisfy({ $0 == 1 }) else {
            throw LuaFault("one number a row expected, got predictions of shape \(shape(predictions))")
        }
        return try EvaluationPart(logits: scores, width: 1, labels: .values(targets))
    }

    /// Class ids that are predicted, of scores the highest, beside those of the labels (negative without one); the number of classes
    /// where scores say it.
    func ids() throws -> (predicted: [Int], labels: [Int], classes: Int?) {
        if let predicted = predictedIds {
            guard let labels = try labelIds(rows: predicted.count, scores: nil) else { throw mismatch }
            if let wrong = predicted.first(where: { $0 < 0 }) {
                throw LuaFault("predictions: \(wrong) is no class id; they count from 0")
            }
            return (predicted.map { Int($0) }, labels.map { Int($0) }, nil)
        }
        let part = try scored(withLoss: false)
        guard case .classes(let labels) = part.targets else {
            throw LuaFault("label_ids: one class for each row expected, got several labels a row")
        }
        return (labels.indices.map(part.argmax(row:)), labels, part.width)
    }

    /// Scores [rows], [rows, classes] or [rows, labels] beside classes or labels.
    private func ranked() throws -> EvaluationPart {
        let shape = shape(predictions)
        guard shape.count == 1 || shape.last == 1 else { return try scored(withLoss: false) }
        let scores = floats(predictions)
        guard let ids = try labelIds(rows: scores.count, scores: nil) else { throw mismatch }
        return try EvaluationPart(logits: scores, width: 1, labels: .classes(ids.map { Int($0) }))
    }

    /// Scores [rows, classes] beside ids [rows], or beside 0 and 1 for each of several labels [rows, classes].
    private func scored(withLoss: Bool) throws -> EvaluationPart {
        let (scores, shape) = (floats(predictions), shape(predictions))
        guard case .numbers = predictions, shape.count > 1, let width = shape.last, width > 0 else {
            throw LuaFault(
                "predictions of shape \(shape): scores [rows, classes] expected, or class ids (integers) as argmax gives them"
            )
        }
        let rows = scores.count / width
        if let ids = try labelIds(rows: rows, scores: scores.count) {
            let ids = try ids.enumerated().map { place, id in
                guard id < Int64(width) else {
                    throw LuaFault("label_ids: \(id) of row \(place + 1) is outside 0 to \(width - 1)")
                }
                return id < 0 ? -100 : Int(id)
            }
            let labelled = ids.count { $0 >= 0 }
            var loss = 0.0
            if withLoss, labelled > 0 {
                let logits = try Tensor(scores, shape: [rows, width])
                loss = Double(try Recording.off { try logits.crossEntropy(ids, reduction: .sum).floatArray()[0] })
            }
            return try EvaluationPart(
                logits: scores, width: width, labels: .classes(ids), lossSum: loss, lossCount: labelled)
        }
        let targets = floats(labels)
        guard targets.count == scores.count, !withLoss else { throw mismatch }
        return try EvaluationPart(
            logits: scores, width: width,
            labels: .vectors((0..<rows).map { Array(targets[$0 * width..<($0 + 1) * width]) }))
    }

    /// Predicted ids as scores, some rows at a time; ids are numbered anew where they are many or large.
    private func classes(_ predicted: [Int64]) throws -> [EvaluationPart] {
        guard let labels = try labelIds(rows: predicted.count, scores: nil) else { throw mismatch }
        if let wrong = predicted.first(where: { $0 < 0 }) {
            throw LuaFault("predictions: \(wrong) is no class id; they count from 0")
        }
        let seen = Set(predicted).union(labels.filter { $0 >= 0 })
        // Two classes are 0 and 1; the metric must not take others for these.
        let largest = seen.max() ?? 0
        let width = largest < 2 ? 2 : max(3, seen.count)
        let places = Dictionary(
            uniqueKeysWithValues: largest < Int64(width)
                ? (0..<Int64(width)).map { ($0, Int($0)) } : seen.sorted().enumerated().map { ($1, $0) })
        let rows = max(1, (1 << 20) / width)
        return try stride(from: 0, to: labels.count, by: rows).map { start in
            let range = start..<min(start + rows, labels.count)
            var scores = [Float](repeating: 0, count: range.count * width)
            for (row, id) in predicted[range].enumerated() { scores[row * width + (places[id] ?? 0)] = 1 }
            return try EvaluationPart(
                logits: scores, width: width, labels: .classes(labels[range].map { $0 < 0 ? -100 : places[$0] ?? 0 }))
        }
    }

    /// Predictions that are class ids: integers, or floats of one dimension that are all whole.
    private var predictedIds: [Int64]? {
        switch predictions {
        case .integers(let ids, _): return ids
        case .numbers(let numbers, let shape):
            let ids = shape.count == 1 ? numbers.compactMap { Int64(exactly: $0) } : []
            return !ids.isEmpty && ids.count == numbers.count ? ids : nil
        }
    }

    /// Labels that are class ids, one a row; nil where there are as many labels as scores, or another number.
    private func labelIds(rows: Int, scores: Int?) throws -> [Int64]? {
        switch labels {
        case .integers(let ids, _): return ids.count == rows ? ids : nil
        case .numbers(let numbers, let shape):
            guard numbers.count == rows, rows != scores else { return nil }
            return try numbers.enumerated().map { index, number in
                guard let id = Int64(exactly: number) else {
                    throw LuaFault(
                        "label_ids: \(number) at \(Shape.place(index, in: shape)) is no class; class labels are whole numbers"
                    )
                }
                return id
            }
        }
    }

    private func floats(_ numbers: LuaNumbers) -> [Float] {
        switch numbers {
        case .integers(let values, _): values.map { Float($0) }
        case .numbers(let values, _): values.map { Float($0) }
        }
    }

    private func shape(_ numbers: LuaNumbers) -> [Int] {
        switch numbers {
        case .integers(_, let shape), .numbers(_, let shape): shape
        }
    }

    private var mismatch: LuaFault {
        LuaFault("label_ids of shape \(shape(labels)) do not fit predictions of shape \(shape(predictions))")
    }
}
