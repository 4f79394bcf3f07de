import LoopsBaseline
import LoopsV3
import LoopsV4

extension Loops {
    private typealias Base = LoopsBaseline.Loops
    private typealias V3 = LoopsV3.Loops
    private typealias V4 = LoopsV4.Loops

    static func disentangledBias(
        _ places: UnsafePointer<Int32>, first: Int, count: Int, scale: Float, content: UnsafePointer<Float>?,
        position: UnsafePointer<Float>?, ld: Int, _ bias: UnsafeMutablePointer<Float>
    ) {
        switch level {
        case .v4:
            V4.disentangledBias(
                places, first: first, count: count, scale: scale, content: content, position: position, ld: ld, bias)
        case .v3:
            V3.disentangledBias(
                places, first: first, count: count, scale: scale, content: content, position: position, ld: ld, bias)
        case .baseline:
            Base.disentangledBias(
                places, first: first, count: count, scale: scale, content: content, position: position, ld: ld, bias)
        }
    }

    static func disentangledGradient(
        _ places: UnsafePointer<Int32>, first: Int, count: Int, _ gradients: UnsafePointer<Float>,
        content: UnsafeMutablePointer<Float>?, position: UnsafeMutablePointer<Float>?, ld: Int
    ) {
        switch level {
        case .v4:
            V4.disentangledGradient(
                places, first: first, count: count, gradients, content: content, position: position, ld: ld)
        case .v3:
            V3.disentangledGradient(
                places, first: first, count: count, gradients, content: content, position: position, ld: ld)
        case .baseline:
            Base.disentangledGradient(
                places, first: first, count: count, gradients, content: content, position: position, ld: ld)
        }
    }
}
