extension Loops {
    /// y = x · Φ(x), Φ(x) = (1 + erf(x / √2)) / 2 (Hendrycks and Gimpel 2016, arXiv:1606.08415).
    package static func gelu(_ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>, _ count: Int) {
        for i in 0..<count {
            let v = x[i]
            y[i] = 0.5 * v * (1 + Approximation.erf(v * 0.707_106_78))
        }
    }

    /// dx = dy · (Φ(x) + x · φ(x)), φ(x) = e^(-x²/2) / √(2π).
    package static func geluBackward(
        _ x: UnsafePointer<Float>, _ dy: UnsafePointer<Float>, _ dx: UnsafeMutablePointer<Float>, _ count: Int
    ) {
        for i in 0..<count {
            let v = x[i]
            let cumulative = 0.5 * (1 + Approximation.erf(v * 0.707_106_78))
            dx[i] = dy[i] * (cumulative + v * 0.398_942_28 * Approximation.exp(-0.5 * v * v))
        }
    }

    /// y = x · (1 + tanh(u)) / 2 = x · σ(2u), u = √(2/π) (x + 0.044715 x³), the other form of the same paper.
    package static func geluTanh(_ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>, _ count: Int) {
        for i in 0..<count {
            let v = x[i]
            y[i] = v * Approximation.sigmoid(1.595_769_1 * (v + 0.044_715 * v * v * v))
        }
    }

    /// The gradient of `geluTanh`.
    package static func geluTanhBackward(
        _ x: UnsafePointer<Float>, _ dy: UnsafePointer<Float>, _ dx: UnsafeMutablePointer<Float>, _ count: Int
    ) {
        for i in 0..<count {
            let v = x[i]
            let s = Approximation.sigmoid(1.595_769_1 * (v + 0.044_715 * v * v * v))
            dx[i] = dy[i] * (s + v * s * (1 - s) * 1.595_769_1 * (1 + 0.134_145 * v * v))
        }
    }

    /// y = tanh(x).
    package static func tanh(_ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>, _ count: Int) {
        for i in 0..<count { y[i] = Approximation.tanh(x[i]) }
    }

    /// dx = dy · (1 − y²), y = tanh(x).
    package static func tanhBackward(
        _ y: UnsafePointer<Float>, _ dy: UnsafePointer<Float>, _ dx: UnsafeMutablePointer<Float>, _ count: Int
    ) {
        for i in 0..<count { dx[i] = dy[i] * (1 - y[i] * y[i]) }
    }

    /// x = cap · tanh(x / cap), in place: a loop that read and wrote the same place through two pointers would not be vector instructions.
    package static func softCap(inPlace x: UnsafeMutablePointer<Float>, _ cap: Float, _ count: Int) {
        for i in 0..<count { x[i] = cap * Approximation.tanh(x[i] / cap) }
    }

    /// dx = dx · (1 − (y / cap)²), y = cap · tanh(x / cap), in place.
    package static func softCapBackward(
        _ y: UnsafePointer<Float>, inPlace dx: UnsafeMutablePointer<Float>, _ cap: Float, _ count: Int
    ) {
        for i in 0..<count {
            let t = y[i] / cap
            dx[i] *= 1 - t * t
        }
    }

    /// y = max(x, 0); NaN stays NaN.
    package static func relu(_ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>, _ count: Int) {
        for i in 0..<count {
            let v = x[i]
            y[i] = v < 0 ? 0 : v
        }
    }

    /// dx = dy where y > 0, else 0.
    package static func reluBackward(
        _ y: UnsafePointer<Float>, _ dy: UnsafePointer<Float>, _ dx: UnsafeMutablePointer<Float>, _ count: Int
    ) {
        for i in 0..<count {
            let g = dy[i]
            dx[i] = y[i] > 0 ? g : 0
        }
    }

    /// y = x / (1 + e^-x).
    package static func silu(_ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>, _ count: Int) {
        for i in 0..<count { y[i] = x[i] * Approximation.sigmoid(x[i]) }
    }

    /// dx = dy · σ(x) · (1 + x · (1 − σ(x))).
    package static func siluBackward(
        _ x: UnsafePointer<Float>, _ dy: UnsafePointer<Float>, _ dx: UnsafeMutablePointer<Float>, _ count: Int
    ) {
        for i in 0..<count {
            let s = Approximation.sigmoid(x[i])
            dx[i] = dy[i] * s * (1 + x[i] * (1 - s))
        }
    }

    /// y = e^x.
    package static func exp(_ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>, _ count: Int) {
        for i in 0..<count { y[i] = Approximation.exp(x[i]) }
    }

    /// y = √x.
    package static func sqrt(_ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>, _ count: Int) {
        for i in 0..<count { y[i] = x[i].squareRoot() }
    }
}
