import Kernels

/// How the rows of packed sequences belong together in an attention.
public struct AttentionLayout: Sendable {
    /// Number of query heads; the width of a head follows from the width of q.
    public var heads: Int
    /// Boundaries of the sequences in q: 0, n1, n1 + n2 and so on.
    public var queryStarts: [Int]
    /// Boundaries in k and v; those of q where nothing is given.
    public var keyStarts: [Int]
    /// Place of each query in its sequence, from 0; consecutive where nothing is given.
    public var positions: [Int]
    /// Whether a query sees only the keys up to its own position.
    public var causal = false
    /// Factor on q · k; 1 / √d where nothing is given.
    public var scale: Float?
    /// Dropout on the probabilities, with one key per row of q.
    public var dropout: DropoutMask?

    /// Layout of sequences with these boundaries.
    public init(
        heads: Int, queryStarts: [Int], keyStarts: [Int]? = nil, positions: [Int]? = nil, causal: Bool = false,
        scale: Float? = nil, dropout: DropoutMask? = nil
    ) {
        (self.heads, self.queryStarts, self.keyStarts) = (heads, queryStarts, keyStarts ?? queryStarts)
        self.positions =
            positions ?? zip(queryStarts, queryStarts.dropFirst()).flatMap { Array(0..<max(0, $1 - $0)) }
        (self.causal, self.scale, self.dropout) = (causal, scale, dropout)
    }
}

/// y = softmax(scale · q kᵀ) v for each head of each sequence.
///
/// Vaswani et al. 2017, arXiv:1706.03762. Shapes: q, y [queries, heads · d]; k, v [keys, kvHeads · d], sequences packed one after the other. With p the
/// probabilities and m the dropout mask: dv = (m p)ᵀ dy; dp = m · (dy vᵀ); ds = p · (dp − Σ dp·p); dq = scale · ds k;
/// dk = scale · dsᵀ q. Keeps q, k, v, and p for sequences of at most 128 keys; for longer ones p is computed again.
package final class Attention: Op {
    package static let name = "attention"

    private let layout: AttentionLayout
    private var kernel: AttentionKernel?
    private var inputs: [Tensor] = []
    private var kept: Tensor?

    /// Attention of this layout; inputs are q, k, v.
    package init(_ layout: AttentionLayout) { self.layout = layout }

    package func forward(_ inputs: [Tensor], needs: [Bool]) throws -> Tensor {
        let (q, k, v) = (inputs[0], inputs[1], inputs[2])
        let kernel = try Attention.kernel(layout, q: q.shape, k: k.shape, v: v.shape)
        let y = try Tensor(uninitialized: q.shape)
        if needs.contains(true) {
            kept = try Tensor(uninitialized: [kernel.keptOffsets().last ?? 0])
            (self.kernel, self.inputs) = (kernel, inputs)
        }
        kernel.forward(
            q: try q.floats(), k: try k.floats(), v: try v.floats(), kept: try kept?.mutableFloats(),
            into: try y.mutableFloats())
        return y
    }

    package func backward(_ dy: Tensor, needs: [Bool]) throws -> [Tensor?] {
        guard let kernel, let kept else { return needs.map { _ in nil } }
        let gradients = try zip(inputs, needs).map { $1 ? try Tensor(uninitialized: $0.shape) : nil }
        kernel.backward(
            dy: try dy.floats(), q: try inputs[0].floats(), k: try inputs[1].floats(), v: try inputs[2].floats(),
            kept: try kept.floats(), dq: try gradients[0]?.mutableFloats(), dk: try gradients[1]?.mutableFloats(),
            dv: try gradients[2]?.mutableFloats())
        return gradients
    }

    package func keeps(_ shapes: [[Int]], needs: [Bool]) -> [[Int]] {
        guard needs.contains(true),
            let kernel = try? Attention.kernel(layout, q: shapes[0], k: shapes[1], v: shapes[2])
        else { return [] }
        return shapes + [[kernel.keptOffsets().last ?? 0]]
    }

    private static func kernel(_ layout: AttentionLayout, q: [Int], k: [Int], v: [Int]) throws -> AttentionKernel {
        let fits = q.count == 2 && k.count == 2 && k == v && layout.heads > 0 && q[1] % layout.heads == 0
        guard fits, q[1] > 0 else {
            throw TensorError("attention: q \(q), k \(k), v \(v) do not fit \(layout.heads) heads")
        }
        let width = q[1] / layout.heads
        let kvHeads = k[1] / width
        guard k[1] % width == 0, kvHeads > 0, layout.heads % kvHeads == 0 else {
            throw TensorError("attention: keys of shape \(k) do not fit \(layout.heads) heads of width \(width)")
        }
        let (queries, keys) = (layout.queryStarts, layout.keyStarts)
        let ordered = { (starts: [Int]) in starts.first == 0 && zip(starts, starts.dropFirst()).allSatisfy { $0 <= $1 }
        }
        guard ordered(queries), ordered(keys), queries.count == keys.count, queries.last == q[0], keys.last == k[0],
            layout.positions.count == q[0]
        else {
            throw TensorError("attention: boundaries \(queries) and \(keys) do not fit q \(q) and k \(k)")
        }
        if let dropout = layout.dropout, dropout.keys.count != q[0] {
            throw TensorError("attention: \(dropout.keys.count) dropout keys for q of shape \(q)")
        }
        return AttentionKernel(
            heads: layout.heads, kvHeads: kvHeads, width: width, scale: layout.scale ?? 1 / Float(width).squareRoot(),
            queryStarts: queries, keyStarts: keys, positions: layout.positions, causal: layout.causal,
            dropout: layout.dropout)
    }
}

extension Tensor {
    /// Attention of these queries over keys and values; see `Attention`.
    public func attention(keys: Tensor, values: Tensor, _ layout: AttentionLayout) throws -> Tensor {
        try Tensor.apply(Attention(layout), [self, keys, values])
    }
}
