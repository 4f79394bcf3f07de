import CProcessor
import LoopsBaseline

/// Attention of one head of a short sequence, by loops of our own; see `Loops.attention`.
extension AttentionKernel {
    func forwardShort(
        _ part: Part, _ keys: Keys?, q: UnsafePointer<Float>, k: UnsafePointer<Float>, v: UnsafePointer<Float>,
        kept: UnsafeMutablePointer<Float>?, into y: UnsafeMutablePointer<Float>
    ) {
        let (n, m) = (part.queries, part.keys)
        ProductCounter.add(flops: 2 * 2 * n * m * width)
        let padded = LoopsBaseline.Loops.padded(n)
        Scratch.with(3 * padded + 16 * (width + m) + (kept == nil ? padded * m : 0)) { scratch in
            let written = write(keys, of: part, to: scratch)
            let seen = UnsafeMutableRawPointer(scratch + 2 * padded).bindMemory(to: Int32.self, capacity: padded)
            if terms.causal {
                for row in 0..<padded {
                    seen[row] = row < n ? Int32(min(m, positions[part.query + row] + 1)) : 0
                }
            }
            let room = scratch + 3 * padded
            if let (query, key) = placesOfNext(part) {
                prefetch(q + query, rows: n, ld: ldq)
                prefetch(k + key, rows: m, ld: ldk)
                prefetch(v + key, rows: m, ld: ldk)
                prefetch(y + query, rows: n, ld: ldq)
            }
            Loops.attention(
                n: n, m: m, width: width, scale: scale, seen: terms.causal ? UnsafePointer(seen) : nil,
                q: q + part.atQuery,
                ldq: ldq, k: k + part.atKey, v: v + part.atKey, ldk: ldk, keys: written,
                threshold: keys?.threshold ?? 0,
                kept: keys?.scale ?? 1, scratch: room, p: kept ?? room + 16 * (width + m), y: y + part.atQuery)
        }
    }

    func backwardShort(_ part: Part, _ keys: Keys?, _ a: Gradients, kept: UnsafePointer<Float>, adding: Bool) {
        let (n, m) = (part.queries, part.keys)
        ProductCounter.add(flops: 2 * (2 + (a.dq == nil ? 0 : 1) + (a.dk == nil ? 0 : 1)) * n * m * width)
        let padded = LoopsBaseline.Loops.padded(n)
        Scratch.with(2 * padded + 16 * (width + 2 * m)) { scratch in
            let written = write(keys, of: part, to: scratch)
            if let (query, key) = placesOfNext(part) {
                prefetch(a.dy + query, rows: n, ld: ldq)
                prefetch(a.q + query, rows: n, ld: ldq)
                prefetch(a.k + key, rows: m, ld: ldk)
                prefetch(a.v + key, rows: m, ld: ldk)
                if let dq = a.dq { prefetch(dq + query, rows: n, ld: ldq) }
                if let dk = a.dk { prefetch(dk + key, rows: m, ld: ldk) }
                if let dv = a.dv { prefetch(dv + key, rows: m, ld: ldk) }
            }
            Loops.attentionBackward(
                n: n, m: m, width: width, scale: scale, q: a.q + part.atQuery, ldq: ldq, k: a.k + part.atKey,
                v: a.v + part.atKey, ldk: ldk, keys: written, threshold: keys?.threshold ?? 0, kept: keys?.scale ?? 1,
                scratch: scratch + 2 * padded, p: kept, dy: a.dy + part.atQuery, dq: a.dq.map { $0 + part.atQuery },
                dk: a.dk.map { $0 + part.atKey }, dv: a.dv.map { $0 + part.atKey }, adding: adding)
        }
    }

    /// Asks for a head's columns of some rows: too short for the processor to see how they go on, and half of them were last written
    /// by other threads.
    @inline(__always)
    private func prefetch(_ x: UnsafePointer<Float>, rows: Int, ld: Int) {
        for row in 0..<rows {
            for column in stride(from: 0, to: width, by: 16) { processor_prefetch(x + (row &* ld &+ column)) }
        }
    }

    /// Where the queries and the keys of the next head of the piece begin; nil after the last, whose neighbour is another thread's.
    private func placesOfNext(_ part: Part) -> (query: Int, key: Int)? {
        guard !part.isLast else { return nil }
        let next = part.head + 1
        return (part.query * ldq + next * width, part.key * ldk + next / share * width)
    }

    /// What dropout keys are made from: numbers that threads take along without counting references.
    struct Keys {
        let rows: UnsafePointer<UInt64>
        let places: UnsafePointer<UInt64>
        let threshold: UInt32
        let scale: Float
    }

    /// Calls `body` with what keys are made from; with nil where nothing is dropped.
    func withKeys(_ body: (Keys?) -> Void) {
        guard let dropout, dropout.p > 0 else { return body(nil) }
        dropout.keys.withUnsafeBytes { rows in
            mixedPositions.withUnsafeBufferPointer { places in
                guard let rows = rows.baseAddress, let places = places.baseAddress else { return body(nil) }
                body(
                    Keys(
                        rows: rows.assumingMemoryBound(to: UInt64.self), places: places, threshold: dropout.threshold,
                        scale: dropout.scale))
            }
        }
    }

    /// Writes a dropout key for each query, the halves of sixteen apart.
    private func write(_ keys: Keys?, of part: Part, to room: UnsafeMutablePointer<Float>) -> UnsafePointer<UInt32> {
        let target = UnsafeMutableRawPointer(room).bindMemory(
            to: UInt32.self, capacity: 2 * LoopsBaseline.Loops.padded(part.queries))
        if let keys {
            Loops.attentionKeys(
                n: part.queries, rows: keys.rows + part.query, head: RandomKey.mixed(part.head),
                places: keys.places + part.query, keys: target)
        }
        return UnsafePointer(target)
    }
}
