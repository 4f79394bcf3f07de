import Kernels
import Models
import Tensors

/// y + s · B(A(m x)), the update of LoRA (Hu and others 2021, arXiv:2106.09685), m a dropout mask over 1 − p.
///
/// Shapes: x[T, in], A[r, in], B[out, r], y[T, out]. With u = A(m x)[T, r] and v = s · dy B[T, r]: dB = s · dyᵀ u,
/// dA = vᵀ (m x), dx = m · (v A), dy goes on to y as it is. Keeps x, which the linear beneath shares, and u; the mask is
/// drawn again.
final class LoRAUpdate: Op {
    static let name = "lora"
    private let scaling: Float
    private let mask: DropoutMask?
    private var kept: (x: Tensor, a: Tensor, b: Tensor, u: Tensor)?

    /// Inputs are y, x, A and B; y is written over, so it must be fresh.
    init(scaling: Float, mask: DropoutMask?) { (self.scaling, self.mask) = (scaling, mask) }

    private func dropped(_ x: Tensor, columns: Int) throws -> Tensor {
        guard let mask else { return x }
        let result = try Tensor(uninitialized: x.shape)
        unsafe mask.apply(columns: columns, try x.floats(), into: try result.mutableFloats())
        return result
    }

    func forward(_ inputs: [Tensor], needs: [Bool]) throws -> Tensor {
        let (y, x, a, b) = (inputs[0], inputs[1], inputs[2], inputs[3])
        let (rank, columns, outputs) = (a.shape[0], a.shape[1], b.shape[0])
        let rows = x.count / max(columns, 1)
        let u = try Tensor(uninitialized: [rows, rank])
        let result = try y.detach()
        let source = try dropped(x, columns: columns)
        unsafe Matmul.gemm(
            transposeB: true, m: rows, n: rank, k: columns, try source.floats(), lda: columns, try a.floats(),
            ldb: columns, try u.mutableFloats(), ldc: rank)
        unsafe Matmul.gemm(
            transposeB: true, m: rows, n: outputs, k: rank, alpha: scaling, try u.floats(), lda: rank, try b.floats(),
            ldb: rank, beta: 1, try result.mutableFloats(), ldc: outputs)
        if needs.dropFirst().contains(true) { kept = (x, a, b, u) }
        return result
    }

    func backward(_ dy: Tensor, needs: [Bool]) throws -> [Tensor?] {
        guard let (x, a, b, u) = kept else { return [needs[0] ? dy : nil, nil, nil, nil] }
        let (rank, columns, outputs) = (a.shape[0], a.shape[1], b.shape[0])
        let rows = x.count / max(columns, 1)
        var gradients: [Tensor?] = [needs[0] ? dy : nil, nil, nil, nil]
        if needs[3] {
            let db = try Tensor(uninitialized: b.shape)
            unsafe Matmul.gemm(
                transposeA: true, m: outputs, n: rank, k: rows, alpha: scaling, try dy.floats(), lda: outputs,
                try u.floats(), ldb: rank, try db.mutableFloats(), ldc: rank)
            gradients[3] = db
        }
        guard needs[1] || needs[2] else { return gradients }
        let v = try Tensor(uninitialized: [rows, rank])
        unsafe Matmul.gemm(
            m: rows, n: rank, k: outputs, alpha: scaling, try dy.floats(), lda: outputs, try b.floats(), ldb: rank,
            try v.mutableFloats(), ldc: rank)
        if needs[2] {
            let da = try Tensor(uninitialized: a.shape)
            // Held by a name: of a temporary only the pointer would live until the product reads it.
            let source = try dropped(x, columns: columns)
            unsafe Matmul.gemm(
                transposeA: true, m: rank, n: columns, k: rows, try v.floats(), lda: rank, try source.floats(),
                ldb: columns, try da.mutableFloats(), ldc: columns)
            gradients[2] = da
        }
        if needs[1] {
            let dx = try Tensor(uninitialized: x.shape)
            let target = unsafe try dx.mutableFloats()
            unsafe Matmul.gemm(
                m: rows, n: columns, k: rank, try v.floats(), lda: rank, try a.floats(), ldb: columns, target,
                ldc: columns)
            unsafe mask?.apply(columns: columns, target, into: target)
            gradients[1] = dx
        }
        return gradients
    }

    func keeps(_ shapes: [[Int]], needs: [Bool]) -> [[Int]] {
        // x is shared with whoever made it, but it is kept alive.
        needs.dropFirst().contains(true) ? [shapes[1], [shapes[1].dropLast().reduce(1, *), shapes[2][0]]] : []
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
        try active.compactMap(factors(of:)).reduce(y) { y, factors in
            var mask: DropoutMask?
            if pass.isTraining, factors.dropout > 0 {
                mask = try DropoutMask(
                    p: Float(factors.dropout), keys: pass.keys(stream: "\(linear.path).lora_dropout.\(factors.adapter)")
                )
            }
            let update = LoRAUpdate(scaling: Float(factors.scaling), mask: mask)
            return try Tensor.apply(update, [y, x, factors.a.currentTensor(), factors.b.currentTensor()])
        }
    }
}
