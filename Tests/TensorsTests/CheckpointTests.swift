import Tensors
import Testing

/// Operations that backward runs again give the bits of operations that kept what it needs.
@Suite struct CheckpointTests {
    private static func bits(_ tensors: [Tensor?]) throws -> [[UInt32]] {
        try tensors.map { try $0?.floatArray().map(\.bitPattern) ?? [] }
    }

    /// Result and gradients of a sample between two operations on its first input, which a third reads besides.
    private static func run(_ sample: OpSample, isCheckpointed: Bool) throws -> [[UInt32]] {
        let inputs = try sample.makeInputs()
        for input in inputs { try input.setRequiresGrad(true) }
        let body = { (x: Tensor) in try sample.run([x] + inputs.dropFirst()).mul(.float(0.5)) }
        let start = try inputs[0].mul(.float(1.5))
        let out = try body(start)
        if isCheckpointed { try out.checkpoint(from: start, body) }
        let last = try out.mul(out)
        try last.sum().add(start.mul(start).sum()).backward()
        return try bits([last] + inputs.map(\.grad))
    }

    @Test(arguments: OpSamples.all)
    func sameBits(_ sample: OpSample) throws {
        guard try !sample.makeInputs().isEmpty else { return }
        #expect(
            try CheckpointTests.run(sample, isCheckpointed: true) == CheckpointTests.run(sample, isCheckpointed: false))
    }

    private func leaf() throws -> Tensor {
        let x = try Tensor([0.3, -0.7, 1.1] as [Float])
        try x.setRequiresGrad(true)
        return x
    }

    @Test func oneWithinAnother() throws {
        func run(_ isCheckpointed: Bool) throws -> [[UInt32]] {
            let x = try leaf()
            let inner = { (y: Tensor) throws -> Tensor in
                let z = try y.mul(y).tanh()
                if isCheckpointed { try z.checkpoint(from: y) { try $0.mul($0).tanh() } }
                return z
            }
            let outer = { (y: Tensor) throws -> Tensor in try inner(inner(y.mul(y)).add(y)) }
            let out = try outer(x)
            if isCheckpointed { try out.checkpoint(from: x, outer) }
            try out.sum().backward()
            return try CheckpointTests.bits([out, x.grad])
        }
        #expect(try run(true) == run(false))
    }

    @Test func runsOnceMoreAndNotWithoutARecord() throws {
        let x = try leaf()
        var calls = 0
        let body = { (y: Tensor) throws -> Tensor in
            calls += 1
            return try y.mul(y)
        }
        let out = try body(x)
        try out.checkpoint(from: x, body)
        try out.sum().backward()
        #expect(calls == 2)
        #expect(throws: TensorError.self) { try out.sum().backward() }
        let bare = try Recording.off { try body(x) }
        try bare.checkpoint(from: x, body)
        #expect(!bare.isTracked && calls == 3)
    }

    @Test func whatWasFrozenInBetweenIsAnError() throws {
        let (x, weight) = (try Tensor([1, 2] as [Float]), try Tensor([0.5, 3] as [Float]))
        try weight.setRequiresGrad(true)
        let body = { (y: Tensor) throws -> Tensor in try y.mul(weight) }
        let out = try body(x)
        try out.checkpoint(from: x, body)
        try weight.setRequiresGrad(false)
        let error = #expect(throws: TensorError.self) { try out.sum().backward() }
        #expect(error?.description.contains("leave requires_grad as it was in forward") == true)
    }
}
