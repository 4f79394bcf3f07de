import LoopsBaseline

/// Scaled dot-product attention of packed sequences.
///
/// Short sequences go through loops of our own, which read q, k and v in place and stay in the first cache, a few heads in each piece of
/// work (`AttentionKernel+Short`); long ones by tiles, with memory linear in their length (`AttentionKernel+Tiles`); one query over many keys,
/// as when a text is generated, by loops that read each key once (`AttentionKernel+Row`).
/// q [queries, heads · d], k and v [rows, kvHeads · d] in row-major order; sequence s owns the queries
/// `queryStarts[s]..<queryStarts[s + 1]` and the keys of `keys[s]`. With fewer kvHeads than heads, heads / kvHeads neighbouring heads share one.
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
    /// Keys and values of each sequence.
    public let keys: [KeySegment]
    /// Place of each query among the keys of its sequence, from 0: what it sees is relative to it, and dropout is a function of it.
    public let positions: [Int]
    /// What a query sees.
    public let terms: AttentionTerms
    /// Dropout on the probabilities: a key per query; head, position and key position are mixed in.
    public let dropout: DropoutMask?
    /// What the positions give to dropout keys.
    let mixedPositions: [UInt64]
    /// Keys that a query sees behind and ahead of its position.
    let (behind, ahead): (Int, Int)

    /// Attention of this layout, whose segments lie within k and v and whose positions are not negative.
    public init(
        heads: Int, kvHeads: Int, width: Int, scale: Float, queryStarts: [Int], keys: [KeySegment], positions: [Int],
        terms: AttentionTerms = AttentionTerms(), dropout: DropoutMask? = nil
    ) {
        (self.heads, self.kvHeads, self.width, self.scale) = (heads, kvHeads, width, scale)
        (self.queryStarts, self.keys, self.positions) = (queryStarts, keys, positions)
        (self.terms, self.dropout) = (terms, dropout)
        mixedPositions = dropout == nil ? [] : positions.map(RandomKey.mixed)
        (behind, ahead) = (terms.behind, terms.ahead)
    }

    /// Number of sequences.
    public var sequences: Int { queryStarts.count - 1 }

    /// Our own loops for short sequences are used where there are at most this many keys; half as many where tiles leave some out, and of one
    /// query, whose keys are read once (`AttentionKernel+Row`).
    ///
    /// Measured with 12 heads of 64, forward and backward on one thread, against tiles: 80 keys take 0.91 of the time with AVX-512 and 0.85
    /// with AVX2, 128 keys 0.97 and 0.92. Without vectors of eight BLAS is faster at every length.
    static let longestLoop = InstructionLevel.current >= .v3 ? 128 : 0

    var ldq: Int { heads * width }
    var ldk: Int { kvHeads * width }
    /// Query heads that share a head of keys.
    var share: Int { heads / kvHeads }

    /// Queries of a sequence.
    func queries(_ s: Int) -> Range<Int> { queryStarts[s]..<queryStarts[s + 1] }

    /// What a query, by its row in q, sees of `m` keys; within 0..<m.
    func seen(_ query: Int, of m: Int) -> Range<Int> {
        let position = positions[query]
        let last = min(m, position + ahead + 1)
        return min(max(0, position - behind), last)..<last
    }

    /// The keys that any of these queries sees, and what lies between.
    func seen(_ queries: Range<Int>, of m: Int) -> Range<Int> {
        var (first, last) = (m, 0)
        for query in queries {
            let seen = seen(query, of: m)
            if seen.isEmpty { continue }
            (first, last) = (min(first, seen.lowerBound), max(last, seen.upperBound))
        }
        return first < last ? first..<last : 0..<0
    }

    /// Whether the loops for short sequences serve this one: they know of causal masks alone.
    private func isShort(_ s: Int) -> Bool {
        let m = keys[s].count
        let longest = AttentionKernel.longestLoop / (terms.causal || queries(s).count == 1 ? 2 : 1)
        guard m > 0, m <= longest, terms.softCap == nil, terms.bias == nil else { return false }
        if terms.window == nil { return true }
        return queries(s).allSatisfy { positions[$0] <= behind && (terms.causal || positions[$0] + ahead >= m - 1) }
    }

    /// Whether this sequence has one query, whose keys are then read once.
    private func isRow(_ s: Int) -> Bool { queries(s).count == 1 }

    /// Where what is kept of each sequence begins, and its size at the end.
    ///
    /// Of a short sequence these are the probabilities of each head, sixteen queries in a block; of a long one the logarithm of each
    /// row's sum of exponentials, [heads, queries].
    public func keptOffsets() -> [Int] {
        var offsets = [0]
        offsets.reserveCapacity(queryStarts.count)
        for s in 0..<sequences {
            let n = queries(s).count
            offsets.append((offsets.last ?? 0) + heads * (isShort(s) ? keptCount(n, keys[s].count) : n))
        }
        return offsets
    }

    /// Whether backward reads the result of forward: it does where a sequence is long.
    public var needsResult: Bool { (0..<sequences).contains { !isShort($0) } }

    /// Probabilities that are kept of a head of a short sequence.
    private func keptCount(_ queries: Int, _ keys: Int) -> Int { LoopsBaseline.Loops.padded(queries) * keys }

    /// Work of one thread at a time; pieces follow from the layout alone.
    enum Piece {
        /// Neighbouring heads of keys and values, with the query heads that share them, of a short sequence.
        case short(sequence: Int, groups: Range<Int>)
        /// Some queries of a long sequence, by their rows in q, in all heads that share keys. `part` counts the pieces of the sequence and the group.
        case tiles(sequence: Int, group: Int, queries: Range<Int>, part: Int)
        /// Some keys of a sequence with one query, in these heads of keys and those that share them. `part` counts the pieces of the sequence.
        case row(sequence: Int, groups: Range<Int>, keys: Range<Int>, part: Int)
    }

    /// Multiplications of forward that make a piece of short sequences.
    private static let smallestPiece = 1 << 18
    /// Pieces that there are at least where sequences are long: enough for some threads to have about the same to do.
    private static let fewestPieces = 12
    /// Pieces of a sequence and group in backward: each but the first has gradients of keys of its own, which are added up at the end.
    private static let mostParts = 4
    /// Queries of all heads that share keys, in the smallest piece by tiles: less does not pay for laying keys out.
    private static let fewestRows = 128
    /// Floats of keys in the smallest piece of a row.
    private static let fewestFloats = 1 << 14

    /// The pieces of forward; of backward where `backward` is set.
    func pieces(backward: Bool) -> [Piece] {
        var pieces: [Piece] = []
        pieces.reserveCapacity(2 * sequences)
        let wanted = AttentionKernel.fewestPieces.dividedUp(by: max(1, sequences * kvHeads))
        for s in 0..<sequences {
            let (rows, m) = (queries(s), keys[s].count)
            guard rows.count > 0 || (backward && m > 0) else { continue }
            if isShort(s), rows.count > 0 {
                let cost = 2 * (rows.count + 4) * (m + 4) * width * share
                let count = max(1, min(kvHeads, AttentionKernel.smallestPiece / cost))
                for groups in (0..<kvHeads).pieces(of: count) { pieces.append(.short(sequence: s, groups: groups)) }
            } else if isRow(s) {
                let seen = seen(rows, of: m)
                if backward {
                    for group in 0..<kvHeads {
                        pieces.append(.row(sequence: s, groups: group..<group + 1, keys: seen, part: 0))
                    }
                    continue
                }
                // All heads in one piece: the rows of a cache are then read one behind the other.
                let smallest = AttentionKernel.fewestFloats.dividedUp(by: ldk)
                let wanted = AttentionKernel.fewestPieces.dividedUp(by: sequences)
                let size = max(smallest, seen.count.dividedUp(by: wanted))
                let cut = seen.isEmpty ? [seen] : Array(seen.pieces(of: size))
                for (part, keys) in cut.enumerated() {
                    pieces.append(.row(sequence: s, groups: 0..<kvHeads, keys: keys, part: part))
                }
            } else {
                let parts = backward ? min(wanted, AttentionKernel.mostParts) : wanted
                let smallest = max(1, AttentionKernel.fewestRows / share)
                let size = max(smallest, rows.count.dividedUp(by: parts), 1).dividedUp(by: AttentionKernel.tileRows)
                let cut = rows.isEmpty ? [rows] : Array(rows.pieces(of: size * AttentionKernel.tileRows))
                for group in 0..<kvHeads {
                    for (part, queries) in cut.enumerated() {
                        pieces.append(.tiles(sequence: s, group: group, queries: queries, part: part))
                    }
                }
            }
        }
        return pieces
    }

    /// One query head of one short sequence.
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
        let (query, n, key, m) = (queryStarts[s], queries(s).count, keys[s].start, keys[s].count)
        return Part(
            head: head, query: query, queries: n, key: key, keys: m, atQuery: query * ldq + head * width,
            atKey: key * ldk + head / share * width, kept: head * keptCount(n, m), isLast: isLast)
    }

    /// The parts of a piece of a short sequence.
    private func forParts(_ s: Int, _ groups: Range<Int>, _ body: (Part) -> Void) {
        // Heads that share keys add to the same gradient: one piece has all of them.
        let heads = groups.lowerBound * share..<groups.upperBound * share
        for head in heads { body(part(s, head: head, isLast: head + 1 == heads.upperBound)) }
    }

    /// y[queries, heads · d] = drop(softmax(terms(scale · q kᵀ))) v, zeros for a query that sees nothing.
    ///
    /// `bias` is the table of `terms.bias`; `kept` receives what `keptOffsets` says.
    public func forward(
        q: UnsafePointer<Float>, k: UnsafePointer<Float>, v: UnsafePointer<Float>, bias: UnsafePointer<Float>? = nil,
        kept: UnsafeMutablePointer<Float>?, into y: UnsafeMutablePointer<Float>
    ) {
        ShapePass.current?.add(flops: 2 * scores)
        guard width % 16 == 0 else {
            return forwardPadded(q: q, k: k, v: v, bias: bias, kept: kept, into: y)
        }
        let (offsets, pieces) = (keptOffsets(), pieces(backward: false))
        let sums = RowSums(self, pieces)
        nonisolated(unsafe) let (q, k, v, bias, kept, y) = (q, k, v, bias, kept, y)
        Scratch.with(sums.count) { room in
            nonisolated(unsafe) let room = room
            withKeys { keys in
                nonisolated(unsafe) let keys = keys
                Workers.run(pieces: pieces.count) { index in
                    if Trouble.isStopping { return }
                    switch pieces[index] {
                    case .short(let s, let groups):
                        let place = kept.map { $0 + offsets[s] }
                        forParts(s, groups) { part in
                            forwardShort(part, keys, q: q, k: k, v: v, kept: place.map { $0 + part.kept }, into: y)
                        }
                    case .tiles(let s, let group, let queries, _):
                        forwardTiles(
                            s, group, queries, q: q, k: k, v: v, bias: bias, totals: kept.map { $0 + offsets[s] },
                            into: y)
                    case .row(let s, let groups, let range, _):
                        forwardRow(
                            s, groups, range, q: q, k: k, v: v, bias: bias, into: room + sums.offsets[index])
                    }
                }
            }
            sums.combine(self, pieces, room, into: y, kept: kept, offsets)
        }
    }

    /// Gradients of q, k, v and the bias' table, each of the shape of its argument, zero in rows of k and v that are no sequence's.
    ///
    /// `y` is the result of forward, read where `needsResult` says so, and `kept` what it kept; `keyRows` is the number of rows of k. Segments
    /// do not overlap.
    public func backward(
        dy: UnsafePointer<Float>, q: UnsafePointer<Float>, k: UnsafePointer<Float>, v: UnsafePointer<Float>,
        bias: UnsafePointer<Float>? = nil, y: UnsafePointer<Float>, kept: UnsafePointer<Float>, keyRows: Int,
        dq: UnsafeMutablePointer<Float>?, dk: UnsafeMutablePointer<Float>?, dv: UnsafeMutablePointer<Float>?,
        dbias: UnsafeMutablePointer<Float>? = nil
    ) {
        ShapePass.current?.add(flops: 4 * scores)
        nonisolated(unsafe) let a = Gradients(dy: dy, q: q, k: k, v: v, dq: dq, dk: dk, dv: dv)
        guard width % 16 == 0 else {
            return backwardPadded(a, bias: bias, y: y, kept: kept, keyRows: keyRows, dbias: dbias)
        }
        let (offsets, pieces) = (keptOffsets(), pieces(backward: true))
        let parts = GradientParts(
            self, pieces, keys: dk != nil, values: dv != nil, span: dbias == nil ? 0 : terms.bias?.span ?? 0)
        zeroUnused(keyRows, dk, dv)
        nonisolated(unsafe) let (bias, y, kept) = (bias, y, kept)
        Scratch.with(parts.count) { room in
            nonisolated(unsafe) let room = room
            withKeys { keys in
                nonisolated(unsafe) let keys = keys
                Workers.run(pieces: pieces.count) { index in
                    if Trouble.isStopping { return }
                    switch pieces[index] {
                    case .short(let s, let groups):
                        forParts(s, groups) { part in
                            backwardShort(
                                part, keys, a, kept: kept + offsets[s] + part.kept, adding: part.head % share > 0)
                        }
                    case .tiles(let s, let group, let queries, let part):
                        backwardTiles(
                            s, group, queries, a, bias: bias, y: y, totals: kept + offsets[s],
                            into: parts.targets(self, s, group, part, index, a, room))
                    case .row(let s, let groups, _, let part):
                        let group = groups.lowerBound
                        backwardRow(
                            s, group, a, bias: bias, y: y, totals: kept + offsets[s],
                            dbias: parts.targets(self, s, group, part, index, a, room).dbias)
                    }
                }
            }
            parts.add(self, pieces, room, dk: dk, dv: dv, dbias: dbias)
        }
    }

    /// Additions and multiplications of q kᵀ, or of another product as large.
    private var scores: Int {
        keys.indices.reduce(0) { sum, s in
            let (n, m) = (queries(s).count, keys[s].count)
            // Of a causal layout half is never computed.
            return sum + heads * width * n * m * (terms.causal && n == m ? 1 : 2)
        }
    }

    /// Zeros where no sequence writes.
    private func zeroUnused(_ rows: Int, _ dk: UnsafeMutablePointer<Float>?, _ dv: UnsafeMutablePointer<Float>?) {
        var end = 0
        func clear(to next: Int) {
            guard next > end else { return }
            for target in [dk, dv] { if let target { Loops.zero(target + end * ldk, (next - end) * ldk) } }
        }
        for segment in keys.sorted(by: { $0.start < $1.start }) where segment.count > 0 {
            clear(to: segment.start)
            end = segment.start + segment.count
        }
        clear(to: rows)
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

    /// The dropout key of a query, by its row in q, in one head.
    func dropoutKey(_ dropout: DropoutMask, head: Int, query: Int) -> RandomKey {
        dropout.keys[query].child(head).child(positions[query])
    }
}
