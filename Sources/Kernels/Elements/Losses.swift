#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Losses over rows, summed in double precision in the order of the rows.
public enum Losses {
    /// −Σ over rows whose label is not `ignored` of Σ_c w_c t_c log softmax(x)_c, t = (1 − smoothing) · onehot(label) + smoothing / classes.
    ///
    /// gradient[rows, classes] is factor times that of the sum, rowLosses[rows] what each row adds to it; w is 1 where there is none.
    public static func crossEntropy(
        x: UnsafePointer<Float>, labels: [Int], ignoring ignored: Int, smoothing: Float, classes: Int, factor: Float,
        gradient: UnsafeMutablePointer<Float>?, weights: UnsafePointer<Float>? = nil,
        rowLosses: UnsafeMutablePointer<Float>? = nil
    ) -> Double {
        var losses = [Double](repeating: 0, count: labels.count)
        nonisolated(unsafe) let (x, gradient, weights) = (x, gradient, weights)
        losses.withUnsafeMutableBufferPointer { buffer in
            nonisolated(unsafe) let losses = buffer
            Workers.run(rows: labels.count, costPerRow: 4 * classes) { range in
                for row in range {
                    let at = row * classes
                    let label = labels[row]
                    if label == ignored {
                        if let gradient { Loops.zero(gradient + at, classes) }
                        continue
                    }
                    losses[row] = crossEntropyRow(
                        x + at, label: label, smoothing: smoothing, classes: classes, factor: factor,
                        gradient: gradient.map { $0 + at }, weights: weights)
                }
            }
        }
        if let rowLosses { for (row, loss) in losses.enumerated() { rowLosses[row] = Float(loss) } }
        return losses.reduce(0, +)
    }

    private static func crossEntropyRow(
        _ x: UnsafePointer<Float>, label: Int, smoothing: Float, classes: Int, factor: Float,
        gradient: UnsafeMutablePointer<Float>?, weights: UnsafePointer<Float>?
    ) -> Double {
        let top = Loops.maximum(x, classes)
        let total = Loops.sumOfExponentials(x, minus: top, classes)
        let logTotal = Double(top) + log(Double(total))
        if let weights {
            return weightedRow(x, label, smoothing, classes, factor, gradient, weights, top, total, logTotal)
        }
        var loss = (logTotal - Double(x[label])) * Double(1 - smoothing)
        if smoothing > 0 {
            var sum = 0.0
            for c in 0..<classes { sum += Double(x[c]) }
            loss += Double(smoothing) * (logTotal - sum / Double(classes))
        }
        if let gradient {
            Loops.softmaxGradient(
                x, minus: top, total: total, less: smoothing / Float(classes), factor, gradient, classes)
            gradient[label] -= factor * (1 - smoothing)
        }
        return loss
    }

    /// Σ_c a_c (log Σ e^x − x_c), a_c = w_c t_c, whose gradient is (Σ a) · softmax(x) − a.
    private static func weightedRow(
        _ x: UnsafePointer<Float>, _ label: Int, _ smoothing: Float, _ classes: Int, _ factor: Float,
        _ gradient: UnsafeMutablePointer<Float>?, _ weights: UnsafePointer<Float>, _ top: Float, _ total: Float,
        _ logTotal: Double
    ) -> Double {
        let (own, spread) = ((1 - smoothing) * weights[label], smoothing / Float(classes))
        var (loss, sum) = (Double(own) * (logTotal - Double(x[label])), Double(own))
        if smoothing > 0 {
            for c in 0..<classes {
                loss += Double(spread * weights[c]) * (logTotal - Double(x[c]))
                sum += Double(spread * weights[c])
            }
        }
        if let gradient {
            Loops.softmaxGradient(x, minus: top, total: total, less: 0, factor * Float(sum), gradient, classes)
            if smoothing > 0 { for c in 0..<classes { gradient[c] -= factor * spread * weights[c] } }
            gradient[label] -= factor * own
        }
        return loss
    }

    /// What the cross entropy of one row gives.
    public struct LabelledRow: Sendable {
        /// −Σ_c t_c log p_c.
        public let loss: Double
        /// log p of the label.
        public let logProbability: Float
        /// Whether the label is the first of the largest logits.
        public let isTop: Bool

        /// A row of which nothing is known.
        public init() { (loss, logProbability, isTop) = (0, 0, false) }

        init(loss: Double, logProbability: Float, isTop: Bool) {
            (self.loss, self.logProbability, self.isTop) = (loss, logProbability, isTop)
        }
    }

    /// Cross entropy of each row of x[labels.count, classes], p = softmax(x) or softmax(cap · tanh(x / cap)), against
    /// t = (1 − smoothing) · onehot(label) + smoothing / classes.
    ///
    /// x is written over: by the gradient factor · (p − t), taken through the cap, where `factor` is given, by nothing of use elsewhere.
    public static func labelledRows(
        inPlace x: UnsafeMutablePointer<Float>, labels: [Int], smoothing: Float, softCap cap: Float?, classes: Int,
        factor: Float?, into results: UnsafeMutablePointer<LabelledRow>
    ) {
        nonisolated(unsafe) let (x, results) = (x, results)
        Workers.run(rows: labels.count, costPerRow: 8 * classes) { range in
            for row in range {
                let x = x + row * classes
                guard let cap else {
                    results[row] = labelledRow(x, labels[row], smoothing, classes, factor)
                    continue
                }
                Loops.softCap(inPlace: x, cap, classes)
                guard factor != nil else {
                    results[row] = labelledRow(x, labels[row], smoothing, classes, nil)
                    continue
                }
                Scratch.with(classes) { capped in
                    capped.update(from: x, count: classes)
                    results[row] = labelledRow(x, labels[row], smoothing, classes, factor)
                    Loops.softCapBackward(capped, inPlace: x, cap, classes)
                }
            }
        }
    }

    /// Numbers that are summed in single precision: tens of thousands of small terms beside a large one would be lost.
    private static let block = 4096

    private static func labelledRow(
        _ x: UnsafeMutablePointer<Float>, _ label: Int, _ smoothing: Float, _ classes: Int, _ factor: Float?
    ) -> LabelledRow {
        let top = Loops.maximum(x, classes)
        let atLabel = x[label]
        let isTop = atLabel == top && (label == 0 || Loops.maximum(x, label) < top)
        var (sum, total) = (0.0, 0.0)
        for part in (0..<classes).pieces(of: block) {
            if smoothing > 0 { sum += Double(Loops.sum(x + part.lowerBound, part.count)) }
            total += Double(Loops.exponentials(inPlace: x + part.lowerBound, minus: top, part.count))
        }
        let logTotal = Double(top) + log(total)
        let logProbability = Double(atLabel) - logTotal
        var loss = -logProbability * Double(1 - smoothing)
        if smoothing > 0 { loss += Double(smoothing) * (logTotal - sum / Double(classes)) }
        if let factor {
            let less = factor * smoothing / Float(classes)
            Loops.scale(inPlace: x, Float(Double(factor) / total), plus: -less, classes)
            x[label] -= factor * (1 - smoothing)
        }
        return LabelledRow(loss: loss, logProbability: Float(logProbability), isTop: isTop)
    }

    /// Σ (x − t)²; difference = x − t.
    public static func squaredError(
        x: UnsafePointer<Float>, t: UnsafePointer<Float>, count: Int, difference: UnsafeMutablePointer<Float>
    ) -> Double {
        var total = 0.0
        for i in 0..<count {
            let d = x[i] - t[i]
            difference[i] = d
            total += Double(d) * Double(d)
        }
        return total
    }

    /// Σ max(x, 0) − x·t + log(1 + e^−|x|); gradient = factor · (σ(x) − t).
    ///
    /// With weights w and p of the elements: Σ w · ((1 − t) · x + (1 + (p − 1) · t) · log(1 + e^−x)), that is w times the loss of an element
    /// of which the part of t is p times as heavy; elements[count] is what each adds to the sum.
    public static func binaryCrossEntropy(
        x: UnsafePointer<Float>, t: UnsafePointer<Float>, count: Int, factor: Float,
        gradient: UnsafeMutablePointer<Float>?, weights: UnsafePointer<Float>? = nil,
        positiveWeights: UnsafePointer<Float>? = nil, elements: UnsafeMutablePointer<Float>? = nil
    ) -> Double {
        var total = 0.0
        for i in 0..<count {
            let (v, target) = (Double(x[i]), Double(t[i]))
            let weight = Double(weights?[i] ?? 1)
            var (loss, slope): (Double, Float)
            if let positiveWeights {
                let heavy = 1 + (Double(positiveWeights[i]) - 1) * target
                loss = (1 - target) * v + heavy * (max(-v, 0) + log1p(exp(-abs(v))))
                slope = Float(1 - target - heavy / (1 + exp(v)))
            } else {
                loss = max(v, 0) - v * target + log1p(exp(-abs(v)))
                slope = Float(1 / (1 + exp(-v))) - t[i]
            }
            if weights != nil { (loss, slope) = (weight * loss, Float(weight) * slope) }
            total += loss
            elements?[i] = Float(loss)
            if let gradient { gradient[i] = factor * slope }
        }
        return total
    }
}
