import Foundation
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

    /// Rows of one class and of more than are summed at once, whose largest logit hides tens of thousands of others.
    @Test(arguments: [1, 7, 9_001], [nil, Float(6)])
    func labelledRows(_ classes: Int, _ cap: Float?) {
        let labels = [0, classes - 1, classes / 2, classes / 3]
        var x = random(labels.count * classes, 1, -10, 10)
        // The label is the largest of the second row, and one of two largest of the third: there the later.
        x[2 * classes - 1] = 12
        if classes > 1 { (x[2 * classes], x[2 * classes + classes / 2]) = (12, 12) }
        let logits = doubles(x).map { x in cap.map { Reference.softCap(x, Double($0)) } ?? x }
        for (factor, smoothing) in [(nil, 0), (nil, 0.1), (0.5, 0), (0.5, 0.1)] as [(Float?, Float)] {
            var results = [Losses.LabelledRow](repeating: .init(), count: labels.count)
            let gradient = output(x.count, start: x) {
                Losses.labelledRows(
                    inPlace: $0, labels: labels, smoothing: smoothing, softCap: cap, classes: classes, factor: factor,
                    into: &results)
            }
            for (row, label) in labels.enumerated() {
                let z = Array(logits[row * classes..<(row + 1) * classes])
                let expected = Reference.crossEntropy(
                    z, labels: [label], ignoring: -100, smoothing: Double(smoothing), classes: classes)
                let p = Reference.softmax(z)
                #expect(abs(results[row].loss - expected) < 3e-6 * max(1, expected))
                #expect(abs(Double(results[row].logProbability) - Reference.value(.log, p[label])) < 1e-5)
                // Caps round neighbours together, so only what is clear is asked.
                if cap == nil { #expect(results[row].isTop == (z.firstIndex(of: z.max() ?? 0) == label)) }
                guard let factor else { continue }
                let slopes = (0..<classes).map { c -> Double in
                    let target = Double(smoothing) / Double(classes) + (c == label ? 1 - Double(smoothing) : 0)
                    let through = cap.map { 1 - z[c] / Double($0) * (z[c] / Double($0)) } ?? 1
                    return Double(factor) * (p[c] - target) * through
                }
                #expect(distance(Array(gradient[row * classes..<(row + 1) * classes]), slopes) < 1e-6)
            }
        }
    }

    /// Angles as the reference has them: position times frequency in float32, far positions included.
    ///
    /// Layouts, parts of a head, and
    /// the way back; in place the same bits.
    @Test(arguments: Rotation.Layout.allCases, [(8, 4), (64, 32), (40, 11), (6, 0)])
    func rotation(_ layout: Rotation.Layout, _ size: (Int, Int)) {
        let ((width, pairs), heads, positions) = (size, 3, [0, 1, 17, 131_071])
        let x = random(positions.count * heads * width, 1)
        let frequencies = (0..<pairs).map { 1 / Float(1 + 3 * $0) }
        var (c, s) = ([Float](repeating: 0, count: 4 * pairs), [Float](repeating: 0, count: 4 * pairs))
        Rotation.angles(positions: positions, frequencies: frequencies, scaling: 1, cos: &c, sin: &s)
        for (place, position) in positions.enumerated() {
            for (pair, frequency) in frequencies.enumerated() {
                let angle = Double(Float(position) * frequency)
                #expect(abs(Double(c[place * pairs + pair]) - Foundation.cos(angle)) < 6e-8)
                #expect(abs(Double(s[place * pairs + pair]) - Foundation.sin(angle)) < 6e-8)
            }
        }
        func rotate(_ x: UnsafePointer<Float>, back: Bool, into y: UnsafeMutablePointer<Float>) {
            Rotation.rotate(
                x: x, cos: c, sin: s, rows: positions.count, heads: heads, width: width, pairs: pairs, layout: layout,
                back: back, into: y)
        }
        let y = output(x.count) { rotate(x, back: false, into: $0) }
        let expected = positions.indices.flatMap { row in
            (0..<heads).flatMap { head in
                Reference.rotated(
                    doubles(Array(x[((row * heads + head) * width)...].prefix(width))),
                    cos: doubles(Array(c[(row * pairs)...].prefix(pairs))),
                    sin: doubles(Array(s[(row * pairs)...].prefix(pairs))), layout: layout)
            }
        }
        #expect(distance(y, expected) < 2e-7)
        #expect(output(x.count, start: x) { rotate($0, back: false, into: $0) } == y)
        #expect(distance(output(x.count) { rotate(y, back: true, into: $0) }, doubles(x)) < 4e-7)
    }

    /// The gradient against the formula in double precision, alone and added to what is there.
    @Test(arguments: shapes)
    func rmsNormBackward(_ count: Int, _ width: Int) {
        let (x, gamma, dy) = (random(count * width, 1, -3, 3), random(width, 2), random(count * width, 3))
        var rstd = [Float](repeating: 0, count: count)
        _ = output(x.count) {
            Normalization.rmsNorm(
                x: x, gamma: gamma, epsilon: 1e-6, rows: count, width: width, rstd: &rstd, into: $0)
        }
        let expected = zip(rows(x, width), rows(dy, width)).flatMap { x, dy -> [Double] in
            let mean = x.map { $0 * $0 }.reduce(0, +) / Double(width) + 1e-6
            let g = zip(dy, gamma).map { $0 * Double($1) }
            let slope = zip(g, x).map(*).reduce(0, +) / (mean * Double(width))
            return zip(g, x).map { ($0 - $1 * slope) / mean.squareRoot() }
        }
        func run(_ start: [Float]?) -> [Float] {
            output(x.count, start: start) {
                Normalization.rmsNormBackward(
                    dy: dy, gamma: gamma, x: x, rstd: rstd, rows: count, width: width, adding: start != nil, into: $0)
            }
        }
        #expect(distance(run(nil), expected) < 2e-6)
        #expect(distance(run(dy), zip(expected, dy).map { $0 + Double($1) }) < 2e-6)
    }

    @Test func scatterAddsInOrder() {
        let x: [Float] = [1, 2, 3, 4, 5, 6]
        let y = output(6, start: [0, 0, 10, 10, 0, 0]) { Rows.scatterAdd(x, to: [1, 0, 1], width: 2, into: $0) }
        #expect(y == [3, 4, 16, 18, 0, 0])
    }
}
