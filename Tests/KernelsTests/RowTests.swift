import Kernels
import Testing

@Suite struct RowTests {
    static let shapes = [(1, 1), (3, 7), (5, 33), (40, 768)]

    private func rows(_ x: [Float], _ width: Int) -> [[Double]] {
        stride(from: 0, to: x.count, by: width).map { doubles(Array(x[$0..<$0 + width])) }
    }

    @Test(arguments: shapes)
    func softmaxAndItsLogarithm(_ count: Int, _ width: Int) {
        let x = random(count * width, 1, -30, 30)
        let y = output(x.count) { SoftmaxKernel.forward(x, rows: count, width: width, log: false, into: $0) }
        let l = output(x.count) { SoftmaxKernel.forward(x, rows: count, width: width, log: true, into: $0) }
        let expected = rows(x, width).flatMap { Reference.softmax($0) }
        #expect(distance(y, expected) < 1e-6)
        #expect(distance(l.map { $0 }, rows(x, width).flatMap { row in logSoftmax(row) }) < 1e-6)
    }

    private func logSoftmax(_ x: [Double]) -> [Double] {
        let top = x.max() ?? 0
        // ln of the sum by the reference's own probabilities: p of the largest is 1 / Σ.
        let largest = Reference.softmax(x).max() ?? 1
        return x.map { $0 - top + Reference.value(.log, largest) }
    }

    @Test func softmaxOfMaskedRows() {
        let x: [Float] = [-.infinity, -.infinity, 1, -.infinity, .nan, 0]
        let y = output(6) { SoftmaxKernel.forward(x, rows: 3, width: 2, log: false, into: $0) }
        #expect(y[0] == 0 && y[1] == 0 && y[2] == 1 && y[3] == 0)
        #expect(y[4].isNaN && y[5].isNaN)
    }

    /// Rows whose mean is far from 0 are what single precision suffers from: 100 ± 1 loses two digits of seven.
    @Test(arguments: shapes)
    func norms(_ count: Int, _ width: Int) {
        let x = random(count * width, 1, 99, 101)
        let residual = random(count * width, 2)
        let (gamma, beta) = (random(width, 3), random(width, 4))
        let sum = zip(x, residual).map { $0 + $1 }
        let y = output(x.count) {
            Normalization.layerNorm(
                x: x, residual: residual, gamma: gamma, beta: beta, epsilon: 1e-5, rows: count, width: width, hat: nil,
                rstd: nil, into: $0)
        }
        let expected = rows(sum, width).flatMap {
            Reference.layerNorm($0, gamma: doubles(gamma), beta: doubles(beta), epsilon: 1e-5)
        }
        #expect(distance(y, expected) < 3e-5)
        var rstd = [Float](repeating: 0, count: count)
        let r = output(x.count) {
            Normalization.rmsNorm(
                x: x, gamma: gamma, epsilon: 1e-6, rows: count, width: width, rstd: &rstd, into: $0)
        }
        let other = rows(x, width).flatMap { Reference.rmsNorm($0, gamma: doubles(gamma), epsilon: 1e-6) }
        #expect(distance(r, other) < 1e-6)
    }

    @Test(arguments: [(1, [3]), (2, [1, 7, 33]), (3, [130]), (12, [13, 40])], [false, true])
    func attention(_ layout: (Int, [Int]), _ causal: Bool) throws {
        let (heads, lengths) = layout
        var starts = [0]
        for length in lengths { starts.append((starts.last ?? 0) + length) }
        let total = starts.last ?? 0
        let width = 8
        for p in [Float(0), 0.2] {
            let key = RandomKey(seed: 5)
            let kernel = AttentionKernel(
                heads: heads, kvHeads: heads, width: width, scale: 0.3, queryStarts: starts,
                keys: KeySegment.packed(starts), positions: lengths.flatMap { Array(0..<$0) },
                terms: AttentionTerms(causal: causal),
                dropout: p > 0 ? try DropoutMask(p: p, keys: (0..<total).map { key.child($0) }) : nil)
            let size = total * heads * width
            let (q, k, v) = (random(size, 1, -3, 3), random(size, 2, -3, 3), random(size, 3))
            let y = output(size) { kernel.forward(q: q, k: k, v: v, kept: nil, into: $0) }
            let expected = Reference.attention(kernel, q: doubles(q), k: doubles(k), v: doubles(v)).y
            #expect(distance(y, expected) < 3e-6)
        }
    }

    /// Up to 128 keys go through loops of our own where the processor has vectors, under a causal mask up to 64.
    @Test(arguments: [(2, 2, 16), (4, 2, 32), (3, 1, 64)], [false, true])
    func attentionOfShortRows(_ sizes: (Int, Int, Int), _ causal: Bool) throws {
        let (heads, kvHeads, width) = sizes
        let lengths = [1, 3, 0, 13, 16, 17, 64, 70, 128, 130]
        var starts = [0]
        for length in lengths { starts.append((starts.last ?? 0) + length) }
        let total = starts.last ?? 0
        for p in [Float(0), 0.2] {
            let key = RandomKey(seed: 5)
            let kernel = AttentionKernel(
                heads: heads, kvHeads: kvHeads, width: width, scale: 0.2, queryStarts: starts,
                keys: KeySegment.packed(starts), positions: lengths.flatMap { Array(0..<$0) },
                terms: AttentionTerms(causal: causal),
                dropout: p > 0 ? try DropoutMask(p: p, keys: (0..<total).map { key.child($0) }) : nil)
            let (size, small) = (total * heads * width, total * kvHeads * width)
            let (q, k, v) = (random(size, 1, -3, 3), random(small, 2, -3, 3), random(small, 3))
            var kept = [Float](repeating: .nan, count: kernel.keptOffsets().last ?? 0)
            let y = output(size) { kernel.forward(q: q, k: k, v: v, kept: &kept, into: $0) }
            // A score is a sum of `width` products of at most 9, times the scale. In float32 such a sum is off by about the square
            // root of the number of its terms times 2^-24 of the sum of their magnitudes (a quarter of the most that they can be), in
            // whichever order a library adds them; a weight is off by as much of itself, and the values are at most 1.
            let magnitude = 0.2 * Double(width) * 9 / 4
            let tolerance = Double(width).squareRoot() * 0x1p-24 * magnitude
            #expect(
                distance(y, Reference.attention(kernel, q: doubles(q), k: doubles(k), v: doubles(v)).y) < tolerance)
            #expect(output(size) { kernel.forward(q: q, k: k, v: v, kept: nil, into: $0) } == y)
        }
    }

    @Test func crossEntropy() {
        let (classes, labels) = (7, [0, 6, -100, 3, 3])
        let x = random(5 * classes, 1, -10, 10)
        for smoothing in [Float(0), 0.1] {
            let loss = Losses.crossEntropy(
                x: x, labels: labels, ignoring: -100, smoothing: smoothing, classes: classes, factor: 1, gradient: nil)
            let expected = Reference.crossEntropy(
                doubles(x), labels: labels, ignoring: -100, smoothing: Double(smoothing), classes: classes)
            #expect(abs(loss - expected) < 1e-5 * expected)
        }
    }

    @Test func scatterAddsInOrder() {
        let x: [Float] = [1, 2, 3, 4, 5, 6]
        let y = output(6, start: [0, 0, 10, 10, 0, 0]) { Rows.scatterAdd(x, to: [1, 0, 1], width: 2, into: $0) }
        #expect(y == [3, 4, 16, 18, 0, 0])
    }
}
