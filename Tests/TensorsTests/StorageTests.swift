import Kernels
import Synchronization
import Tensors
import Testing

/// What is measured here is shared by everything in the process; these tests do not run beside one another.
@Suite(.serialized) struct StorageTests {
    /// A small network with dropout and attention, forward and backward, on `rows` rows.
    private func step(_ rows: Int, _ weights: [Tensor], _ frozen: FrozenMatrix) throws {
        let x = try Tensor.randn([rows, 64], key: RandomKey(seed: 1))
        let key = RandomKey(seed: 2)
        let mask = try DropoutMask(p: 0.1, keys: (0..<rows).map { key.child($0) })
        let q = try x.linear(weights[0])
        let a = try q.attention(
            keys: x, values: x,
            AttentionLayout(heads: 4, queryStarts: Array(stride(from: 0, to: rows, by: 50)) + [rows], dropout: mask))
        let h = try a.linear(frozen).gelu().dropout(mask).layerNorm(weight: weights[1], bias: weights[2], epsilon: 1e-5)
        try h.linear(weights[3]).crossEntropy((0..<rows).map { $0 % 3 }).backward()
        for weight in weights { weight.grad = nil }
    }

    private func weights() throws -> [Tensor] {
        let key = RandomKey(seed: 3)
        let shapes = [[64, 64], [64], [64], [3, 64]]
        let result = try shapes.enumerated().map { try Tensor.kaimingUniform($1, key: key.child($0)) }
        for weight in result { try weight.setRequiresGrad(true) }
        return result
    }

    /// Steps on batches of changing lengths, most of them never seen before, of tens of megabytes.
    @Test func aStepAllocatesNothingAfterTheLargest() throws {
        let weights = try weights()
        let frozen = FrozenMatrix(rows: 64, columns: 64, normal: 0.1, key: RandomKey(seed: 4))
        StoragePool.shared.resetPeak()
        try step(12_000, weights, frozen)
        #expect(StoragePool.shared.peakBytes >= 32 << 20)
        // Other tests in the process may allocate meanwhile: rounds go on until one of them was quiet.
        var (fewest, round) = (Int.max, 0)
        while fewest > 0, round < 100 {
            let before = StoragePool.shared.systemAllocations
            for rows in [7_000, 11_000, 900, 12_000, 4_321] { try step(rows - 2 * round, weights, frozen) }
            fewest = min(fewest, StoragePool.shared.systemAllocations - before)
            round += 1
        }
        #expect(fewest == 0)
    }

    @Test func reserveIsAskedAndMayRefuse() throws {
        let asked = Mutex([Int]())
        // Only this size: other tests run beside.
        let bytes = 123_456 * 4
        StoragePool.shared.setReserve { _, more in
            guard more >= bytes, more < bytes + 64 else { return }
            asked.withLock { $0.append(more) }
            throw TensorError("memory limit")
        }
        defer { StoragePool.shared.setReserve(nil) }
        #expect { try Tensor.zeros([123_456]) } throws: { "\($0)" == "memory limit" }
        #expect(asked.withLock { $0.count } == 1)
    }
}
