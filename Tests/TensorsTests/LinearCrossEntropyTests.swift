import Kernels
import Tensors
import TestSupport
import Testing

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// A loss whose logits are made in chunks, against the operations that it is made of.
@Suite struct LinearCrossEntropyTests {
    /// So many classes that 64 rows make a chunk.
    private static let (classes, width, rows) = (49_157, 6, 150)

    private struct Case {
        let x: Tensor
        let weight: Tensor
        let frozen: FrozenMatrix
        /// Some rows without a label, in the middle and at the ends.
        let labels: [Int]

        init() throws {
            let (classes, width, rows) = (
                LinearCrossEntropyTests.classes, LinearCrossEntropyTests.width, LinearCrossEntropyTests.rows
            )
            let key = RandomKey(seed: 5)
            x = try .randn([rows, width], key: key.child(0))
            weight = try .randn([classes, width], key: key.child(1))
            let numbers = try weight.floats()
            frozen = try FrozenMatrix(rows: classes, columns: width) {
                _ = $0.update(fromContentsOf: UnsafeBufferPointer(start: numbers, count: classes * width))
            }
            labels = (0..<rows).map { $0 % 7 == 0 || $0 == rows - 1 ? -100 : $0 * 7919 % classes }
            try x.setRequiresGrad(true)
        }
    }

    /// What the formula gives in double precision: the loss, the gradient of x, the logarithm of each label's probability.
    private func expected(
        _ sample: Case, _ cap: Float?, _ smoothing: Double
    ) throws -> (loss: Double, gradient: [Float], logs: [Double]) {
        let (classes, width) = (LinearCrossEntropyTests.classes, LinearCrossEntropyTests.width)
        let (x, w) = (try sample.x.floats(), try sample.weight.floats())
        var (loss, gradient, logs) = (0.0, [Float](repeating: 0, count: sample.x.count), [Double]())
        let count = Double(sample.labels.count { $0 != -100 })
        var (z, slopes) = ([Double](repeating: 0, count: classes), [Double](repeating: 1, count: classes))
        for (row, label) in sample.labels.enumerated() where label != -100 {
            var (total, sum) = (0.0, 0.0)
            for c in 0..<classes {
                var logit = 0.0
                for i in 0..<width { logit += Double(x[row * width + i]) * Double(w[c * width + i]) }
                if let cap = cap.map(Double.init) {
                    logit = cap * tanh(logit / cap)
                    slopes[c] = 1 - logit / cap * (logit / cap)
                }
                z[c] = logit
                total += exp(logit)
                sum += logit
            }
            logs.append(z[label] - log(total))
            loss -= (1 - smoothing) * (z[label] - log(total)) + smoothing * (sum / Double(classes) - log(total))
            var g = [Double](repeating: 0, count: width)
            for c in 0..<classes {
                let target = smoothing / Double(classes) + (c == label ? 1 - smoothing : 0)
                let slope = (exp(z[c]) / total - target) * slopes[c] / count
                for i in 0..<width { g[i] += slope * Double(w[c * width + i]) }
            }
            for i in 0..<width { gradient[row * width + i] = Float(g[i]) }
        }
        return (loss / count, gradient, logs)
    }

    /// Probabilities are right to a few units in the last place; so are the gradients, sums of 49,157 products of them.
    @Test(arguments: [nil, Float(3)], [Float(0), 0.1])
    func chunksGiveTheWhole(_ cap: Float?, _ smoothing: Float) throws {
        let sample = try Case()
        let expected = try expected(sample, cap, Double(smoothing))
        let result = try sample.x.linearCrossEntropy(
            sample.frozen, labels: sample.labels, softCap: cap, smoothing: smoothing)
        try result.loss.backward()
        let got = try #require(sample.x.grad).floatArray()
        #expect(abs(try result.loss.item().double - expected.loss) < 2e-6 * expected.loss)
        #expect(distance(got, expected.gradient) < 1e-5 * (expected.gradient.map(abs).max() ?? 0))
        #expect(result.logProbabilities.count == expected.logs.count && result.isTop.count == expected.logs.count)
        #expect(zip(result.logProbabilities, expected.logs).allSatisfy { abs(Double($0) - $1) < 5e-6 })
        // Where no gradient is asked for, the same numbers.
        let plain = try sample.x.detach().linearCrossEntropy(
            sample.frozen, labels: sample.labels, softCap: cap, smoothing: smoothing)
        #expect(try plain.loss.item() == result.loss.item() && plain.logProbabilities == result.logProbabilities)
        #expect(plain.isTop == result.isTop)
    }

    /// A trained matrix and bias get their gradients from every chunk.
    @Test func trainedWeight() throws {
        let sample = try Case()
        let bias = try Tensor.randn([LinearCrossEntropyTests.classes], key: RandomKey(seed: 6))
        let leaves = [sample.x, sample.weight, bias]
        for leaf in leaves { try leaf.setRequiresGrad(true) }
        func gradients(_ loss: Tensor) throws -> [[Float]] {
            for leaf in leaves { leaf.grad = nil }
            try loss.backward()
            return try leaves.map { try $0.grad?.floatArray() ?? [] }
        }
        let expected = try gradients(
            try sample.x.linear(sample.weight, bias: bias).crossEntropy(sample.labels, reduction: .sum))
        let got = try gradients(
            try sample.x.linearCrossEntropy(sample.weight, bias: bias, labels: sample.labels, reduction: .sum).loss)
        for (a, b) in zip(got, expected) { #expect(distance(a, b) < 1e-4 * max(1, b.map(abs).max() ?? 0)) }
        #expect(expected.allSatisfy { $0.contains { $0 != 0 } })
    }

    private func distance(_ a: [Float], _ b: [Float]) -> Float {
        a.count == b.count ? zip(a, b).map { abs($0 - $1) }.max() ?? 0 : .infinity
    }

    @Test func sameBitsOnAnyNumberOfThreads() throws {
        let sample = try Case()
        func run() throws -> [UInt32] {
            sample.x.grad = nil
            let result = try sample.x.linearCrossEntropy(sample.frozen, labels: sample.labels, softCap: 5)
            try result.loss.backward()
            let numbers = try result.loss.floatArray() + (sample.x.grad?.floatArray() ?? []) + result.logProbabilities
            return numbers.map(\.bitPattern)
        }
        let alone = try withThreads(1) { try run() }
        #expect(alone.count > 900)
        for count in [2, 3] {
            let bits = try withThreads(count) { try run() }
            #expect(bits == alone)
        }
    }

    @Test func whatIsRefused() throws {
        let x = try Tensor.ones([3, 4])
        let w = try FrozenMatrix(rows: 5, columns: 4, normal: 1, key: RandomKey(seed: 1))
        for labels in [[0, 1], [0, 1, 5], [0, -1, 2], [-100, -100, -100]] {
            #expect(throws: (any Error).self) { try x.linearCrossEntropy(w, labels: labels) }
        }
        #expect(throws: (any Error).self) { try x.linearCrossEntropy(w, labels: [0, 1, 2], softCap: 0) }
        #expect(throws: (any Error).self) { try Tensor.ones([3, 5]).linearCrossEntropy(w, labels: [0, 1, 2]) }
        #expect(throws: (any Error).self) {
            try x.linearCrossEntropy(w, bias: .ones([4]), labels: [0, 1, 2])
        }
        let none = try x.linearCrossEntropy(w, labels: [-100, -100, -100], reduction: .sum)
        #expect(try none.loss.item().double == 0 && none.isTop.isEmpty)
    }

    @Test("logits of a chunk are held, never those of the batch")
    func memory() async {
        let result = await #expect(processExitsWith: .exitCode(0), observing: [\.standardOutputContent]) {
            do {
                let (rows, classes, width) = (2048, 20_000, 8)
                let x = try Tensor.randn([rows, width], key: RandomKey(seed: 1))
                try x.setRequiresGrad(true)
                let w = try FrozenMatrix(rows: classes, columns: width, normal: 1, key: RandomKey(seed: 2))
                let before = StoragePool.shared.liveBytes
                StoragePool.shared.resetPeak()
                let loss = try x.linearCrossEntropy(w, labels: (0..<rows).map { $0 % classes }).loss
                let peak = StoragePool.shared.peakBytes - before
                // A chunk's logits, and the gradient: the whole batch's logits are 164 MB.
                if peak > 49 << 20 { print("problem: \(peak) bytes at once") }
                let kept = StoragePool.shared.liveBytes - before
                if kept > 4 * rows * width + 1024 { print("problem: \(kept) bytes are kept") }
                try loss.backward()
            } catch { print("problem: \(error)") }
            exit(0)
        }
        let said = String(decoding: result?.standardOutputContent ?? [], as: UTF8.self)
        #expect(!said.contains("problem"), "\(said)")
    }
}
