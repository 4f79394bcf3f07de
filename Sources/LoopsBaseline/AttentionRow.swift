/// Attention of one query, as when a text is generated: bound by reading keys and values, each read once for all heads that share it.
///
/// Shapes: q [heads, width] dense; k and v [m, width] with rows `ldk` apart; width a multiple of 16.
extension Loops {
    /// s[head, key] = q · k, rows of s `lds` apart.
    package static func attentionRowScores(
        heads: Int, m: Int, width: Int, q: UnsafePointer<Float>, k: UnsafePointer<Float>, ldk: Int,
        s: UnsafeMutablePointer<Float>, lds: Int
    ) {
        var j = 0
        while j < m {
            let row = k + j &* ldk
            var head = 0
            while head < heads {
                let x = q + head &* width
                var (a, b) = (SIMD16<Float>(repeating: 0), SIMD16<Float>(repeating: 0))
                var i = 0
                while i &+ 32 <= width {
                    a = fused(a, load(x, i), load(row, i))
                    b = fused(b, load(x, i &+ 16), load(row, i &+ 16))
                    i &+= 32
                }
                if i < width { a = fused(a, load(x, i), load(row, i)) }
                s[head &* lds &+ j] = fold(a + b)
                head &+= 1
            }
            j &+= 1
        }
    }

    /// y[head] += Σ over keys of p · v; rows of p are `ldp` apart, those of y `width`.
    package static func attentionRowValues(
        heads: Int, m: Int, width: Int, p: UnsafePointer<Float>, ldp: Int, v: UnsafePointer<Float>, ldk: Int,
        y: UnsafeMutablePointer<Float>
    ) {
        var i = 0
        while i < width {
            let wide = i &+ 64 <= width
            var head = 0
            while head < heads {
                let (weights, sums) = (p + head &* ldp, y + (head &* width &+ i))
                var row = v + i
                var a = load(sums, 0)
                var j = 0
                if wide {
                    var (b, c, d) = (load(sums, 16), load(sums, 32), load(sums, 48))
                    while j < m {
                        let weight = weights[j]
                        a = fused(a, weight, load(row, 0))
                        b = fused(b, weight, load(row, 16))
                        c = fused(c, weight, load(row, 32))
                        d = fused(d, weight, load(row, 48))
                        row += ldk
                        j &+= 1
                    }
                    store(b, sums, 16)
                    store(c, sums, 32)
                    store(d, sums, 48)
                } else {
                    while j < m {
                        a = fused(a, weights[j], load(row, 0))
                        row += ldk
                        j &+= 1
                    }
                }
                store(a, sums, 0)
                head &+= 1
            }
            i &+= wide ? 64 : 16
        }
    }

    /// y[key] = Σ over heads of p · x, for p[heads, m] with rows `ldp` apart and x[heads, width]; rows of y are `ldk` apart.
    package static func attentionRowOuter(
        heads: Int, m: Int, width: Int, p: UnsafePointer<Float>, ldp: Int, x: UnsafePointer<Float>,
        y: UnsafeMutablePointer<Float>, ldk: Int
    ) {
        var j = 0
        while j < m {
            let row = y + j &* ldk
            var i = 0
            while i < width {
                var sum = SIMD16<Float>(repeating: 0)
                var (weight, part, left) = (p + j, x + i, heads)
                while left > 0 {
                    sum = fused(sum, weight[0], load(part, 0))
                    weight += ldp
                    part += width
                    left &-= 1
                }
                store(sum, row, i)
                i &+= 16
            }
            j &+= 1
        }
    }

    /// c + a · b for sixteen each, rounded once where the processor can.
    @inline(__always)
    private static func fused(_ c: SIMD16<Float>, _ a: SIMD16<Float>, _ b: SIMD16<Float>) -> SIMD16<Float> {
        #if FUSED
            c.addingProduct(a, b)
        #else
            c + a * b
        #endif
    }
}
