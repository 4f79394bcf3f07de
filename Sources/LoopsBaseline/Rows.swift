extension Loops {
    /// x = e^(x − max) / Σ, in place, over one row; a row of which everything is masked (-infinity) becomes 0.
    package static func softmax(_ x: UnsafeMutablePointer<Float>, _ count: Int) {
        let top = maximum(x, count)
        guard top > -.infinity || count == 0 else {
            // Either all masked, or NaN among them.
            let total = sum(x, count)
            for i in 0..<count { x[i] = total == -.infinity ? 0 : .nan }
            return
        }
        for i in 0..<count { x[i] = Approximation.exp(x[i] - top) }
        let factor = 1 / sum(x, count)
        for i in 0..<count { x[i] *= factor }
    }

    /// max + log Σ e^(x − max) needs this Σ.
    package static func sumOfExponentials(_ x: UnsafePointer<Float>, minus top: Float, _ count: Int) -> Float {
        var lanes = (Float(0), Float(0), Float(0), Float(0))
        let whole = count & ~3
        var i = 0
        while i < whole {
            lanes.0 += Approximation.exp(x[i] - top)
            lanes.1 += Approximation.exp(x[i &+ 1] - top)
            lanes.2 += Approximation.exp(x[i &+ 2] - top)
            lanes.3 += Approximation.exp(x[i &+ 3] - top)
            i &+= 4
        }
        while i < count {
            lanes.0 += Approximation.exp(x[i] - top)
            i &+= 1
        }
        return (lanes.0 + lanes.2) + (lanes.1 + lanes.3)
    }

    /// x = e^(x − max), in place; returns Σ of these.
    package static func exponentials(inPlace x: UnsafeMutablePointer<Float>, minus top: Float, _ count: Int) -> Float {
        for i in 0..<count { x[i] = Approximation.exp(x[i] - top) }
        return sum(x, count)
    }

    /// x = a · x + b, in place.
    package static func scale(inPlace x: UnsafeMutablePointer<Float>, _ a: Float, plus b: Float, _ count: Int) {
        for i in 0..<count { x[i] = a * x[i] + b }
    }

    /// g = factor · (e^(x − max) / total − less): the gradient of a cross entropy but for the label's own place.
    package static func softmaxGradient(
        _ x: UnsafePointer<Float>, minus top: Float, total: Float, less: Float, _ factor: Float,
        _ g: UnsafeMutablePointer<Float>, _ count: Int
    ) {
        let inverse = 1 / total
        for i in 0..<count { g[i] = factor * (Approximation.exp(x[i] - top) * inverse - less) }
    }

    /// dx = y · (dy − Σ dy·y) over one row, y = softmax(x); dx may be dy.
    package static func softmaxBackward(
        _ y: UnsafePointer<Float>, _ dy: UnsafePointer<Float>, _ dx: UnsafeMutablePointer<Float>, _ count: Int
    ) {
        let mean = dot(y, dy, count)
        for i in 0..<count { dx[i] = y[i] * (dy[i] - mean) }
    }

    /// dx = dy − e^y · Σ dy over one row, y = log softmax(x).
    package static func logSoftmaxBackward(
        _ y: UnsafePointer<Float>, _ dy: UnsafePointer<Float>, _ dx: UnsafeMutablePointer<Float>, _ count: Int
    ) {
        let total = sum(dy, count)
        for i in 0..<count { dx[i] = dy[i] - Approximation.exp(y[i]) * total }
    }

    /// y = x − c.
    package static func shift(_ x: UnsafePointer<Float>, minus c: Float, _ y: UnsafeMutablePointer<Float>, _ count: Int)
    {
        for i in 0..<count { y[i] = x[i] - c }
    }

    /// One row of layer normalisation: hat = (x − μ) / √(σ² + ε), y = γ · hat + β; returns 1 / √(σ² + ε).
    package static func layerNorm(
        _ x: UnsafePointer<Float>, _ gamma: UnsafePointer<Float>, _ beta: UnsafePointer<Float>, epsilon: Float,
        hat: UnsafeMutablePointer<Float>?, _ y: UnsafeMutablePointer<Float>, _ count: Int
    ) -> Float {
        let n = Float(count)
        let mean = sum(x, count) / n
        let rstd = 1 / (squaredDistance(x, from: mean, count) / n + epsilon).squareRoot()
        if let hat {
            for i in 0..<count {
                let h = (x[i] - mean) * rstd
                hat[i] = h
                y[i] = h * gamma[i] + beta[i]
            }
        } else {
            for i in 0..<count { y[i] = (x[i] - mean) * rstd * gamma[i] + beta[i] }
        }
        return rstd
    }

    /// `layerNorm` of a sum s that becomes hat where y is given, and y itself elsewhere.
    ///
    /// A loop that reads and writes the same place through two pointers would not be vector instructions.
    package static func layerNorm(
        inPlace s: UnsafeMutablePointer<Float>, _ gamma: UnsafePointer<Float>, _ beta: UnsafePointer<Float>,
        epsilon: Float, _ y: UnsafeMutablePointer<Float>?, _ count: Int
    ) -> Float {
        let n = Float(count)
        let mean = sum(s, count) / n
        let rstd = 1 / (squaredDistance(s, from: mean, count) / n + epsilon).squareRoot()
        if let y {
            for i in 0..<count {
                let h = (s[i] - mean) * rstd
                s[i] = h
                y[i] = h * gamma[i] + beta[i]
            }
        } else {
            for i in 0..<count { s[i] = (s[i] - mean) * rstd * gamma[i] + beta[i] }
        }
        return rstd
    }

    /// y = γ · hat + β over one row, to the bits of `layerNorm`.
    package static func layerNormResult(
        hat: UnsafePointer<Float>, _ gamma: UnsafePointer<Float>, _ beta: UnsafePointer<Float>,
        _ y: UnsafeMutablePointer<Float>, _ count: Int
    ) {
        for i in 0..<count { y[i] = hat[i] * gamma[i] + beta[i] }
    }

    /// dx = rstd · (g − mean(g) − hat · mean(g · hat)), g = γ · dy, over one row; dx holds g on the way.
    package static func layerNormBackward(
        _ dy: UnsafePointer<Float>, _ gamma: UnsafePointer<Float>, hat: UnsafePointer<Float>, rstd: Float,
        _ dx: UnsafeMutablePointer<Float>, _ count: Int
    ) {
        multiply(dy, gamma, dx, count)
        let n = Float(count)
        let mean = sum(dx, count) / n
        let slope = dot(dx, hat, count) / n
        for i in 0..<count { dx[i] = rstd * (dx[i] - mean - hat[i] * slope) }
    }

    /// y = γ · x / √(mean(x²) + ε) over one row; returns 1 / √(mean(x²) + ε).
    package static func rmsNorm(
        _ x: UnsafePointer<Float>, _ gamma: UnsafePointer<Float>, epsilon: Float, _ y: UnsafeMutablePointer<Float>,
        _ count: Int
    ) -> Float {
        let rstd = 1 / (squaredDistance(x, from: 0, count) / Float(count) + epsilon).squareRoot()
        for i in 0..<count { y[i] = x[i] * rstd * gamma[i] }
        return rstd
    }

    /// dx = rstd · (g − hat · mean(g · hat)), g = γ · dy, hat = x · rstd, over one row; added to dx where `adding` is set.
    package static func rmsNormBackward(
        _ dy: UnsafePointer<Float>, _ gamma: UnsafePointer<Float>, _ x: UnsafePointer<Float>, rstd: Float,
        adding: Bool, _ dx: UnsafeMutablePointer<Float>, _ count: Int
    ) {
        let slope = dot(dy, gamma, x, count) * rstd * rstd / Float(count)
        if adding {
            for i in 0..<count { dx[i] += rstd * (dy[i] * gamma[i] - x[i] * slope) }
        } else {
            for i in 0..<count { dx[i] = rstd * (dy[i] * gamma[i] - x[i] * slope) }
        }
    }

    /// y = x · scale where the feature is kept, else 0.
    ///
    /// `first` is the feature of x[0].
    /// A feature is kept where a 32-bit mix of it and the row's key reaches the threshold p · 2^32: two rounds of
    /// multiplication and shift (constants of Wellons, "lowbias32", 2018), keyed before and between them: the second
    /// key is what keeps a row's mask from being another row's in another order.
    package static func dropout(
        _ x: UnsafePointer<Float>, key: UInt64, first: Int, threshold: UInt32, scale: Float,
        _ y: UnsafeMutablePointer<Float>, _ count: Int
    ) {
        let (k0, k1) = (UInt32(truncatingIfNeeded: key), UInt32(truncatingIfNeeded: key >> 32))
        let base = UInt32(truncatingIfNeeded: first)
        for i in 0..<count {
            var h = (base &+ UInt32(truncatingIfNeeded: i)) ^ k0
            h = (h ^ (h >> 16)) &* 0x7FEB_352D
            h = (h ^ (h >> 15) ^ k1) &* 0x846C_A68B
            h ^= h >> 16
            // Read before choosing: a load under a condition keeps the loop from becoming vector instructions.
            let v = x[i] * scale
            y[i] = h >= threshold ? v : 0
        }
    }

    /// y = y · scale where the feature is kept, else 0: `dropout` in place.
    package static func dropout(
        inPlace y: UnsafeMutablePointer<Float>, key: UInt64, first: Int, threshold: UInt32, scale: Float, _ count: Int
    ) {
        let (k0, k1) = (UInt32(truncatingIfNeeded: key), UInt32(truncatingIfNeeded: key >> 32))
        let base = UInt32(truncatingIfNeeded: first)
        for i in 0..<count {
            var h = (base &+ UInt32(truncatingIfNeeded: i)) ^ k0
            h = (h ^ (h >> 16)) &* 0x7FEB_352D
            h = (h ^ (h >> 15) ^ k1) &* 0x846C_A68B
            h ^= h >> 16
            let v = y[i] * scale
            y[i] = h >= threshold ? v : 0
        }
    }

    /// y = dropout(x) + r, from the first feature on.
    package static func dropoutAdd(
        _ x: UnsafePointer<Float>, _ r: UnsafePointer<Float>, key: UInt64, threshold: UInt32, scale: Float,
        _ y: UnsafeMutablePointer<Float>, _ count: Int
    ) {
        let (k0, k1) = (UInt32(truncatingIfNeeded: key), UInt32(truncatingIfNeeded: key >> 32))
        for i in 0..<count {
            var h = UInt32(truncatingIfNeeded: i) ^ k0
            h = (h ^ (h >> 16)) &* 0x7FEB_352D
            h = (h ^ (h >> 15) ^ k1) &* 0x846C_A68B
            h ^= h >> 16
            let v = x[i] * scale
            y[i] = (h >= threshold ? v : 0) + r[i]
        }
    }
}
