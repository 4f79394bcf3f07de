import Kernels
import Tensors
import TestSupport
import Testing

@Suite struct ThreadTests {
    /// A layer of an encoder, large enough that every kernel cuts its work, forward and backward: result and gradients.
    private func layer() throws -> [[UInt32]] {
        let key = RandomKey(seed: 1)
        let (rows, width) = (150, 256)
        let starts = [0, 13, 50, 150]
        func leaf(_ shape: [Int], _ index: Int) throws -> Tensor {
            let tensor = try Tensor.kaimingUniform(shape, key: key.child(index))
            try tensor.setRequiresGrad(true)
            return tensor
        }
        let x = try leaf([rows, width], 0)
        let weights = try (1...3).map { try leaf([width, width], $0) }
        let (gamma, beta) = (try leaf([width], 4), try leaf([width], 5))
        let frozen = try FrozenMatrix(rows: 4 * width, columns: width, normal: 0.05, key: key.child(6))
        let bias = try leaf([4 * width], 7)
        let table = try leaf([40, width], 8)
        let mask = try DropoutMask(p: 0.1, keys: (0..<rows).map { key.child(9).child($0) })
        let ids = try Tensor((0..<rows).map { Int64($0 * 7 % 40) })
        let h = try x.add(table.embedding(ids)).dropout(mask)
        let (q, k, v) = (try h.linear(weights[0]), try h.linear(weights[1]), try h.linear(weights[2]))
        let layout = AttentionLayout(heads: 8, queryStarts: starts, dropout: mask)
        let a = try q.attention(keys: k, values: v, layout)
        let n = try a.layerNorm(weight: gamma, bias: beta, epsilon: 1e-5, residual: h)
        let u = try n.linear(frozen, bias: bias).gelu()
        let loss = try u.rmsNorm(weight: bias, epsilon: 1e-6).logSoftmax(1).mul(u).sum(0).mean()
        try loss.backward()
        let leaves = [x, gamma, beta, bias, table] + weights
        return try ([loss] + leaves.compactMap(\.grad)).map { try $0.floatArray().map(\.bitPattern) }
    }

    @Test func sameBitsOnAnyNumberOfThreads() throws {
        let alone = try withThreads(1) { try layer() }
        #expect(alone.count == 9)
        #expect(alone.allSatisfy { bits in bits.contains { $0 != 0 } })
        for count in [2, 3, 2] {
            try withThreads(count) {
                // Several times: which thread does which piece differs from time to time.
                for _ in 0..<3 {
                    let bits = try layer()
                    #expect(bits == alone, "\(count) threads")
                }
            }
        }
    }

    @Test func everyPieceRunsOnce() {
        for threads in [1, 2, 4] {
            withThreads(threads) {
                #expect(Workers.count == threads)
                for pieces in [0, 1, 2, 7, 100] {
                    var seen = [Int](repeating: 0, count: pieces)
                    seen.withUnsafeMutableBufferPointer { buffer in
                        nonisolated(unsafe) let buffer = buffer
                        Workers.run(pieces: pieces) { piece in
                            // From inside a piece work is done where it is.
                            Workers.run(pieces: 2) { _ in buffer[piece] += 1 }
                        }
                    }
                    #expect(seen == [Int](repeating: 2, count: pieces))
                }
            }
        }
    }
}
