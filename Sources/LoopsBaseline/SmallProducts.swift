/// Products of small matrices that are in the first cache: tiles of four or eight rows and one or two vectors of sixteen columns stay
/// in registers.
extension Loops {
    @inline(__always)
    static func load(_ x: UnsafePointer<Float>, _ i: Int) -> SIMD16<Float> {
        UnsafeRawPointer(x + i).loadUnaligned(as: SIMD16<Float>.self)
    }

    @inline(__always)
    static func store(_ v: SIMD16<Float>, _ x: UnsafeMutablePointer<Float>, _ i: Int) {
        UnsafeMutableRawPointer(x + i).storeBytes(of: v, as: SIMD16<Float>.self)
    }

    /// c + a · b, rounded once where the processor can.
    @inline(__always)
    static func fused(_ c: SIMD16<Float>, _ a: Float, _ b: SIMD16<Float>) -> SIMD16<Float> {
        #if FUSED
            c.addingProduct(SIMD16(repeating: a), b)
        #else
            c + b * SIMD16(repeating: a)
        #endif
    }

    /// c[rows, columns] (+)= Σ over depth of a · b; element (i, l) of a lies at i · down + l · across; columns are a multiple of 16.
    @inline(__always)
    static func product(
        rows: Int, columns: Int, depth: Int, _ a: UnsafePointer<Float>, _ down: Int, _ across: Int,
        _ b: UnsafePointer<Float>, _ ldb: Int, _ c: UnsafeMutablePointer<Float>, _ ldc: Int, adding: Bool
    ) {
        #if WIDE
            let paired = rows < 8 ? 0 : columns & ~31
            // Some rows a second time is faster than one by one.
            let full = rows & 7 > 4 && !adding ? rows : rows & ~7
        #endif
        var j = 0
        while j < columns {
            var i = 0
            #if WIDE
                while i < (j < paired ? full : rows), rows >= 8 {
                    if i &+ 8 > rows {
                        if adding { break }
                        i = rows &- 8
                    }
                    let (from, to) = (a + i &* down, c + (i &* ldc &+ j))
                    if j >= paired {
                        wideTile(depth, from, down, across, b + j, ldb, to, ldc, adding)
                    } else if j & 16 == 0 {
                        doubleTile(depth, from, down, across, b + j, ldb, to, ldc, adding)
                    }
                    i &+= 8
                }
            #endif
            while i &+ 4 <= rows {
                tile(depth, a + i &* down, down, across, b + j, ldb, c + (i &* ldc &+ j), ldc, adding)
                i &+= 4
            }
            if i < rows, rows >= 4, !adding {
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
            let (d, e) = (c + 3 &* ldc, c + 6 &* ldc)
            if adding {
                (s0, s1, s2) = (load(c, 0), load(c, ldc), load(c, 2 &* ldc))
                (s3, s4, s5) = (load(d, 0), load(d, ldc), load(d, 2 &* ldc))
                (s6, s7) = (load(e, 0), load(e, ldc))
            }
            var (x, y, z, w) = (a, a + 3 &* down, a + 6 &* down, b)
            var l = 0
            while l < depth {
                let row = load(w, 0)
                s0 = fused(s0, x[0], row)
                s1 = fused(s1, x[down], row)
                s2 = fused(s2, x[2 &* down], row)
                s3 = fused(s3, y[0], row)
                s4 = fused(s4, y[down], row)
                s5 = fused(s5, y[2 &* down], row)
                s6 = fused(s6, z[0], row)
                s7 = fused(s7, z[down], row)
                x += across
                y += across
                z += across
                w += ldb
                l &+= 1
            }
            store(s0, c, 0)
            store(s1, c, ldc)
            store(s2, c, 2 &* ldc)
            store(s3, d, 0)
            store(s4, d, ldc)
            store(s5, d, 2 &* ldc)
            store(s6, e, 0)
            store(s7, e, ldc)
        }

        /// Eight rows of two blocks of columns: what is read of a serves twice.
        @inline(__always)
        private static func doubleTile(
            _ depth: Int, _ a: UnsafePointer<Float>, _ down: Int, _ across: Int, _ b: UnsafePointer<Float>, _ ldb: Int,
            _ c: UnsafeMutablePointer<Float>, _ ldc: Int, _ adding: Bool
        ) {
            var s0 = SIMD16<Float>(repeating: 0)
            var (s1, s2, s3, s4, s5, s6, s7) = (s0, s0, s0, s0, s0, s0, s0)
            var (t0, t1, t2, t3, t4, t5, t6, t7) = (s0, s0, s0, s0, s0, s0, s0, s0)
            let (d, e) = (c + 3 &* ldc, c + 6 &* ldc)
            if adding {
                (s0, s1, s2) = (load(c, 0), load(c, ldc), load(c, 2 &* ldc))
                (t0, t1, t2) = (load(c, 16), load(c, ldc &+ 16), load(c, 2 &* ldc &+ 16))
                (s3, s4, s5) = (load(d, 0), load(d, ldc), load(d, 2 &* ldc))
                (t3, t4, t5) = (load(d, 16), load(d, ldc &+ 16), load(d, 2 &* ldc &+ 16))
                (s6, s7, t6, t7) = (load(e, 0), load(e, ldc), load(e, 16), load(e, ldc &+ 16))
            }
            var (x, y, z, w) = (a, a + 3 &* down, a + 6 &* down, b)
            var l = 0
            while l < depth {
                let (row, next) = (load(w, 0), load(w, 16))
                (s0, t0) = (fused(s0, x[0], row), fused(t0, x[0], next))
                (s1, t1) = (fused(s1, x[down], row), fused(t1, x[down], next))
                (s2, t2) = (fused(s2, x[2 &* down], row), fused(t2, x[2 &* down], next))
                (s3, t3) = (fused(s3, y[0], row), fused(t3, y[0], next))
                (s4, t4) = (fused(s4, y[down], row), fused(t4, y[down], next))
                (s5, t5) = (fused(s5, y[2 &* down], row), fused(t5, y[2 &* down], next))
                (s6, t6) = (fused(s6, z[0], row), fused(t6, z[0], next))
                (s7, t7) = (fused(s7, z[down], row), fused(t7, z[down], next))
                x += across
                y += across
                z += across
                w += ldb
                l &+= 1
            }
            store(s0, c, 0)
            store(t0, c, 16)
            store(s1, c, ldc)
            store(t1, c, ldc &+ 16)
            store(s2, c, 2 &* ldc)
            store(t2, c, 2 &* ldc &+ 16)
            store(s3, d, 0)
            store(t3, d, 16)
            store(s4, d, ldc)
            store(t4, d, ldc &+ 16)
            store(s5, d, 2 &* ldc)
            store(t5, d, 2 &* ldc &+ 16)
            store(s6, e, 0)
            store(t6, e, 16)
            store(s7, e, ldc)
            store(t7, e, ldc &+ 16)
        }
    #endif
}
