import Kernels

/// How the rows of packed sequences belong together in a disentangled attention, and where the distances of their tokens lie in its tables.
public struct DisentangledLayout: Sendable {
    /// Number of heads; the width of a head follows from the width of q.
    public var heads: Int
    /// Boundaries of the sequences in q: 0, n1, n1 + n2 and so on.
    public var queryStarts: [Int]
    /// Boundaries of the sequences in k and v.
    public var keyStarts: [Int]
    /// Place of each query among the keys of its sequence, from 0.
    public var positions: [Int]
    /// Rows of the tables for the distances p − j of a query at p from a key at j, from the largest, `places.count / 2`, down to its
    /// negative; no row is larger than the one before.
    public var places: [Int]
    /// Factor on scores.
    public var scale: Float
    /// Dropout on the probabilities, with one key per row of q.
    public var dropout: DropoutMask?

    /// This layout.
    public init(
        heads: Int, queryStarts: [Int], keyStarts: [Int], positions: [Int], places: [Int], scale: Float,
        dropout: DropoutMask? = nil
    ) {
        (self.heads, self.queryStarts, self.keyStarts, self.positions) = (heads, queryStarts, keyStarts, positions)
        (self.places, self.scale, self.dropout) = (places, scale, dropout)
    }
}

/// y = softmax(scale · (q kᵀ + c + p)) v for each head of each sequence, with c and p by distance (arXiv:2006.03654, section 3).
///
/// c[i, j] = qᵢ · pk[place], p[i, j] = kⱼ · pq[place], place that of the distance i − j.
/// Shapes: q, y [queries, heads · d]; k, v [rows, heads · d]; pk, pq [places, heads · d], either of which may be missing. Backward: see
/// `DisentangledKernel.backward`. Keeps its inputs, y, and the logarithm of each row's sum of exponentials: memory linear in the length.
package final class DisentangledAttention: Op {
    package static let name = "disentangled_attention"

    private let layout: DisentangledLayout
    private let (hasContent, hasPosition): (Bool, Bool)
    private var kernel: DisentangledKernel?
    private var inputs: [Tensor] = []
    private var kept: Tensor?
    private var result: Tensor?

    /// Inputs are q, k, v, then pk where `hasContent` and pq where `hasPosition` is set.
    package init(_ layout: DisentangledLayout, hasContent: Bool, hasPosition: Bool) {
        (self.layout, self.hasContent, self.hasPosition) = (layout, hasContent, hasPosition)
    }

    private var positionInput: Int { hasContent ? 4 : 3 }

    private func tables(_ inputs: [Tensor]) throws -> (pk: UnsafePointer<Float>?, pq: UnsafePointer<Float>?) {
        (
            hasContent ? try UnsafePointer(inputs[3].floats()) : nil,
            hasPosition ? try UnsafePointer(inputs[positionInput].floats()) : nil
        )
    }

    package func forward(_ inputs: [Tensor], needs: [Bool]) throws -> Tensor {
        let kernel = try kernel(inputs.map(\.shape))
        let y = try Tensor(uninitialized: inputs[0].shape)
        if needs.contains(true) {
            kept = try Tensor(uninitialized: [kernel.keptCount])
            (self.kernel, self.inputs, result) = (kernel, inputs, try y.bare())
        }
        let (pk, pq) = try tables(inputs)
        kernel.forward(
            q: try inputs[0].floats(), k: try inputs[1].floats(), v: try inputs[2].floats(), pk: pk, pq: pq,
            kept: try kept?.mutableFloats(), into: try y.mutableFloats())
        return y
    }

    package func backward(_ dy: Tensor, needs: [Bool]) throws -> [Tensor?] {
        guard let kernel, let kept, let result else { return needs.map { _ in nil } }
        let gradients = try zip(inputs, needs).map { $1 ? try Tensor(uninitialized: $0.shape) : nil }
        let (pk, pq) = try tables(inputs)
        kernel.backward(
            dy: try dy.floats(), q: try inputs[0].floats(), k: try inputs[1].floats(), v: try inputs[2].floats(),
            pk: pk, pq: pq, y: try result.floats(), kept: try kept.floats(), count: inputs.last?.shape.first ?? 0,
            dq: try gradients[0]?.mutableFloats(), dk: try gradients[1]?.mutableFloats(),
            dv: try gradients[2]?.mutableFloats(), dpk: hasContent ? try gradients[3]?.mutableFloats() : nil,
            dpq: hasPosition ? try gradients[positionInput]?.mutableFloats() : nil)
        return gradients
    }

    package func keeps(_ shapes: [[Int]], needs: [Bool]) -> [[Int]] {
        guard needs.contains(true), let kernel = try? kernel(shapes) else { return [] }
        return shapes + [[kernel.keptCount], shapes[0]]
    }

    private func kernel(_ shapes: [[Int]]) throws -> DisentangledKernel {
        let (q, k, v) = (shapes[0], shapes[1], shapes[2])
        let fits = q.count == 2 && k.count == 2 && k == v && layout.heads > 0 && q[1] > 0 && q[1] % layout.heads == 0
        guard fits, k[1] == q[1] else {
            throw TensorError("disentangled_attention: q \(q), k \(k), v \(v) do not fit \(layout.heads) heads")
        }
        for table in shapes.dropFirst(3) where table.count != 2 || table[1] != q[1] || table != shapes[3] {
            throw TensorError("disentangled_attention: tables of positions \(Array(shapes.dropFirst(3))) for q \(q)")
        }
        let (starts, keys) = (layout.queryStarts, layout.keyStarts)
        guard starts.first == 0, starts.last == q[0], keys.first == 0, keys.last == k[0], starts.count == keys.count,
            [starts, keys].allSatisfy({ zip($0, $0.dropFirst()).allSatisfy { $0 <= $1 } })
        else { throw TensorError("disentangled_attention: boundaries \(starts) and \(keys) do not fit q \(q), k \(k)") }
        for s in 1..<max(1, keys.count) where starts[s - 1] < starts[s] && keys[s - 1] == keys[s] {
            throw TensorError("disentangled_attention: sequence \(s) has queries and no keys")
        }
        guard layout.scale.isFinite else {
            throw TensorError("disentangled_attention: a factor of \(layout.scale) for scores")
        }
        let places = layout.places
        let reach = places.count / 2
        guard places.count % 2 == 1, layout.positions.count == q[0],
            layout.positions.allSatisfy({ (0...reach).contains($0) }),
            zip(keys, keys.dropFirst()).allSatisfy({ $1 - $0 <= reach + 1 })
        else {
            throw TensorError(
                "disentangled_attention: \(places.count) places of distances do not reach over \(layout.positions.count) positions"
            )
        }
        let count = shapes.count > 3 ? shapes[3][0] : 1
        let rows = places.compactMap { (0..<count).contains($0) ? Int32(exactly: $0) : nil }
        guard rows.count == places.count, zip(rows, rows.dropFirst()).allSatisfy(>=) else {
            throw TensorError("disentangled_attention: places of distances do not fit tables of \(count) rows")
        }
        if let dropout = layout.dropout, dropout.keys.count != q[0] {
            throw TensorError("disentangled_attention: \(dropout.keys.count) dropout keys for q of shape \(q)")
        }
        return DisentangledKernel(
            heads: layout.heads, width: q[1] / layout.heads, scale: layout.scale, queryStarts: starts,
            keyStarts: keys, positions: layout.positions, places: rows, dropout: layout.dropout)
    }
}

extension Tensor {
    /// Disentangled attention of these queries over keys and values; see `DisentangledAttention`.
    ///
    /// - Parameters:
    ///   - positionKeys: pk, "content to position".
    ///   - positionQueries: pq, "position to content".
    public func disentangledAttention(
        keys: Tensor, values: Tensor, positionKeys: Tensor?, positionQueries: Tensor?, _ layout: DisentangledLayout
    ) throws -> Tensor {
        let tables = [positionKeys, positionQueries].compactMap { $0 }
        return try Tensor.apply(
            DisentangledAttention(layout, hasContent: positionKeys != nil, hasPosition: positionQueries != nil),
            [self, keys, values] + tables)
    }
}
