import CMemory
import Foundation
import Kernels
import Memory
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
        let frozen = try FrozenMatrix(rows: 64, columns: 64, normal: 0.1, key: RandomKey(seed: 4))
        StoragePool.shared.resetPeak()
        try step(18_000, weights, frozen)
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

    private struct Stopped: Error {}

    /// A signal stops an operation between two pieces, and what was computed is dropped; so does it the filling of a tensor.
    @Test func aSignalStopsProductsAndFilling() async {
        await #expect(processExitsWith: .exitCode(7)) {
            MemoryBudget.begin(
                limit: nil, .init(check: { if MemoryBudget.isStopping { throw Stopped() } }, collect: {}))
            let (a, b) = (try Tensor.ones([3, 5]), try Tensor.ones([5, 3]))
            let frozen = try OpSamples.frozen([4, 5], 1)
            let before = try a.linear(frozen).floatArray()
            memory_stop(true)
            guard (try? a.matmul(b)) == nil, (try? a.linear(frozen)) == nil else { exit(1) }
            let layout = AttentionLayout(heads: 1, queryStarts: [0, 3])
            guard (try? a.attention(keys: a, values: a, layout)) == nil else { exit(2) }
            guard (try? Tensor.zeros([2 << 20])) == nil, (try? Tensor.arange(0, 1e7)) == nil else { exit(3) }
            guard (try? a.add(1)) == nil, (try? a.permute([1, 0])) == nil else { exit(4) }
            memory_stop(false)
            guard try a.matmul(b).floatArray() == [Float](repeating: 5, count: 9) else { exit(5) }
            exit(try a.linear(frozen).floatArray() == before ? 7 : 6)
        }
    }

    /// The limit is one of the whole process.
    @Test func tensorsCountAndMayBeRefused() async {
        await #expect(processExitsWith: .exitCode(7)) {
            MemoryBudget.begin(limit: 64 << 20, nil)
            for _ in 0..<3 {
                var kept: [Tensor] = []
                do {
                    for _ in 0..<100 { kept.append(try Tensor.zeros([1 << 18])) }
                    exit(1)
                } catch is MemoryRefusal {
                    // Of a mebibyte each, in regions of at most a sixteenth of the limit.
                    guard (54...64).contains(kept.count) else { exit(2) }
                }
            }
            do {
                var small: [Tensor] = []
                while small.count < 1_000_000 { small.append(try Tensor.zeros([1])) }
                exit(3)
            } catch is MemoryRefusal {}
            let chain = try Tensor.zeros([1])
            try chain.setRequiresGrad(true)
            do {
                var x = try chain.mul(2)
                for _ in 0..<1_000_000 { x = try x.mul(2) }
                exit(4)
            } catch is MemoryRefusal {}
            exit(7)
        }
    }
}
