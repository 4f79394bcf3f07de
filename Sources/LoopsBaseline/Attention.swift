/// Attention of one head of one short sequence, all in the first cache: small products with tiles of four rows and
/// sixteen columns in registers, rows of probabilities padded to a multiple of sixteen.
///
/// Shapes: q, y [n, width] with rows `ldq` apart, k, v [m, width] with rows `ldk` apart; p [n, padded(m)] dense. `width` is a
/// multiple of 16. `keys` holds one dropout key a query; a threshold of 0 drops nothing.
extension Loops {
    /// Columns of a row of probabilities.
    @inline(__always)
    package static func padded(_ m: Int) -> Int { (m &+ 15) & ~15 }

    /// y = drop(softmax(scale · q kᵀ)) v; p becomes the probabilities before dropout.
    ///
    /// Where `seen` is given, query i sees only the first seen[i] keys. `scratch` holds padded(m) · (width + n) floats.
    package static func attention(
        n: Int, m: Int, width: Int, scale: Float, seen: UnsafePointer<Int>?, q: UnsafePointer<Float>, ldq: Int,
        k: UnsafePointer<Float>, v: UnsafePointer<Float>, ldk: Int, keys: UnsafePointer<UInt64>, threshold: UInt32,
        kept: Float, scratch: UnsafeMutablePointer<Float>, p: UnsafeMutablePointer<Float>,
        y: UnsafeMutablePointer<Float>
    ) {
        let columns = padded(m)
        transpose(k, rows: m, columns: width, ld: ldk, to: scratch, columns)
        product(
            rows: n, columns: columns, depth: width, q, ldq, 1, UnsafePointer(scratch), columns, p, columns,
            adding: false)
        probabilities(n: n, m: m, scale: scale, seen: seen, p)
        var weights = UnsafePointer(p)
        if threshold > 0 {
            let dropped = scratch + columns &* width
            var i = 0
            while i < n {
                let at = i &* columns
                maskRow(key: keys[i], threshold: threshold, kept, p + at, dropped + at, columns)
                i &+= 1
            }
            weights = UnsafePointer(dropped)
        }
        product(rows: n, columns: width, depth: m, weights, columns, 1, v, ldk, y, ldq, adding: false)
    }

    /// Gradients dq, dk, dv (each where wanted) for dy and the probabilities that `attention` gave.
    ///
    /// dk and dv are added to where `adding` is set. `scratch` holds padded(m) · (width + 2 · n) floats.
    package static func attentionBackward(
        n: Int, m: Int, width: Int, scale: Float, q: UnsafePointer<Float>, ldq: Int, k: UnsafePointer<Float>,
        v: UnsafePointer<Float>, ldk: Int, keys: UnsafePointer<UInt64>, threshold: UInt32, kept: Float,
        scratch: UnsafeMutablePointer<Float>, p: UnsafePointer<Float>, dy: UnsafePointer<Float>,
        dq: UnsafeMutablePointer<Float>?, dk: UnsafeMutablePointer<Float>?, dv: UnsafeMutablePointer<Float>?,
        adding: Bool
    ) {
        let columns = padded(m)
        let ds = scratch + columns &* width
        let dropped = ds + columns &* n
        let wantsScores = dq != nil || dk != nil
        if wantsScores {
            transpose(v, rows: m, columns: width, ld: ldk, to: scratch, columns)
            product(
                rows: n, columns: columns, depth: width, dy, ldq, 1, UnsafePointer(scratch), columns, ds, columns,
                adding: false)
        }
        var weights = p
        if threshold > 0 {
            var i = 0
            while i < n {
                let at = i &* columns
                maskRow(key: keys[i], threshold: threshold, kept, p + at, dropped + at, columns)
                if wantsScores { maskRow(key: keys[i], threshold: threshold, kept, ds + at, ds + at, columns) }
                i &+= 1
            }
            weights = UnsafePointer(dropped)
        }
        if let dv { product(rows: m, columns: width, depth: n, weights, 1, columns, dy, ldq, dv, ldk, adding: adding) }
        guard wantsScores else { return }
        var i = 0
        while i < n {
            scoreGradient(p + i &* columns, ds + i &* columns, scale, columns)
            i &+= 1
        }
        let scores = UnsafePointer(ds)
        if let dq { product(rows: n, columns: width, depth: m, scores, columns, 1, k, ldk, dq, ldq, adding: false) }
        if let dk { product(rows: m, columns: width, depth: n, scores, 1, columns, q, ldq, dk, ldk, adding: adding) }
    }

    /// p = softmax(scale · p) over the visible of its m columns, 0 in the others and in the padding.
    @inline(__always)
    private static func probabilities(
        n: Int, m: Int, scale: Float, seen: UnsafePointer<Int>?, _ p: UnsafeMutablePointer<Float>
    ) {
        let columns = padded(m)
        var i = 0
        while i < n {
            let row = p + i &* columns
            var j = m
            if let seen { j = seen[i] }
            while j < columns {
                row[j] = -.infinity
                j &+= 1
            }
            var top = maximumOfBlocks(row, columns)
            // A row that sees nothing becomes 0 (its sum is), as in `softmax`.
            top = top == -.infinity ? 0 : top
            for j in 0..<columns { row[j] = scale * (row[j] - top) }
            i &+= 1
        }
        // One loop over all rows: short ones would not fill it.
        for j in 0..<n &* columns { p[j] = Approximation.exp(p[j]) }
        i = 0
        while i < n {
            let row = p + i &* columns
            let total = sum(row, columns)
            let factor = SIMD16<Float>(repeating: total == 0 ? 0 : 1 / total)
            var j = 0
            while j < columns {
                store(load(row, j) * factor, row, j)
                j &+= 16
            }
            i &+= 1
        }
    }

    /// ds = scale · p · (ds − Σ p · ds).
    @inline(__always)
    private static func scoreGradient(
        _ p: UnsafePointer<Float>, _ ds: UnsafeMutablePointer<Float>, _ scale: Float, _ columns: Int
    ) {
        let mean = SIMD16<Float>(repeating: dot(p, ds, columns))
        let factor = SIMD16<Float>(repeating: scale)
        var j = 0
        while j < columns {
            store(factor * load(p, j) * (load(ds, j) - mean), ds, j)
            j &+= 16
        }
    }

    /// As `dropout`, over whole blocks of sixteen.
    @inline(__always)
    private static func maskRow(
        key: UInt64, threshold: UInt32, _ kept: Float, _ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>,
        _ columns: Int
    ) {
        let k0 = SIMD16<UInt32>(repeating: UInt32(truncatingIfNeeded: key))
        let k1 = SIMD16<UInt32>(repeating: UInt32(truncatingIfNeeded: key >> 32))
        let factor = SIMD16<Float>(repeating: kept)
        let limit = SIMD16<UInt32>(repeating: threshold)
        var feature = SIMD16<UInt32>(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)
        var j = 0
        while j < columns {
            var h = feature ^ k0
            h = (h ^ (h &>> 16)) &* 0x7FEB_352D
            h = (h ^ (h &>> 15) ^ k1) &* 0x846C_A68B
            h ^= h &>> 16
            store(SIMD16<Float>(repeating: 0).replacing(with: load(x, j) * factor, where: h .>= limit), y, j)
            feature = feature &+ 16
            j &+= 16
        }
    }

    @inline(__always)
    private static func maximumOfBlocks(_ x: UnsafePointer<Float>, _ columns: Int) -> Float {
        var lanes = load(x, 0)
        var j = 16
        while j < columns {
            let next = load(x, j)
            lanes.replace(with: next, where: next .> lanes)
            j &+= 16
        }
        var a = lanes.lowHalf
        a.replace(with: lanes.highHalf, where: lanes.highHalf .> a)
        var b = a.lowHalf
        b.replace(with: a.highHalf, where: a.highHalf .> b)
        let c = b[0] > b[2] ? b[0] : b[2]
        let d = b[1] > b[3] ? b[1] : b[3]
        return c > d ? c : d
    }

    /// target[columns, ld'] = source[rows, columns]ᵀ, the last row repeated to fill a block of four rows.
    @inline(__always)
    private static func transpose(
        _ source: UnsafePointer<Float>, rows: Int, columns: Int, ld: Int, to target: UnsafeMutablePointer<Float>,
        _ step: Int
    ) {
        var j = 0
        while j < step {
            let a = UnsafeRawPointer(source + min(j, rows &- 1) &* ld)
            let b = UnsafeRawPointer(source + min(j &+ 1, rows &- 1) &* ld)
            let c = UnsafeRawPointer(source + min(j &+ 2, rows &- 1) &* ld)
            let d = UnsafeRawPointer(source + min(j &+ 3, rows &- 1) &* ld)
            var i = 0
            while i < columns {
                let x = a.loadUnaligned(fromByteOffset: i &* 4, as: SIMD4<Float>.self)
                let y = b.loadUnaligned(fromByteOffset: i &* 4, as: SIMD4<Float>.self)
                let z = c.loadUnaligned(fromByteOffset: i &* 4, as: SIMD4<Float>.self)
                let w = d.loadUnaligned(fromByteOffset: i &* 4, as: SIMD4<Float>.self)
                let to = UnsafeMutableRawPointer(target + (i &* step &+ j))
                to.storeBytes(of: SIMD4(x[0], y[0], z[0], w[0]), as: SIMD4<Float>.self)
                to.storeBytes(of: SIMD4(x[1], y[1], z[1], w[1]), toByteOffset: step &* 4, as: SIMD4<Float>.self)
                to.storeBytes(of: SIMD4(x[2], y[2], z[2], w[2]), toByteOffset: step &* 8, as: SIMD4<Float>.self)
                to.storeBytes(of: SIMD4(x[3], y[3], z[3], w[3]), toByteOffset: step &* 12, as: SIMD4<Float>.self)
                i &+= 4
            }
            j &+= 4
        }
    }

    @inline(__always)
    private static func load(_ x: UnsafePointer<Float>, _ i: Int) -> SIMD16<Float> {
        UnsafeRawPointer(x + i).loadUnaligned(as: SIMD16<Float>.self)
    }

    @inline(__always)
    private static func store(_ v: SIMD16<Float>, _ x: UnsafeMutablePointer<Float>, _ i: Int) {
        UnsafeMutableRawPointer(x + i).storeBytes(of: v, as: SIMD16<Float>.self)
    }

    /// c + a · b, rounded once where the processor can.
    @inline(__always)
    private static func fused(_ c: SIMD16<Float>, _ a: Float, _ b: SIMD16<Float>) -> SIMD16<Float> {
        #if FUSED
            c.addingProduct(SIMD16(repeating: a), b)
        #else
            c + b * SIMD16(repeating: a)
        #endif
    }

    /// c[rows, columns] (+)= Σ over depth of a · b; element (i, l) of a lies at i · down + l · across; columns are a multiple of 16.
    @inline(__always)
    private static func product(
        rows: Int, columns: Int, depth: Int, _ a: UnsafePointer<Float>, _ down: Int, _ across: Int,
        _ b: UnsafePointer<Float>, _ ldb: Int, _ c: UnsafeMutablePointer<Float>, _ ldc: Int, adding: Bool
    ) {
        var j = 0
        while j < columns {
            var i = 0
            #if WIDE
                while i &+ 8 <= rows {
                    wideTile(depth, a + i &* down, down, across, b + j, ldb, c + (i &* ldc &+ j), ldc, adding)
                    i &+= 8
                }
            #endif
            while i &+ 4 <= rows {
                tile(depth, a + i &* down, down, across, b + j, ldb, c + (i &* ldc &+ j), ldc, adding)
                i &+= 4
            }
            if i < rows, rows >= 4, !adding {
                // Some rows a second time is faster than one by one.
                i = rows &- 4
                tile(depth, a + i &* down, down, across, b + j, ldb, c + (i &* ldc &+ j), ldc, false)
                i = rows
            }
            while i < rows {
                var sum = adding ? load(c, i &* ldc &+ j) : SIMD16<Float>(repeating: 0)
                var l = 0
                while l < depth {
                    sum = fused(sum, a[i &* down &+ l &* across], load(b, l &* ldb &+ j))
                    l &+= 1
                }
                store(sum, c, i &* ldc &+ j)
                i &+= 1
            }
            j &+= 16
        }
    }

    @inline(__always)
    private static func tile(
        _ depth: Int, _ a: UnsafePointer<Float>, _ down: Int, _ across: Int, _ b: UnsafePointer<Float>, _ ldb: Int,
        _ c: UnsafeMutablePointer<Float>, _ ldc: Int, _ adding: Bool
    ) {
        var s0 = SIMD16<Float>(repeating: 0)
        var (s1, s2, s3) = (s0, s0, s0)
        if adding { (s0, s1, s2, s3) = (load(c, 0), load(c, ldc), load(c, 2 &* ldc), load(c, 3 &* ldc)) }
        var (x, y) = (a, b)
        var l = 0
        while l < depth {
            let row = load(y, 0)
            s0 = fused(s0, x[0], row)
            s1 = fused(s1, x[down], row)
            s2 = fused(s2, x[2 &* down], row)
            s3 = fused(s3, x[3 &* down], row)
            x += across
            y += ldb
            l &+= 1
        }
        store(s0, c, 0)
        store(s1, c, ldc)
        store(s2, c, 2 &* ldc)
        store(s3, c, 3 &* ldc)
    }

    #if WIDE
        /// Eight rows: with registers of sixteen floats four would wait for their own sums.
        @inline(__always)
        private static func wideTile(
            _ depth: Int, _ a: UnsafePointer<Float>, _ down: Int, _ across: Int, _ b: UnsafePointer<Float>, _ ldb: Int,
            _ c: UnsafeMutablePointer<Float>, _ ldc: Int, _ adding: Bool
        ) {
            var s0 = SIMD16<Float>(repeating: 0)
            var (s1, s2, s3, s4, s5, s6, s7) = (s0, s0, s0, s0, s0, s0, s0)
            if adding {
                (s0, s1, s2, s3) = (load(c, 0), load(c, ldc), load(c, 2 &* ldc), load(c, 3 &* ldc))
                (s4, s5) = (load(c, 4 &* ldc), load(c, 5 &* ldc))
                (s6, s7) = (load(c, 6 &* ldc), load(c, 7 &* ldc))
            }
            var (x, y) = (a, b)
            var l = 0
            while l < depth {
                let row = load(y, 0)
                s0 = fused(s0, x[0], row)
                s1 = fused(s1, x[down], row)
                s2 = fused(s2, x[2 &* down], row)
                s3 = fused(s3, x[3 &* down], row)
                s4 = fused(s4, x[4 &* down], row)
                s5 = fused(s5, x[5 &* down], row)
                s6 = fused(s6, x[6 &* down], row)
                s7 = fused(s7, x[7 &* down], row)
                x += across
                y += ldb
                l &+= 1
            }
            store(s0, c, 0)
            store(s1, c, ldc)
            store(s2, c, 2 &* ldc)
            store(s3, c, 3 &* ldc)
            store(s4, c, 4 &* ldc)
            store(s5, c, 5 &* ldc)
            store(s6, c, 6 &* ldc)
            store(s7, c, 7 &* ldc)
        }
    #endif
}
