import Kernels
import Models
import Tensors

/// y_i + s · B(A(m x)) for linears that read the same x, the update of LoRA (Hu and others 2021, arXiv:2106.09685), m a dropout
/// mask over 1 − p of each update's own.
///
/// Shapes: x[T, in], A[r, in], B[out, r], y[T, out]; formulas in `LowRankUpdates`, dy goes on to y as it is. Keeps x where no normalisation
/// makes it again, and u; the masks are drawn again.
final class LoRAUpdates: ManyResults, AddingOp {
    static let name = "lora"

    /// One update: where its A stands among the inputs (B follows), and which y it changes.
    struct Update {
        let target: Int
        let scaling: Float
        let mask: DropoutMask?
    }

    private let updates: [Update]
    private let targets: Int
    var results: [Tensor] = []
    var resultGradients: [Tensor?] = []
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
                return unsafe LowRankUpdates.Update(
                    a: try a.floats(), b: try b.floats(), rank: a.shape[0], outputs: b.shape[0],
                    scale: update.scaling, mask: update.mask, target: update.target)
            })
    }

    /// Inputs are x, every y, then A and B of every update; the ys are written over, so they must be fresh.
    func forward(_ inputs: [Tensor], needs: [Bool]) throws -> Tensor {
        let (x, factors) = (inputs[0], Array(inputs[(1 + targets)...]))
        let low = try lowRank(x, factors)
        results = try inputs[1...targets].map { try $0.detach() }
        let u = try Tensor(uninitialized: [x.count / max(factors[0].shape[1], 1), low.rank])
        unsafe low.forward(
            x: try x.floats(), ys: try results.map { unsafe try $0.mutableFloats() }, u: try u.mutableFloats())
        if keepsInput(needs) { kept = (Saved(x), factors, u) }
        return try Tensor(uninitialized: [0])
    }

    func backward(_ dy: Tensor, needs: [Bool], onto sums: [Tensor?]) throws -> [Tensor?] {
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
        unsafe low.backward(
            x: try x.floats(), u: try u.floats(), dys: try resultGradients.map { unsafe try $0?.floats() },
            v: try v.mutableFloats(), dx: try result[0]?.mutableFloats(), adding: sums[0] != nil,
            gradients: try updates.indices.map { index in
                let place = 1 + targets + 2 * index
                return unsafe LowRankUpdates.Gradient(
                    a: try result[place]?.mutableFloats(), b: try result[place + 1]?.mutableFloats())
            })
        return result
    }

    /// Whether a gradient of x or of any factor will be asked for.
    private func keepsInput(_ needs: [Bool]) -> Bool {
        needs[0] || needs.dropFirst(1 + targets).contains(true)
    }

    func keeps(_ shapes: [[Int]], needs: [Bool]) -> [[Int]] {
        // x is shared with whoever made it, or made again; it counts as kept all the same.
        let ranks = updates.indices.reduce(0) { $0 + shapes[1 + targets + 2 * $1][0] }
        return keepsInput(needs)
            ? [shapes[0], [shapes[0].dropLast().reduce(1, *), ranks]] : []
    }

    /// Every y with the updates that name it.
    static func apply(_ updates: [(update: Update, a: Tensor, b: Tensor)], to ys: [Tensor], input x: Tensor) throws
        -> [Tensor]
    {
        let whole = LoRAUpdates(updates.map(\.update), targets: ys.count)
        return try Tensor.applyMany(whole, [x] + ys + updates.flatMap { [$0.a, $0.b] })
    }
}

/// One adapter's A and B on one linear.
final class LoRAFactors {
    /// Adapter that they belong to.
    let adapter: String
    /// A[r, in].
    let a: Weight
    /// B[out, r].
    let b: Weight
    /// Factor of the update.
    var scaling: Double
    /// Probability with which elements of x are dropped in training.
    let dropout: Double

    init(adapter: String, a: Weight, b: Weight, scaling: Double, dropout: Double) {
        (self.adapter, self.a, self.b, self.scaling, self.dropout) = (adapter, a, b, scaling, dropout)
    }

    /// Rank.
    var rank: Int { a.shape[0] }

    /// New A and B as `initialisation` says, drawn from `seed` and the module's path.
    static func make(
        adapter: String, linear: Models.Linear, rank: Int, scaling: Double, dropout: Double,
        initialisation: LoraConfig.Initialisation, seed: UInt64, shapeOnly: Bool
    ) throws -> LoRAFactors {
        let names = ["lora_A", "lora_B"].map { "\(linear.path).\($0).\(adapter).weight" }
        let shapes = [[rank, linear.inFeatures], [linear.outFeatures, rank]]
        let key = RandomKey(seed: seed).child("lora").child(linear.path).child(adapter)
        let weights = try zip(names, shapes).enumerated().map { place, pair -> Weight in
            let (name, shape) = pair
            if shapeOnly { return Weight(name: name, shape: shape, value: .absent, origin: .shapeOnly) }
            let tensor: Tensor
            switch (initialisation, place) {
            case (.random, 1): tensor = try Tensor.kaimingUniform(shape, key: key.child("B"))
            case (_, 1): tensor = try Tensor.zeros(shape)
            case (.gaussian, _): tensor = try Tensor.randn(shape, key: key.child("A"), deviation: 1 / Float(rank))
            default: tensor = try Tensor.kaimingUniform(shape, key: key.child("A"))
            }
            return Weight(name: name, shape: shape, value: .tensor(tensor), origin: .initialised)
        }
        return LoRAFactors(adapter: adapter, a: weights[0], b: weights[1], scaling: scaling, dropout: dropout)
    }
}

/// LoRA on one linear: the factors of every adapter that targets it, of which some act.
final class LoRASeat: LinearSeat {
    /// Factors by adapter, in the order in which they were added.
    var factors: [LoRAFactors] = []
    /// Adapters that act, in the order in which they were activated.
    var active: [String] = []

    var weights: [(name: String, weight: Weight)] {
        factors.flatMap { factors in
            [("lora_A.\(factors.adapter).weight", factors.a), ("lora_B.\(factors.adapter).weight", factors.b)]
        }
    }

    var isRandom: Bool { active.compactMap(factors(of:)).contains { $0.dropout > 0 } }

    var state: String { active.compactMap(factors(of:)).map { "\($0.adapter) \($0.scaling)" }.joined(separator: ", ") }

    /// The factors of `adapter`.
    func factors(of adapter: String) -> LoRAFactors? { factors.first { $0.adapter == adapter } }

    func adapt(_ y: Tensor, input x: Tensor, of linear: Models.Linear, _ pass: Pass) throws -> Tensor {
        try LoRASeat.adapt([(y, linear, self)], input: x, pass)[0]
    }

    static func adapt(
        _ parts: [(y: Tensor, linear: Models.Linear, seat: any LinearSeat)], input x: Tensor, _ pass: Pass
    ) throws -> [Tensor] {
        var updates: [(update: LoRAUpdates.Update, a: Tensor, b: Tensor)] = []
        var adapted: [Int] = []
        for (index, part) in parts.enumerated() {
            guard let seat = part.seat as? LoRASeat else { continue }
            let acting = seat.active.compactMap(seat.factors(of:))
            if !acting.isEmpty { adapted.append(index) }
            for factors in acting {
                let update = LoRAUpdates.Update(
                    target: adapted.count - 1, scaling: Float(factors.scaling),
                    mask: try mask(factors, part.linear, pass))
                updates.append((update, try factors.a.currentTensor(), try factors.b.currentTensor()))
            }
        }
        var results = parts.map(\.y)
        guard !updates.isEmpty else { return results }
        let changed = try LoRAUpdates.apply(updates, to: adapted.map { parts[$0].y }, input: x)
        for (index, y) in zip(adapted, changed) { results[index] = y }
        return results
    }

    private static func mask(_ factors: LoRAFactors, _ linear: Models.Linear, _ pass: Pass) throws -> DropoutMask? {
        guard pass.isTraining, factors.dropout > 0 else { return nil }
        let stream = "\(linear.path).lora_dropout.\(factors.adapter)"
        return try DropoutMask(p: Float(factors.dropout), keys: pass.keys(stream: stream))
    }
}
