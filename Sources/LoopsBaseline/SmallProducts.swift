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
        /// Eight rows of sixteen columns.
        private struct Eight {
            var s0, s1, s2, s3, s4, s5, s6, s7: SIMD16<Float>

            /// Zeros, or what is at c.
            @inline(__always)
            init(_ c: UnsafeMutablePointer<Float>, _ ldc: Int, _ adding: Bool) {
                s0 = SIMD16(repeating: 0)
                (s1, s2, s3, s4, s5, s6, s7) = (s0, s0, s0, s0, s0, s0, s0)
                guard adding else { return }
                let (d, e) = (c + 3 &* ldc, c + 6 &* ldc)
                (s0, s1, s2) = (load(c, 0), load(c, ldc), load(c, 2 &* ldc))
                (s3, s4, s5) = (load(d, 0), load(d, ldc), load(d, 2 &* ldc))
                (s6, s7) = (load(e, 0), load(e, ldc))
            }

            /// Adds a row of b times the numbers of a column of a; x, y, z are three rows of a apart.
            @inline(__always)
            mutating func add(
                _ x: UnsafePointer<Float>, _ y: UnsafePointer<Float>, _ z: UnsafePointer<Float>, _ down: Int,
                _ row: SIMD16<Float>
            ) {
                s0 = fused(s0, x[0], row)
                s1 = fused(s1, x[down], row)
                s2 = fused(s2, x[2 &* down], row)
                s3 = fused(s3, y[0], row)
                s4 = fused(s4, y[down], row)
                s5 = fused(s5, y[2 &* down], row)
                s6 = fused(s6, z[0], row)
                s7 = fused(s7, z[down], row)
            }

            @inline(__always)
            func store(_ c: UnsafeMutablePointer<Float>, _ ldc: Int) {
                let (d, e) = (c + 3 &* ldc, c + 6 &* ldc)
                Loops.store(s0, c, 0)
                Loops.store(s1, c, ldc)
                Loops.store(s2, c, 2 &* ldc)
                Loops.store(s3, d, 0)
                Loops.store(s4, d, ldc)
                Loops.store(s5, d, 2 &* ldc)
                Loops.store(s6, e, 0)
                Loops.store(s7, e, ldc)
            }
        }

        /// Eight rows: with registers of sixteen floats four would wait for their own sums.
        @inline(__always)
        private static func wideTile(
            _ depth: Int, _ a: UnsafePointer<Float>, _ down: Int, _ across: Int, _ b: UnsafePointer<Float>, _ ldb: Int,
            _ c: UnsafeMutablePointer<Float>, _ ldc: Int, _ adding: Bool
        ) {
            var sums = Eight(c, ldc, adding)
            var (x, y, z, w) = (a, a + 3 &* down, a + 6 &* down, b)
            var l = 0
            while l < depth {
                sums.add(x, y, z, down, load(w, 0))
                x += across
                y += across
                z += across
                w += ldb
                l &+= 1
            }
            sums.store(c, ldc)
        }

        /// Eight rows of two blocks of columns: what is read of a serves twice.
        @inline(__always)
        private static func doubleTile(
            _ depth: Int, _ a: UnsafePointer<Float>, _ down: Int, _ across: Int, _ b: UnsafePointer<Float>, _ ldb: Int,
            _ c: UnsafeMutablePointer<Float>, _ ldc: Int, _ adding: Bool
        ) {
            var (sums, next) = (Eight(c, ldc, adding), Eight(c + 16, ldc, adding))
            var (x, y, z, w) = (a, a + 3 &* down, a + 6 &* down, b)
            var l = 0
            while l < depth {
                let (row, other) = (load(w, 0), load(w, 16))
                sums.add(x, y, z, down, row)
                next.add(x, y, z, down, other)
                x += across
                y += across
                z += across
                w += ldb
                l &+= 1
            }
            sums.store(c, ldc)
            next.store(c + 16, ldc)
        }
    #endif
}
