import LoopsBaseline

/// Attention of one head of a short sequence, by loops of our own; see `Loops.attention`.
extension AttentionKernel {
    func forwardShort(
        _ part: Part, q: UnsafePointer<Float>, k: UnsafePointer<Float>, v: UnsafePointer<Float>,
        kept: UnsafeMutablePointer<Float>?, into y: UnsafeMutablePointer<Float>
    ) {
        let (n, m) = (part.queries, part.keys)
        ProductCounter.add(flops: 2 * 2 * n * m * width)
        let columns = LoopsBaseline.Loops.padded(m)
        Scratch.with(columns * (width + 2 * n) + 4 * n) { scratch in
            let p = kept ?? scratch + columns * (width + n)
            let room = UnsafeMutableRawPointer(scratch + columns * (width + 2 * n))
            let threshold = writeKeys(part, room)
            let seen = room.bindMemory(to: Int.self, capacity: 2 * n) + n
            for row in 0..<n where causal { seen[row] = max(0, min(m, positions[part.query + row] + 1)) }
            Loops.attention(
                n: n, m: m, width: width, scale: scale, seen: causal ? UnsafePointer(seen) : nil, q: q + part.atQuery,
                ldq: ldq, k: k + part.atKey, v: v + part.atKey, ldk: ldk,
                keys: room.assumingMemoryBound(to: UInt64.self),
                threshold: threshold, kept: dropout?.scale ?? 1, scratch: scratch, p: p, y: y + part.atQuery)
        }
    }

    func backwardShort(_ part: Part, _ a: Gradients, kept: UnsafePointer<Float>, adding: Bool) {
        let (n, m) = (part.queries, part.keys)
        ProductCounter.add(flops: 2 * (2 + (a.dq == nil ? 0 : 1) + (a.dk == nil ? 0 : 1)) * n * m * width)
        let columns = LoopsBaseline.Loops.padded(m)
        Scratch.with(columns * (width + 2 * n) + 2 * n) { scratch in
            let room = UnsafeMutableRawPointer(scratch + columns * (width + 2 * n))
            let threshold = writeKeys(part, room)
            Loops.attentionBackward(
                n: n, m: m, width: width, scale: scale, q: a.q + part.atQuery, ldq: ldq, k: a.k + part.atKey,
                v: a.v + part.atKey, ldk: ldk, keys: room.assumingMemoryBound(to: UInt64.self), threshold: threshold,
                kept: dropout?.scale ?? 1, scratch: scratch, p: kept, dy: a.dy + part.atQuery,
                dq: a.dq.map { $0 + part.atQuery }, dk: a.dk.map { $0 + part.atKey }, dv: a.dv.map { $0 + part.atKey },
                adding: adding)
        }
    }

    /// Writes a dropout key for each query; gives the threshold, 0 where nothing is dropped.
    private func writeKeys(_ part: Part, _ room: UnsafeMutableRawPointer) -> UInt32 {
        guard let dropout, dropout.p > 0 else { return 0 }
        for row in 0..<part.queries {
            room.storeBytes(of: dropoutKey(part, dropout, row: row).bits, toByteOffset: 8 * row, as: UInt64.self)
        }
        return dropout.threshold
    }
}
