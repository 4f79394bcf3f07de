/// How two dense arrays are read together to fill a third, their sizes of 1 repeated as in NumPy and torch.
public struct Broadcast: Sendable {
    /// Shape of the result.
    public let shape: [Int]
    /// Sizes and steps after neighbouring dimensions that are walked alike were joined; the last is the inner loop.
    private let sizes: [Int]
    private let stepsA: [Int]
    private let stepsB: [Int]

    /// Walk over arrays of these shapes; nil where they do not fit.
    public init?(_ a: [Int], _ b: [Int]) {
        let rank = max(a.count, b.count)
        let padded = { (shape: [Int]) in [Int](repeating: 1, count: rank - shape.count) + shape }
        let (a, b) = (padded(a), padded(b))
        var shape: [Int] = []
        for (x, y) in zip(a, b) {
            guard x == y || x == 1 || y == 1 else { return nil }
            shape.append(x == 1 ? y : x)
        }
        self.shape = shape
        let (stridesA, stridesB) = (Broadcast.steps(a, in: shape), Broadcast.steps(b, in: shape))
        var (sizes, stepsA, stepsB) = ([Int](), [Int](), [Int]())
        for (d, size) in shape.enumerated() where size != 1 {
            if let last = sizes.indices.last, stepsA[last] == size * stridesA[d], stepsB[last] == size * stridesB[d] {
                sizes[last] *= size
                (stepsA[last], stepsB[last]) = (stridesA[d], stridesB[d])
            } else {
                sizes.append(size)
                stepsA.append(stridesA[d])
                stepsB.append(stridesB[d])
            }
        }
        if sizes.isEmpty { (sizes, stepsA, stepsB) = ([1], [1], [1]) }
        (self.sizes, self.stepsA, self.stepsB) = (sizes, stepsA, stepsB)
    }

    private static func steps(_ own: [Int], in shape: [Int]) -> [Int] {
        var steps = [Int](repeating: 0, count: own.count)
        var step = 1
        for d in own.indices.reversed() {
            steps[d] = own[d] == 1 ? 0 : step
            step *= own[d]
        }
        return steps
    }

    /// Runs of the inner loop.
    private var runs: Int { sizes.dropLast().reduce(1, *) }
    /// Length of a run.
    private var length: Int { sizes[sizes.count - 1] }

    /// Offsets of run `index` in the two arrays.
    private func offsets(_ index: Int) -> (Int, Int) {
        var (rest, a, b) = (index, 0, 0)
        for d in (0..<sizes.count - 1).reversed() {
            a += rest % sizes[d] * stepsA[d]
            b += rest % sizes[d] * stepsB[d]
            rest /= sizes[d]
        }
        return (a, b)
    }

    /// Calls `body` for parts of the result: (place in it, in a, in b, length, step in a, step in b), steps 0 or 1.
    public func walk(_ body: @Sendable (Int, Int, Int, Int, Int, Int) -> Void) {
        guard !shape.contains(0) else { return }
        let (stepA, stepB) = (stepsA[sizes.count - 1], stepsB[sizes.count - 1])
        if runs == 1 {
            Workers.run(rows: length, costPerRow: 1) { range in
                let first = range.lowerBound
                body(first, first * stepA, first * stepB, range.count, stepA, stepB)
            }
        } else {
            Workers.run(rows: runs, costPerRow: length) { range in
                for run in range {
                    let (a, b) = offsets(run)
                    body(run * length, a, b, length, stepA, stepB)
                }
            }
        }
    }

    /// As `walk`, in order on the calling thread.
    public func walkInOrder(_ body: (Int, Int, Int, Int, Int, Int) throws -> Void) rethrows {
        guard !shape.contains(0) else { return }
        for run in 0..<runs {
            let (a, b) = offsets(run)
            try body(run * length, a, b, length, stepsA[sizes.count - 1], stepsB[sizes.count - 1])
        }
    }
}

/// The four operations of arithmetic.
public enum Arithmetic: String, Sendable, CaseIterable {
    case add, sub, mul, div

    /// z = a op b, walked as `walk` says.
    public func apply(
        _ walk: Broadcast, _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, _ z: UnsafeMutablePointer<Float>
    ) {
        nonisolated(unsafe) let (a, b, z) = (a, b, z)
        walk.walk { place, atA, atB, count, stepA, stepB in
            let (x, y, z) = (a + atA, b + atB, z + place)
            switch (stepA, stepB) {
            case (1, 1): dense(x, y, z, count)
            case (1, _): right(x, y[0], z, count)
            case (_, 1): left(x[0], y, z, count)
            default: z.update(repeating: single(x[0], y[0]), count: count)
            }
        }
    }

    private func single(_ x: Float, _ y: Float) -> Float {
        switch self {
        case .add: x + y
        case .sub: x - y
        case .mul: x * y
        case .div: x / y
        }
    }

    private func dense(
        _ x: UnsafePointer<Float>, _ y: UnsafePointer<Float>, _ z: UnsafeMutablePointer<Float>, _ count: Int
    ) {
        switch self {
        case .add: Loops.add(x, y, z, count)
        case .sub: Loops.subtract(x, y, z, count)
        case .mul: Loops.multiply(x, y, z, count)
        case .div: Loops.divide(x, y, z, count)
        }
    }

    private func right(_ x: UnsafePointer<Float>, _ y: Float, _ z: UnsafeMutablePointer<Float>, _ count: Int) {
        switch self {
        case .add: for i in 0..<count { z[i] = x[i] + y }
        case .sub: for i in 0..<count { z[i] = x[i] - y }
        case .mul: for i in 0..<count { z[i] = x[i] * y }
        case .div: for i in 0..<count { z[i] = x[i] / y }
        }
    }

    private func left(_ x: Float, _ y: UnsafePointer<Float>, _ z: UnsafeMutablePointer<Float>, _ count: Int) {
        switch self {
        case .add: for i in 0..<count { z[i] = x + y[i] }
        case .sub: for i in 0..<count { z[i] = x - y[i] }
        case .mul: for i in 0..<count { z[i] = x * y[i] }
        case .div: for i in 0..<count { z[i] = x / y[i] }
        }
    }
}
