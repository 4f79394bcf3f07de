import Kernels

/// y_i + s · B(A(m x)) for linears that read the same x, the update of LoRA (Hu and others 2021, arXiv:2106.09685), m a dropout
/// mask over 1 − p of each update's own.
///
/// Shapes: x[T, in], A[r, in], B[out, r], y[T, out]; formulas in `LowRankUpdates`, dy goes on to y as it is. Keeps x where no normalisation
/// makes it again, and u; the masks are drawn again.
package final class LoRAUpdates: ManyResults, AddingOp {
    package static let name = "lora"

    /// One update: where its A stands among the inputs (B follows), and which y it changes.
    package struct Update {
        let target: Int
        let scaling: Float
        let mask: DropoutMask?

        /// The update of y number `target`, times `scaling`.
        package init(target: Int, scaling: Float, mask: DropoutMask?) {
            (self.target, self.scaling, self.mask) = (target, scaling, mask)
        }
    }

    private let updates: [Update]
    private let targets: Int
    package var results: [Tensor] = []
    package var resultGradients: [Tensor?] = []
    private var kept: (x: Saved, factors: [Tensor], u: Tensor)?

    private init(_ updates: [Update], targets: Int) {
        (self.updates, self.targets) = (updates, targets)
    }

    private func lowRank(_ x: Tensor, _ factors: [Tensor]) throws -> LowRankUpdates {
        let columns = factors[0].shape[1]
        return LowRankUpdates(
            rows: x.count / max(columns, 1), columns: columns,
            try updates.enumerated().map { index, update in
                let (a, b) = (factors[2 * index], factors[2 * index + 1])
                return LowRankUpdates.Update(
                    a: try a.floats(), b: try b.floats(), rank: a.shape[0], outputs: b.shape[0],
                    scale: update.scaling, mask: update.mask, target: update.target)
            })
    }

    /// Inputs are x, every y, then A and B of every update; the ys are written over, so they must be fresh.
    package func forward(_ inputs: [Tensor], needs: [Bool]) throws -> Tensor {
        let (x, factors) = (inputs[0], Array(inputs[(1 + targets)...]))
        let low = try lowRank(x, factors)
        results = try inputs[1...targets].map { try $0.detach() }
        let u = try Tensor(uninitialized: [x.count / max(factors[0].shape[1], 1), low.rank])
        low.forward(
            x: try x.floats(), ys: try results.map { try $0.mutableFloats() }, u: try u.mutableFloats())
        if keepsInput(needs) { kept = (Saved(x), factors, u) }
        return try Tensor(uninitialized: [0])
    }

    package func backward(_ dy: Tensor, needs: [Bool], onto sums: [Tensor?]) throws -> [Tensor?] {
        var result: [Tensor?] = needs.map { _ in nil }
        for target in 0..<targets where needs[1 + target] { result[1 + target] = resultGradients[target] }
        guard let (saved, factors, u) = kept else { return result }
        let x = try saved.value()
        let low = try lowRank(x, factors)
        let v = try Tensor(uninitialized: u.shape)
        if needs[0] { result[0] = try sums[0] ?? Tensor(uninitialized: x.shape) }
        for index in updates.indices where resultGradients[updates[index].target] != nil {
            for place in [1 + targets + 2 * index, 2 + targets + 2 * index] where needs[place] {
                result[place] = try Tensor(uninitialized: factors[place - 1 - targets].shape)
            }
        }
        low.backward(
            x: try x.floats(), u: try u.floats(), dys: try resultGradients.map { try $0?.floats() },
            v: try v.mutableFloats(), dx: try result[0]?.mutableFloats(), adding: sums[0] != nil,
            gradients: try updates.indices.map { index in
                let place = 1 + targets + 2 * index
                return LowRankUpdates.Gradient(
                    a: try result[place]?.mutableFloats(), b: try result[place + 1]?.mutableFloats())
            })
        return result
    }

    /// Whether a gradient of x or of any factor will be asked for.
    private func keepsInput(_ needs: [Bool]) -> Bool {
        needs[0] || needs.dropFirst(1 + targets).contains(true)
    }

    package func keeps(_ shapes: [[Int]], needs: [Bool]) -> [[Int]] {
        // x is shared with whoever made it, or made again; it counts as kept all the same.
        let ranks = updates.indices.reduce(0) { $0 + shapes[1 + targets + 2 * $1][0] }
        return keepsInput(needs)
            ? [shapes[0], [shapes[0].dropLast().reduce(1, *), ranks]] : []
    }

    /// Every y with the updates that name it.
    package static func apply(_ updates: [(update: Update, a: Tensor, b: Tensor)], to ys: [Tensor], input x: Tensor)
        throws
        -> [Tensor]
    {
        let whole = LoRAUpdates(updates.map(\.update), targets: ys.count)
        return try Tensor.applyMany(whole, [x] + ys + updates.flatMap { [$0.a, $0.b] })
    }
}
