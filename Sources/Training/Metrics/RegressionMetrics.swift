import Kernels

/// Pairs (prediction, target) of a part; class labels or several columns are an error.
private func pairs(of part: EvaluationPart, metric: String) throws -> [(Double, Double)] {
    guard part.width == 1 else {
        throw TrainingError("metric \(metric): expected one score a row, got \(part.width)")
    }
    switch part.targets {
    case .values(let targets, 1): return zip(part.logits, targets).map { (Double($0), Double($1)) }
    case .classes(let targets): return zip(part.logits, targets).map { (Double($0), Double($1)) }
    case .values(_, let width): throw TrainingError("metric \(metric): expected one target a row, got \(width)")
    }
}

/// Mean squared difference of predictions and targets.
public final class MeanSquaredError: Metric {
    private var (sum, count) = (0.0, 0)

    /// A metric that has seen nothing.
    public init() {}

    /// Name of the result.
    public let name = "mse"
    /// Forgets what was gathered.
    public func reset() { (sum, count) = (0, 0) }

    /// Takes in a part.
    public func update(_ part: EvaluationPart) throws {
        for (prediction, target) in try pairs(of: part, metric: name) {
            sum += (prediction - target) * (prediction - target)
            count += 1
        }
    }

    /// The result over all parts so far.
    public func result() throws -> Double {
        guard count > 0 else { throw TrainingError("metric mse: no rows were given") }
        return sum / Double(count)
    }
}

/// Mean absolute difference of predictions and targets.
public final class MeanAbsoluteError: Metric {
    private var (sum, count) = (0.0, 0)

    /// A metric that has seen nothing.
    public init() {}

    /// Name of the result.
    public let name = "mae"
    /// Forgets what was gathered.
    public func reset() { (sum, count) = (0, 0) }

    /// Takes in a part.
    public func update(_ part: EvaluationPart) throws {
        for (prediction, target) in try pairs(of: part, metric: name) {
            sum += abs(prediction - target)
            count += 1
        }
    }

    /// The result over all parts so far.
    public func result() throws -> Double {
        guard count > 0 else { throw TrainingError("metric mae: no rows were given") }
        return sum / Double(count)
    }
}

/// Pearson's correlation of predictions and targets, from running moments (Welford 1962); NaN where one of them is constant.
public final class Pearson: Metric {
    private var moments = CoMoments()

    /// A metric that has seen nothing.
    public init() {}

    /// Name of the result.
    public let name = "pearson"
    /// Forgets what was gathered.
    public func reset() { moments = CoMoments() }

    /// Takes in a part.
    public func update(_ part: EvaluationPart) throws {
        for (prediction, target) in try pairs(of: part, metric: name) { moments.add(prediction, target) }
    }

    /// The result over all parts so far.
    public func result() throws -> Double {
        guard moments.count > 1 else { throw TrainingError("metric pearson: needs at least two rows") }
        return moments.correlation
    }
}

/// Spearman's rank correlation, equal numbers sharing their mean rank.
///
/// Keeps two numbers a row, since ranks need all of them.
public final class Spearman: Metric {
    private var (predictions, targets): ([Float], [Float]) = ([], [])

    /// A metric that has seen nothing.
    public init() {}

    /// Name of the result.
    public let name = "spearman"
    /// Forgets what was gathered.
    public func reset() { (predictions, targets) = ([], []) }

    /// Takes in a part.
    public func update(_ part: EvaluationPart) throws {
        for (prediction, target) in try pairs(of: part, metric: name) {
            predictions.append(Float(prediction))
            targets.append(Float(target))
        }
    }

    /// The result over all parts so far.
    public func result() throws -> Double {
        guard predictions.count > 1 else { throw TrainingError("metric spearman: needs at least two rows") }
        guard predictions.allSatisfy(\.isFinite), targets.allSatisfy(\.isFinite) else { return .nan }
        var moments = CoMoments()
        for (x, y) in zip(Spearman.ranks(predictions), Spearman.ranks(targets)) { moments.add(x, y) }
        return moments.correlation
    }

    /// Ranks from 1; equal numbers get the mean of the ranks that they take up.
    static func ranks(_ values: [some Comparable]) -> [Double] {
        let order = values.indices.sorted { values[$0] < values[$1] }
        var ranks = [Double](repeating: 0, count: values.count)
        var first = 0
        while first < order.count {
            var end = first + 1
            while end < order.count, values[order[end]] == values[order[first]] { end += 1 }
            for place in first..<end { ranks[order[place]] = Double(first + 1 + end) / 2 }
            first = end
        }
        return ranks
    }
}

/// The coefficient of determination, 1 − Σ (y − ŷ)² / Σ (y − mean)² (scikit-learn's r2_score); of constant targets 1 where all are met, else 0.
public final class R2: Metric {
    private var errors = 0.0
    private var moments = CoMoments()

    /// A metric that has seen nothing.
    public init() {}

    /// Name of the result.
    public let name = "r2"
    /// Forgets what was gathered.
    public func reset() { (errors, moments) = (0, CoMoments()) }

    /// Takes in a part.
    public func update(_ part: EvaluationPart) throws {
        for (prediction, target) in try pairs(of: part, metric: name) {
            errors += (prediction - target) * (prediction - target)
            moments.add(target, 0)
        }
    }

    /// The result over all parts so far.
    public func result() throws -> Double {
        guard moments.count > 1 else { throw TrainingError("metric r2: needs at least two rows") }
        guard moments.squaresX > 0 else { return errors == 0 ? 1 : errors.isFinite ? 0 : .nan }
        return 1 - errors / moments.squaresX
    }
}

/// The exponential of the mean loss over the labelled rows or tokens.
public final class Perplexity: Metric {
    private var (sum, count) = (0.0, 0)

    /// A metric that has seen nothing.
    public init() {}

    /// Name of the result.
    public let name = "perplexity"
    /// Forgets what was gathered.
    public func reset() { (sum, count) = (0, 0) }

    /// Takes in a part.
    public func update(_ part: EvaluationPart) {
        sum += part.lossSum
        count += part.lossCount
    }

    /// The result over all parts so far.
    public func result() throws -> Double {
        guard count > 0 else { throw TrainingError("metric perplexity: no labelled rows were given") }
        return exponential(sum / Double(count))
    }
}

/// Running means, squares and products of two variables.
private struct CoMoments {
    private(set) var count = 0
    private var (meanX, meanY) = (0.0, 0.0)
    private(set) var squaresX = 0.0
    private var (squaresY, products) = (0.0, 0.0)

    mutating func add(_ x: Double, _ y: Double) {
        count += 1
        let (dx, dy) = (x - meanX, y - meanY)
        meanX += dx / Double(count)
        meanY += dy / Double(count)
        squaresX += dx * (x - meanX)
        squaresY += dy * (y - meanY)
        products += dx * (y - meanY)
    }

    var correlation: Double {
        guard squaresX > 0, squaresY > 0 else { return .nan }
        return max(-1, min(1, products / (squaresX.squareRoot() * squaresY.squareRoot())))
    }
}
