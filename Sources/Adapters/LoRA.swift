import Kernels
import Models
import Tensors

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
        let stream = "\(linear.path).lora_dropout.\(factors.adapter)"
        guard factors.dropout > 0, let keys = pass.keys(stream: stream) else { return nil }
        return try DropoutMask(p: Float(factors.dropout), keys: keys)
    }
}
