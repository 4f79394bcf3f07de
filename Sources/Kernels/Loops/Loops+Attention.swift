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

    /// Without vectors of eight BLAS on the thread at hand is faster.
    static func smallProduct(
        rows: Int, columns: Int, depth: Int, _ a: UnsafePointer<Float>, _ down: Int, _ across: Int,
        _ b: UnsafePointer<Float>, _ ldb: Int, _ c: UnsafeMutablePointer<Float>, _ ldc: Int, adding: Bool
    ) {
        switch level {
        case .v4:
            V4.smallProduct(
                rows: rows, columns: columns, depth: depth, a, down, across, b, ldb, c, ldc, adding: adding)
        case .v3:
            V3.smallProduct(
                rows: rows, columns: columns, depth: depth, a, down, across, b, ldb, c, ldc, adding: adding)
        case .baseline:
            Matmul.uncounted(
                transposeA: across != 1, m: rows, n: columns, k: depth, a, lda: across == 1 ? down : across, b,
                ldb: ldb,
                beta: adding ? 1 : 0, c, ldc: ldc)
        }
    }

    static func transposeKeys(
        _ source: UnsafePointer<Float>, rows: Int, columns: Int, ld: Int, to target: UnsafeMutablePointer<Float>
    ) {
        switch level {
        case .v3, .v4: V3.transposeKeys(source, rows: rows, columns: columns, ld: ld, to: target)
        case .baseline: Base.transposeKeys(source, rows: rows, columns: columns, ld: ld, to: target)
        }
    }

    static func copyRows(
        _ x: UnsafePointer<Float>, rows: Int, columns: Int, ldx: Int, to y: UnsafeMutablePointer<Float>, ldy: Int
    ) {
        switch level {
        case .v3, .v4: V3.copyRows(x, rows: rows, columns: columns, ldx: ldx, to: y, ldy: ldy)
        case .baseline: Base.copyRows(x, rows: rows, columns: columns, ldx: ldx, to: y, ldy: ldy)
        }
    }

    static func attentionWeights(
        _ s: UnsafeMutablePointer<Float>, count: Int, first: Int, last: Int, scale: Float, cap: Float,
        bias: UnsafePointer<Float>?, state: UnsafeMutablePointer<Float>, y: UnsafeMutablePointer<Float>, width: Int
    ) {
        switch level {
        case .v4:
            V4.attentionWeights(
                s, count: count, first: first, last: last, scale: scale, cap: cap, bias: bias, state: state, y: y,
                width: width)
        case .v3:
            V3.attentionWeights(
                s, count: count, first: first, last: last, scale: scale, cap: cap, bias: bias, state: state, y: y,
                width: width)
        case .baseline:
            Base.attentionWeights(
                s, count: count, first: first, last: last, scale: scale, cap: cap, bias: bias, state: state, y: y,
                width: width)
        }
    }

    static func attentionProbabilities(
        _ s: UnsafeMutablePointer<Float>, count: Int, first: Int, last: Int, scale: Float, cap: Float,
        bias: UnsafePointer<Float>?, total: Float, slope: UnsafeMutablePointer<Float>?
    ) {
        switch level {
        case .v4:
            V4.attentionProbabilities(
                s, count: count, first: first, last: last, scale: scale, cap: cap, bias: bias, total: total,
                slope: slope)
        case .v3:
            V3.attentionProbabilities(
                s, count: count, first: first, last: last, scale: scale, cap: cap, bias: bias, total: total,
                slope: slope)
        case .baseline:
            Base.attentionProbabilities(
                s, count: count, first: first, last: last, scale: scale, cap: cap, bias: bias, total: total,
                slope: slope)
        }
    }

    static func attentionDifferences(
        _ p: UnsafePointer<Float>, _ dp: UnsafeMutablePointer<Float>, _ count: Int, mean: Float, factor: Float
    ) {
        switch level {
        case .v4: V4.attentionDifferences(p, dp, count, mean: mean, factor: factor)
        case .v3: V3.attentionDifferences(p, dp, count, mean: mean, factor: factor)
        case .baseline: Base.attentionDifferences(p, dp, count, mean: mean, factor: factor)
        }
    }

    static func attentionRowScores(
        heads: Int, m: Int, width: Int, q: UnsafePointer<Float>, k: UnsafePointer<Float>, ldk: Int,
        s: UnsafeMutablePointer<Float>, lds: Int
    ) {
        switch level {
        case .v4: V4.attentionRowScores(heads: heads, m: m, width: width, q: q, k: k, ldk: ldk, s: s, lds: lds)
        case .v3: V3.attentionRowScores(heads: heads, m: m, width: width, q: q, k: k, ldk: ldk, s: s, lds: lds)
        case .baseline: Base.attentionRowScores(heads: heads, m: m, width: width, q: q, k: k, ldk: ldk, s: s, lds: lds)
        }
    }

    static func attentionRowValues(
        heads: Int, m: Int, width: Int, p: UnsafePointer<Float>, ldp: Int, v: UnsafePointer<Float>, ldk: Int,
        y: UnsafeMutablePointer<Float>
    ) {
        switch level {
        case .v4: V4.attentionRowValues(heads: heads, m: m, width: width, p: p, ldp: ldp, v: v, ldk: ldk, y: y)
        case .v3: V3.attentionRowValues(heads: heads, m: m, width: width, p: p, ldp: ldp, v: v, ldk: ldk, y: y)
        case .baseline: Base.attentionRowValues(heads: heads, m: m, width: width, p: p, ldp: ldp, v: v, ldk: ldk, y: y)
        }
    }

    static func attentionRowOuter(
        heads: Int, m: Int, width: Int, p: UnsafePointer<Float>, ldp: Int, x: UnsafePointer<Float>,
        y: UnsafeMutablePointer<Float>, ldk: Int
    ) {
        switch level {
        case .v4: V4.attentionRowOuter(heads: heads, m: m, width: width, p: p, ldp: ldp, x: x, y: y, ldk: ldk)
        case .v3: V3.attentionRowOuter(heads: heads, m: m, width: width, p: p, ldp: ldp, x: x, y: y, ldk: ldk)
        case .baseline: Base.attentionRowOuter(heads: heads, m: m, width: width, p: p, ldp: ldp, x: x, y: y, ldk: ldk)
        }
    }

    static func rowDots(
        _ x: UnsafePointer<Float>, ldx: Int, _ y: UnsafePointer<Float>, ldy: Int, rows: Int, columns: Int,
        _ dots: UnsafeMutablePointer<Float>
    ) {
        switch level {
        case .v3, .v4: V3.rowDots(x, ldx: ldx, y, ldy: ldy, rows: rows, columns: columns, dots)
        case .baseline: Base.rowDots(x, ldx: ldx, y, ldy: ldy, rows: rows, columns: columns, dots)
        }
    }
}
