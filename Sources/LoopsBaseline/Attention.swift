/// Attention of one head of one short sequence, all in the first cache: sixteen queries at a time, one in each lane of a
/// vector, so that softmax needs no sum across lanes; products by `SmallProducts.swift`.
///
/// Shapes: q, y [n, width] with rows `ldq` apart, k, v [m, width] with rows `ldk` apart; p [blocks of sixteen queries, m, 16]
/// dense. `width` is a multiple of 16. `keys` holds the dropout keys of the queries, [blocks, 2, 16]: the low halves of sixteen,
/// then the high ones; a threshold of 0 drops nothing.
extension Loops {
    /// Queries with those that fill the last block.
    @inline(__always)
    package static func padded(_ n: Int) -> Int { (n &+ 15) & ~15 }

    /// Dropout keys of n queries as `attention` takes them: RandomKey's child `head` of each row's key, and of that its child `place`.
    ///
    /// `head` and `places` are the mixed numbers of these children; zeros fill the last block.
    package static func attentionKeys(
        n: Int, rows: UnsafePointer<UInt64>, head: UInt64, places: UnsafePointer<UInt64>,
        keys: UnsafeMutablePointer<UInt32>
    ) {
        var first = 0
        while first < n {
            let (row, place, low) = (rows + first, places + first, keys + 2 &* first)
            let high = low + 16
            let count = min(16, n &- first)
            for i in 0..<count {
                let z = mix(mix(row[i] ^ head) ^ place[i])
                low[i] = UInt32(truncatingIfNeeded: z)
                high[i] = UInt32(truncatingIfNeeded: z >> 32)
            }
            for i in count..<16 { (low[i], high[i]) = (0, 0) }
            first &+= 16
        }
    }

    /// As `RandomKey.mix`.
    @inline(__always)
    private static func mix(_ value: UInt64) -> UInt64 {
        var z = value
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    /// y = drop(softmax(scale · q kᵀ)) v; p becomes the probabilities before dropout.
    ///
    /// Where `seen` is given, query i sees only the first seen[i] keys; it has padded(n) entries. `scratch` holds
    /// 16 · (width + m) floats.
    package static func attention(
        n: Int, m: Int, width: Int, scale: Float, seen: UnsafePointer<Int32>?, q: UnsafePointer<Float>, ldq: Int,
        k: UnsafePointer<Float>, v: UnsafePointer<Float>, ldk: Int, keys: UnsafePointer<UInt32>, threshold: UInt32,
        kept: Float, scratch: UnsafeMutablePointer<Float>, p: UnsafeMutablePointer<Float>,
        y: UnsafeMutablePointer<Float>
    ) {
        let dropped = scratch + 16 &* width
        var first = 0
        while first < n {
            let rows = min(16, n &- first)
            let block = p + first &* m
            transpose(q + first &* ldq, rows: rows, columns: width, ld: ldq, to: scratch)
            product(
                rows: m, columns: 16, depth: width, k, ldk, 1, UnsafePointer(scratch), 16, block, 16, adding: false)
            if let seen { hide(m, seen + first, block) }
            exponentials(m, scale, block)
            let factor = inverseSums(m, block)
            if threshold > 0 {
                normalise(m, factor, keys: keys + 2 &* first, threshold: threshold, kept, block, dropped: dropped)
            } else {
                normalise(m, factor, block)
            }
            product(
                rows: rows, columns: width, depth: m, UnsafePointer(threshold > 0 ? dropped : block), 1, 16, v, ldk,
                y + first &* ldq, ldq, adding: false)
            first &+= 16
        }
    }

    /// Gradients dq, dk, dv (each where wanted) for dy and the probabilities that `attention` gave.
    ///
    /// dk and dv are added to where `adding` is set. `scratch` holds 16 · (width + 2 · m) floats.
    package static func attentionBackward(
        n: Int, m: Int, width: Int, scale: Float, q: UnsafePointer<Float>, ldq: Int, k: UnsafePointer<Float>,
        v: UnsafePointer<Float>, ldk: Int, keys: UnsafePointer<UInt32>, threshold: UInt32, kept: Float,
        scratch: UnsafeMutablePointer<Float>, p: UnsafePointer<Float>, dy: UnsafePointer<Float>,
        dq: UnsafeMutablePointer<Float>?, dk: UnsafeMutablePointer<Float>?, dv: UnsafeMutablePointer<Float>?,
        adding: Bool
    ) {
        let ds = scratch + 16 &* width
        let dropped = ds + 16 &* m
        let wantsScores = dq != nil || dk != nil
        var first = 0
        while first < n {
            let rows = min(16, n &- first)
            let block = p + first &* m
            let (queries, change) = (q + first &* ldq, dy + first &* ldq)
            let adds = adding || first > 0
            if wantsScores {
                transpose(change, rows: rows, columns: width, ld: ldq, to: scratch)
                product(
                    rows: m, columns: 16, depth: width, v, ldk, 1, UnsafePointer(scratch), 16, ds, 16, adding: false)
            }
            var weights = block
            if threshold > 0 {
                let keys = keys + 2 &* first
                drop(m, keys: keys, threshold: threshold, kept, block, dropped)
                if wantsScores { drop(m, keys: keys, threshold: threshold, kept, ds, ds) }
                weights = UnsafePointer(dropped)
            }
            if let dv {
                product(rows: m, columns: width, depth: rows, weights, 16, 1, change, ldq, dv, ldk, adding: adds)
            }
            if wantsScores {
                scoreGradient(m, scale, block, ds)
                let scores = UnsafePointer(ds)
                if let dq {
                    product(
                        rows: rows, columns: width, depth: m, scores, 1, 16, k, ldk, dq + first &* ldq, ldq,
                        adding: false)
                }
                if let dk {
                    product(rows: m, columns: width, depth: rows, scores, 16, 1, queries, ldq, dk, ldk, adding: adds)
                }
            }
            first &+= 16
        }
    }

    /// p = −∞ where a query does not see a key.
    @inline(__always)
    private static func hide(_ m: Int, _ seen: UnsafePointer<Int32>, _ p: UnsafeMutablePointer<Float>) {
        let limit = UnsafeRawPointer(seen).loadUnaligned(as: SIMD16<Int32>.self)
        var j = 0
        while j < m {
            let hidden = SIMD16<Int32>(repeating: Int32(truncatingIfNeeded: j)) .>= limit
            store(load(p, 16 &* j).replacing(with: -.infinity, where: hidden), p, 16 &* j)
            j &+= 1
        }
    }

    /// p = e^(scale · (p − max over the keys)).
    @inline(__always)
    private static func exponentials(_ m: Int, _ scale: Float, _ p: UnsafeMutablePointer<Float>) {
        var top = load(p, 0)
        var other = top
        var j = 1
        while j &+ 1 < m {
            let (a, b) = (load(p, 16 &* j), load(p, 16 &* j &+ 16))
            top.replace(with: a, where: a .> top)
            other.replace(with: b, where: b .> other)
            j &+= 2
        }
        if j < m {
            let a = load(p, 16 &* j)
            top.replace(with: a, where: a .> top)
        }
        top.replace(with: other, where: other .> top)
        // A query that sees nothing gets zeros (their sum is), as in `softmax`.
        top.replace(with: 0, where: top .== -.infinity)
        let factor = SIMD16<Float>(repeating: scale)
        j = 0
        while j < m {
            store((load(p, 16 &* j) - top) * factor, p, 16 &* j)
            j &+= 1
        }
        for i in 0..<16 &* m { p[i] = Approximation.exp(p[i]) }
    }

    /// 1 / Σ over the keys; 0 where that is 0.
    @inline(__always)
    private static func inverseSums(_ m: Int, _ p: UnsafePointer<Float>) -> SIMD16<Float> {
        var sum = load(p, 0)
        var other = SIMD16<Float>(repeating: 0)
        var j = 1
        while j &+ 1 < m {
            sum += load(p, 16 &* j)
            other += load(p, 16 &* j &+ 16)
            j &+= 2
        }
        if j < m { sum += load(p, 16 &* j) }
        sum += other
        return (SIMD16<Float>(repeating: 1) / sum).replacing(with: 0, where: sum .== 0)
    }

    /// p = p · factor.
    @inline(__always)
    private static func normalise(_ m: Int, _ factor: SIMD16<Float>, _ p: UnsafeMutablePointer<Float>) {
        var j = 0
        while j < m {
            store(load(p, 16 &* j) * factor, p, 16 &* j)
            j &+= 1
        }
    }

    /// p = p · factor, and `dropped` that with dropout.
    @inline(__always)
    private static func normalise(
        _ m: Int, _ factor: SIMD16<Float>, keys: UnsafePointer<UInt32>, threshold: UInt32, _ kept: Float,
        _ p: UnsafeMutablePointer<Float>, dropped: UnsafeMutablePointer<Float>
    ) {
        let (k0, k1) = halves(keys)
        var j = 0
        while j < m {
            let x = load(p, 16 &* j) * factor
            store(x, p, 16 &* j)
            store(masked(x, j, k0, k1, threshold, kept), dropped, 16 &* j)
            j &+= 1
        }
    }

    /// y = x with dropout; y may be x.
    @inline(__always)
    private static func drop(
        _ m: Int, keys: UnsafePointer<UInt32>, threshold: UInt32, _ kept: Float, _ x: UnsafePointer<Float>,
        _ y: UnsafeMutablePointer<Float>
    ) {
        let (k0, k1) = halves(keys)
        var j = 0
        while j < m {
            store(masked(load(x, 16 &* j), j, k0, k1, threshold, kept), y, 16 &* j)
            j &+= 1
        }
    }

    @inline(__always)
    private static func halves(_ keys: UnsafePointer<UInt32>) -> (SIMD16<UInt32>, SIMD16<UInt32>) {
        let raw = UnsafeRawPointer(keys)
        return (
            raw.loadUnaligned(as: SIMD16<UInt32>.self),
            raw.loadUnaligned(fromByteOffset: 64, as: SIMD16<UInt32>.self)
        )
    }

    /// `dropout` of one key position for sixteen queries, each with its own key.
    @inline(__always)
    private static func masked(
        _ x: SIMD16<Float>, _ feature: Int, _ k0: SIMD16<UInt32>, _ k1: SIMD16<UInt32>, _ threshold: UInt32,
        _ kept: Float
    ) -> SIMD16<Float> {
        var h = SIMD16<UInt32>(repeating: UInt32(truncatingIfNeeded: feature)) ^ k0
        h = (h ^ (h &>> 16)) &* 0x7FEB_352D
        h = (h ^ (h &>> 15) ^ k1) &* 0x846C_A68B
        h ^= h &>> 16
        let limit = SIMD16<UInt32>(repeating: threshold)
        return SIMD16<Float>(repeating: 0).replacing(with: x * SIMD16(repeating: kept), where: h .>= limit)
    }

    /// ds = scale · p · (ds − Σ over the keys of p · ds).
    @inline(__always)
    private static func scoreGradient(
        _ m: Int, _ scale: Float, _ p: UnsafePointer<Float>, _ ds: UnsafeMutablePointer<Float>
    ) {
        var mean = SIMD16<Float>(repeating: 0)
        var j = 0
        while j < m {
            mean += load(p, 16 &* j) * load(ds, 16 &* j)
            j &+= 1
        }
        let factor = SIMD16<Float>(repeating: scale)
        j = 0
        while j < m {
            store(factor * load(p, 16 &* j) * (load(ds, 16 &* j) - mean), ds, 16 &* j)
            j &+= 1
        }
    }

    /// target[columns, 16] = source[rows, columns]ᵀ; zeros or the last row where there are fewer than sixteen rows.
    @inline(__always)
    private static func transpose(
        _ source: UnsafePointer<Float>, rows: Int, columns: Int, ld: Int, to target: UnsafeMutablePointer<Float>
    ) {
        let last = rows &- 1
        var j = 0
        while j < 16 {
            var to = UnsafeMutableRawPointer(target + j)
            if j > last {
                var i = 0
                while i < columns {
                    to.storeBytes(of: SIMD4(repeating: 0), as: SIMD4<Float>.self)
                    to += 64
                    i &+= 1
                }
            } else {
                let a = UnsafeRawPointer(source + j &* ld)
                let b = UnsafeRawPointer(source + min(j &+ 1, last) &* ld)
                let c = UnsafeRawPointer(source + min(j &+ 2, last) &* ld)
                let d = UnsafeRawPointer(source + min(j &+ 3, last) &* ld)
                var i = 0
                while i < columns {
                    let x = a.loadUnaligned(fromByteOffset: i &* 4, as: SIMD4<Float>.self)
                    let y = b.loadUnaligned(fromByteOffset: i &* 4, as: SIMD4<Float>.self)
                    let z = c.loadUnaligned(fromByteOffset: i &* 4, as: SIMD4<Float>.self)
                    let w = d.loadUnaligned(fromByteOffset: i &* 4, as: SIMD4<Float>.self)
                    to.storeBytes(of: SIMD4(x[0], y[0], z[0], w[0]), as: SIMD4<Float>.self)
                    to.storeBytes(of: SIMD4(x[1], y[1], z[1], w[1]), toByteOffset: 64, as: SIMD4<Float>.self)
                    to.storeBytes(of: SIMD4(x[2], y[2], z[2], w[2]), toByteOffset: 128, as: SIMD4<Float>.self)
                    to.storeBytes(of: SIMD4(x[3], y[3], z[3], w[3]), toByteOffset: 192, as: SIMD4<Float>.self)
                    to += 256
                    i &+= 4
                }
            }
            j &+= 4
        }
    }
}
