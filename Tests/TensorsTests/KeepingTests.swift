import Kernels
import Tensors
import Testing

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// What forward keeps for backward, counted in bytes, in a process where nothing else makes tensors.
@Suite struct KeepingTests {
    /// Bytes that are alive after `body`, beyond those before and those of its results.
    fileprivate static func kept(_ body: () throws -> [Tensor]) throws -> Int {
        StoragePool.shared.trim()
        let before = StoragePool.shared.liveBytes
        let results = try body()
        // Sizes are powers of two, which the pool does not round up, and no freed block is at most twice as large as a new one.
        let bytes = results.reduce(0) { $0 + $1.count * 4 }
        let kept = StoragePool.shared.liveBytes - before - bytes
        let sums = try results.map { try $0.sum() }
        try sums.dropFirst().reduce(sums[0]) { try $0.add($1) }.backward()
        return kept
    }

    @Test("a frozen linear keeps nothing, whatever it is stored as, with and without bias")
    func frozenLinear() async {
        let result = await #expect(processExitsWith: .exitCode(0), observing: [\.standardOutputContent]) {
            do {
                let leaf = try Tensor.randn([64, 256], key: RandomKey(seed: 1))
                try leaf.setRequiresGrad(true)
                // What is multiplied is no leaf, so that it is gone where nobody keeps it.
                let input = { try leaf.reshape([64, 256]).add(0) }
                for dtype in [FrozenMatrix.DType.float32, .bfloat16] where Backend.multiplies(dtype) {
                    let matrices = try (0..<3).map {
                        try FrozenMatrix(
                            rows: 32, columns: 256, normal: 0.1, key: RandomKey(seed: 2).child($0), dtype: dtype)
                    }
                    let frozen = try Tensor.randn([32], key: RandomKey(seed: 3))
                    let trained = try frozen.mul(1)
                    try trained.setRequiresGrad(true)
                    for bias in [nil, frozen, trained] {
                        leaf.grad = nil
                        // The first call packs.
                        for _ in 0..<2 {
                            leaf.grad = try Tensor.zeros([64, 256])
                            trained.grad = try Tensor.zeros([32])
                            let one = try KeepingTests.kept { [try input().linear(matrices[0], bias: bias)] }
                            let group = try KeepingTests.kept {
                                try input().linears(matrices, biases: [bias, bias, bias])
                            }
                            if (one, group) != (0, 0) {
                                let trains = bias?.requiresGrad == true
                                print("problem: \(dtype), bias trained \(trains): \(one) and \(group) bytes are kept")
                            }
                            if try leaf.grad?.floatArray().allSatisfy({ $0 == 0 }) != false {
                                print("problem: no gradient arrives")
                            }
                        }
                    }
                }
                // The count sees what is kept: here x, for the gradient of a trained weight.
                let weight = try Tensor.randn([32, 256], key: RandomKey(seed: 4))
                try weight.setRequiresGrad(true)
                weight.grad = try Tensor.zeros([32, 256])
                let x = try KeepingTests.kept { [try input().linear(weight)] }
                if x != 64 * 256 * 4 {
                    print("problem: a trained linear keeps \(x) bytes")
                }
            } catch { print("problem: \(error)") }
            exit(0)
        }
        // The library's own mark comes last.
        let said = String(decoding: result?.standardOutputContent ?? [], as: UTF8.self)
        #expect(!said.contains("problem"), "\(said)")
    }
}
