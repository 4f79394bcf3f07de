import Kernels

/// How the rows of packed sequences belong together in an attention, and what a query sees.
public struct AttentionLayout: Sendable {
    /// Number of query heads; the width of a head follows from the width of q.
    public var heads: Int
    /// Boundaries of the sequences in q: 0, n1, n1 + n2 and so on.
    public var queryStarts: [Int]
    /// Rows of k and v that belong to each sequence; there may be others between them and behind the last, which nobody sees.
    ///
    /// Two sequences may share rows where k and v take no gradient.
    public var keys: [KeySegment]
    /// Place of each query among the keys of its sequence, from 0: masks, windows and biases count from it, and dropout is a function of it.
    public var positions: [Int]
    /// Whether a query at position p sees keys 0...p only.
    public var causal: Bool
    /// How far from itself a query sees; nil for all.
    public var window: AttentionWindow?
    /// Scores after the factor become cap · tanh(score / cap), before masks and bias; nil leaves them.
    public var softCap: Float?
    /// Factor on q · k; 1 / √d where nothing is given.
    public var scale: Float?
    /// Dropout on the probabilities, with one key per row of q.
    public var dropout: DropoutMask?

    /// Layout of sequences whose keys lie one after the other, with these boundaries in k and v: those of q where nothing is given, and
    /// positions that are consecutive from 0 in each sequence.
    public init(
        heads: Int, queryStarts: [Int], keyStarts: [Int]? = nil, positions: [Int]? = nil, causal: Bool = false,
        window: AttentionWindow? = nil, softCap: Float? = nil, scale: Float? = nil, dropout: DropoutMask? = nil
    ) {
        self.init(
            heads: heads, queryStarts: queryStarts, keys: KeySegment.packed(keyStarts ?? queryStarts),
            positions: positions
                ?? zip(queryStarts, queryStarts.dropFirst()).flatMap { Array(0..<max(0, $1 - $0)) }, causal: causal,
            window: window, softCap: softCap, scale: scale, dropout: dropout)
    }

    /// Layout of sequences whose keys are these rows of k and v: a cache with room to grow.
    public init(
        heads: Int, queryStarts: [Int], keys: [KeySegment], positions: [Int], causal: Bool = false,
        window: AttentionWindow? = nil, softCap: Float? = nil, scale: Float? = nil, dropout: DropoutMask? = nil
    ) {
        (self.heads, self.queryStarts, self.keys, self.positions) = (heads, queryStarts, keys, positions)
        (self.causal, self.window, self.softCap) = (causal, window, softCap)
        (self.scale, self.dropout) = (scale, dropout)
    }
}

/// An additive bias of attention's scores by the distance of a key from its query, which may take a gradient.
public struct AttentionBias {
    /// Numbers of each head and distance, [heads, span].
    public var table: Tensor
    /// The column of the distance 0: a query at position p and a key at position j take column zero + j − p, the first or the last where
    /// that is outside.
    public var zero: Int

    /// A bias by this table.
    public init(_ table: Tensor, zero: Int) { (self.table, self.zero) = (table, zero) }
}

/// y = softmax(scale · q kᵀ) v for each head of each sequence, with the terms of its layout.
///
/// Vaswani et al. 2017, arXiv:1706.03762. Shapes: q, y [queries, heads · d]; k, v [rows, kvHeads · d]; the bias' table [heads, span]. With s =
/// scale · q kᵀ, capped to cap · tanh(s / cap), plus the bias, p its softmax over the keys that a query sees and m the dropout mask: dv = (m p)ᵀ dy;
/// dp = m · (dy vᵀ); ds = p · (dp − Σ dp·p), which is the bias' gradient; dq = scale · (1 − tanh²) ds k; dk = scale · ((1 − tanh²) ds)ᵀ q. Keeps q, k, v, and of
/// each sequence the probabilities where it is short, else y and the logarithm of each row's sum of exponentials: memory linear in the length.
package final class Attention: Op {
    package static let name = "attention"

    private let layout: AttentionLayout
    private let biasZero: Int
    private var kernel: AttentionKernel?
    private var inputs: [Tensor] = []
    private var kept: Tensor?
    private var result: Tensor?

    /// Attention of this layout; inputs are q, k, v and, where there is one, the bias' table, in whose column `biasZero` distance 0 is.
    package init(_ layout: AttentionLayout, biasZero: Int = 0) { (self.layout, self.biasZero) = (layout, biasZero) }

    package func forward(_ inputs: [Tensor], needs: [Bool]) throws -> Tensor {
        let (q, k, v) = (inputs[0], inputs[1], inputs[2])
        let kernel = try kernel(inputs.map(\.shape))
        if needs[1] || needs[2] { try refuseOverlap() }
        let y = try Tensor(uninitialized: q.shape)
        if needs.contains(true) {
            kept = try Tensor(uninitialized: [kernel.keptOffsets().last ?? 0])
            (self.kernel, self.inputs) = (kernel, inputs)
            result = kernel.needsResult ? try y.bare() : nil
        }
        kernel.forward(
            q: try q.floats(), k: try k.floats(), v: try v.floats(),
            bias: try inputs.count > 3 ? inputs[3].floats() : nil,
            kept: try kept?.mutableFloats(), into: try y.mutableFloats())
        return y
    }

    package func backward(_ dy: Tensor, needs: [Bool]) throws -> [Tensor?] {
        guard let kernel, let kept else { return needs.map { _ in nil } }
        let gradients = try zip(inputs, needs).map { $1 ? try Tensor(uninitialized: $0.shape) : nil }
        let hasBias = inputs.count > 3
        kernel.backward(
            dy: try dy.floats(), q: try inputs[0].floats(), k: try inputs[1].floats(), v: try inputs[2].floats(),
            bias: try hasBias ? inputs[3].floats() : nil, y: try (result ?? dy).floats(), kept: try kept.floats(),
            keyRows: inputs[1].shape[0], dq: try gradients[0]?.mutableFloats(), dk: try gradients[1]?.mutableFloats(),
            dv: try gradients[2]?.mutableFloats(), dbias: try hasBias ? gradients[3]?.mutableFloats() : nil)
        return gradients
    }

    package func keeps(_ shapes: [[Int]], needs: [Bool]) -> [[Int]] {
        guard needs.contains(true), let kernel = try? kernel(shapes) else { return [] }
        return shapes + [[kernel.keptOffsets().last ?? 0]] + (kernel.needsResult ? [shapes[0]] : [])
    }

    private func kernel(_ shapes: [[Int]]) throws -> AttentionKernel {
        let (q, k, v) = (shapes[0], shapes[1], shapes[2])
        let fits = q.count == 2 && k.count == 2 && k == v && layout.heads > 0 && q[1] % layout.heads == 0
        guard fits, q[1] > 0 else {
            throw TensorError("attention: q \(q), k \(k), v \(v) do not fit \(layout.heads) heads")
        }
        let width = q[1] / layout.heads
        let kvHeads = k[1] / width
        guard k[1] % width == 0, kvHeads > 0, layout.heads % kvHeads == 0 else {
            throw TensorError("attention: keys of shape \(k) do not fit \(layout.heads) heads of width \(width)")
        }
        try checkRows(q: q, k: k)
        return AttentionKernel(
            heads: layout.heads, kvHeads: kvHeads, width: width, scale: layout.scale ?? 1 / Float(width).squareRoot(),
            queryStarts: layout.queryStarts, keys: layout.keys, positions: layout.positions,
            terms: try terms(shapes.count > 3 ? shapes[3] : nil), dropout: layout.dropout)
    }

    /// Positions that there may be: sums of them and of distances do not overflow.
    private static let positions = 0..<AttentionTerms.unlimited / 2

    private func checkRows(q: [Int], k: [Int]) throws {
        let (starts, keys) = (layout.queryStarts, layout.keys)
        guard starts.first == 0, starts.last == q[0], zip(starts, starts.dropFirst()).allSatisfy({ $0 <= $1 }) else {
            throw TensorError("attention: boundaries \(starts) do not fit q \(q)")
        }
        guard keys.count == starts.count - 1 else {
            throw TensorError("attention: \(keys.count) segments of keys for \(starts.count - 1) sequences")
        }
        for (s, segment) in keys.enumerated() {
            let (end, overflow) = segment.start.addingReportingOverflow(segment.count)
            guard segment.start >= 0, segment.count >= 0, !overflow, end <= k[0] else {
                throw TensorError(
                    "attention: sequence \(s + 1) has \(segment.count) keys from row \(segment.start) of k \(k)")
            }
        }
        guard layout.positions.count == q[0] else {
            throw TensorError("attention: \(layout.positions.count) positions for q \(q)")
        }
        if let wrong = layout.positions.first(where: { !Attention.positions.contains($0) }) {
            throw TensorError(
                "attention: position \(wrong) of a query is outside 0 to \(Attention.positions.upperBound - 1)")
        }
        if let dropout = layout.dropout, dropout.keys.count != q[0] {
            throw TensorError("attention: \(dropout.keys.count) dropout keys for q of shape \(q)")
        }
    }

    private func terms(_ bias: [Int]?) throws -> AttentionTerms {
        switch layout.window {
        case .sliding(let size) where size < 1:
            throw TensorError("attention: a sliding window of \(size) keys, of 1 at least")
        case .local(let size) where size < 0:
            throw TensorError("attention: a local window of \(size) keys, of 0 at least")
        default: break
        }
        if let cap = layout.softCap, !(cap > 0 && cap.isFinite) {
            throw TensorError("attention: a cap of \(cap) for scores, expected a number above 0")
        }
        if let scale = layout.scale, !scale.isFinite { throw TensorError("attention: a factor of \(scale) for scores") }
        var places: BiasPlaces?
        if let bias {
            guard bias.count == 2, bias[0] == layout.heads, bias[1] > 0, (0..<bias[1]).contains(biasZero) else {
                throw TensorError(
                    "attention: a bias of shape \(bias) with distance 0 in column \(biasZero + 1) does not fit \(layout.heads) heads"
                )
            }
            places = BiasPlaces(span: bias[1], zero: biasZero)
        }
        return AttentionTerms(causal: layout.causal, window: layout.window, softCap: layout.softCap, bias: places)
    }

    /// Each key has one sequence, whose piece of work writes its gradient.
    private func refuseOverlap() throws {
        let sorted = layout.keys.filter { $0.count > 0 }.sorted { $0.start < $1.start }
        for (a, b) in zip(sorted, sorted.dropFirst()) where a.start + a.count > b.start {
            throw TensorError("attention: two sequences share row \(b.start) of the keys, whose gradient is of one")
        }
    }
}

extension Tensor {
    /// Attention of these queries over keys and values; see `Attention`.
    public func attention(keys: Tensor, values: Tensor, bias: AttentionBias? = nil, _ layout: AttentionLayout) throws
        -> Tensor
    {
        if let bias {
            return try Tensor.apply(Attention(layout, biasZero: bias.zero), [self, keys, values, bias.table])
        }
        return try Tensor.apply(Attention(layout), [self, keys, values])
    }
}
