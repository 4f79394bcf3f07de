#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Losses over rows, summed in double precision in the order of the rows.
public enum Losses {
    /// −Σ over rows whose label is not `ignored` of Σ_c t_c log softmax(x)_c; gradient[rows, classes] is factor · (softmax − t).
    public static func crossEntropy(
        x: UnsafePointer<Float>, labels: [Int], ignoring ignored: Int, smoothing: Float, classes: Int, factor: Float,
        gradient: UnsafeMutablePointer<Float>?
    ) -> Double {
        var losses = [Double](repeating: 0, count: labels.count)
        nonisolated(unsafe) let (x, gradient) = (x, gradient)
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
                        gradient: gradient.map { $0 + at })
                }
            }
        }
        return losses.reduce(0, +)
    }

    private static func crossEntropyRow(
        _ x: UnsafePointer<Float>, label: Int, smoothing: Float, classes: Int, factor: Float,
        gradient: UnsafeMutablePointer<Float>?
    ) -> Double {
        let top = Loops.maximum(x, classes)
        let total = Loops.sumOfExponentials(x, minus: top, classes)
        let logTotal = Double(top) + log(Double(total))
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
    public static func binaryCrossEntropy(
        x: UnsafePointer<Float>, t: UnsafePointer<Float>, count: Int, factor: Float,
        gradient: UnsafeMutablePointer<Float>?
    ) -> Double {
        var total = 0.0
        for i in 0..<count {
            let (v, target) = (Double(x[i]), Double(t[i]))
            total += max(v, 0) - v * target + log1p(exp(-abs(v)))
            if let gradient { gradient[i] = factor * (Float(1 / (1 + exp(-v))) - t[i]) }
        }
        return total
    }
}
