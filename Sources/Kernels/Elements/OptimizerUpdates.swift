import Synchronization

/// Updates of parameters in place from their gradients, all parameters in one piece of work.
///
/// Work is cut by the parameters' lengths alone (`EndToEnd`) and each element is updated by itself, so results depend neither on the
/// number of threads nor on where the arrays lie. Where two of them share memory they are updated one after the other.
public enum OptimizerUpdates {
    /// Numbers of one AdamW update, worked out in double precision and rounded once.
    public struct AdamW: Sendable {
        /// 1 − lr · weight_decay.
        public let decay: Float
        /// 1 − beta1.
        public let oneMinusBeta1: Float
        /// beta2.
        public let beta2: Float
        /// 1 − beta2.
        public let oneMinusBeta2: Float
        /// √(1 − beta2^step), by which √v is divided.
        public let correction2: Float
        /// Added to the denominator.
        public let epsilon: Float
        /// lr / (1 − beta1^step).
        public let stepSize: Float

        /// Numbers of the update with index `step`, counted from 1.
        public init(
            learningRate: Double, beta1: Double, beta2: Double, epsilon: Double, weightDecay: Double, step: Double
        ) {
            decay = Float(1 - learningRate * weightDecay)
            oneMinusBeta1 = Float(1 - beta1)
            self.beta2 = Float(beta2)
            oneMinusBeta2 = Float(1 - beta2)
            correction2 = Float((1 - AdamW.power(beta2, step)).squareRoot())
            self.epsilon = Float(epsilon)
            stepSize = Float(learningRate / (1 - AdamW.power(beta1, step)))
        }

        /// base^exponent for whole exponents by squaring; exact enough at double precision and free of libm.
        private static func power(_ base: Double, _ exponent: Double) -> Double {
            var (result, square, left) = (1.0, base, UInt64(max(0, exponent)))
            while left > 0 {
                if left & 1 == 1 { result *= square }
                square *= square
                left >>= 1
            }
            return result
        }
    }

    /// One parameter's arrays, each of `count` elements, with the numbers of its update.
    public struct AdamWArrays: @unchecked Sendable {
        fileprivate let p: UnsafeMutablePointer<Float>
        fileprivate let g: UnsafePointer<Float>
        fileprivate let m: UnsafeMutablePointer<Float>
        fileprivate let v: UnsafeMutablePointer<Float>
        fileprivate let count: Int
        fileprivate let numbers: AdamW

        /// The parameter, its gradient, its first and its second moments.
        public init(
            parameter: UnsafeMutablePointer<Float>, gradient: UnsafePointer<Float>,
            first: UnsafeMutablePointer<Float>, second: UnsafeMutablePointer<Float>, count: Int, _ numbers: AdamW
        ) {
            (p, g, m, v, self.count, self.numbers) = (parameter, gradient, first, second, count, numbers)
        }
    }

    /// AdamW with decoupled weight decay (Loshchilov and Hutter 2019, algorithm 2), as `torch.optim.AdamW` orders it.
    ///
    /// Gradients are multiplied by `gradientScale` first, each product rounded; they stay as they are. Gives whether every new
    /// parameter is finite.
    public static func adamW(_ arrays: [AdamWArrays], gradientScale: Float = 1) -> Bool {
        update(arrays.map { [Extent($0.p, $0.count), Extent($0.g, $0.count)] }, arrays.map(\.count)) {
            index, i, count in
            let a = arrays[index]
            return Loops.adamW(a.p + i, a.g + i, a.m + i, a.v + i, scale: gradientScale, a.numbers, count)
        }
    }

    /// Numbers of one SGD update.
    public struct SGD: Sendable {
        /// Step length.
        public let learningRate: Float
        /// Share of the buffer that is kept.
        public let momentum: Float
        /// 1 − dampening: share of the gradient that enters the buffer.
        public let oneMinusDampening: Float
        /// L2 penalty, added to the gradient.
        public let weightDecay: Float
        /// Whether the step looks ahead along the buffer (Nesterov).
        public let nesterov: Bool
        /// Whether the buffer is still empty and takes the gradient as it is.
        public let isFirst: Bool

        /// Numbers of an update.
        public init(
            learningRate: Double, momentum: Double, dampening: Double, weightDecay: Double, nesterov: Bool,
            isFirst: Bool
        ) {
            self.learningRate = Float(learningRate)
            self.momentum = Float(momentum)
            oneMinusDampening = Float(1 - dampening)
            self.weightDecay = Float(weightDecay)
            self.nesterov = nesterov
            self.isFirst = isFirst
        }
    }

    /// One parameter's arrays, each of `count` elements, with the numbers of its update.
    public struct SGDArrays: @unchecked Sendable {
        fileprivate let p: UnsafeMutablePointer<Float>
        fileprivate let g: UnsafePointer<Float>
        fileprivate let buffer: UnsafeMutablePointer<Float>?
        fileprivate let count: Int
        fileprivate let numbers: SGD

        /// The parameter, its gradient, and its buffer, nil where momentum is 0.
        public init(
            parameter: UnsafeMutablePointer<Float>, gradient: UnsafePointer<Float>,
            buffer: UnsafeMutablePointer<Float>?, count: Int, _ numbers: SGD
        ) {
            (p, g, self.buffer, self.count, self.numbers) = (parameter, gradient, buffer, count, numbers)
        }
    }

    /// Stochastic gradient descent with momentum, as `torch.optim.SGD` orders it; the scale and the result as of `adamW`.
    public static func sgd(_ arrays: [SGDArrays], gradientScale: Float = 1) -> Bool {
        update(arrays.map { [Extent($0.p, $0.count), Extent($0.g, $0.count)] }, arrays.map(\.count)) {
            index, i, count in
            let a = arrays[index]
            return Loops.sgd(a.p + i, a.g + i, a.buffer.map { $0 + i }, scale: gradientScale, a.numbers, count)
        }
    }

    /// An array of floats to read.
    public struct Floats: @unchecked Sendable {
        fileprivate let start: UnsafePointer<Float>
        fileprivate let count: Int

        /// `count` floats from `start` on.
        public init(_ start: UnsafePointer<Float>, count: Int) { (self.start, self.count) = (start, count) }
    }

    /// The sum of squares of each array in double precision, in an order fixed by the lengths of all.
    ///
    /// A sum is not finite exactly where an element of its array is not.
    public static func sumsOfSquares(_ arrays: [Floats]) -> [Double] {
        let cut = EndToEnd(arrays.map(\.count))
        let parts = [Double](unsafeUninitializedCapacity: cut.parts) { parts, count in
            parts.initialize(repeating: 0)
            nonisolated(unsafe) let parts = parts
            cut.run { part, array, i, count in
                parts[part] = Loops.sumOfSquares(arrays[array].start + i, count)
            }
            count = cut.parts
        }
        return arrays.indices.map { array in cut.parts(of: array).reduce(0) { $0 + parts[$1] } }
    }

    /// x ·= factor, for each of these arrays.
    public static func scale(_ arrays: [(start: UnsafeMutablePointer<Float>, count: Int)], by factor: Float) {
        nonisolated(unsafe) let arrays = arrays
        _ = update(arrays.map { [Extent($0.start, $0.count)] }, arrays.map(\.count)) { index, i, count in
            Loops.scale(inPlace: arrays[index].start + i, factor, count)
            return true
        }
    }

    /// Runs `body(array, first, count)` over parts of all arrays; true where all of them give true.
    private static func update(
        _ memory: [[Extent]], _ counts: [Int], _ body: @Sendable (Int, Int, Int) -> Bool
    ) -> Bool {
        guard !Extent.overlap(memory.flatMap { $0 }) else {
            var isFinite = true
            for (index, count) in counts.enumerated() where !body(index, 0, count) { isFinite = false }
            return isFinite
        }
        let found = Found()
        EndToEnd(counts).run { _, array, first, count in
            if !body(array, first, count) { found.set() }
        }
        return !found.isSet
    }
}

/// Where an array lies in memory.
private struct Extent {
    let start: UInt
    let end: UInt

    init(_ start: UnsafePointer<Float>, _ count: Int) {
        self.start = UInt(bitPattern: start)
        end = self.start + UInt(count) * 4
    }

    /// Whether two of them share memory.
    static func overlap(_ extents: [Extent]) -> Bool {
        let sorted = extents.sorted { $0.start < $1.start }
        return zip(sorted, sorted.dropFirst()).contains { $0.end > $1.start }
    }
}

/// A flag that any thread may raise.
private final class Found: Sendable {
    private let flag = Atomic<Bool>(false)
    var isSet: Bool { flag.load(ordering: .relaxed) }
    func set() { flag.store(true, ordering: .relaxed) }
}
