import Kernels
import Tensors
import Testing

/// Inputs that are made again from what a normalisation keeps.
@Suite(.serialized) struct SavedTests {
    private struct Layer {
        let x: Tensor
        let gamma: Tensor
        let beta: Tensor
        let weight: Tensor

        init(rows: Int, width: Int, out: Int) throws {
            let key = RandomKey(seed: 5)
            x = try .randn([rows, width], key: key.child(0))
            (gamma, beta) = (try .randn([width], key: key.child(1)), try .randn([width], key: key.child(2)))
            weight = try .randn([out, width], key: key.child(3))
            for leaf in leaves { try leaf.setRequiresGrad(true) }
        }

        var leaves: [Tensor] { [x, weight] }

        func normalized() throws -> Tensor { try x.layerNorm(weight: gamma, bias: beta, epsilon: 1e-5) }

        /// Gradients of all leaves, as bits, of a linear on `h`.
        func gradients(_ h: Tensor) throws -> [[UInt32]] {
            for leaf in leaves { leaf.grad = nil }
            try h.linear(weight).gelu().sum(0).mean().backward()
            return try leaves.map { try ($0.grad?.floatArray() ?? []).map(\.bitPattern) }
        }
    }

    /// Widths that fill vectors and that leave a rest, at the level that the process runs at.
    @Test(arguments: [1, 7, 16, 33, 256]) func madeAgainToTheBit(_ width: Int) throws {
        let layer = try Layer(rows: 70, width: width, out: 5)
        // A product with 1 has the same bits in storage that nobody knows how to make again.
        let plain = try layer.gradients(try layer.normalized().mul(1))
        let again = try layer.gradients(try layer.normalized())
        #expect(plain.count == 2)
        #expect(plain.allSatisfy { !$0.isEmpty })
        #expect(again == plain)
        // Seen through a view as well.
        #expect(try layer.gradients(try layer.normalized().reshape([10, 7, width]).reshape([70, width])) == plain)
    }

    /// A gated activation is made again from gate and up, apart or in one.
    @Test(arguments: [Elementwise.Unary.silu, .tanh]) func gatedAgain(_ function: Elementwise.Unary) throws {
        let layer = try Layer(rows: 70, width: 32, out: 5)
        let wide = try Tensor.randn([5, 16], key: RandomKey(seed: 7))
        func gradients(_ h: Tensor) throws -> [[UInt32]] {
            layer.x.grad = nil
            let weight = try wide.clone()
            try weight.setRequiresGrad(true)
            try h.linear(weight).sum(0).mean().backward()
            return try [layer.x.grad, weight.grad].map { try ($0?.floatArray() ?? []).map(\.bitPattern) }
        }
        let gate = { try layer.x.narrow(1, start: 0, length: 16) }
        let up = { try layer.x.narrow(1, start: 16, length: 16) }
        let plain = try gradients(try gate().gated(function, up: up()).mul(1))
        #expect(plain.allSatisfy { !$0.isEmpty })
        #expect(try gradients(try gate().gated(function, up: up())) == plain)
        #expect(try gradients(try layer.x.gated(function)) == plain)
    }

    /// Once written to, a result is not what its operation would make.
    @Test func aWriteIsSeen() throws {
        let layer = try Layer(rows: 9, width: 20, out: 3)
        let change = try Tensor.randn([9, 20], key: RandomKey(seed: 6))
        let h = try layer.normalized()
        try h.detach().add(inPlace: change)
        let written = try layer.gradients(h)
        #expect(try written == layer.gradients(layer.normalized().add(change)))
        #expect(try written[1] != layer.gradients(layer.normalized())[1])
    }

    /// A trained norm's weights may be others by the time of the backward: what it gave is kept.
    @Test func aTrainedNormIsKept() throws {
        let layer = try Layer(rows: 9, width: 20, out: 3)
        let expected = try layer.gradients(layer.normalized())
        try layer.beta.setRequiresGrad(true)
        let h = try layer.normalized()
        let loss = try h.linear(layer.weight).gelu().sum(0).mean()
        try layer.beta.detach().add(inPlace: layer.gamma)
        for leaf in layer.leaves { leaf.grad = nil }
        try loss.backward()
        #expect(try layer.weight.grad?.floatArray().map(\.bitPattern) == expected[1])
    }

    /// A result that outlives its record does not keep what it was made from.
    @Test func whatIsHeldAfterwardsIsTheResultAlone() throws {
        let layer = try Layer(rows: 8192, width: 1024, out: 2)
        let size = 8192 * 1024 * 4
        let held = try kept { try layer.normalized().detach() }
        #expect(abs(held - size) < size / 4, "y alone: \(held) bytes")
    }

    /// Bytes that a recorded layer keeps alive when its results are let go of, but the last.
    private func kept(_ make: () throws -> Tensor) throws -> Int {
        // Other tests in the process allocate meanwhile, far less than the tensors here: the middle of several.
        try (0..<5).map { _ in
            let before = StoragePool.shared.liveBytes
            return try withExtendedLifetime(make()) { StoragePool.shared.liveBytes - before }
        }.sorted()[2]
    }

    @Test func nothingIsKeptTwice() throws {
        let layer = try Layer(rows: 8192, width: 1024, out: 2)
        let size = 8192 * 1024 * 4
        let again = try kept { try layer.normalized().linear(layer.weight) }
        let plain = try kept { try layer.normalized().mul(1).linear(layer.weight) }
        #expect(abs(again - size) < size / 4, "x̂ alone: \(again) bytes")
        #expect(abs(plain - 2 * size) < size / 4, "x̂ and y: \(plain) bytes")
    }
}
