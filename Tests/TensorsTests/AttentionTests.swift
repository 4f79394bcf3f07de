import Foundation
import Kernels
import Memory
import Tensors
import Testing

/// What the operation asks of a layout and holds; its numbers are compared in OpTests and in the tests of the kernel.
@Suite struct AttentionTests {
    private func message(_ change: (inout AttentionLayout) -> Void, bias: AttentionBias? = nil) throws -> String {
        let (q, k) = (try Tensor.ones([4, 8]), try Tensor.ones([10, 4]))
        var layout = AttentionLayout(
            heads: 2, queryStarts: [0, 1, 4], keys: [.init(start: 0, count: 2), .init(start: 5, count: 5)],
            positions: [1, 2, 3, 4])
        change(&layout)
        do { _ = try q.attention(keys: k, values: k, bias: bias, layout) } catch { return "\(error)" }
        return "none"
    }

    @Test func layoutsThatDoNotFit() throws {
        #expect(try message { _ in } == "none")
        #expect(
            try message { $0.keys[1].start = 6 } == "attention: sequence 2 has 5 keys from row 6 of k [10, 4]")
        #expect(
            try message { $0.keys[0].start = -1 } == "attention: sequence 1 has 2 keys from row -1 of k [10, 4]")
        #expect(try message { $0.keys[0].count = .max }.hasPrefix("attention: sequence 1 has 9223372036854775807 keys"))
        #expect(try message { $0.keys[0] = .init(start: .max, count: .max) }.hasPrefix("attention: sequence 1 has"))
        #expect(try message { $0.keys[0].count = -1 }.hasPrefix("attention: sequence 1 has -1 keys"))
        #expect(try message { $0.keys.removeLast() } == "attention: 1 segments of keys for 2 sequences")
        #expect(try message { $0.queryStarts = [0, 3, 2] } == "attention: boundaries [0, 3, 2] do not fit q [4, 8]")
        #expect(try message { $0.queryStarts = [] } == "attention: boundaries [] do not fit q [4, 8]")
        #expect(try message { $0.positions = [0] } == "attention: 1 positions for q [4, 8]")
        #expect(try message { $0.positions[1] = -1 }.hasPrefix("attention: position -1 of a query is outside 0 to"))
        #expect(try message { $0.positions[1] = .max }.hasPrefix("attention: position 9223372036854775807"))
        #expect(try message { $0.window = .sliding(0) } == "attention: a sliding window of 0 keys, of 1 at least")
        #expect(try message { $0.window = .local(-2) } == "attention: a local window of -2 keys, of 0 at least")
        #expect(try message { $0.window = .sliding(.max) } == "none")
        #expect(try message { $0.window = .local(.max) } == "none")
        #expect(try message { $0.softCap = 0 } == "attention: a cap of 0.0 for scores, expected a number above 0")
        #expect(try message { $0.softCap = .nan }.hasPrefix("attention: a cap of nan"))
        #expect(try message { $0.scale = .infinity } == "attention: a factor of inf for scores")
        let table = try Tensor.ones([2, 3])
        #expect(try message({ _ in }, bias: AttentionBias(table, zero: 2)) == "none")
        for wrong in [
            AttentionBias(table, zero: 3), AttentionBias(table, zero: -1), AttentionBias(try .ones([3, 3]), zero: 0),
        ] {
            #expect(try message({ _ in }, bias: wrong).hasPrefix("attention: a bias of shape"))
        }
    }

    /// Rows that two sequences read may have one gradient only where nobody asks for it.
    @Test func sharedKeysTakeNoGradient() throws {
        let (q, k) = (try Tensor.ones([2, 8]), try Tensor.ones([6, 8]))
        let layout = AttentionLayout(
            heads: 2, queryStarts: [0, 1, 2], keys: [.init(start: 0, count: 4), .init(start: 3, count: 3)],
            positions: [3, 2])
        try q.setRequiresGrad(true)
        try q.attention(keys: k, values: k, layout).sum().backward()
        #expect(q.grad != nil)
        try k.setRequiresGrad(true)
        let error = #expect(throws: TensorError.self) { try q.attention(keys: k, values: k, layout) }
        #expect(
            error.map { "\($0)" } == "attention: two sequences share row 3 of the keys, whose gradient is of one")
    }

    /// Rows of a cache that no sequence owns take a gradient of 0.
    @Test func unusedRowsHaveNoGradient() throws {
        let (q, k) = (
            try Tensor.randn([3, 32], key: RandomKey(seed: 1)), try Tensor.randn([300, 32], key: RandomKey(seed: 2))
        )
        try k.setRequiresGrad(true)
        let layout = AttentionLayout(
            heads: 2, queryStarts: [0, 2, 3], keys: [.init(start: 7, count: 100), .init(start: 150, count: 9)],
            positions: [98, 99, 8], causal: true)
        try q.attention(keys: k, values: k, layout).sum().backward()
        let rows = try #require(k.grad).floatArray()
        let touched = (0..<300).filter { row in rows[row * 32..<row * 32 + 32].contains { $0 != 0 } }
        #expect(touched == Array(7..<107) + Array(150..<159))
    }

    /// What is kept of long sequences beside the inputs: the result, and a number for each row and head.
    @Test func whatIsKept() {
        let shapes = [[200, 64], [200, 32], [200, 32]]
        let long = Attention(AttentionLayout(heads: 4, queryStarts: [0, 200]))
        #expect(long.keeps(shapes, needs: [true, false, false]) == shapes + [[4 * 200], [200, 64]])
        #expect(long.keeps(shapes, needs: [false, false, false]).isEmpty)
    }

    /// 4,096 queries and keys: a matrix of their scores would take 64 MiB, of one head.
    @Test func memoryIsLinearInTheLength() async {
        await #expect(processExitsWith: .exitCode(7)) {
            MemoryBudget.begin(limit: 40 << 20, nil)
            let n = 4096
            let q = try Tensor.randn([n, 64], key: RandomKey(seed: 1))
            let k = try Tensor.randn([n, 32], key: RandomKey(seed: 2))
            for tensor in [q, k] { try tensor.setRequiresGrad(true) }
            let table = try Tensor.ones([4, 100])
            try table.setRequiresGrad(true)
            let layout = AttentionLayout(heads: 4, queryStarts: [0, n], causal: true, softCap: 30)
            try q.attention(keys: k, values: k, bias: AttentionBias(table, zero: 99), layout).sum().backward()
            exit(try k.grad?.floatArray().allSatisfy(\.isFinite) == true ? 7 : 1)
        }
    }
}
