import LoopsBaseline

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Attention of long sequences by tiles of queries and keys; see `Loops.attentionWeights`.
///
/// Keys are laid out across once for all queries of a piece and all heads that share them. What a product reads row after row as its second
/// factor is copied so that its rows follow one another: rows of q and k are often a power of two apart, and few such fit in the first cache. Of
/// scores there are only those of a tile; tiles in which no query sees a key are left out.
extension AttentionKernel {
    /// Queries of a tile.
    static let tileRows = 64
    /// Keys of a tile.
    static let tileKeys = 128

    private var panel: Int { LoopsBaseline.Loops.panelKeys }

    /// Keys that these queries see, from the beginning of a panel on, where panels are counted from `first`.
    private func panels(_ queries: Range<Int>, of m: Int, from first: Int = 0) -> Range<Int> {
        let seen = seen(queries, of: m)
        return seen.isEmpty ? seen : seen.lowerBound - (seen.lowerBound - first) % panel..<seen.upperBound
    }

    /// A tile: keys of a sequence, and queries by their rows in q.
    private struct Tile {
        let head: Int
        let queries: Range<Int>
        let keys: Range<Int>
        /// Keys of its sequence.
        let m: Int
        /// Where its queries begin in q.
        let atQuery: Int
        /// Whether no tile of these queries came before.
        let isFirst: Bool
    }

    /// Calls `body` with the tiles of these queries in which a key is seen, in the order of the keys, which are counted from `first` on.
    private func forTiles(
        _ s: Int, _ head: Int, _ queries: Range<Int>, from first: Int, _ body: (Tile) -> Void
    ) {
        let m = keys[s].count
        let seen = panels(queries, of: m, from: first)
        for keys in seen.pieces(of: AttentionKernel.tileKeys) {
            body(
                Tile(
                    head: head, queries: queries, keys: keys, m: m, atQuery: queries.lowerBound * ldq + head * width,
                    isFirst: keys.lowerBound == seen.lowerBound))
        }
    }

    /// Rows of y for some queries of all heads that share keys; `totals` receives the logarithms of their sums of exponentials.
    func forwardTiles(
        _ s: Int, _ group: Int, _ queries: Range<Int>, q: UnsafePointer<Float>, k: UnsafePointer<Float>,
        v: UnsafePointer<Float>, bias: UnsafePointer<Float>?, totals: UnsafeMutablePointer<Float>?,
        into y: UnsafeMutablePointer<Float>
    ) {
        let (rows, columns) = (AttentionKernel.tileRows, AttentionKernel.tileKeys)
        let all = panels(queries, of: keys[s].count)
        let across = all.count.dividedUp(by: panel) * panel * width
        Scratch.with(across + all.count * width + rows * (columns + 2) + columns) { scratch in
            let (values, scores) = (scratch + across, scratch + across + all.count * width)
            let state = scores + rows * columns
            let room = state + 2 * rows
            transpose(k, s, group, all, to: scratch)
            copy(v, s, group, all, to: values)
            for head in group * share..<(group + 1) * share {
                for block in queries.pieces(of: rows) where !Trouble.mayDrop {
                    let (n, target) = (block.count, y + block.lowerBound * ldq + head * width)
                    for row in 0..<n { (state[2 * row], state[2 * row + 1]) = (-.infinity, 0) }
                    forTiles(s, head, block, from: all.lowerBound) { tile in
                        let place = tile.keys.lowerBound - all.lowerBound
                        products(tile, q + tile.atQuery, ldq, scratch + place * width, scores)
                        for row in 0..<n {
                            weigh(
                                tile, row, scores + row * columns, bias: bias, room: room, state: state + 2 * row,
                                sums: target + row * ldq)
                        }
                        ProductCounter.add(flops: 2 * n * width * tile.keys.count)
                        Loops.smallProduct(
                            rows: n, columns: width, depth: tile.keys.count, scores, columns, 1, values + place * width,
                            width, target, ldq, adding: !tile.isFirst)
                    }
                    for row in 0..<n {
                        let state = state + 2 * row
                        if state[1] == 0 {
                            Loops.zero(target + row * ldq, width)
                        } else {
                            Loops.scale(1 / state[1], target + row * ldq, target + row * ldq, width)
                        }
                        let place = head * self.queries(s).count + block.lowerBound + row - queryStarts[s]
                        totals?[place] = AttentionKernel.total(state)
                    }
                }
            }
        }
    }

    /// The logarithm of a row's sum of exponentials, by its largest score and the sum of what is below it: infinite for a query that sees
    /// nothing, so that nothing is left of e^(score − total).
    static func total(_ state: UnsafePointer<Float>) -> Float { state[1] == 0 ? .infinity : state[0] + log(state[1]) }

    /// Scores of one query become weights, under dropout.
    private func weigh(
        _ tile: Tile, _ row: Int, _ scores: UnsafeMutablePointer<Float>, bias: UnsafePointer<Float>?,
        room: UnsafeMutablePointer<Float>, state: UnsafeMutablePointer<Float>, sums: UnsafeMutablePointer<Float>
    ) {
        let (query, first) = (tile.queries.lowerBound + row, tile.keys.lowerBound)
        let count = LoopsBaseline.Loops.padded(tile.keys.count)
        let seen = seen(query, of: tile.m).clamped(to: tile.keys)
        Loops.attentionWeights(
            scores, count: count, first: seen.lowerBound - first, last: seen.upperBound - first, scale: scale,
            cap: terms.softCap ?? 0,
            bias: biasRow(bias, head: tile.head, query: query, key: first, count: count, room: room), state: state,
            y: sums, width: tile.isFirst ? 0 : width)
        if let dropout, dropout.p > 0 {
            let key = dropoutKey(dropout, head: tile.head, query: query)
            dropout.apply(key: key, column: first, scores, into: scores, count: tile.keys.count)
        }
    }

    /// Where backward adds what it finds for the keys of a sequence and group, [keys, width] with rows `ld` apart, and for distances,
    /// [share, span].
    struct Targets {
        let dk: UnsafeMutablePointer<Float>?
        let dv: UnsafeMutablePointer<Float>?
        let ld: Int
        let dbias: UnsafeMutablePointer<Float>?
    }

    /// Gradients for some queries of all heads that share keys: of q in its place, of keys, values and bias in `targets`.
    ///
    /// With p the probabilities, m the mask of dropout, s the scores: dv = (m p)ᵀ dy; dp = m · (dy vᵀ); ds = p · (dp − dy · y) and through the cap
    /// ds · (1 − tanh²); dq = scale · ds k; dk = scale · dsᵀ q. (Σ dp · p = dy · y: Dao et al. 2022, section 3.)
    func backwardTiles(
        _ s: Int, _ group: Int, _ queries: Range<Int>, _ a: Gradients, bias: UnsafePointer<Float>?,
        y: UnsafePointer<Float>, totals: UnsafePointer<Float>, into targets: Targets
    ) {
        let (rows, columns) = (AttentionKernel.tileRows, AttentionKernel.tileKeys)
        let all = panels(queries, of: keys[s].count)
        let across = all.count.dividedUp(by: panel) * panel * width
        let wantsScores = a.dq != nil || a.dk != nil || targets.dbias != nil
        // Where the first tile has all keys, it writes what the others add to.
        let m = keys[s].count
        let firstHasAll =
            m <= columns
            && panels(queries.lowerBound..<min(queries.lowerBound + rows, queries.upperBound), of: m) == 0..<m
        for target in [targets.dk, targets.dv] {
            guard let target, !firstHasAll else { continue }
            for key in 0..<m { Loops.zero(target + key * targets.ld, width) }
        }
        if let dbias = targets.dbias { Loops.zero(dbias, share * (terms.bias?.span ?? 0)) }
        Scratch.with(2 * across + all.count * width + 2 * rows * (columns + width) + 2 * columns + rows) { keysAcross in
            let (valuesAcross, plain) = (keysAcross + across, keysAcross + 2 * across)
            let (dy, q) = (plain + all.count * width, plain + (all.count + rows) * width)
            let scores = q + rows * width
            let (differences, room) = (scores + rows * columns, scores + 2 * rows * columns)
            let means = room + 2 * columns
            transpose(a.k, s, group, all, to: keysAcross)
            if a.dq != nil { copy(a.k, s, group, all, to: plain) }
            if wantsScores { transpose(a.v, s, group, all, to: valuesAcross) }
            for head in group * share..<(group + 1) * share {
                let dbias = targets.dbias.map { $0 + head % share * (terms.bias?.span ?? 0) }
                for block in queries.pieces(of: rows) where !Trouble.mayDrop {
                    let (n, at) = (block.count, block.lowerBound * ldq + head * width)
                    let isFirst = firstHasAll && head == group * share && block.lowerBound == queries.lowerBound
                    let total = totals + (head * self.queries(s).count + block.lowerBound - queryStarts[s])
                    if let dq = a.dq, seen(block, of: keys[s].count).isEmpty {
                        for row in 0..<n { Loops.zero(dq + at + row * ldq, width) }
                    }
                    Loops.copyRows(a.dy + at, rows: n, columns: width, ldx: ldq, to: dy, ldy: width)
                    Loops.rowDots(dy, ldx: width, y + at, ldy: ldq, rows: n, columns: width, means)
                    Loops.copyRows(a.q + at, rows: n, columns: width, ldx: ldq, to: q, ldy: width)
                    forTiles(s, head, block, from: all.lowerBound) { tile in
                        let (c, place) = (tile.keys.count, tile.keys.lowerBound - all.lowerBound)
                        products(tile, q, width, keysAcross + place * width, scores)
                        if wantsScores { products(tile, dy, width, valuesAcross + place * width, differences) }
                        for row in 0..<n {
                            differentiate(
                                tile, row, mean: means[row], total: total[row], scores + row * columns,
                                wantsScores ? differences + row * columns : nil, bias: bias, room: room, dbias: dbias)
                        }
                        for (target, weights, x) in [(targets.dv, scores, dy), (targets.dk, differences, q)] {
                            guard let target else { continue }
                            ProductCounter.add(flops: 2 * n * width * c)
                            Loops.smallProduct(
                                rows: c, columns: width, depth: n, weights, 1, columns, x, width,
                                target + tile.keys.lowerBound * targets.ld, targets.ld, adding: !isFirst)
                        }
                        guard let dq = a.dq else { return }
                        ProductCounter.add(flops: 2 * n * width * c)
                        Loops.smallProduct(
                            rows: n, columns: width, depth: c, differences, columns, 1, plain + place * width, width,
                            dq + at, ldq, adding: !tile.isFirst)
                    }
                }
            }
        }
    }

    /// A row of scores becomes the probabilities, and dy · v the gradient of q · k, by `differentiate`; `room` holds two rows.
    private func differentiate(
        _ tile: Tile, _ row: Int, mean: Float, total: Float, _ p: UnsafeMutablePointer<Float>,
        _ dp: UnsafeMutablePointer<Float>?, bias: UnsafePointer<Float>?,
        room: UnsafeMutablePointer<Float>, dbias: UnsafeMutablePointer<Float>?
    ) {
        let (query, first) = (tile.queries.lowerBound + row, tile.keys.lowerBound)
        let count = LoopsBaseline.Loops.padded(tile.keys.count)
        let (seen, slopes) = (seen(query, of: tile.m).clamped(to: tile.keys), room + AttentionKernel.tileKeys)
        Loops.attentionProbabilities(
            p, count: count, first: seen.lowerBound - first, last: seen.upperBound - first, scale: scale,
            cap: terms.softCap ?? 0,
            bias: biasRow(bias, head: tile.head, query: query, key: first, count: count, room: room), total: total,
            slope: terms.softCap == nil ? nil : slopes)
        differentiate(
            head: tile.head, query: query, keys: tile.keys, seen: seen, p: p, dp: dp, mean: mean, slopes: slopes,
            dbias: dbias)
    }

    /// A row of probabilities comes under dropout, and its dy · v become the gradient of q · k; `seen` of the row's keys count for the
    /// bias' gradient, and `slopes` are the derivatives of the cap.
    func differentiate(
        head: Int, query: Int, keys: Range<Int>, seen: Range<Int>, p: UnsafeMutablePointer<Float>,
        dp: UnsafeMutablePointer<Float>?, mean: Float, slopes: UnsafePointer<Float>,
        dbias: UnsafeMutablePointer<Float>?
    ) {
        let (first, count) = (keys.lowerBound, LoopsBaseline.Loops.padded(keys.count))
        let mask = dropout.flatMap { $0.p > 0 ? ($0, dropoutKey($0, head: head, query: query)) : nil }
        if let dp {
            if let (dropout, key) = mask { dropout.apply(key: key, column: first, dp, into: dp, count: keys.count) }
            Loops.attentionDifferences(p, dp, count, mean: mean, factor: dbias == nil ? scale : 1)
            if let dbias, let places = terms.bias {
                for key in seen { dbias[tablePlace(of: key, from: query, in: places)] += dp[key - first] }
                Loops.scale(scale, dp, dp, count)
            }
            if terms.softCap != nil { Loops.multiply(dp, slopes, dp, count) }
        }
        if let (dropout, key) = mask { dropout.apply(key: key, column: first, p, into: p, count: keys.count) }
    }

    /// Scores of a tile, x[queries, width] with rows `ld` apart by keys that lie across.
    private func products(
        _ tile: Tile, _ x: UnsafePointer<Float>, _ ld: Int, _ across: UnsafePointer<Float>,
        _ scores: UnsafeMutablePointer<Float>
    ) {
        ProductCounter.add(flops: 2 * tile.queries.count * tile.keys.count * width)
        for first in stride(from: 0, to: tile.keys.count, by: panel) {
            Loops.smallProduct(
                rows: tile.queries.count, columns: min(panel, LoopsBaseline.Loops.padded(tile.keys.count - first)),
                depth: width, x, ld, 1, across + first * width, panel,
                scores + first, AttentionKernel.tileKeys, adding: false)
        }
    }

    /// Lays some keys of a sequence and group across: panels [width, panelKeys].
    private func transpose(
        _ x: UnsafePointer<Float>, _ s: Int, _ group: Int, _ keys: Range<Int>, to target: UnsafeMutablePointer<Float>
    ) {
        for part in keys.pieces(of: panel) {
            Loops.transposeKeys(
                x + (self.keys[s].start + part.lowerBound) * ldk + group * width, rows: part.count, columns: width,
                ld: ldk, to: target + (part.lowerBound - keys.lowerBound) * width)
        }
    }

    /// Lays some keys of a sequence and group one behind the other.
    private func copy(
        _ x: UnsafePointer<Float>, _ s: Int, _ group: Int, _ keys: Range<Int>, to target: UnsafeMutablePointer<Float>
    ) {
        Loops.copyRows(
            x + (self.keys[s].start + keys.lowerBound) * ldk + group * width, rows: keys.count, columns: width,
            ldx: ldk,
            to: target, ldy: width)
    }

    /// The place of a key's distance from a query, by its row in q, in the bias' table.
    private func tablePlace(of key: Int, from query: Int, in places: BiasPlaces) -> Int {
        min(max(places.zero + key - positions[query], 0), places.span - 1)
    }

    /// What is added to a query's scores of `count` keys from `key` on: a part of the table, or where its ends are reached `room`, filled.
    func biasRow(
        _ table: UnsafePointer<Float>?, head: Int, query: Int, key: Int, count: Int, room: UnsafeMutablePointer<Float>
    ) -> UnsafePointer<Float>? {
        guard let table, let places = terms.bias else { return nil }
        let row = table + head * places.span
        let first = places.zero + key - positions[query]
        if first >= 0, first + count <= places.span { return row + first }
        for i in 0..<count { room[i] = row[min(max(first + i, 0), places.span - 1)] }
        return UnsafePointer(room)
    }
}
