import LoopsBaseline

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Attention of one query over many keys: when a text is generated, and in a last layer of which one row is read. See `Loops.attentionRowScores`.
extension AttentionKernel {
    /// Keys that forward looks at together: those of all heads stay in the second cache.
    private static let forwardKeys = 64
    /// Keys that backward looks at together.
    private static let rowKeys = 256

    /// Some keys of one sequence and some heads of keys: into[heads, width] becomes the sum of their values by weights that are not divided
    /// yet, and behind it [heads, 2] the largest score and the sum of the weights.
    func forwardRow(
        _ s: Int, _ groups: Range<Int>, _ range: Range<Int>, q: UnsafePointer<Float>, k: UnsafePointer<Float>,
        v: UnsafePointer<Float>, bias: UnsafePointer<Float>?, into room: UnsafeMutablePointer<Float>
    ) {
        let (query, size, heads) = (queryStarts[s], AttentionKernel.forwardKeys, groups.count * share)
        ProductCounter.add(flops: 2 * 2 * heads * range.count * width)
        let states = room + heads * width
        for head in 0..<heads { (states[2 * head], states[2 * head + 1]) = (-.infinity, 0) }
        Loops.zero(room, heads * width)
        Scratch.with((share + 1) * size) { scores in
            for keys in range.pieces(of: size) {
                let padded = LoopsBaseline.Loops.padded(keys.count)
                for group in groups {
                    let at = (self.keys[s].start + keys.lowerBound) * ldk + group * width
                    let (first, place) = (group * share, (group - groups.lowerBound) * share)
                    let (y, state) = (room + place * width, states + 2 * place)
                    Loops.attentionRowScores(
                        heads: share, m: keys.count, width: width, q: q + (query * ldq + first * width), k: k + at,
                        ldk: ldk, s: scores, lds: size)
                    for head in 0..<share {
                        let row = scores + head * size
                        Loops.zero(row + keys.count, padded - keys.count)
                        let added = biasRow(
                            bias, head: first + head, query: query, key: keys.lowerBound, count: padded,
                            room: scores + share * size)
                        Loops.attentionWeights(
                            row, count: padded, first: 0, last: keys.count, scale: scale, cap: terms.softCap ?? 0,
                            bias: added, state: state + 2 * head, y: y + head * width, width: width)
                        if let dropout, dropout.p > 0 {
                            let key = dropoutKey(dropout, head: first + head, query: query)
                            dropout.apply(key: key, column: keys.lowerBound, row, into: row, count: keys.count)
                        }
                    }
                    Loops.attentionRowValues(
                        heads: share, m: keys.count, width: width, p: scores, ldp: size, v: v + at, ldk: ldk, y: y)
                }
            }
        }
    }

    /// Gradients for the query of one sequence, in all heads that share keys: of q, k and v in their places, of the bias in `dbias`.
    ///
    /// Formulas as for `backwardTiles`.
    func backwardRow(
        _ s: Int, _ group: Int, _ a: Gradients, bias: UnsafePointer<Float>?, y: UnsafePointer<Float>,
        totals: UnsafePointer<Float>, dbias: UnsafeMutablePointer<Float>?
    ) {
        let (query, first, m) = (queryStarts[s], group * share, keys[s].count)
        let (at, atKey) = (query * ldq + first * width, keys[s].start * ldk + group * width)
        let seen = seen(query, of: m)
        ProductCounter.add(flops: 2 * 5 * share * seen.count * width)
        for target in [a.dk, a.dv] {
            guard let target else { continue }
            for key in 0..<m where !seen.contains(key) { Loops.zero(target + atKey + key * ldk, width) }
        }
        if let dq = a.dq { Loops.zero(dq + at, share * width) }
        if let dbias { Loops.zero(dbias, share * (terms.bias?.span ?? 0)) }
        let (size, wantsScores) = (AttentionKernel.rowKeys, a.dq != nil || a.dk != nil || dbias != nil)
        Scratch.with((2 * share + 2) * size) { p in
            let (dp, slopes, added) = (p + share * size, p + 2 * share * size, p + (2 * share + 1) * size)
            for keys in seen.pieces(of: size) {
                let (count, place) = (LoopsBaseline.Loops.padded(keys.count), atKey + keys.lowerBound * ldk)
                Loops.attentionRowScores(
                    heads: share, m: keys.count, width: width, q: a.q + at, k: a.k + place, ldk: ldk, s: p, lds: size)
                if wantsScores {
                    Loops.attentionRowScores(
                        heads: share, m: keys.count, width: width, q: a.dy + at, k: a.v + place, ldk: ldk, s: dp,
                        lds: size)
                }
                for head in 0..<share {
                    let (row, change) = (p + head * size, dp + head * size)
                    for unused in [row, change] { Loops.zero(unused + keys.count, count - keys.count) }
                    Loops.attentionProbabilities(
                        row, count: count, first: 0, last: keys.count, scale: scale, cap: terms.softCap ?? 0,
                        bias: biasRow(
                            bias, head: first + head, query: query, key: keys.lowerBound, count: count, room: added),
                        total: totals[first + head], slope: terms.softCap == nil ? nil : slopes)
                    differentiate(
                        head: first + head, query: query, keys: keys, seen: keys, p: row,
                        dp: wantsScores ? change : nil,
                        mean: Loops.dot(a.dy + at + head * width, y + at + head * width, width), slopes: slopes,
                        dbias: dbias.map { $0 + head * (terms.bias?.span ?? 0) })
                }
                for (target, weights, x) in [(a.dv, p, a.dy), (a.dk, dp, a.q)] {
                    guard let target else { continue }
                    Loops.attentionRowOuter(
                        heads: share, m: keys.count, width: width, p: weights, ldp: size, x: x + at, y: target + place,
                        ldk: ldk)
                }
                if let dq = a.dq {
                    Loops.attentionRowValues(
                        heads: share, m: keys.count, width: width, p: dp, ldp: size, v: a.k + place, ldk: ldk,
                        y: dq + at)
                }
            }
        }
    }

    /// Where the pieces of rows write, and how what they wrote becomes the result.
    struct RowSums {
        /// Where each piece writes.
        let offsets: [Int]
        /// Floats of all.
        let count: Int

        init(_ kernel: AttentionKernel, _ pieces: [Piece]) {
            var (offsets, count) = ([Int](), 0)
            for piece in pieces {
                offsets.append(count)
                if case .row(_, let groups, _, _) = piece { count += groups.count * kernel.share * (kernel.width + 2) }
            }
            (self.offsets, self.count) = (offsets, count)
        }

        /// Adds up, in the order of the keys, what the pieces of each sequence wrote, and divides it by the weights' sum.
        ///
        /// The logarithms of the sums of exponentials go to what is kept.
        func combine(
            _ kernel: AttentionKernel, _ pieces: [Piece], _ room: UnsafeMutablePointer<Float>,
            into y: UnsafeMutablePointer<Float>, kept: UnsafeMutablePointer<Float>?, _ places: [Int]
        ) {
            guard count > 0 else { return }
            let (heads, width) = (kernel.heads, kernel.width)
            for (index, piece) in pieces.enumerated() {
                guard case .row(let s, _, _, 0) = piece else { continue }
                var end = index + 1
                while end < pieces.count, case .row(s, _, _, _) = pieces[end] { end += 1 }
                let parts = (index..<end).map { room + offsets[$0] }
                for head in 0..<heads {
                    let state = heads * width + 2 * head
                    let top = parts.map { $0[state] }.max() ?? 0
                    let factors = parts.map { part in
                        part[state] == top ? 1 : Float(exponential(Double(part[state] - top)))
                    }
                    let sum = zip(parts, factors).reduce(Float(0)) { $0 + $1.0[state + 1] * $1.1 }
                    kept?[places[s] + head] = sum == 0 ? .infinity : top + log(sum)
                    let target = y + (kernel.queryStarts[s] * kernel.ldq + head * width)
                    Loops.zero(target, width)
                    for (part, factor) in zip(parts, factors) {
                        Loops.axpy(sum == 0 ? 0 : factor / sum, part + head * width, target, width)
                    }
                }
            }
        }
    }
}
