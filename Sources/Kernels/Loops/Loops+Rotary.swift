import LoopsBaseline
import LoopsV3
import LoopsV4

extension Loops {
    private typealias Base = LoopsBaseline.Loops
    private typealias V3 = LoopsV3.Loops
    private typealias V4 = LoopsV4.Loops

    static func rotateHalves(
        _ x: UnsafePointer<Float>, cos: UnsafePointer<Float>, sin: UnsafePointer<Float>, sign: Float,
        _ y: UnsafeMutablePointer<Float>, _ pairs: Int
    ) {
        switch level {
        case .v4: V4.rotateHalves(x, cos: cos, sin: sin, sign: sign, y, pairs)
        case .v3: V3.rotateHalves(x, cos: cos, sin: sin, sign: sign, y, pairs)
        case .baseline: Base.rotateHalves(x, cos: cos, sin: sin, sign: sign, y, pairs)
        }
    }

    static func rotateNeighbours(
        _ x: UnsafePointer<Float>, cos: UnsafePointer<Float>, sin: UnsafePointer<Float>, sign: Float,
        _ y: UnsafeMutablePointer<Float>, _ pairs: Int
    ) {
        switch level {
        case .v4: V4.rotateNeighbours(x, cos: cos, sin: sin, sign: sign, y, pairs)
        case .v3: V3.rotateNeighbours(x, cos: cos, sin: sin, sign: sign, y, pairs)
        case .baseline: Base.rotateNeighbours(x, cos: cos, sin: sin, sign: sign, y, pairs)
        }
    }
}
