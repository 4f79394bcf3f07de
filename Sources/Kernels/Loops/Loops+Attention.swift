import LoopsBaseline
import LoopsV3
import LoopsV4

extension Loops {
    private typealias Base = LoopsBaseline.Loops
    private typealias V3 = LoopsV3.Loops
    private typealias V4 = LoopsV4.Loops

    static func attentionKeys(
        n: Int, rows: UnsafePointer<UInt64>, head: UInt64, places: UnsafePointer<UInt64>,
        keys: UnsafeMutablePointer<UInt32>
    ) {
        switch level {
        case .v4: V4.attentionKeys(n: n, rows: rows, head: head, places: places, keys: keys)
        case .v3: V3.attentionKeys(n: n, rows: rows, head: head, places: places, keys: keys)
        case .baseline: Base.attentionKeys(n: n, rows: rows, head: head, places: places, keys: keys)
        }
    }

    static func attention(
        n: Int, m: Int, width: Int, scale: Float, seen: UnsafePointer<Int32>?, q: UnsafePointer<Float>, ldq: Int,
        k: UnsafePointer<Float>, v: UnsafePointer<Float>, ldk: Int, keys: UnsafePointer<UInt32>, threshold: UInt32,
        kept: Float, scratch: UnsafeMutablePointer<Float>, p: UnsafeMutablePointer<Float>,
        y: UnsafeMutablePointer<Float>
    ) {
        switch level {
        case .v4:
            V4.attention(
                n: n, m: m, width: width, scale: scale, seen: seen, q: q, ldq: ldq, k: k, v: v, ldk: ldk, keys: keys,
                threshold: threshold, kept: kept, scratch: scratch, p: p, y: y)
        case .v3:
            V3.attention(
                n: n, m: m, width: width, scale: scale, seen: seen, q: q, ldq: ldq, k: k, v: v, ldk: ldk, keys: keys,
                threshold: threshold, kept: kept, scratch: scratch, p: p, y: y)
        case .baseline:
            Base.attention(
                n: n, m: m, width: width, scale: scale, seen: seen, q: q, ldq: ldq, k: k, v: v, ldk: ldk, keys: keys,
                threshold: threshold, kept: kept, scratch: scratch, p: p, y: y)
        }
    }

    static func attentionBackward(
        n: Int, m: Int, width: Int, scale: Float, q: UnsafePointer<Float>, ldq: Int, k: UnsafePointer<Float>,
        v: UnsafePointer<Float>, ldk: Int, keys: UnsafePointer<UInt32>, threshold: UInt32, kept: Float,
        scratch: UnsafeMutablePointer<Float>, p: UnsafePointer<Float>, dy: UnsafePointer<Float>,
        dq: UnsafeMutablePointer<Float>?, dk: UnsafeMutablePointer<Float>?, dv: UnsafeMutablePointer<Float>?,
        adding: Bool
    ) {
        switch level {
        case .v4:
            V4.attentionBackward(
                n: n, m: m, width: width, scale: scale, q: q, ldq: ldq, k: k, v: v, ldk: ldk, keys: keys,
                threshold: threshold, kept: kept, scratch: scratch, p: p, dy: dy, dq: dq, dk: dk, dv: dv, adding: adding
            )
        case .v3:
            V3.attentionBackward(
                n: n, m: m, width: width, scale: scale, q: q, ldq: ldq, k: k, v: v, ldk: ldk, keys: keys,
                threshold: threshold, kept: kept, scratch: scratch, p: p, dy: dy, dq: dq, dk: dk, dv: dv, adding: adding
            )
        case .baseline:
            Base.attentionBackward(
                n: n, m: m, width: width, scale: scale, q: q, ldq: ldq, k: k, v: v, ldk: ldk, keys: keys,
                threshold: threshold, kept: kept, scratch: scratch, p: p, dy: dy, dq: dq, dk: dk, dv: dv, adding: adding
            )
        }
    }
}
