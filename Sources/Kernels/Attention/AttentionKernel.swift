import LoopsBaseline

/// Scaled dot-product attention of packed sequences, a few heads of one sequence in each piece of work.
///
/// Short sequences go through loops of our own, which read q, k and v in place and stay in the first cache; products of
/// longer ones through BLAS.
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
    /// What the positions give to dropout keys.
    let mixedPositions: [UInt64]

    /// Attention of this layout.
    public init(
        heads: Int, kvHeads: Int, width: Int, scale: Float, queryStarts: [Int], keyStarts: [Int], positions: [Int],
        causal: Bool, dropout: DropoutMask?
    ) {
        (self.heads, self.kvHeads, self.width, self.scale) = (heads, kvHeads, width, scale)
        (self.queryStarts, self.keyStarts, self.positions) = (queryStarts, keyStarts, positions)
        (self.causal, self.dropout) = (causal, dropout)
        mixedPositions = dropout == nil ? [] : positions.map(RandomKey.mixed)
    }

    /// Number of sequences.
    public var sequences: Int { queryStarts.count - 1 }

    /// Probabilities are kept for backward where there are at most this many keys; above, they are computed again.
    public static let longestKept = 128
    /// Our own loops are used where there are at most this many keys.
    ///
    /// Measured with 12 heads of 64 on two threads: with AVX-512 13 keys take 0.6 of the time of BLAS's small products, 64 keys
    /// 0.95, 96 keys 1.08. Without vectors of eight BLAS is faster at every length.
    static let longestLoop = InstructionLevel.current >= .v3 ? 64 : 0

    /// Where each sequence's probabilities, of each head as many as `keptCount` says, begin in what is kept, and their
    /// number at the end.
    public func keptOffsets() -> [Int] {
        var offsets = [0]
        offsets.reserveCapacity(queryStarts.count)
        for s in 0..<sequences {
            let (n, m) = (queryStarts[s + 1] - queryStarts[s], keyStarts[s + 1] - keyStarts[s])
            let size = m <= AttentionKernel.longestKept ? heads * keptCount(n, m) : 0
            offsets.append((offsets.last ?? 0) + size)
        }
        return offsets
    }

    private func isShort(_ keys: Int) -> Bool { width % 16 == 0 && keys > 0 && keys <= AttentionKernel.longestLoop }

    /// Probabilities of a head in memory: short sequences have sixteen queries in each block.
    private func keptCount(_ queries: Int, _ keys: Int) -> Int {
        (isShort(keys) ? LoopsBaseline.Loops.padded(queries) : queries) * keys
    }

    /// Neighbouring heads of keys and values, with the query heads that share them, of one sequence.
    private struct Piece {
        let sequence: Int
        let groups: Range<Int>
    }

    /// Multiplications of forward that make a piece.
    private static let smallestPiece = 1 << 18

    /// Pieces follow from the layout alone.
    private func pieces() -> [Piece] {
        var pieces: [Piece] = []
        pieces.reserveCapacity(2 * sequences)
        for s in 0..<sequences {
            let (n, m) = (queryStarts[s + 1] - queryStarts[s], keyStarts[s + 1] - keyStarts[s])
            guard n > 0 || m > 0 else { continue }
            let cost = 2 * (n + 4) * (m + 4) * width * (heads / kvHeads)
            let count = max(1, min(kvHeads, AttentionKernel.smallestPiece / cost))
            for first in stride(from: 0, to: kvHeads, by: count) {
                pieces.append(Piece(sequence: s, groups: first..<min(kvHeads, first + count)))
            }
        }
        return pieces
    }

    /// One query head of one sequence.
    struct Part {
        let head: Int
        let query: Int
        let queries: Int
        let key: Int
        let keys: Int
        /// Where its queries begin in q, and its keys in k.
        let atQuery: Int
        let atKey: Int
        /// Where its probabilities begin within what is kept of its sequence.
        let kept: Int
        /// Whether no other head of its piece follows.
        let isLast: Bool
    }

    private func part(_ s: Int, head: Int, isLast: Bool) -> Part {
        let (query, key) = (queryStarts[s], keyStarts[s])
        let (n, m) = (queryStarts[s + 1] - query, keyStarts[s + 1] - key)
        return Part(
            head: head, query: query, queries: n, key: key, keys: m, atQuery: query * ldq + head * width,
            atKey: key * ldk + head / (heads / kvHeads) * width, kept: head * keptCount(n, m), isLast: isLast)
    }

    var ldq: Int { heads * width }
    var ldk: Int { kvHeads * width }

    /// y[queries, heads · d] = softmax(scale · q kᵀ) v; `kept` receives the probabilities of short sequences.
    public func forward(
        q: UnsafePointer<Float>, k: UnsafePointer<Float>, v: UnsafePointer<Float>,
        kept: UnsafeMutablePointer<Float>?, into y: UnsafeMutablePointer<Float>
    ) {
        nonisolated(unsafe) let (q, k, v, kept, y) = (q, k, v, kept, y)
        forParts { part, keys, place in
            let place = place.flatMap { place in kept.map { $0 + place } }
            if isShort(part.keys), part.queries > 0 {
                forwardShort(part, keys, q: q, k: k, v: v, kept: place, into: y)
            } else {
                forwardLong(part, q: q, k: k, v: v, kept: place, into: y)
            }
        }
    }

    /// Calls `body` for each part with what its dropout keys are made from and where its probabilities begin in what is kept, nil
    /// where they are not.
    private func forParts(_ body: @Sendable (_ part: Part, _ keys: Keys?, _ place: Int?) -> Void) {
        let (offsets, pieces, share) = (keptOffsets(), pieces(), heads / kvHeads)
        withKeys { keys in
            nonisolated(unsafe) let keys = keys
            Workers.run(pieces: pieces.count) { index in
                if Trouble.isStopping { return }
                let (s, groups) = (pieces[index].sequence, pieces[index].groups)
                let keeps = offsets[s + 1] > offsets[s]
                // Heads that share keys add to the same gradient: one piece has all of them.
                let heads = groups.lowerBound * share..<groups.upperBound * share
                for head in heads {
                    let part = part(s, head: head, isLast: head + 1 == heads.upperBound)
                    body(part, keys, keeps ? offsets[s] + part.kept : nil)
                }
            }
        }
    }

    /// Gradients of q, k and v, each of the shape of its argument; `kept` is what forward wrote.
    public func backward(
        dy: UnsafePointer<Float>, q: UnsafePointer<Float>, k: UnsafePointer<Float>, v: UnsafePointer<Float>,
        kept: UnsafePointer<Float>?, dq: UnsafeMutablePointer<Float>?, dk: UnsafeMutablePointer<Float>?,
        dv: UnsafeMutablePointer<Float>?
    ) {
        nonisolated(unsafe) let (arguments, kept) = (Gradients(dy: dy, q: q, k: k, v: v, dq: dq, dk: dk, dv: dv), kept)
        let share = heads / kvHeads
        forParts { part, keys, place in
            let place = place.flatMap { place in kept.map { $0 + place } }
            if isShort(part.keys), part.queries > 0, let place {
                backwardShort(part, keys, arguments, kept: place, adding: part.head % share > 0)
            } else {
                backwardLong(part, arguments, kept: place, adding: part.head % share > 0)
            }
        }
    }

    /// What backward reads and writes.
    struct Gradients {
        let dy: UnsafePointer<Float>
        let q: UnsafePointer<Float>
        let k: UnsafePointer<Float>
        let v: UnsafePointer<Float>
        let dq: UnsafeMutablePointer<Float>?
        let dk: UnsafeMutablePointer<Float>?
        let dv: UnsafeMutablePointer<Float>?
    }

    /// The dropout key of a query in one head.
    func dropoutKey(_ part: Part, _ dropout: DropoutMask, row: Int) -> RandomKey {
        dropout.keys[part.query + row].child(part.head).child(positions[part.query + row])
    }
}
