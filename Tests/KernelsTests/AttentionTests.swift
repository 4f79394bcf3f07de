import Kernels
import LoopsBaseline
import TestSupport
import Testing

/// Attention against the twin in double precision, score by score: results and gradients, by every way that there is.
@Suite struct AttentionTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var (heads, kvHeads, width) = (2, 2, 16)
        var terms = AttentionTerms()
        var dropout: Float = 0
        /// Of each sequence: queries, keys, the position of its first query, and rows of k in front of its keys that are nobody's.
        var sequences: [(n: Int, m: Int, first: Int, gap: Int)] = AttentionTests.mixed

        var testDescription: String { "\(heads) \(kvHeads) \(width) \(terms) \(dropout)" }
    }

    /// Short and long ones, without queries, without keys, with one query, over the borders of tiles, and queries that begin in the middle.
    static let mixed = [
        (n: 5, m: 5, first: 0, gap: 0), (n: 0, m: 0, first: 0, gap: 2), (n: 0, m: 3, first: 0, gap: 0),
        (n: 33, m: 150, first: 117, gap: 4), (n: 1, m: 300, first: 299, gap: 0), (n: 1, m: 9, first: 3, gap: 1),
        (n: 2, m: 0, first: 0, gap: 0), (n: 70, m: 70, first: 0, gap: 3), (n: 1, m: 0, first: 5, gap: 0),
    ]
    static let long = [(n: 400, m: 400, first: 0, gap: 0), (n: 17, m: 390, first: 40, gap: 3)]

    static let windows: [AttentionWindow?] = [nil, .sliding(1), .sliding(50), .local(0), .local(131)]
    static let sizes = [(2, 2, 16), (4, 2, 8), (3, 1, 20), (2, 1, 48)]

    /// Every combination of terms; heads and widths take turns.
    static let cases: [Case] = {
        var cases: [Case] = []
        for causal in [false, true] {
            for window in windows {
                for cap in [nil, Float(2)] {
                    for bias in [nil, BiasPlaces(span: 7, zero: 2), BiasPlaces(span: 801, zero: 400)] {
                        for dropout in [Float(0), 0.2] {
                            var one = Case()
                            (one.heads, one.kvHeads, one.width) = sizes[cases.count % sizes.count]
                            one.terms = AttentionTerms(causal: causal, window: window, softCap: cap, bias: bias)
                            one.dropout = dropout
                            // Each way has each size in turn.
                            if cases.count % 5 == 0 { one.sequences += [(n: 130, m: 130, first: 0, gap: 0)] }
                            cases.append(one)
                        }
                    }
                }
            }
        }
        return cases
    }()

    struct Run {
        let kernel: AttentionKernel
        let keyRows: Int
        let q, k, v, bias, dy: [Float]

        init(_ one: Case) throws {
            var (starts, positions, keys, rows) = ([0], [Int](), [KeySegment](), 0)
            for s in one.sequences {
                starts.append((starts.last ?? 0) + s.n)
                positions += (0..<s.n).map { s.first + $0 }
                keys.append(KeySegment(start: rows + s.gap, count: s.m))
                rows += s.gap + s.m
            }
            keyRows = rows + 2
            let total = starts.last ?? 0
            let key = RandomKey(seed: 5)
            kernel = AttentionKernel(
                heads: one.heads, kvHeads: one.kvHeads, width: one.width, scale: 0.3, queryStarts: starts, keys: keys,
                positions: positions, terms: one.terms,
                dropout: one.dropout > 0
                    ? try DropoutMask(p: one.dropout, keys: (0..<total).map { key.child($0) }) : nil)
            let (size, small) = (total * one.heads * one.width, keyRows * one.kvHeads * one.width)
            (q, k, v) = (random(size, 1, -2, 2), random(small, 2, -2, 2), random(small, 3))
            bias = random(one.heads * (one.terms.bias?.span ?? 0), 6, -2, 2)
            dy = random(size, 4)
        }

        /// y; what is kept is written to `kept` where it is given.
        func forward(_ kept: UnsafeMutablePointer<Float>?) -> [Float] {
            output(q.count) { y in
                kernel.forward(q: q, k: k, v: v, bias: kernel.terms.bias == nil ? nil : bias, kept: kept, into: y)
            }
        }

        /// y, dq, dk, dv, dbias; NaN where a gradient was not wanted.
        func all(_ wanted: Set<Int> = [1, 2, 3, 4]) -> [[Float]] {
            var kept = [Float](repeating: .nan, count: kernel.keptOffsets().last ?? 0)
            let y = forward(&kept)
            var (dq, dk, dv) = (
                [Float](repeating: .nan, count: q.count), [Float](repeating: .nan, count: k.count), [Float]()
            )
            dv = dk
            var dbias = [Float](repeating: .nan, count: bias.count)
            dq.withUnsafeMutableBufferPointer { dq in
                dk.withUnsafeMutableBufferPointer { dk in
                    dv.withUnsafeMutableBufferPointer { dv in
                        dbias.withUnsafeMutableBufferPointer { dbias in
                            kernel.backward(
                                dy: dy, q: q, k: k, v: v, bias: kernel.terms.bias == nil ? nil : bias, y: y, kept: kept,
                                keyRows: keyRows, dq: wanted.contains(1) ? dq.baseAddress : nil,
                                dk: wanted.contains(2) ? dk.baseAddress : nil,
                                dv: wanted.contains(3) ? dv.baseAddress : nil,
                                dbias: wanted.contains(4) && !bias.isEmpty ? dbias.baseAddress : nil)
                        }
                    }
                }
            }
            return [y, dq, dk, dv, dbias]
        }

        func expected() -> [[Double]] {
            let twin = Reference.attention(
                kernel, q: doubles(q), k: doubles(k), v: doubles(v), bias: doubles(bias), dy: doubles(dy))
            return [twin.y, twin.dq, twin.dk, twin.dv, twin.dbias]
        }
    }

    /// A score is a sum of `width` products of at most 4, times 0.3, plus a bias of at most 2: its rounding, that of the logarithm of a
    /// sum, and that of an exponential are some 1e-6 of a weight; a gradient is a sum of as many such terms as there are queries or keys.
    private func compare(_ run: Run, _ got: [[Float]]) {
        for (i, (mine, twin)) in zip(got, run.expected()).enumerated() {
            #expect(distance(mine, twin) < (i == 0 ? 4e-6 : 2e-5), "result \(i) of y, dq, dk, dv, dbias")
        }
    }

    @Test(arguments: cases)
    func everyCombinationOfTerms(_ one: Case) throws {
        let run = try Run(one)
        let got = run.all()
        compare(run, got)
        #expect(run.forward(nil) == got[0], "what is kept changes nothing")
    }

    /// Widths of models, and sequences of several tiles.
    @Test(arguments: [(2, 1, 64), (1, 1, 80), (2, 2, 128), (1, 1, 256)], [false, true])
    func longSequences(_ size: (Int, Int, Int), _ causal: Bool) throws {
        var one = Case()
        (one.heads, one.kvHeads, one.width) = size
        (one.sequences, one.dropout) = (AttentionTests.long, 0.1)
        // Scores of the usual size: a width of 256 has sums of 256 products.
        one.terms = AttentionTerms(causal: causal, window: causal ? .sliding(200) : nil, softCap: 3)
        let run = try Run(one)
        compare(run, run.all())
    }

    /// A gradient has the same bits whichever others are wanted, and the others are left alone.
    @Test(arguments: cases.enumerated().filter { $0.offset % 11 == 0 }.map(\.element))
    func eachGradientAlone(_ one: Case) throws {
        let run = try Run(one)
        let all = run.all()
        // Rounded elsewhere where the bias' gradient is wanted too: the factor then comes behind it.
        let without = run.all([1, 2, 3])
        for i in 1...3 {
            let alone = run.all([i])
            #expect(alone[i] == without[i], "gradient \(i)")
            #expect(alone[i % 3 + 1].allSatisfy { $0.isNaN })
            #expect(distance(without[i], doubles(all[i])) < 2e-6)
        }
        #expect(run.all([4])[4] == all[4])
    }

    /// Pieces follow from the layout alone, and what several of them found is added up in their order.
    @Test(arguments: [0, 0.2] as [Float])
    func sameBitsOnAnyNumberOfThreads(_ p: Float) throws {
        var one = Case()
        (one.heads, one.kvHeads, one.width, one.dropout) = (4, 1, 32, p)
        one.terms = AttentionTerms(causal: true, bias: BiasPlaces(span: 40, zero: 35))
        one.sequences = [(n: 400, m: 400, first: 0, gap: 0)]
        for sequences in [one.sequences, AttentionTests.mixed, [(n: 1, m: 5000, first: 4999, gap: 0)]] {
            one.sequences = sequences
            let run = try Run(one)
            let alone = withThreads(1) { run.all() }
            for count in [2, 3] { #expect(withThreads(count) { run.all() } == alone) }
        }
    }

    /// Packing changes nothing but rounding: a key that is not seen has no part in a row.
    @Test func rowsDoNotSeeOneAnother() throws {
        var one = Case()
        one.terms = AttentionTerms(causal: true)
        one.sequences = [(n: 90, m: 90, first: 0, gap: 0), (n: 70, m: 70, first: 0, gap: 0)]
        let both = try Run(one).all()
        let size = 90 * one.heads * one.width
        one.sequences.removeLast()
        let first = try Run(one).all()
        #expect(Array(both[0][0..<size]) == first[0])
        #expect(Array(both[1][0..<size]) == first[1])
    }

    /// The same query over the keys so far, as a text is generated, and all queries at once.
    @Test(arguments: windows)
    func generatingAgreesWithTheWhole(_ window: AttentionWindow?) throws {
        var one = Case()
        (one.heads, one.kvHeads, one.width) = (4, 2, 32)
        one.terms = AttentionTerms(causal: true, window: window)
        one.sequences = [(n: 200, m: 200, first: 0, gap: 0)]
        let run = try Run(one)
        let whole = run.forward(nil)
        let (wide, count) = (one.heads * one.width, 4)
        // Four rows in one call, each with a cache of its own length in the same memory.
        let rows = [3, 64, 65, 199]
        let kernel = AttentionKernel(
            heads: one.heads, kvHeads: one.kvHeads, width: one.width, scale: 0.3, queryStarts: Array(0...count),
            keys: rows.map { KeySegment(start: 0, count: $0 + 1) }, positions: rows, terms: one.terms)
        let q = rows.flatMap { run.q[$0 * wide..<($0 + 1) * wide] }
        let y = output(count * wide) { kernel.forward(q: q, k: run.k, v: run.v, kept: nil, into: $0) }
        let expected = rows.flatMap { whole[$0 * wide..<($0 + 1) * wide] }
        #expect(distance(y, doubles(expected)) < 2e-6)
    }
}
