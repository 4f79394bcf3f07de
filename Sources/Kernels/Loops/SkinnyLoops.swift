extension Loops {
    /// c[rank] = scale · W[rank, width] · x for one row x; four rows of W at a time share the loads of x.
    static func project(
        _ x: UnsafePointer<Float>, _ w: UnsafePointer<Float>, rank: Int, width: Int, scale: Float,
        _ c: UnsafeMutablePointer<Float>
    ) {
        let whole = width & ~15
        let row = UnsafeRawPointer(x)
        var j = 0
        while j &+ 4 <= rank {
            let (w0, w1) = (w + j &* width, w + (j &+ 1) &* width)
            let (w2, w3) = (w + (j &+ 2) &* width, w + (j &+ 3) &* width)
            let (r0, r1, r2, r3) = (
                UnsafeRawPointer(w0), UnsafeRawPointer(w1), UnsafeRawPointer(w2), UnsafeRawPointer(w3)
            )
            var s0 = SIMD16<Float>(repeating: 0)
            var (s1, s2, s3) = (s0, s0, s0)
            var i = 0
            while i < whole {
                let at = i &* 4
                let v = row.loadUnaligned(fromByteOffset: at, as: SIMD16<Float>.self)
                s0 += v * r0.loadUnaligned(fromByteOffset: at, as: SIMD16<Float>.self)
                s1 += v * r1.loadUnaligned(fromByteOffset: at, as: SIMD16<Float>.self)
                s2 += v * r2.loadUnaligned(fromByteOffset: at, as: SIMD16<Float>.self)
                s3 += v * r3.loadUnaligned(fromByteOffset: at, as: SIMD16<Float>.self)
                i &+= 16
            }
            var (t0, t1, t2, t3) = (fold(s0), fold(s1), fold(s2), fold(s3))
            while i < width {
                t0 += x[i] * w0[i]
                t1 += x[i] * w1[i]
                t2 += x[i] * w2[i]
                t3 += x[i] * w3[i]
                i &+= 1
            }
            c[j] = scale * t0
            c[j &+ 1] = scale * t1
            c[j &+ 2] = scale * t2
            c[j &+ 3] = scale * t3
            j &+= 4
        }
        while j < rank {
            c[j] = scale * dot(x, w + j &* width, width)
            j &+= 1
        }
    }

    /// y[width] += scale · Σ_j c[j] · W[j, width], four rows of W at a time.
    static func combine(
        _ c: UnsafePointer<Float>, _ w: UnsafePointer<Float>, rank: Int, step: Int, scale: Float,
        _ y: UnsafeMutablePointer<Float>, _ width: Int
    ) {
        var j = 0
        while j &+ 4 <= rank {
            let (c0, c1, c2, c3) = (scale * c[j], scale * c[j &+ 1], scale * c[j &+ 2], scale * c[j &+ 3])
            let w0 = w + j &* step
            let (w1, w2, w3) = (w0 + step, w0 + 2 &* step, w0 + 3 &* step)
            for i in 0..<width { y[i] += (c0 * w0[i] + c1 * w1[i]) + (c2 * w2[i] + c3 * w3[i]) }
            j &+= 4
        }
        while j < rank {
            axpy(scale * c[j], w + j &* step, y, width)
            j &+= 1
        }
    }

    /// g[j, width] += c[j] · x for every j, g with rows `step` apart: the outer product of one row.
    static func addOuter(
        _ c: UnsafePointer<Float>, _ x: UnsafePointer<Float>, rank: Int, step: Int, _ g: UnsafeMutablePointer<Float>,
        _ width: Int
    ) {
        var j = 0
        while j &+ 4 <= rank {
            let (c0, c1, c2, c3) = (c[j], c[j &+ 1], c[j &+ 2], c[j &+ 3])
            let g0 = g + j &* step
            let (g1, g2, g3) = (g0 + step, g0 + 2 &* step, g0 + 3 &* step)
            for i in 0..<width {
                let v = x[i]
                g0[i] += c0 * v
                g1[i] += c1 * v
                g2[i] += c2 * v
                g3[i] += c3 * v
            }
            j &+= 4
        }
        while j < rank {
            axpy(c[j], x, g + j &* step, width)
            j &+= 1
        }
    }
}
