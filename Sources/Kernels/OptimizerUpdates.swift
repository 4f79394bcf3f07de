import Synchronization

/// Loops that update parameters in place from their gradients.
///
/// Each works on elements of its own, so results do not depend on the number of threads; each says whether every updated
/// parameter is finite, found in the same loop.
public enum OptimizerUpdates {
    /// Elements that one piece of work updates.
    private static let elementsPerPiece = 1 << 16

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

    /// AdamW with decoupled weight decay (Loshchilov and Hutter 2019, algorithm 2), as `torch.optim.AdamW` orders it.
    ///
    /// All arrays hold `count` elements: parameters, gradients, first moments, second moments.
    public static func adamW(
        _ p: UnsafeMutablePointer<Float>, _ g: UnsafePointer<Float>, _ m: UnsafeMutablePointer<Float>,
        _ v: UnsafeMutablePointer<Float>, count: Int, _ numbers: AdamW
    ) -> Bool {
        nonisolated(unsafe) let (p, g, m, v) = (p, g, m, v)
        return pieces(count) { first, end in
            var notFinite: UInt32 = 0
            for i in first..<end {
                let gradient = g[i]
                let mean = m[i] + numbers.oneMinusBeta1 * (gradient - m[i])
                let square = v[i] * numbers.beta2 + numbers.oneMinusBeta2 * gradient * gradient
                let denominator = square.squareRoot() / numbers.correction2 + numbers.epsilon
                let updated = p[i] * numbers.decay - numbers.stepSize * (mean / denominator)
                m[i] = mean
                v[i] = square
                p[i] = updated
                notFinite |= isNotFinite(updated)
            }
            return notFinite
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

    /// Stochastic gradient descent with momentum, as `torch.optim.SGD` orders it; `buffer` is nil where momentum is 0.
    public static func sgd(
        _ p: UnsafeMutablePointer<Float>, _ g: UnsafePointer<Float>, buffer: UnsafeMutablePointer<Float>?, count: Int,
        _ numbers: SGD
    ) -> Bool {
        nonisolated(unsafe) let (p, g, buffer) = (p, g, buffer)
        return pieces(count) { first, end in
            var notFinite: UInt32 = 0
            for i in first..<end {
                var direction = g[i] + numbers.weightDecay * p[i]
                if let buffer {
                    let kept =
                        numbers.isFirst
                        ? direction : buffer[i] * numbers.momentum + numbers.oneMinusDampening * direction
                    buffer[i] = kept
                    direction = numbers.nesterov ? direction + numbers.momentum * kept : kept
                }
                let updated = p[i] - numbers.learningRate * direction
                p[i] = updated
                notFinite |= isNotFinite(updated)
            }
            return notFinite
        }
    }

    /// Sum of squares in double precision, in an order fixed by `count`.
    ///
    /// Not finite exactly where an element is not.
    public static func sumOfSquares(_ x: UnsafePointer<Float>, count: Int) -> Double {
        var (a, b, c, d) = (0.0, 0.0, 0.0, 0.0)
        let whole = count / 4 * 4
        for i in stride(from: 0, to: whole, by: 4) {
            a += Double(x[i]) * Double(x[i])
            b += Double(x[i + 1]) * Double(x[i + 1])
            c += Double(x[i + 2]) * Double(x[i + 2])
            d += Double(x[i + 3]) * Double(x[i + 3])
        }
        for i in whole..<count { a += Double(x[i]) * Double(x[i]) }
        return (a + b) + (c + d)
    }

    /// x ·= factor.
    public static func scale(_ x: UnsafeMutablePointer<Float>, count: Int, by factor: Float) {
        for i in 0..<count { x[i] *= factor }
    }

    private static func isNotFinite(_ x: Float) -> UInt32 {
        x.bitPattern & 0x7F80_0000 == 0x7F80_0000 ? 1 : 0
    }

    /// Runs `body(first, end)` over pieces of 0..<count; true where all of them return 0.
    private static func pieces(_ count: Int, _ body: @Sendable (Int, Int) -> UInt32) -> Bool {
        let pieces = (count + elementsPerPiece - 1) / elementsPerPiece
        guard pieces > 1 else { return body(0, count) == 0 }
        let found = Found()
        Workers.run(pieces: pieces) { piece in
            let first = piece * elementsPerPiece
            if body(first, min(count, first + elementsPerPiece)) != 0 { found.set() }
        }
        return !found.isSet
    }
}

/// A flag that any thread may raise.
private final class Found: Sendable {
    private let flag = Atomic<Bool>(false)
    var isSet: Bool { flag.load(ordering: .relaxed) }
    func set() { flag.store(true, ordering: .relaxed) }
}
