/// Attention of one head of a long sequence: products through BLAS on the thread at hand.
extension AttentionKernel {
    func forwardLong(
        _ part: Part, q: UnsafePointer<Float>, k: UnsafePointer<Float>, v: UnsafePointer<Float>,
        kept: UnsafeMutablePointer<Float>?, into y: UnsafeMutablePointer<Float>
    ) {
        guard part.queries > 0 else { return }
        Scratch.with(part.queries * part.keys) { scratch in
            let p = kept ?? scratch
            probabilities(part, q: q, k: k, into: p)
            var weights = p
            if let dropout, dropout.p > 0 {
                weights = scratch
                drop(part, dropout, p, into: scratch)
            }
            Matmul.single(
                m: part.queries, n: width, k: part.keys, weights, lda: part.keys, v + part.atKey, ldb: ldk,
                y + part.atQuery, ldc: ldq)
        }
    }

    func backwardLong(_ part: Part, _ a: Gradients, kept: UnsafePointer<Float>?, adding: Bool) {
        let (n, m) = (part.queries, part.keys)
        let beta: Float = adding ? 1 : 0
        Scratch.with(3 * n * m) { scratch in
            let (recomputed, dropped, dp) = (scratch, scratch + n * m, scratch + 2 * n * m)
            if kept == nil { probabilities(part, q: a.q, k: a.k, into: recomputed) }
            let p = kept ?? UnsafePointer(recomputed)
            var weights = p
            if let dropout, dropout.p > 0 {
                drop(part, dropout, p, into: dropped)
                weights = UnsafePointer(dropped)
            }
            if let dv = a.dv {
                Matmul.single(
                    transposeA: true, m: m, n: width, k: n, weights, lda: m, a.dy + part.atQuery, ldb: ldq, beta: beta,
                    dv + part.atKey, ldc: ldk)
            }
            guard a.dq != nil || a.dk != nil else { return }
            Matmul.single(
                transposeB: true, m: n, n: m, k: width, a.dy + part.atQuery, lda: ldq, a.v + part.atKey, ldb: ldk, dp,
                ldc: m)
            if let dropout, dropout.p > 0 { drop(part, dropout, dp, into: dp) }
            for row in 0..<n { Loops.softmaxBackward(p + row * m, dp + row * m, dp + row * m, m) }
            if let dq = a.dq {
                Matmul.single(
                    m: n, n: width, k: m, alpha: scale, dp, lda: m, a.k + part.atKey, ldb: ldk, dq + part.atQuery,
                    ldc: ldq)
            }
            if let dk = a.dk {
                Matmul.single(
                    transposeA: true, m: m, n: width, k: n, alpha: scale, dp, lda: m, a.q + part.atQuery, ldb: ldq,
                    beta: beta, dk + part.atKey, ldc: ldk)
            }
        }
    }

    private func probabilities(
        _ part: Part, q: UnsafePointer<Float>, k: UnsafePointer<Float>, into p: UnsafeMutablePointer<Float>
    ) {
        let (n, m) = (part.queries, part.keys)
        Matmul.single(
            transposeB: true, m: n, n: m, k: width, alpha: scale, q + part.atQuery, lda: ldq, k + part.atKey, ldb: ldk,
            p, ldc: m)
        for row in 0..<n {
            let visible = causal ? max(0, min(m, positions[part.query + row] + 1)) : m
            Loops.softmax(p + row * m, visible)
            Loops.zero(p + row * m + visible, m - visible)
        }
    }

    private func drop(
        _ part: Part, _ dropout: DropoutMask, _ p: UnsafePointer<Float>, into target: UnsafeMutablePointer<Float>
    ) {
        let m = part.keys
        for row in 0..<part.queries {
            dropout.apply(key: dropoutKey(part, dropout, row: row), p + row * m, into: target + row * m, count: m)
        }
    }
}
