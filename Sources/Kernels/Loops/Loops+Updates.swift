import LoopsBaseline
import LoopsV3
import LoopsV4

extension Loops {
    private typealias Base = LoopsBaseline.Loops
    private typealias V3 = LoopsV3.Loops
    private typealias V4 = LoopsV4.Loops

    static func adamW(
        _ p: UnsafeMutablePointer<Float>, _ g: UnsafePointer<Float>, _ m: UnsafeMutablePointer<Float>,
        _ v: UnsafeMutablePointer<Float>, scale: Float, _ numbers: OptimizerUpdates.AdamW, _ count: Int
    ) -> Bool {
        switch level {
        case .v4:
            V4.adamW(
                p, g, m, v, scale: scale, decay: numbers.decay, oneMinusBeta1: numbers.oneMinusBeta1,
                beta2: numbers.beta2, oneMinusBeta2: numbers.oneMinusBeta2, correction2: numbers.correction2,
                epsilon: numbers.epsilon, stepSize: numbers.stepSize, count)
        case .v3:
            V3.adamW(
                p, g, m, v, scale: scale, decay: numbers.decay, oneMinusBeta1: numbers.oneMinusBeta1,
                beta2: numbers.beta2, oneMinusBeta2: numbers.oneMinusBeta2, correction2: numbers.correction2,
                epsilon: numbers.epsilon, stepSize: numbers.stepSize, count)
        case .baseline:
            Base.adamW(
                p, g, m, v, scale: scale, decay: numbers.decay, oneMinusBeta1: numbers.oneMinusBeta1,
                beta2: numbers.beta2, oneMinusBeta2: numbers.oneMinusBeta2, correction2: numbers.correction2,
                epsilon: numbers.epsilon, stepSize: numbers.stepSize, count)
        }
    }

    /// Bound by memory: the baseline is as fast.
    static func sgd(
        _ p: UnsafeMutablePointer<Float>, _ g: UnsafePointer<Float>, _ buffer: UnsafeMutablePointer<Float>?,
        scale: Float, _ numbers: OptimizerUpdates.SGD, _ count: Int
    ) -> Bool {
        guard let buffer else {
            return Base.sgd(p, g, scale: scale, decay: numbers.weightDecay, rate: numbers.learningRate, count)
        }
        return Base.sgdMomentum(
            p, g, buffer, scale: scale, decay: numbers.weightDecay, rate: numbers.learningRate,
            momentum: numbers.momentum, oneMinusDampening: numbers.oneMinusDampening, isFirst: numbers.isFirst,
            nesterov: numbers.nesterov, count)
    }

    static func sumOfSquares(_ x: UnsafePointer<Float>, _ count: Int) -> Double {
        switch level {
        case .v4: V4.sumOfSquares(x, count)
        case .v3: V3.sumOfSquares(x, count)
        case .baseline: Base.sumOfSquares(x, count)
        }
    }

    static func scale(inPlace x: UnsafeMutablePointer<Float>, _ factor: Float, _ count: Int) {
        Base.scale(inPlace: x, factor, count)
    }
}
