import LoopsBaseline

/// Attention of packed sequences whose scores have parts for the distances of tokens (arXiv:2006.03654, section 3).
///
/// score = scale · (q · k + q · pk[place] + k · pq[place]), place that of the distance of the query from the key.
/// q, y [queries, heads · d]; k, v [rows, heads · d]; pk ("content to position") and pq ("position to content") [places, heads · d], of which
/// either may be missing. Products with pk are made once for each query and place, with pq once for each key and place, and the
/// scores gather from them. A piece of work has one head of one sequence (of some sequences in backward), and of scores only those of
/// `tileRows` queries: memory is linear in the length.
public struct DisentangledKernel: Sendable {
    /// Number of heads.
    public let heads: Int
    /// Width of a head.
    public let width: Int
    /// Factor on scores.
    public let scale: Float
    /// Boundaries of the queries: 0, n1, n1 + n2 and so on.
    public let queryStarts: [Int]
    /// Boundaries of the keys.
    public let keyStarts: [Int]
    /// Place of each query among the keys of its sequence, from 0.
    public let positions: [Int]
    /// Rows of pk and pq for the distances p − j of a query at p from a key at j, from `reach` − 1 down to 1 − `reach`; they do not grow on the way.
    public let places: [Int32]
    /// One more than the largest distance in `places`.
    public let reach: Int
    /// Dropout on the probabilities, with one key per row of q.
    public let dropout: DropoutMask?

    /// Attention of this layout, whose positions and keys lie within `reach`.
    public init(
        heads: Int, width: Int, scale: Float, queryStarts: [Int], keyStarts: [Int], positions: [Int],
        places: [Int32], dropout: DropoutMask? = nil
    ) {
        (self.heads, self.width, self.scale) = (heads, width, scale)
        (self.queryStarts, self.keyStarts, self.positions) = (queryStarts, keyStarts, positions)
        (self.places, reach, self.dropout) = (places, places.count / 2 + 1, dropout)
    }

    /// Number of sequences.
    public var sequences: Int { queryStarts.count - 1 }
    /// Floats that forward keeps for backward: the logarithm of each row's sum of exponentials, [heads, queries].
    public var keptCount: Int { heads * queries }

    private var queries: Int { queryStarts.last ?? 0 }
    private var ld: Int { heads * width }
    private var panel: Int { LoopsBaseline.Loops.panelKeys }
    /// Width of a head filled up to whole vectors.
    private var wide: Int { LoopsBaseline.Loops.padded(width) }
    private func panelled(_ count: Int) -> Int { count.dividedUp(by: panel) * panel }

    /// One head of one sequence.
    private struct Part {
        let head: Int
        let queries: Range<Int>
        let keys: Range<Int>
        /// Rows of pk and pq for the distances that there are.
        let places: Range<Int>
        /// Where its first query and its first key begin in q and in k.
        let atQuery: Int
        let atKey: Int
    }

    private func part(_ s: Int, _ head: Int) -> Part {
        let (queries, keys) = (queryStarts[s]..<queryStarts[s + 1], keyStarts[s]..<keyStarts[s + 1])
        var (first, last) = (0, -1)
        if !queries.isEmpty, !keys.isEmpty {
            let own = positions[queries]
            first = Int(places[reach - 1 - ((own.min() ?? 0) - keys.count + 1)])
            last = Int(places[reach - 1 - (own.max() ?? 0)])
        }
        return Part(
            head: head, queries: queries, keys: keys, places: first..<max(first, last + 1),
            atQuery: queries.lowerBound * ld + head * width, atKey: keys.lowerBound * ld + head * width)
    }

    /// Lays some rows of one head across, in panels [width, panelKeys].
    private func across(_ x: UnsafePointer<Float>, _ rows: Int, to target: UnsafeMutablePointer<Float>) {
        for part in (0..<rows).pieces(of: panel) {
            Loops.transposeKeys(
                x + part.lowerBound * ld, rows: part.count, columns: width, ld: ld,
                to: target + part.lowerBound * width)
        }
    }

    /// Lays some rows of one head one behind the other, each filled up with zeros.
    private func copy(_ x: UnsafePointer<Float>, _ rows: Int, to target: UnsafeMutablePointer<Float>) {
        Loops.copyRows(x, rows: rows, columns: width, ldx: ld, to: target, ldy: wide)
    }

    /// Writes rows that were filled up to their places in one head.
    private func write(_ x: UnsafePointer<Float>, _ rows: Int, to target: UnsafeMutablePointer<Float>?) {
        guard let target else { return }
        for row in 0..<rows { (target + row * ld).update(from: x + row * wide, count: width) }
    }

    /// scores[rows, ldy] of x[rows, width], rows `ld` apart, with `columns` rows that lie across.
    private func products(
        _ x: UnsafePointer<Float>, _ rows: Int, _ across: UnsafePointer<Float>, _ columns: Int,
        _ scores: UnsafeMutablePointer<Float>, _ ldy: Int
    ) {
        ProductCounter.add(flops: 2 * rows * columns * width)
        for first in stride(from: 0, to: columns, by: panel) {
            Loops.smallProduct(
                rows: rows, columns: min(panel, LoopsBaseline.Loops.padded(columns - first)), depth: width, x, ld, 1,
                across + first * width, panel, scores + first, ldy, adding: false)
        }
    }

    /// target[rows, wide] (+)= weights · x, element (i, l) of the weights at i · down + l · across, x[depth, wide].
    private func combine(
        _ weights: UnsafePointer<Float>, _ down: Int, _ across: Int, rows: Int, depth: Int, _ x: UnsafePointer<Float>,
        _ target: UnsafeMutablePointer<Float>, adding: Bool
    ) {
        guard rows > 0 else { return }
        ProductCounter.add(flops: 2 * rows * depth * width)
        Loops.smallProduct(
            rows: rows, columns: wide, depth: depth, weights, down, across, x, wide, target, wide, adding: adding)
    }

    /// The places of the keys of a sequence for one query.
    private func places(_ all: UnsafePointer<Int32>, of query: Int) -> UnsafePointer<Int32> {
        all + (reach - 1 - positions[query])
    }

    private func dropped(
        _ x: UnsafeMutablePointer<Float>, _ part: Part, _ query: Int
    ) {
        guard let dropout, dropout.p > 0 else { return }
        let key = dropout.keys[query].child(part.head).child(positions[query])
        dropout.apply(key: key, x, into: x, count: part.keys.count)
    }

    /// y[queries, heads · d] = drop(softmax(scores)) v, zeros for a query without keys; `kept` receives `keptCount` floats.
    public func forward(
        q: UnsafePointer<Float>, k: UnsafePointer<Float>, v: UnsafePointer<Float>, pk: UnsafePointer<Float>?,
        pq: UnsafePointer<Float>?, kept: UnsafeMutablePointer<Float>?, into y: UnsafeMutablePointer<Float>
    ) {
        nonisolated(unsafe) let (q, k, v, pk, pq, kept, y) = (q, k, v, pk, pq, kept, y)
        self.places.withUnsafeBufferPointer { all in
            guard let start = all.baseAddress else { return }
            nonisolated(unsafe) let places = start
            Workers.run(pieces: sequences * heads) { index in
                if Trouble.isStopping { return }
                forward(part(index / heads, index % heads), q, k, v, pk, pq, places, kept, y)
            }
        }
    }

    /// Queries whose scores are there at a time.
    private static let tileRows = 64

    private func forward(
        _ part: Part, _ q: UnsafePointer<Float>, _ k: UnsafePointer<Float>, _ v: UnsafePointer<Float>,
        _ pk: UnsafePointer<Float>?, _ pq: UnsafePointer<Float>?, _ places: UnsafePointer<Int32>,
        _ kept: UnsafeMutablePointer<Float>?, _ y: UnsafeMutablePointer<Float>
    ) {
        let (m, count) = (part.keys.count, part.places.count)
        let (lds, ldc, rows) = (panelled(m), panelled(count), min(DisentangledKernel.tileRows, part.queries.count))
        let atPlace = part.places.lowerBound * ld + part.head * width
        let sizes = [
            lds * width, m * wide, ldc * width, m * ldc, rows * lds, rows * ldc, lds, 2 * rows, rows * wide,
        ]
        Scratch.with(sizes.reduce(0, +)) { room in
            let keysAcross = room
            let values = keysAcross + sizes[0]
            let placesAcross = values + sizes[1]
            let position = placesAcross + sizes[2]
            let scores = position + sizes[3]
            let content = scores + sizes[4]
            let bias = content + sizes[5]
            let states = bias + sizes[6]
            let sums = states + sizes[7]
            across(k + part.atKey, m, to: keysAcross)
            copy(v + part.atKey, m, to: values)
            if let pq {
                across(pq + atPlace, count, to: placesAcross)
                products(k + part.atKey, m, placesAcross, count, position, ldc)
            }
            if let pk { across(pk + atPlace, count, to: placesAcross) }
            for block in part.queries.pieces(of: rows) where !Trouble.mayDrop {
                let (n, at) = (block.count, block.lowerBound * ld + part.head * width)
                products(q + at, n, keysAcross, m, scores, lds)
                if pk != nil { products(q + at, n, placesAcross, count, content, ldc) }
                for row in 0..<n {
                    let (query, state, own) = (block.lowerBound + row, states + 2 * row, scores + row * lds)
                    (state[0], state[1]) = (-.infinity, 0)
                    Loops.disentangledBias(
                        self.places(places, of: query), first: part.places.lowerBound, count: m, scale: scale,
                        content: pk == nil ? nil : UnsafePointer(content + row * ldc),
                        position: pq == nil ? nil : UnsafePointer(position), ld: ldc, bias)
                    Loops.zero(bias + m, LoopsBaseline.Loops.padded(m) - m)
                    Loops.attentionWeights(
                        own, count: LoopsBaseline.Loops.padded(m), first: 0, last: m, scale: scale, cap: 0, bias: bias,
                        state: state, y: sums, width: 0)
                    dropped(own, part, query)
                    kept?[part.head * queries + query] = AttentionKernel.total(state)
                }
                combine(scores, lds, 1, rows: n, depth: m, values, sums, adding: false)
                for row in 0..<n {
                    let total = states[2 * row + 1]
                    Loops.scale(inPlace: sums + row * wide, total == 0 ? 0 : 1 / total, wide)
                }
                write(sums, n, to: y + at)
            }
        }
    }

    /// Pieces of work of backward that there are at least, where there are as many sequences.
    private static let fewestPieces = 24

    /// Gradients of q, k, v, pk and pq, each of the shape of its argument; `y` is the result of forward, `kept` what it kept, `count` the rows of pk
    /// and pq.
    ///
    /// With p the probabilities, m the mask of dropout, s the scores without their factor: dv = (m p)ᵀ dy; ds = scale · p · (m · (dy vᵀ) − dy · y);
    /// dq = ds k + dc pk, dc[i, place] the sum of ds over the keys at this place from query i; dk = dsᵀ q + dp pq, dp[j, place] that over the queries
    /// from which key j is there; dpk = dcᵀ q, dpq = dpᵀ k.
    public func backward(
        dy: UnsafePointer<Float>, q: UnsafePointer<Float>, k: UnsafePointer<Float>, v: UnsafePointer<Float>,
        pk: UnsafePointer<Float>?, pq: UnsafePointer<Float>?, y: UnsafePointer<Float>, kept: UnsafePointer<Float>,
        count: Int, dq: UnsafeMutablePointer<Float>?, dk: UnsafeMutablePointer<Float>?,
        dv: UnsafeMutablePointer<Float>?, dpk: UnsafeMutablePointer<Float>?, dpq: UnsafeMutablePointer<Float>?
    ) {
        nonisolated(unsafe) let a = Arguments(
            dy: dy, q: q, k: k, v: v, pk: pk, pq: pq, y: y, kept: kept, dq: dq, dk: dk, dv: dv)
        nonisolated(unsafe) let (dpk, dpq) = (dpk, dpq)
        // Each piece adds up what its sequences give to pk and pq, and the pieces of a head are added in their order.
        let size = max(1, sequences.dividedUp(by: DisentangledKernel.fewestPieces.dividedUp(by: heads)))
        let chunks = Array((0..<sequences).pieces(of: size))
        let table = count * wide
        let (atPQ, each) = (dpk == nil ? 0 : table, (dpk == nil ? 0 : table) + (dpq == nil ? 0 : table))
        self.places.withUnsafeBufferPointer { all in
            guard let start = all.baseAddress else { return }
            nonisolated(unsafe) let places = start
            Scratch.with(chunks.count * heads * each) { room in
                nonisolated(unsafe) let room = room
                Workers.run(pieces: chunks.count * heads) { index in
                    let own = room + index * each
                    Loops.zero(own, each)
                    for s in chunks[index / heads] {
                        if Trouble.isStopping { return }
                        backward(
                            part(s, index % heads), a, places, dpk: dpk == nil ? nil : own,
                            dpq: dpq == nil ? nil : own + atPQ)
                    }
                }
                Workers.run(pieces: heads) { head in
                    for (target, place) in [(dpk, 0), (dpq, atPQ)] {
                        guard let target else { continue }
                        let first = room + head * each + place
                        for chunk in chunks.indices.dropFirst() {
                            Loops.accumulate(first + chunk * heads * each, first, table)
                        }
                        if chunks.isEmpty {
                            for row in 0..<count { Loops.zero(target + row * ld + head * width, width) }
                        } else {
                            write(first, count, to: target + head * width)
                        }
                    }
                }
            }
        }
    }

    /// What backward reads and writes.
    private struct Arguments {
        let dy, q, k, v: UnsafePointer<Float>
        let pk, pq: UnsafePointer<Float>?
        let y, kept: UnsafePointer<Float>
        let dq, dk, dv: UnsafeMutablePointer<Float>?
    }

    private func backward(
        _ part: Part, _ a: Arguments, _ places: UnsafePointer<Int32>, dpk: UnsafeMutablePointer<Float>?,
        dpq: UnsafeMutablePointer<Float>?
    ) {
        let (m, count, first) = (part.keys.count, part.places.count, part.places.lowerBound)
        let (lds, ldc, rows) = (panelled(m), panelled(count), min(DisentangledKernel.tileRows, part.queries.count))
        let atPlace = first * ld + part.head * width
        let wantsPosition = a.pq != nil && (a.dk != nil || dpq != nil)
        let wantsContent = a.pk != nil && (a.dq != nil || dpk != nil)
        let sizes = [
            lds * width, lds * width, ldc * width, m * wide, count * wide, m * ldc, m * ldc, rows * ldc, rows * ldc,
            rows * lds, rows * lds, lds, 3 * rows * wide, rows, 2 * m * wide,
        ]
        Scratch.with(sizes.reduce(0, +)) { room in
            let keysAcross = room
            let valuesAcross = keysAcross + sizes[0]
            let placesAcross = valuesAcross + sizes[1]
            let keys = placesAcross + sizes[2]
            let table = keys + sizes[3]
            let position = table + sizes[4]
            let positionGradient = position + sizes[5]
            let content = positionGradient + sizes[6]
            let contentGradient = content + sizes[7]
            let p = contentGradient + sizes[8]
            let dp = p + sizes[9]
            let bias = dp + sizes[10]
            let (q, dy, dq) = (bias + sizes[11], bias + sizes[11] + rows * wide, bias + sizes[11] + 2 * rows * wide)
            let means = q + sizes[12]
            let (dk, dv) = (means + sizes[13], means + sizes[13] + m * wide)
            across(a.k + part.atKey, m, to: keysAcross)
            across(a.v + part.atKey, m, to: valuesAcross)
            copy(a.k + part.atKey, m, to: keys)
            Loops.zero(dk, 2 * m * wide)
            if let pq = a.pq {
                across(pq + atPlace, count, to: placesAcross)
                products(a.k + part.atKey, m, placesAcross, count, position, ldc)
                if wantsPosition { Loops.zero(positionGradient, m * ldc) }
            }
            if let pk = a.pk {
                across(pk + atPlace, count, to: placesAcross)
                copy(pk + atPlace, count, to: table)
            }
            for block in part.queries.pieces(of: rows) where !Trouble.mayDrop {
                let (n, at) = (block.count, block.lowerBound * ld + part.head * width)
                copy(a.q + at, n, to: q)
                copy(a.dy + at, n, to: dy)
                // The rows of y take dq's place for a moment.
                copy(a.y + at, n, to: dq)
                Loops.rowDots(dy, ldx: wide, dq, ldy: wide, rows: n, columns: wide, means)
                products(a.q + at, n, keysAcross, m, p, lds)
                products(a.dy + at, n, valuesAcross, m, dp, lds)
                if a.pk != nil { products(a.q + at, n, placesAcross, count, content, ldc) }
                if wantsContent { Loops.zero(contentGradient, n * ldc) }
                for row in 0..<n {
                    let (query, padded) = (block.lowerBound + row, LoopsBaseline.Loops.padded(m))
                    let (own, change, here) = (p + row * lds, dp + row * lds, self.places(places, of: query))
                    Loops.disentangledBias(
                        here, first: first, count: m, scale: scale,
                        content: a.pk == nil ? nil : UnsafePointer(content + row * ldc),
                        position: a.pq == nil ? nil : UnsafePointer(position), ld: ldc, bias)
                    Loops.zero(bias + m, padded - m)
                    Loops.attentionProbabilities(
                        own, count: padded, first: 0, last: m, scale: scale, cap: 0, bias: bias,
                        total: a.kept[part.head * queries + query], slope: nil)
                    dropped(change, part, query)
                    Loops.attentionDifferences(own, change, padded, mean: means[row], factor: scale)
                    dropped(own, part, query)
                    Loops.disentangledGradient(
                        here, first: first, count: m, change, content: wantsContent ? contentGradient + row * ldc : nil,
                        position: wantsPosition ? positionGradient : nil, ld: ldc)
                }
                if a.dv != nil { combine(p, 1, lds, rows: m, depth: n, dy, dv, adding: true) }
                if a.dk != nil { combine(dp, 1, lds, rows: m, depth: n, q, dk, adding: true) }
                if let dpk {
                    combine(contentGradient, 1, ldc, rows: count, depth: n, q, dpk + first * wide, adding: true)
                }
                guard let target = a.dq else { continue }
                combine(dp, lds, 1, rows: n, depth: m, keys, dq, adding: false)
                if wantsContent { combine(contentGradient, ldc, 1, rows: n, depth: count, table, dq, adding: true) }
                write(dq, n, to: target + at)
            }
            if let pq = a.pq {
                if a.dk != nil {
                    copy(pq + atPlace, count, to: table)
                    combine(positionGradient, ldc, 1, rows: m, depth: count, table, dk, adding: true)
                }
                if let dpq {
                    combine(positionGradient, 1, ldc, rows: count, depth: m, keys, dpq + first * wide, adding: true)
                }
            }
            write(dk, m, to: a.dk.map { $0 + part.atKey })
            write(dv, m, to: a.dv.map { $0 + part.atKey })
        }
    }
}
