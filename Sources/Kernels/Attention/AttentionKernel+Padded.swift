import LoopsBaseline

/// Heads whose width does not fill vectors are filled up with zeros, which change no score, and attended to as wider ones.
extension AttentionKernel {
    private var wider: Int { LoopsBaseline.Loops.padded(width) }

    /// The same attention of wider heads.
    private var padded: AttentionKernel {
        AttentionKernel(
            heads: heads, kvHeads: kvHeads, width: wider, scale: scale, queryStarts: queryStarts, keys: keys,
            positions: positions, terms: terms, dropout: dropout)
    }

    /// As `forward`.
    func forwardPadded(
        q: UnsafePointer<Float>, k: UnsafePointer<Float>, v: UnsafePointer<Float>, bias: UnsafePointer<Float>?,
        kept: UnsafeMutablePointer<Float>?, into y: UnsafeMutablePointer<Float>
    ) {
        let queries = (queryStarts.last ?? 0) * heads
        let keyHeads = (keys.map { $0.start + $0.count }.max() ?? 0) * kvHeads
        Scratch.with(2 * (queries + keyHeads) * wider) { room in
            let result = room + queries * wider
            let (wideK, wideV) = (result + queries * wider, result + (queries + keyHeads) * wider)
            Loops.copyRows(q, rows: queries, columns: width, ldx: width, to: room, ldy: wider)
            Loops.copyRows(k, rows: keyHeads, columns: width, ldx: width, to: wideK, ldy: wider)
            Loops.copyRows(v, rows: keyHeads, columns: width, ldx: width, to: wideV, ldy: wider)
            padded.forward(q: room, k: wideK, v: wideV, bias: bias, kept: kept, into: result)
            Loops.copyRows(result, rows: queries, columns: wider, ldx: wider, to: y, ldy: width)
        }
    }

    /// As `backward`.
    func backwardPadded(
        _ a: Gradients, bias: UnsafePointer<Float>?, y: UnsafePointer<Float>, kept: UnsafePointer<Float>, keyRows: Int,
        dbias: UnsafeMutablePointer<Float>?
    ) {
        let (queries, keyHeads) = ((queryStarts.last ?? 0) * heads, keyRows * kvHeads)
        Scratch.with(4 * (queries + keyHeads) * wider) { room in
            let (atQuery, atKey) = (queries * wider, keyHeads * wider)
            let (dy, result, dq, k) = (room + atQuery, room + 2 * atQuery, room + 3 * atQuery, room + 4 * atQuery)
            let (v, dk, dv) = (k + atKey, k + 2 * atKey, k + 3 * atKey)
            for (x, target) in [(a.q, room), (a.dy, dy), (y, result)] {
                Loops.copyRows(x, rows: queries, columns: width, ldx: width, to: target, ldy: wider)
            }
            for (x, target) in [(a.k, k), (a.v, v)] {
                Loops.copyRows(x, rows: keyHeads, columns: width, ldx: width, to: target, ldy: wider)
            }
            padded.backward(
                dy: dy, q: room, k: k, v: v, bias: bias, y: result, kept: kept, keyRows: keyRows,
                dq: a.dq == nil ? nil : dq, dk: a.dk == nil ? nil : dk, dv: a.dv == nil ? nil : dv, dbias: dbias)
            for (x, target, rows) in [(dq, a.dq, queries), (dk, a.dk, keyHeads), (dv, a.dv, keyHeads)] {
                guard let target else { continue }
                Loops.copyRows(x, rows: rows, columns: wider, ldx: wider, to: target, ldy: width)
            }
        }
    }
}
