import Kernels
import Tensors
import Testing

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Operations over shapes hold what they hold when they compute.
@Suite struct ShapePassTests {
    /// Bytes that a sample holds: its result and what it keeps, the most on the way there, and the most in backward.
    private struct Bytes: Equatable {
        let shape: [Int]
        let kept, forward, backward: Int

        init(_ sample: OpSample) throws {
            let pool = StoragePool.shared
            let inputs = try sample.makeInputs()
            for input in inputs { try input.setRequiresGrad(true) }
            let before = pool.liveBytes
            pool.resetPeak()
            let out = try sample.run(inputs)
            (shape, kept, forward) = (out.shape, pool.liveBytes - before, pool.peakBytes - before)
            let seed = try Tensor(uninitialized: out.shape)
            if out.count > 0 { try seed.mutableFloats().update(repeating: 0.5, count: out.count) }
            pool.resetPeak()
            let alive = pool.liveBytes
            try out.backward(seed)
            backward = pool.peakBytes - alive
        }
    }

    /// In a process of its own, where nothing else makes tensors.
    @Test("shapes, and bytes to the last, of every operation")
    func everyOperation() async {
        let result = await #expect(processExitsWith: .exitCode(0), observing: [\.standardOutputContent]) {
            for sample in OpSamples.all {
                do {
                    // The first run packs.
                    _ = try Bytes(sample)
                    let real = try Bytes(sample)
                    let pass = ShapePass(after: StoragePool.shared.counts)
                    let before = pass.tensors.counts.live
                    let planned = try pass.run { try Bytes(sample) }
                    if planned != real { print("problem: \(sample.name): planned \(planned), really \(real)") }
                    let left = pass.tensors.counts.live - before
                    if left != 0 { print("problem: \(sample.name): \(left) bytes outlive the pass") }
                } catch { print("problem: \(sample.name): \(error)") }
            }
            print("compared \(OpSamples.all.count)")
            exit(0)
        }
        let said = String(decoding: result?.standardOutputContent ?? [], as: UTF8.self)
        #expect(said.contains("compared \(OpSamples.all.count)"), "\(said)")
        #expect(!said.contains("problem"), "\(said)")
    }

    @Test("what `keeps` declares is what the pass finds to be kept beside the result")
    func declared() async {
        let result = await #expect(processExitsWith: .exitCode(0), observing: [\.standardOutputContent]) {
            do {
                let pass = ShapePass(after: StoragePool.shared.counts)
                try pass.run {
                    let x = try Tensor(uninitialized: [64, 256])
                    let w = try Tensor(uninitialized: [32, 256])
                    for leaf in [x, w] { try leaf.setRequiresGrad(true) }
                    let before = pass.tensors.counts.live
                    // What is multiplied is no leaf: it is alive because it is kept.
                    let y = try x.add(0).linear(w)
                    let kept = pass.tensors.counts.live - before - y.count * 4
                    if kept != 64 * 256 * 4 { print("problem: \(kept) bytes are kept") }
                    if pass.flops != 2 * 64 * 32 * 256 { print("problem: \(pass.flops) operations") }
                }
            } catch { print("problem: \(error)") }
            exit(0)
        }
        let said = String(decoding: result?.standardOutputContent ?? [], as: UTF8.self)
        #expect(!said.contains("problem"), "\(said)")
    }

    @Test("a tensor larger than any memory costs none")
    func largerThanMemory() throws {
        let pass = ShapePass(after: StoragePool.shared.counts)
        try pass.run {
            let matrix = FrozenMatrix(shapeOnlyRows: 1 << 15, columns: 1 << 15, packing: .twice)
            let x = try Tensor(uninitialized: [1 << 18, 1 << 15])
            try x.setRequiresGrad(true)
            let y = try x.linear(matrix)
            #expect(y.shape == [1 << 18, 1 << 15])
            try y.sum().backward()
            #expect(x.grad?.shape == x.shape)
            x.grad = nil
        }
        #expect(pass.tensors.counts.peak >= 3 << 35)
        if Backend.of(.float32) == .native { #expect(pass.packedBytes >= 2 << 32) }
        #expect(pass.flops >= 4 << 48)
    }
}
