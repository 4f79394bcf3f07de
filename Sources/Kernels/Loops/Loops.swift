import LoopsBaseline
import LoopsV3
import LoopsV4

/// The loops at the level in use; see LoopsBaseline for what they compute.
///
/// Those that only move, and the rarer that only add, are bound by memory and stay at the baseline.
enum Loops {
    private typealias Base = LoopsBaseline.Loops
    private typealias V3 = LoopsV3.Loops
    private typealias V4 = LoopsV4.Loops
    static let level = InstructionLevel.current

    static func gelu(_ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>, _ count: Int) {
        switch level {
        case .v4: V4.gelu(x, y, count)
        case .v3: V3.gelu(x, y, count)
        case .baseline: Base.gelu(x, y, count)
        }
    }

    static func geluBackward(
        _ x: UnsafePointer<Float>, _ dy: UnsafePointer<Float>, _ dx: UnsafeMutablePointer<Float>, _ count: Int
    ) {
        switch level {
        case .v4: V4.geluBackward(x, dy, dx, count)
        case .v3: V3.geluBackward(x, dy, dx, count)
        case .baseline: Base.geluBackward(x, dy, dx, count)
        }
    }

    static func geluTanh(_ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>, _ count: Int) {
        switch level {
        case .v4: V4.geluTanh(x, y, count)
        case .v3: V3.geluTanh(x, y, count)
        case .baseline: Base.geluTanh(x, y, count)
        }
    }

    static func geluTanhBackward(
        _ x: UnsafePointer<Float>, _ dy: UnsafePointer<Float>, _ dx: UnsafeMutablePointer<Float>, _ count: Int
    ) {
        switch level {
        case .v4: V4.geluTanhBackward(x, dy, dx, count)
        case .v3: V3.geluTanhBackward(x, dy, dx, count)
        case .baseline: Base.geluTanhBackward(x, dy, dx, count)
        }
    }

    static func tanh(_ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>, _ count: Int) {
        switch level {
        case .v4: V4.tanh(x, y, count)
        case .v3: V3.tanh(x, y, count)
        case .baseline: Base.tanh(x, y, count)
        }
    }

    static func tanhBackward(
        _ y: UnsafePointer<Float>, _ dy: UnsafePointer<Float>, _ dx: UnsafeMutablePointer<Float>, _ count: Int
    ) {
        Base.tanhBackward(y, dy, dx, count)
    }

    static func softCap(inPlace x: UnsafeMutablePointer<Float>, _ cap: Float, _ count: Int) {
        switch level {
        case .v4: V4.softCap(inPlace: x, cap, count)
        case .v3: V3.softCap(inPlace: x, cap, count)
        case .baseline: Base.softCap(inPlace: x, cap, count)
        }
    }

    static func softCapBackward(
        _ y: UnsafePointer<Float>, inPlace dx: UnsafeMutablePointer<Float>, _ cap: Float, _ count: Int
    ) {
        Base.softCapBackward(y, inPlace: dx, cap, count)
    }

    static func relu(_ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>, _ count: Int) {
        Base.relu(x, y, count)
    }

    static func reluBackward(
        _ y: UnsafePointer<Float>, _ dy: UnsafePointer<Float>, _ dx: UnsafeMutablePointer<Float>, _ count: Int
    ) {
        Base.reluBackward(y, dy, dx, count)
    }

    static func silu(_ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>, _ count: Int) {
        switch level {
        case .v4: V4.silu(x, y, count)
        case .v3: V3.silu(x, y, count)
        case .baseline: Base.silu(x, y, count)
        }
    }

    static func siluBackward(
        _ x: UnsafePointer<Float>, _ dy: UnsafePointer<Float>, _ dx: UnsafeMutablePointer<Float>, _ count: Int
    ) {
        switch level {
        case .v4: V4.siluBackward(x, dy, dx, count)
        case .v3: V3.siluBackward(x, dy, dx, count)
        case .baseline: Base.siluBackward(x, dy, dx, count)
        }
    }

    static func exp(_ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>, _ count: Int) {
        switch level {
        case .v4: V4.exp(x, y, count)
        case .v3: V3.exp(x, y, count)
        case .baseline: Base.exp(x, y, count)
        }
    }

    static func sqrt(_ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>, _ count: Int) {
        Base.sqrt(x, y, count)
    }

    static func zero(_ y: UnsafeMutablePointer<Float>, _ count: Int) {
        Base.zero(y, count)
    }

    static func add(
        _ x: UnsafePointer<Float>, _ y: UnsafePointer<Float>, _ z: UnsafeMutablePointer<Float>, _ count: Int
    ) {
        switch level {
        case .v4: V4.add(x, y, z, count)
        case .v3: V3.add(x, y, z, count)
        case .baseline: Base.add(x, y, z, count)
        }
    }

    static func subtract(
        _ x: UnsafePointer<Float>, _ y: UnsafePointer<Float>, _ z: UnsafeMutablePointer<Float>, _ count: Int
    ) {
        Base.subtract(x, y, z, count)
    }

    static func multiply(
        _ x: UnsafePointer<Float>, _ y: UnsafePointer<Float>, _ z: UnsafeMutablePointer<Float>, _ count: Int
    ) {
        Base.multiply(x, y, z, count)
    }

    static func divide(
        _ x: UnsafePointer<Float>, _ y: UnsafePointer<Float>, _ z: UnsafeMutablePointer<Float>, _ count: Int
    ) {
        Base.divide(x, y, z, count)
    }

    static func accumulate(_ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>, _ count: Int) {
        switch level {
        case .v4: V4.accumulate(x, y, count)
        case .v3: V3.accumulate(x, y, count)
        case .baseline: Base.accumulate(x, y, count)
        }
    }

    static func accumulateProduct(
        _ x: UnsafePointer<Float>, _ y: UnsafePointer<Float>, _ z: UnsafeMutablePointer<Float>, _ count: Int
    ) {
        Base.accumulateProduct(x, y, z, count)
    }

    static func areFinite(_ x: UnsafePointer<Float>, _ count: Int) -> Bool {
        Base.areFinite(x, count)
    }

    static func axpy(_ a: Float, _ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>, _ count: Int) {
        Base.axpy(a, x, y, count)
    }

    static func scale(_ a: Float, _ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>, _ count: Int) {
        Base.scale(a, x, y, count)
    }

    static func sum(_ x: UnsafePointer<Float>, _ count: Int) -> Float {
        Base.sum(x, count)
    }

    static func squaredDistance(_ x: UnsafePointer<Float>, from c: Float, _ count: Int) -> Float {
        Base.squaredDistance(x, from: c, count)
    }

    static func dot(_ x: UnsafePointer<Float>, _ y: UnsafePointer<Float>, _ count: Int) -> Float {
        Base.dot(x, y, count)
    }

    static func maximum(_ x: UnsafePointer<Float>, _ count: Int) -> Float {
        Base.maximum(x, count)
    }

    static func softmax(_ x: UnsafeMutablePointer<Float>, _ count: Int) {
        switch level {
        case .v3, .v4: V3.softmax(x, count)
        case .baseline: Base.softmax(x, count)
        }
    }

    static func sumOfExponentials(_ x: UnsafePointer<Float>, minus top: Float, _ count: Int) -> Float {
        switch level {
        case .v3, .v4: V3.sumOfExponentials(x, minus: top, count)
        case .baseline: Base.sumOfExponentials(x, minus: top, count)
        }
    }

    static func exponentials(inPlace x: UnsafeMutablePointer<Float>, minus top: Float, _ count: Int) -> Float {
        switch level {
        case .v4: V4.exponentials(inPlace: x, minus: top, count)
        case .v3: V3.exponentials(inPlace: x, minus: top, count)
        case .baseline: Base.exponentials(inPlace: x, minus: top, count)
        }
    }

    static func scale(inPlace x: UnsafeMutablePointer<Float>, _ a: Float, plus b: Float, _ count: Int) {
        Base.scale(inPlace: x, a, plus: b, count)
    }

    static func softmaxGradient(
        _ x: UnsafePointer<Float>, minus top: Float, total: Float, less: Float, _ factor: Float,
        _ g: UnsafeMutablePointer<Float>, _ count: Int
    ) {
        switch level {
        case .v3, .v4: V3.softmaxGradient(x, minus: top, total: total, less: less, factor, g, count)
        case .baseline: Base.softmaxGradient(x, minus: top, total: total, less: less, factor, g, count)
        }
    }

    static func softmaxBackward(
        _ y: UnsafePointer<Float>, _ dy: UnsafePointer<Float>, _ dx: UnsafeMutablePointer<Float>, _ count: Int
    ) {
        switch level {
        case .v3, .v4: V3.softmaxBackward(y, dy, dx, count)
        case .baseline: Base.softmaxBackward(y, dy, dx, count)
        }
    }

    static func logSoftmaxBackward(
        _ y: UnsafePointer<Float>, _ dy: UnsafePointer<Float>, _ dx: UnsafeMutablePointer<Float>, _ count: Int
    ) {
        switch level {
        case .v3, .v4: V3.logSoftmaxBackward(y, dy, dx, count)
        case .baseline: Base.logSoftmaxBackward(y, dy, dx, count)
        }
    }

    static func shift(_ x: UnsafePointer<Float>, minus c: Float, _ y: UnsafeMutablePointer<Float>, _ count: Int) {
        Base.shift(x, minus: c, y, count)
    }

    static func layerNorm(
        _ x: UnsafePointer<Float>, _ gamma: UnsafePointer<Float>, _ beta: UnsafePointer<Float>, epsilon: Float,
        hat: UnsafeMutablePointer<Float>?, _ y: UnsafeMutablePointer<Float>, _ count: Int
    ) -> Float {
        switch level {
        case .v3, .v4: V3.layerNorm(x, gamma, beta, epsilon: epsilon, hat: hat, y, count)
        case .baseline: Base.layerNorm(x, gamma, beta, epsilon: epsilon, hat: hat, y, count)
        }
    }

    static func layerNorm(
        inPlace s: UnsafeMutablePointer<Float>, _ gamma: UnsafePointer<Float>, _ beta: UnsafePointer<Float>,
        epsilon: Float, _ y: UnsafeMutablePointer<Float>?, _ count: Int
    ) -> Float {
        switch level {
        case .v3, .v4: V3.layerNorm(inPlace: s, gamma, beta, epsilon: epsilon, y, count)
        case .baseline: Base.layerNorm(inPlace: s, gamma, beta, epsilon: epsilon, y, count)
        }
    }

    static func layerNormResult(
        hat: UnsafePointer<Float>, _ gamma: UnsafePointer<Float>, _ beta: UnsafePointer<Float>,
        _ y: UnsafeMutablePointer<Float>, _ count: Int
    ) {
        Base.layerNormResult(hat: hat, gamma, beta, y, count)
    }

    static func dropoutAdd(
        _ x: UnsafePointer<Float>, _ r: UnsafePointer<Float>, key: UInt64, threshold: UInt32, scale: Float,
        _ y: UnsafeMutablePointer<Float>, _ count: Int
    ) {
        switch level {
        case .v4: V4.dropoutAdd(x, r, key: key, threshold: threshold, scale: scale, y, count)
        case .v3: V3.dropoutAdd(x, r, key: key, threshold: threshold, scale: scale, y, count)
        case .baseline: Base.dropoutAdd(x, r, key: key, threshold: threshold, scale: scale, y, count)
        }
    }

    static func layerNormBackward(
        _ dy: UnsafePointer<Float>, _ gamma: UnsafePointer<Float>, hat: UnsafePointer<Float>, rstd: Float,
        _ dx: UnsafeMutablePointer<Float>, _ count: Int
    ) {
        switch level {
        case .v3, .v4: V3.layerNormBackward(dy, gamma, hat: hat, rstd: rstd, dx, count)
        case .baseline: Base.layerNormBackward(dy, gamma, hat: hat, rstd: rstd, dx, count)
        }
    }

    static func rmsNorm(
        _ x: UnsafePointer<Float>, _ gamma: UnsafePointer<Float>, epsilon: Float, _ y: UnsafeMutablePointer<Float>,
        _ count: Int
    ) -> Float {
        switch level {
        case .v3, .v4: V3.rmsNorm(x, gamma, epsilon: epsilon, y, count)
        case .baseline: Base.rmsNorm(x, gamma, epsilon: epsilon, y, count)
        }
    }

    static func rmsNormBackward(
        _ dy: UnsafePointer<Float>, _ gamma: UnsafePointer<Float>, _ x: UnsafePointer<Float>, rstd: Float,
        adding: Bool, _ dx: UnsafeMutablePointer<Float>, _ count: Int
    ) {
        switch level {
        case .v3, .v4: V3.rmsNormBackward(dy, gamma, x, rstd: rstd, adding: adding, dx, count)
        case .baseline: Base.rmsNormBackward(dy, gamma, x, rstd: rstd, adding: adding, dx, count)
        }
    }

    static func dropout(
        _ x: UnsafePointer<Float>, key: UInt64, first: Int, threshold: UInt32, scale: Float,
        _ y: UnsafeMutablePointer<Float>, _ count: Int
    ) {
        if UnsafePointer(y) == x {
            switch level {
            case .v4: V4.dropout(inPlace: y, key: key, first: first, threshold: threshold, scale: scale, count)
            case .v3: V3.dropout(inPlace: y, key: key, first: first, threshold: threshold, scale: scale, count)
            case .baseline: Base.dropout(inPlace: y, key: key, first: first, threshold: threshold, scale: scale, count)
            }
            return
        }
        switch level {
        case .v4: V4.dropout(x, key: key, first: first, threshold: threshold, scale: scale, y, count)
        case .v3: V3.dropout(x, key: key, first: first, threshold: threshold, scale: scale, y, count)
        case .baseline: Base.dropout(x, key: key, first: first, threshold: threshold, scale: scale, y, count)
        }
    }

    static func round(_ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<UInt16>, _ count: Int) {
        switch level {
        case .v4: V4.round(x, y, count)
        case .v3: V3.round(x, y, count)
        case .baseline: Base.round(x, y, count)
        }
    }

    static func widen(_ x: UnsafePointer<UInt16>, _ y: UnsafeMutablePointer<Float>, _ count: Int) {
        Base.widen(x, y, count)
    }
}
