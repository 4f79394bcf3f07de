extension Loops {
    /// One AdamW update of parameters p by gradients scale · g, with moments m and v; whether every new p is finite.
    ///
    /// Nothing here is fused by the compiler, and roots and quotients are rounded correctly: each level gives the same bits.
    package static func adamW(
        _ p: UnsafeMutablePointer<Float>, _ g: UnsafePointer<Float>, _ m: UnsafeMutablePointer<Float>,
        _ v: UnsafeMutablePointer<Float>, scale: Float, decay: Float, oneMinusBeta1: Float, beta2: Float,
        oneMinusBeta2: Float, correction2: Float, epsilon: Float, stepSize: Float, _ count: Int
    ) -> Bool {
        var found: UInt32 = 0
        for i in 0..<count {
            let gradient = g[i] * scale
            let mean = m[i] + oneMinusBeta1 * (gradient - m[i])
            let square = v[i] * beta2 + oneMinusBeta2 * gradient * gradient
            let denominator = square.squareRoot() / correction2 + epsilon
            let updated = p[i] * decay - stepSize * (mean / denominator)
            m[i] = mean
            v[i] = square
            p[i] = updated
            found |= (updated.bitPattern & 0x7F80_0000) == 0x7F80_0000 ? 1 : 0
        }
        return found == 0
    }

    /// p = p − rate · (scale · g + decay · p); whether every new p is finite.
    package static func sgd(
        _ p: UnsafeMutablePointer<Float>, _ g: UnsafePointer<Float>, scale: Float, decay: Float, rate: Float,
        _ count: Int
    ) -> Bool {
        var found: UInt32 = 0
        for i in 0..<count {
            let updated = p[i] - rate * (g[i] * scale + decay * p[i])
            p[i] = updated
            found |= (updated.bitPattern & 0x7F80_0000) == 0x7F80_0000 ? 1 : 0
        }
        return found == 0
    }

    /// The same along a buffer b of past directions, which the first update fills; with `nesterov` the step looks ahead along it.
    package static func sgdMomentum(
        _ p: UnsafeMutablePointer<Float>, _ g: UnsafePointer<Float>, _ b: UnsafeMutablePointer<Float>, scale: Float,
        decay: Float, rate: Float, momentum: Float, oneMinusDampening: Float, isFirst: Bool, nesterov: Bool,
        _ count: Int
    ) -> Bool {
        var found: UInt32 = 0
        for i in 0..<count {
            let direction = g[i] * scale + decay * p[i]
            let kept = isFirst ? direction : b[i] * momentum + oneMinusDampening * direction
            let updated = p[i] - rate * (nesterov ? direction + momentum * kept : kept)
            b[i] = kept
            p[i] = updated
            found |= (updated.bitPattern & 0x7F80_0000) == 0x7F80_0000 ? 1 : 0
        }
        return found == 0
    }

    /// Σ x² in double precision, in 8 lanes that are added at the end; not finite exactly where an element is not.
    ///
    /// Squares are exact, so each level gives the same bits.
    package static func sumOfSquares(_ x: UnsafePointer<Float>, _ count: Int) -> Double {
        var (a, b, c, d) = (0.0, 0.0, 0.0, 0.0)
        var (e, f, g, h) = (0.0, 0.0, 0.0, 0.0)
        let whole = count & ~7
        var i = 0
        while i < whole {
            a += Double(x[i]) * Double(x[i])
            b += Double(x[i &+ 1]) * Double(x[i &+ 1])
            c += Double(x[i &+ 2]) * Double(x[i &+ 2])
            d += Double(x[i &+ 3]) * Double(x[i &+ 3])
            e += Double(x[i &+ 4]) * Double(x[i &+ 4])
            f += Double(x[i &+ 5]) * Double(x[i &+ 5])
            g += Double(x[i &+ 6]) * Double(x[i &+ 6])
            h += Double(x[i &+ 7]) * Double(x[i &+ 7])
            i &+= 8
        }
        var rest = 0.0
        while i < count {
            rest += Double(x[i]) * Double(x[i])
            i &+= 1
        }
        return ((a + e) + (c + g)) + ((b + f) + (d + h)) + rest
    }

    /// x = factor · x.
    package static func scale(inPlace x: UnsafeMutablePointer<Float>, _ factor: Float, _ count: Int) {
        for i in 0..<count { x[i] *= factor }
    }
}
