import Kernels

/// Numbers from U(low, high) that depend on the seed alone.
func random(_ count: Int, _ seed: UInt64, _ low: Float = -1, _ high: Float = 1) -> [Float] {
    var values = [Float](repeating: 0, count: count)
    values.withUnsafeMutableBufferPointer {
        if let start = $0.baseAddress { RandomKey(seed: seed).fillUniform(start, 0..<count, low: low, high: high) }
    }
    return values
}

/// The result of a kernel that writes `count` floats, over a buffer of NaN so that gaps show.
func output(_ count: Int, start: [Float]? = nil, _ body: (UnsafeMutablePointer<Float>) throws -> Void) rethrows
    -> [Float]
{
    var values = start ?? [Float](repeating: .nan, count: count)
    try values.withUnsafeMutableBufferPointer { if let start = $0.baseAddress { try body(start) } }
    return values
}

/// Largest distance relative to the larger of 1 and the largest expected value.
func distance(_ got: [Float], _ expected: [Double]) -> Double {
    guard got.count == expected.count else { return .infinity }
    let scale = max(1, expected.map(abs).max() ?? 0)
    var worst = 0.0
    for (a, b) in zip(got, expected) {
        let d = abs(Double(a) - b) / scale
        if !(d <= worst) { worst = d.isNaN ? .infinity : d }
    }
    return worst
}

/// As doubles.
func doubles(_ values: [Float]) -> [Double] { values.map(Double.init) }
