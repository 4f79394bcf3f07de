import Kernels
import Tensors
import Testing

/// Products with frozen matrices that take the activation before them along.
@Suite struct ActivationProductTests {
    /// Result and gradients of x and of the bias, as bits.
    private func run(_ make: (Tensor, FrozenMatrix, Tensor) throws -> Tensor) throws -> [[UInt32]] {
        let key = RandomKey(seed: 8)
        let frozen = try FrozenMatrix(rows: 70, columns: 260, normal: 0.1, key: key.child(0))
        let x = try Tensor.randn([9, 15, 260], key: key.child(1))
        let bias = try Tensor.randn([70], key: key.child(2))
        for leaf in [x, bias] { try leaf.setRequiresGrad(true) }
        let y = try make(x, frozen, bias)
        try y.mul(y).sum(0).mean().backward()
        return try [y, #require(x.grad), #require(bias.grad)].map { try $0.floatArray().map(\.bitPattern) }
    }

    /// The two operations are compared with torch; here they are one, or two where the gradient needs the result.
    @Test(arguments: [Elementwise.Unary.gelu, .geluTanh, .silu, .tanh, .relu])
    func sameBitsAsApart(_ function: Elementwise.Unary) throws {
        let along = try run { try $0.linear($1, bias: $2, after: function) }
        let apart = try run { try $0.activation(function).linear($1, bias: $2) }
        #expect(along == apart)
        #expect(along.allSatisfy { $0.contains { $0 != 0 } })
        #expect(try along != run { try $0.linear($1, bias: $2) })
    }
}
