/// Attention of long sequences by tiles: some queries of one head and some keys at a time.
///
/// A tile's scores lie row by row, one query a row, so that what a query sees is a range of its row and what its bias adds lies side by
/// side. The softmax goes on from tile to tile (Milakov and Gimelshein 2018, arXiv:1805.02867; Dao et al. 2022, arXiv:2205.14135): the
/// largest score so far and the sum of exponentials below it are what a row remembers.
extension Loops {
    /// Keys side by side in what `transposeKeys` writes.
    package static var panelKeys: Int { 32 }

    /// c[rows, columns] (+)= Σ over depth of a · b; element (i, l) of a lies at i · down + l · across; columns are a multiple of 16.
    package static func smallProduct(
        rows: Int, columns: Int, depth: Int, _ a: UnsafePointer<Float>, _ down: Int, _ across: Int,
        _ b: UnsafePointer<Float>, _ ldb: Int, _ c: UnsafeMutablePointer<Float>, _ ldc: Int, adding: Bool
    ) {
        product(
            rows: rows, columns: columns, depth: depth, a, down, across, b, ldb, c, ldc, adding: adding)
    }

    /// target[columns, panelKeys] = source[rows, columns]ᵀ of 1 to `panelKeys` rows; in place of those that are missing stands the last.
    package static func transposeKeys(
        _ source: UnsafePointer<Float>, rows: Int, columns: Int, ld: Int, to target: UnsafeMutablePointer<Float>
    ) {
        let (last, whole) = (rows &- 1, columns & ~3)
        var j = 0
        while j < panelKeys {
            let a = UnsafeRawPointer(source + min(j, last) &* ld)
            let b = UnsafeRawPointer(source + min(j &+ 1, last) &* ld)
            let c = UnsafeRawPointer(source + min(j &+ 2, last) &* ld)
            let d = UnsafeRawPointer(source + min(j &+ 3, last) &* ld)
            var to = UnsafeMutableRawPointer(target + j)
            var i = 0
            while i < whole {
                let x = a.loadUnaligned(fromByteOffset: i &* 4, as: SIMD4<Float>.self)
                let y = b.loadUnaligned(fromByteOffset: i &* 4, as: SIMD4<Float>.self)
                let z = c.loadUnaligned(fromByteOffset: i &* 4, as: SIMD4<Float>.self)
                let w = d.loadUnaligned(fromByteOffset: i &* 4, as: SIMD4<Float>.self)
                to.storeBytes(of: SIMD4(x[0], y[0], z[0], w[0]), as: SIMD4<Float>.self)
                to.storeBytes(of: SIMD4(x[1], y[1], z[1], w[1]), toByteOffset: 128, as: SIMD4<Float>.self)
                to.storeBytes(of: SIMD4(x[2], y[2], z[2], w[2]), toByteOffset: 256, as: SIMD4<Float>.self)
                to.storeBytes(of: SIMD4(x[3], y[3], z[3], w[3]), toByteOffset: 384, as: SIMD4<Float>.self)
                to += 512
                i &+= 4
            }
            while i < columns {
                let x = a.loadUnaligned(fromByteOffset: i &* 4, as: Float.self)
                let y = b.loadUnaligned(fromByteOffset: i &* 4, as: Float.self)
                let z = c.loadUnaligned(fromByteOffset: i &* 4, as: Float.self)
                let w = d.loadUnaligned(fromByteOffset: i &* 4, as: Float.self)
                to.storeBytes(of: SIMD4(x, y, z, w), as: SIMD4<Float>.self)
                to += 128
                i &+= 1
            }
            j &+= 4
        }
    }

    /// y[rows, ldy] = x[rows, columns] with rows `ldx` apart; where rows of y are longer they end with zeros, where shorter the rest is left out.
    package static func copyRows(
        _ x: UnsafePointer<Float>, rows: Int, columns: Int, ldx: Int, to y: UnsafeMutablePointer<Float>, ldy: Int
    ) {
        let common = min(columns, ldy)
        var i = 0
        while i < rows {
            let (from, to) = (x + i &* ldx, y + i &* ldy)
            for j in 0..<common { to[j] = from[j] }
            for j in common..<ldy { to[j] = 0 }
            i &+= 1
        }
    }

    /// A row of scores becomes its weights in the softmax so far, before they are divided by their sum.
    ///
    /// `s` holds q · k of `count` keys, a multiple of 16, of which the query sees `first..<last`. A score is scale · s, capped to
    /// cap · tanh(scale · s / cap) where `cap` is above 0, plus the bias of its key. `state` is the largest score and the sum of the
    /// weights so far, and is brought on to those of all; y[width], the sum of values so far, is brought down to the new largest score.
    package static func attentionWeights(
        _ s: UnsafeMutablePointer<Float>, count: Int, first: Int, last: Int, scale: Float, cap: Float,
        bias: UnsafePointer<Float>?, state: UnsafeMutablePointer<Float>, y: UnsafeMutablePointer<Float>, width: Int
    ) {
        scores(s, count, first, last, scale, cap, bias, slope: nil)
        var largest = load(s, 0)
        var i = 16
        while i < count {
            let a = load(s, i)
            largest.replace(with: a, where: a .> largest)
            i &+= 16
        }
        let old = state[0]
        let here = greatest(largest)
        let top = here > old ? here : old
        // A query that has seen nothing: zeros, as their sum is.
        let base: Float = top == -.infinity ? 0 : top
        for i in 0..<count { s[i] = Approximation.exp(s[i] - base) }
        var sums = load(s, 0)
        i = 16
        while i < count {
            sums += load(s, i)
            i &+= 16
        }
        if top == old {
            state[1] += fold(sums)
            return
        }
        let factor = Approximation.exp(old - base)
        state[0] = top
        state[1] = state[1] * factor + fold(sums)
        for i in 0..<width { y[i] *= factor }
    }

    /// A row of scores becomes its probabilities, e^(score − total) with `total` the logarithm of the row's sum of exponentials.
    ///
    /// As for `attentionWeights`; `slope` receives the derivative of the cap where there is one.
    package static func attentionProbabilities(
        _ s: UnsafeMutablePointer<Float>, count: Int, first: Int, last: Int, scale: Float, cap: Float,
        bias: UnsafePointer<Float>?, total: Float, slope: UnsafeMutablePointer<Float>?
    ) {
        scores(s, count, first, last, scale, cap, bias, slope: slope)
        for i in 0..<count { s[i] = Approximation.exp(s[i] - total) }
    }

    /// dots[rows] = Σ over columns of x · y, whose rows are `ldx` and `ldy` apart; columns are a multiple of 16.
    package static func rowDots(
        _ x: UnsafePointer<Float>, ldx: Int, _ y: UnsafePointer<Float>, ldy: Int, rows: Int, columns: Int,
        _ dots: UnsafeMutablePointer<Float>
    ) {
        var row = 0
        while row < rows {
            let (a, b) = (x + row &* ldx, y + row &* ldy)
            var sum = load(a, 0) * load(b, 0)
            var i = 16
            while i < columns {
                sum += load(a, i) * load(b, i)
                i &+= 16
            }
            dots[row] = fold(sum)
            row &+= 1
        }
    }

    /// dp = factor · p · (dp − mean): the gradient of a row's scores.
    package static func attentionDifferences(
        _ p: UnsafePointer<Float>, _ dp: UnsafeMutablePointer<Float>, _ count: Int, mean: Float, factor: Float
    ) {
        for i in 0..<count { dp[i] = factor * p[i] * (dp[i] - mean) }
    }

    @inline(__always)
    private static func scores(
        _ s: UnsafeMutablePointer<Float>, _ count: Int, _ first: Int, _ last: Int, _ scale: Float, _ cap: Float,
        _ bias: UnsafePointer<Float>?, slope: UnsafeMutablePointer<Float>?
    ) {
        if cap > 0 {
            let factor = scale / cap
            if let slope {
                for i in 0..<count {
                    let t = Approximation.tanh(s[i] * factor)
                    s[i] = cap * t
                    slope[i] = 1 - t * t
                }
            } else {
                for i in 0..<count { s[i] = cap * Approximation.tanh(s[i] * factor) }
            }
        } else {
            for i in 0..<count { s[i] *= scale }
        }
        if let bias {
            for i in 0..<count { s[i] += bias[i] }
        }
        for i in 0..<first { s[i] = -.infinity }
        for i in last..<count { s[i] = -.infinity }
    }

    /// The largest of sixteen; NaN only where all are.
    @inline(__always)
    private static func greatest(_ v: SIMD16<Float>) -> Float {
        let a = v.lowHalf.replacing(with: v.highHalf, where: v.highHalf .> v.lowHalf)
        let b = a.lowHalf.replacing(with: a.highHalf, where: a.highHalf .> a.lowHalf)
        let (x, y) = (b[1] > b[0] ? b[1] : b[0], b[3] > b[2] ? b[3] : b[2])
        return y > x ? y : x
    }
}
