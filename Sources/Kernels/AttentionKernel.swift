/// Scaled dot-product attention of packed sequences, one piece of work per (sequence, head).
///
/// q [queries, heads · d], k and v [keys, kvHeads · d] in row-major order; sequence s owns the queries
/// `queryStarts[s]..<queryStarts[s + 1]` and the keys `keyStarts[s]..<keyStarts[s + 1]`. With fewer kvHeads than heads,
/// heads / kvHeads neighbouring heads share one.
public struct AttentionKernel: Sendable {
    /// Number of query heads.
    public let heads: Int
    /// Number of heads of keys and values; divides `heads`.
    public let kvHeads: Int
    /// Width of a head.
    public let width: Int
    /// Factor on q · k.
    public let scale: Float
    /// Boundaries of the queries: 0, n1, n1 + n2 and so on.
    public let queryStarts: [Int]
    /// Boundaries of the keys and values.
    public let keyStarts: [Int]
    /// Place of each query within its sequence, for causal masks and for dropout.
    public let positions: [Int]
    /// Whether a query sees only the keys up to its own position.
    public let causal: Bool
    /// Dropout on the probabilities: a key per query; head, position and key position are mixed in.
    public let dropout: DropoutMask?

    /// Attention of this layout.
    public init(
        heads: Int, kvHeads: Int, width: Int, scale: Float, queryStarts: [Int], keyStarts: [Int], positions: [Int],
        causal: Bool, dropout: DropoutMask?
    ) {
        (self.heads, self.kvHeads, self.width, self.scale) = (heads, kvHeads, width, scale)
        (self.queryStarts, self.keyStarts, self.positions) = (queryStarts, keyStarts, positions)
        (self.causal, self.dropout) = (causal, dropout)
    }

    /// Number of sequences.
    public var sequences: Int { queryStarts.count - 1 }

    /// Probabilities are kept for backward where there are at most this many keys; above, they are computed again.
    public static let longestKept = 128

    /// Offsets of each (sequence, head)'s probabilities [queries, keys] in what is kept, and their number at the end.
    public func keptOffsets() -> [Int] {
        var offsets = [0]
        for s in 0..<sequences {
            let (n, m) = (queryStarts[s + 1] - queryStarts[s], keyStarts[s + 1] - keyStarts[s])
            let size = m <= AttentionKernel.longestKept ? n * m : 0
            for _ in 0..<heads { offsets.append((offsets.last ?? 0) + size) }
        }
        return offsets
    }

    private struct Piece {
        let sequence: Int
        let head: Int
        let query: Int
        let queries: Int
        let key: Int
        let keys: Int
    }

    private func piece(_ index: Int) -> Piece {
        let (s, head) = (index / heads, index % heads)
        return Piece(
            sequence: s, head: head, query: queryStarts[s], queries: queryStarts[s + 1] - queryStarts[s],
            key: keyStarts[s], keys: keyStarts[s + 1] - keyStarts[s])
    }

    /// y[queries, heads · d] = softmax(scale · q kᵀ) v; `kept` receives the probabilities of short sequences.
    public func forward(
        q: UnsafePointer<Float>, k: UnsafePointer<Float>, v: UnsafePointer<Float>,
        kept: UnsafeMutablePointer<Float>?, into y: UnsafeMutablePointer<Float>
    ) {
        nonisolated(unsafe) let (q, k, v, kept, y) = (q, k, v, kept, y)
        let offsets = keptOffsets()
        let (ldq, ldk) = (heads * width, kvHeads * width)
        Workers.run(pieces: sequences * heads) { index in
            let piece = piece(index)
            guard piece.queries > 0 else { return }
            let group = piece.head / (heads / kvHeads)
            let size = piece.queries * piece.keys
            Scratch.with(size) { scratch in
                let keeps = kept != nil && offsets[index + 1] > offsets[index]
                let p = keeps ? kept.map { $0 + offsets[index] } ?? scratch : scratch
                probabilities(piece, q: q, k: k, into: p)
                var weights = p
                if let dropout, dropout.p > 0 {
                    weights = scratch
                    drop(piece, dropout, p, into: scratch)
                }
                Matmul.single(
                    m: piece.queries, n: width, k: piece.keys, weights, lda: piece.keys,
                    v + piece.key * ldk + group * width, ldb: ldk, y + piece.query * ldq + piece.head * width, ldc: ldq)
            }
        }
    }

    /// Gradients of q, k and v, each of the shape of its argument; `kept` is what forward wrote.
    public func backward(
        dy: UnsafePointer<Float>, q: UnsafePointer<Float>, k: UnsafePointer<Float>, v: UnsafePointer<Float>,
        kept: UnsafePointer<Float>?, dq: UnsafeMutablePointer<Float>?, dk: UnsafeMutablePointer<Float>?,
        dv: UnsafeMutablePointer<Float>?
    ) {
        nonisolated(unsafe) let (dy, q, k, v, kept) = (dy, q, k, v, kept)
        nonisolated(unsafe) let (dq, dk, dv) = (dq, dk, dv)
        let offsets = keptOffsets()
        let share = heads / kvHeads
        // Heads that share keys add to the same gradient: one piece has all of them.
        Workers.run(pieces: sequences * kvHeads) { index in
            for member in 0..<share {
                let head = index / kvHeads * heads + index % kvHeads * share + member
                backward(
                    piece(head), dy: dy, q: q, k: k, v: v,
                    kept: offsets[head + 1] > offsets[head] ? kept.map { $0 + offsets[head] } : nil, dq: dq, dk: dk,
                    dv: dv, accumulate: member > 0)
            }
        }
    }

    private func backward(
        _ piece: Piece, dy: UnsafePointer<Float>, q: UnsafePointer<Float>, k: UnsafePointer<Float>,
        v: UnsafePointer<Float>, kept: UnsafePointer<Float>?, dq: UnsafeMutablePointer<Float>?,
        dk: UnsafeMutablePointer<Float>?, dv: UnsafeMutablePointer<Float>?, accumulate: Bool
    ) {
        let (n, m) = (piece.queries, piece.keys)
        let (ldq, ldk) = (heads * width, kvHeads * width)
        let atQuery = piece.query * ldq + piece.head * width
        let atKey = piece.key * ldk + piece.head / (heads / kvHeads) * width
        let beta: Float = accumulate ? 1 : 0
        Scratch.with(3 * n * m) { scratch in
            let (recomputed, dropped, dp) = (scratch, scratch + n * m, scratch + 2 * n * m)
            if kept == nil { probabilities(piece, q: q, k: k, into: recomputed) }
            let p = kept ?? UnsafePointer(recomputed)
            var weights = p
            if let dropout, dropout.p > 0 {
                drop(piece, dropout, p, into: dropped)
                weights = UnsafePointer(dropped)
            }
            if let dv {
                Matmul.single(
                    transposeA: true, m: m, n: width, k: n, weights, lda: m, dy + atQuery, ldb: ldq, beta: beta,
                    dv + atKey, ldc: ldk)
            }
            guard dq != nil || dk != nil else { return }
            Matmul.single(
                transposeB: true, m: n, n: m, k: width, dy + atQuery, lda: ldq, v + atKey, ldb: ldk, dp, ldc: m)
            if let dropout, dropout.p > 0 { drop(piece, dropout, dp, into: dp) }
            for row in 0..<n { Loops.softmaxBackward(p + row * m, dp + row * m, dp + row * m, m) }
            if let dq {
                Matmul.single(
                    m: n, n: width, k: m, alpha: scale, dp, lda: m, k + atKey, ldb: ldk, dq + atQuery, ldc: ldq)
            }
            if let dk {
                Matmul.single(
                    transposeA: true, m: m, n: width, k: n, alpha: scale, dp, lda: m, q + atQuery, ldb: ldq,
                    beta: beta, dk + atKey, ldc: ldk)
            }
        }
    }

    private func probabilities(
        _ piece: Piece, q: UnsafePointer<Float>, k: UnsafePointer<Float>, into p: UnsafeMutablePointer<Float>
    ) {
        let (n, m) = (piece.queries, piece.keys)
        let (ldq, ldk) = (heads * width, kvHeads * width)
        Matmul.single(
            transposeB: true, m: n, n: m, k: width, alpha: scale, q + piece.query * ldq + piece.head * width, lda: ldq,
            k + piece.key * ldk + piece.head / (heads / kvHeads) * width, ldb: ldk, p, ldc: m)
        for row in 0..<n {
            let visible = causal ? max(0, min(m, positions[piece.query + row] + 1)) : m
            Loops.softmax(p + row * m, visible)
            Loops.zero(p + row * m + visible, m - visible)
        }
    }

    private func drop(
        _ piece: Piece, _ dropout: DropoutMask, _ p: UnsafePointer<Float>, into target: UnsafeMutablePointer<Float>
    ) {
        let m = piece.keys
        for row in 0..<piece.queries {
            let query = piece.query + row
            let key = dropout.keys[query].child(piece.head).child(positions[query])
            dropout.apply(key: key, p + row * m, into: target + row * m, count: m)
        }
    }
}
