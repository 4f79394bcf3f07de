import Kernels
import TestSupport
import Testing

/// Disentangled attention against the twin in double precision, score by score: results and gradients.
@Suite struct DisentangledTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var heads = 2
        var width = 16
        /// Distances of which each has a row of its own; those farther away share the last.
        var near = 3
        var hasContent = true
        var hasPosition = true
        var dropout: Float = 0
        /// Of each sequence: queries, keys, the position of its first query.
        var sequences = [
            (n: 5, m: 5, first: 0), (n: 0, m: 3, first: 0), (n: 1, m: 40, first: 7), (n: 70, m: 70, first: 0),
        ]

        var testDescription: String { "\(heads) \(width) \(near) \(hasContent) \(hasPosition) \(dropout)" }
    }

    static let cases: [Case] = {
        var cases: [Case] = []
        for (hasContent, hasPosition) in [(true, true), (true, false), (false, true), (false, false)] {
            for near in [1, 3, 100] {
                for dropout in [Float(0), 0.2] {
                    var one = Case(near: near, hasContent: hasContent, hasPosition: hasPosition, dropout: dropout)
                    (one.heads, one.width) = [(2, 16), (3, 8), (1, 20), (2, 64)][cases.count % 4]
                    cases.append(one)
                }
            }
        }
        var long = Case(near: 64, dropout: 0.1)
        (long.heads, long.width, long.sequences) = (2, 32, [(n: 300, m: 300, first: 0), (n: 3, m: 3, first: 0)])
        return cases + [long]
    }()

    struct Run {
        let kernel: DisentangledKernel
        let rows: Int
        let q, k, v, pk, pq, dy: [Float]

        init(_ one: Case) throws {
            var (starts, keyStarts, positions) = ([0], [0], [Int]())
            for s in one.sequences {
                starts.append((starts.last ?? 0) + s.n)
                keyStarts.append((keyStarts.last ?? 0) + s.m)
                positions += (0..<s.n).map { s.first + $0 }
            }
            let reach = one.sequences.map(\.m).max() ?? 1
            // Two rows in front of and behind those that are used: nothing reaches them.
            let used = 2 * one.near + 1
            rows = used + 4
            let places = (1 - reach..<reach).reversed().map { Int32(min(max($0 + one.near, 0), used - 1) + 2) }
            let key = RandomKey(seed: 5)
            kernel = DisentangledKernel(
                heads: one.heads, width: one.width, scale: 0.2, queryStarts: starts, keyStarts: keyStarts,
                positions: positions, places: places,
                dropout: one.dropout > 0
                    ? try DropoutMask(p: one.dropout, keys: positions.indices.map { key.child($0) }) : nil)
            let wide = one.heads * one.width
            let (size, small) = (positions.count * wide, (keyStarts.last ?? 0) * wide)
            (q, k, v) = (random(size, 1, -2, 2), random(small, 2, -2, 2), random(small, 3))
            pk = one.hasContent ? random(rows * wide, 6, -2, 2) : []
            pq = one.hasPosition ? random(rows * wide, 7, -2, 2) : []
            dy = random(size, 4)
        }

        /// y, dq, dk, dv, dpk, dpq; NaN where a gradient was not wanted.
        func all(_ wanted: Set<Int> = [1, 2, 3, 4, 5]) -> [[Float]] {
            var kept = [Float](repeating: .nan, count: kernel.keptCount)
            let y = output(q.count) {
                kernel.forward(
                    q: q, k: k, v: v, pk: pk.isEmpty ? nil : pk, pq: pq.isEmpty ? nil : pq, kept: &kept, into: $0)
            }
            let sizes = [q, k, v, pk, pq].map(\.count)
            var parts = [Int]()
            for size in sizes { parts.append((parts.last ?? 0) + size) }
            var all = [Float](repeating: .nan, count: (parts.last ?? 0) + 1)
            all.withUnsafeMutableBufferPointer { buffer in
                guard let start = buffer.baseAddress else { return }
                func target(_ i: Int) -> UnsafeMutablePointer<Float>? {
                    wanted.contains(i) && sizes[i - 1] > 0 ? start + (parts[i - 1] - sizes[i - 1]) : nil
                }
                kernel.backward(
                    dy: dy, q: q, k: k, v: v, pk: pk.isEmpty ? nil : pk, pq: pq.isEmpty ? nil : pq, y: y, kept: kept,
                    count: rows, dq: target(1), dk: target(2), dv: target(3), dpk: target(4), dpq: target(5))
            }
            return [y] + sizes.indices.map { Array(all[parts[$0] - sizes[$0]..<parts[$0]]) }
        }
    }

    /// A score is 0.2 times three sums of `width` products of at most 4: rounded to some 1e-6 of a weight, as in `AttentionTests`.
    @Test(arguments: cases)
    func agreesWithTheTwin(_ one: Case) throws {
        let run = try Run(one)
        let twin = Reference.disentangled(
            run.kernel, q: doubles(run.q), k: doubles(run.k), v: doubles(run.v), pk: doubles(run.pk),
            pq: doubles(run.pq), dy: doubles(run.dy))
        for (i, (mine, exact)) in zip(
            run.all(), [twin.y, twin.dq, twin.dk, twin.dv, twin.dpk, twin.dpq]
        ).enumerated() {
            #expect(distance(mine, exact) < (i == 0 ? 4e-6 : 2e-5), "result \(i) of y, dq, dk, dv, dpk, dpq")
        }
    }

    @Test(arguments: cases.enumerated().filter { $0.offset % 5 == 0 }.map(\.element))
    func eachGradientAloneHasTheSameBits(_ one: Case) throws {
        let run = try Run(one)
        let all = run.all()
        for i in 1...5 {
            let alone = run.all([i])
            #expect(alone[i] == all[i], "gradient \(i)")
            #expect(alone[i % 5 + 1].allSatisfy { $0.isNaN })
        }
    }

    @Test func sameBitsOnAnyNumberOfThreads() throws {
        var one = Case(near: 20, dropout: 0.2)
        one.sequences += [(n: 150, m: 150, first: 0), (n: 2, m: 9, first: 3)]
        let run = try Run(one)
        let alone = withThreads(1) { run.all() }
        for count in [2, 3] { #expect(withThreads(count) { run.all() } == alone) }
    }
}
