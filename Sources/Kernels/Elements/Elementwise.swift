#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Functions of each element alone, over the threads.
public enum Elementwise {
    /// One-argument functions, each with its gradient.
    public enum Unary: String, Sendable, CaseIterable {
        case gelu, geluTanh, tanh, relu, silu, exp, log, sqrt, neg, sigmoid, abs
    }

    /// y = f(x); y may be x.
    public static func forward(
        _ f: Unary, _ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>, count: Int
    ) {
        nonisolated(unsafe) let (x, y) = (x, y)
        Workers.run(rows: count, costPerRow: 1) { range in
            values(f, x + range.lowerBound, y + range.lowerBound, range.count)
        }
    }

    /// y = f(x), on the thread that calls.
    static func values(_ f: Unary, _ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>, _ n: Int) {
        switch f {
        case .gelu: Loops.gelu(x, y, n)
        case .geluTanh: Loops.geluTanh(x, y, n)
        case .tanh: Loops.tanh(x, y, n)
        case .relu: Loops.relu(x, y, n)
        case .silu: Loops.silu(x, y, n)
        case .exp: Loops.exp(x, y, n)
        case .log: for i in 0..<n { y[i] = logf(x[i]) }
        case .sqrt: Loops.sqrt(x, y, n)
        case .neg: for i in 0..<n { y[i] = -x[i] }
        case .sigmoid: for i in 0..<n { y[i] = 1 / (1 + expf(-x[i])) }
        case .abs: for i in 0..<n { y[i] = x[i].magnitude }
        }
    }

    /// Whether the gradient is computed from the result instead of the argument.
    public static func usesResult(_ f: Unary) -> Bool {
        switch f {
        case .tanh, .relu, .exp, .sqrt, .sigmoid: true
        case .gelu, .geluTanh, .silu, .log, .neg, .abs: false
        }
    }

    /// dx = dy · f'(x), where `kept` is x, or the result for those of which `usesResult` says so; dx may be dy.
    public static func backward(
        _ f: Unary, kept: UnsafePointer<Float>, _ dy: UnsafePointer<Float>, _ dx: UnsafeMutablePointer<Float>,
        count: Int
    ) {
        nonisolated(unsafe) let (kept, dy, dx) = (kept, dy, dx)
        Workers.run(rows: count, costPerRow: 1) { range in
            let first = range.lowerBound
            gradients(f, kept: kept + first, dy + first, dx + first, range.count)
        }
    }

    /// `backward`, on the thread that calls.
    static func gradients(
        _ f: Unary, kept x: UnsafePointer<Float>, _ dy: UnsafePointer<Float>, _ dx: UnsafeMutablePointer<Float>,
        _ n: Int
    ) {
        switch f {
        case .gelu: Loops.geluBackward(x, dy, dx, n)
        case .geluTanh: Loops.geluTanhBackward(x, dy, dx, n)
        case .tanh: Loops.tanhBackward(x, dy, dx, n)
        case .relu: Loops.reluBackward(x, dy, dx, n)
        case .silu: Loops.siluBackward(x, dy, dx, n)
        case .exp: Loops.multiply(x, dy, dx, n)
        case .log: Loops.divide(dy, x, dx, n)
        case .sqrt: for i in 0..<n { dx[i] = dy[i] * 0.5 / x[i] }
        case .neg: for i in 0..<n { dx[i] = -dy[i] }
        case .sigmoid: for i in 0..<n { dx[i] = dy[i] * x[i] * (1 - x[i]) }
        // 0 at 0, as torch.
        case .abs: for i in 0..<n { dx[i] = x[i] > 0 ? dy[i] : x[i] < 0 ? -dy[i] : x[i] * dy[i] }
        }
    }

    /// y = y + x.
    public static func accumulate(_ x: UnsafePointer<Float>, into y: UnsafeMutablePointer<Float>, count: Int) {
        nonisolated(unsafe) let (x, y) = (x, y)
        Workers.run(rows: count, costPerRow: 1) { range in
            Loops.accumulate(x + range.lowerBound, y + range.lowerBound, range.count)
        }
    }

    /// y = a · x; y may be x.
    public static func scale(
        _ a: Float, _ x: UnsafePointer<Float>, into y: UnsafeMutablePointer<Float>, count: Int
    ) {
        nonisolated(unsafe) let (x, y) = (x, y)
        Workers.run(rows: count, costPerRow: 1) { range in
            Loops.scale(a, x + range.lowerBound, y + range.lowerBound, range.count)
        }
    }

    /// y = cap · tanh(x / cap).
    public static func softCap(
        _ x: UnsafePointer<Float>, _ cap: Float, into y: UnsafeMutablePointer<Float>, count: Int
    ) {
        nonisolated(unsafe) let (x, y) = (x, y)
        Workers.run(rows: count, costPerRow: 2) { range in
            for part in range.pieces(of: 2048) {
                (y + part.lowerBound).update(from: x + part.lowerBound, count: part.count)
                Loops.softCap(inPlace: y + part.lowerBound, cap, part.count)
            }
        }
    }

    /// dx = dy · (1 − (y / cap)²) for the result y of `softCap`.
    public static func softCapBackward(
        y: UnsafePointer<Float>, _ cap: Float, _ dy: UnsafePointer<Float>, into dx: UnsafeMutablePointer<Float>,
        count: Int
    ) {
        nonisolated(unsafe) let (y, dy, dx) = (y, dy, dx)
        Workers.run(rows: count, costPerRow: 1) { range in
            for part in range.pieces(of: 2048) {
                (dx + part.lowerBound).update(from: dy + part.lowerBound, count: part.count)
                Loops.softCapBackward(y + part.lowerBound, inPlace: dx + part.lowerBound, cap, part.count)
            }
        }
    }

    /// target[columns] = Σ over rows of x[rows, columns] (· weight elementwise, where given).
    ///
    /// Columns are shared among the threads; each is summed in blocks of 64 rows, from the first row on.
    public static func sumRows(
        _ x: UnsafePointer<Float>, times weight: UnsafePointer<Float>? = nil, rows: Int, columns: Int,
        into target: UnsafeMutablePointer<Float>
    ) {
        nonisolated(unsafe) let (x, weight, target) = (x, weight, target)
        let width = 128
        Workers.run(pieces: (columns + width - 1) / width) { piece in
            let first = piece * width
            let count = min(width, columns - first)
            withUnsafeTemporaryAllocation(of: Float.self, capacity: count) { buffer in
                guard let block = buffer.baseAddress else { return }
                Loops.zero(target + first, count)
                for start in stride(from: 0, to: rows, by: 64) {
                    Loops.zero(block, count)
                    for row in start..<min(start + 64, rows) {
                        let at = row * columns + first
                        if let weight {
                            Loops.accumulateProduct(x + at, weight + at, block, count)
                        } else {
                            Loops.accumulate(x + at, block, count)
                        }
                    }
                    Loops.accumulate(block, target + first, count)
                }
            }
        }
    }

    /// Place of the first element that is not finite, nil where all are.
    public static func firstNonFinite(_ x: UnsafePointer<Float>, count: Int) -> Int? {
        for start in stride(from: 0, to: count, by: 4096) {
            let end = min(start + 4096, count)
            guard !Loops.areFinite(x + start, end - start) else { continue }
            for i in start..<end where !x[i].isFinite { return i }
        }
        return nil
    }
}
