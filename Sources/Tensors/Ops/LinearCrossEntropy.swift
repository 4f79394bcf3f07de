import Kernels
import Memory

/// The cross entropy of a linear's outputs, x[labelled rows, d] · Wᵀ + b, without ever holding them all.
///
/// L = −Σ over labelled rows of Σ_c t_c · log softmax(z)_c, z = x · Wᵀ + b, or c · tanh(z / c) under a soft cap c,
/// t = (1 − ε) · onehot(label) + ε / V.
///
/// Shapes: x [rows, d], labels [rows] of 0..<V or `ignoreIndex`, W [V, d], b [V]; L a number. Rows without a label are not computed.
/// Logits are made for some rows at a time, turned into their gradient where they lie, and multiplied with W at once: what
/// forward keeps is the gradient of x (and of W and b where they are trained) for dL = 1, not the logits.
///
/// Some rows of W may be replaced by those of a small matrix R[n, d] of its own (new tokens): W is multiplied as it is, so that a frozen
/// one stays packed, x · Rᵀ is written over these logits, and their gradient goes to R alone.
package final class LinearCrossEntropy: Op {
    package static let name = "linear_cross_entropy"

    /// What is asked for beside the inputs.
    package struct Settings {
        /// Class of each row, or `ignoreIndex`.
        let labels: [Int]
        /// The label of rows that bear no loss.
        let ignoreIndex: Int
        /// c of a soft cap, where there is one.
        let softCap: Float?
        /// ε.
        let smoothing: Float
        /// What the sum is divided by.
        let reduction: Reduction
        /// Classes whose rows of W are replaced, in the order of R.
        var replaced: [Int] = []
    }

    private let settings: Settings
    private let frozen: FrozenMatrix?
    private let hasBias: Bool
    private var gradients: [Tensor?] = []
    /// What each labelled row gave, in order.
    private(set) var rows: [Losses.LabelledRow] = []

    /// Inputs are x, W where it is no frozen matrix, the bias where there is one, and R where classes are replaced.
    package init(_ settings: Settings, frozen: FrozenMatrix?, hasBias: Bool) {
        (self.settings, self.frozen, self.hasBias) = (settings, frozen, hasBias)
    }

    /// Bytes of logits that are held at once; a chunk has no fewer than `fewestRows`, with which products are fast.
    static let chunkBytes = 48 << 20
    /// See `chunkBytes`.
    static let fewestRows = 64

    /// Rows whose logits are held at once: a function of the number of classes alone, since sums over chunks depend on it.
    static func rowsPerChunk(classes: Int) -> Int {
        max(fewestRows, chunkBytes / (4 * max(classes, 1)) / fewestRows * fewestRows)
    }

    package func forward(_ inputs: [Tensor], needs: [Bool]) throws -> Tensor {
        let x = inputs[0]
        let weight = frozen == nil ? inputs[1] : nil
        let bias = hasBias ? inputs[biasPlace] : nil
        let replacement = try replacement(inputs)
        let shape = frozen.map { [$0.rows, $0.columns] } ?? weight?.shape ?? []
        guard shape.count == 2, x.shape.count == 2, x.shape[1] == shape[1], bias.map({ $0.shape == [shape[0]] }) ?? true
        else {
            throw TensorError(
                "linear_cross_entropy: input of shape \(x.shape), weight \(shape)\(bias.map { ", bias \($0.shape)" } ?? "")"
            )
        }
        let (classes, width, labels) = (shape[0], shape[1], settings.labels)
        if let replacement,
            replacement.rows.shape != [settings.replaced.count, width]
                || !settings.replaced.allSatisfy({ (0..<classes).contains($0) })
        {
            throw TensorError(
                "linear_cross_entropy: rows of shape \(replacement.rows.shape) replace \(settings.replaced.count) rows of weight \(shape)"
            )
        }
        guard labels.count == x.shape[0] else {
            throw TensorError("linear_cross_entropy: \(labels.count) labels for input of shape \(x.shape)")
        }
        if let cap = settings.softCap, !(cap > 0 && cap.isFinite) {
            throw TensorError("linear_cross_entropy: the soft cap is \(cap); expected a number above 0")
        }
        var places: [Int] = []
        for (row, label) in labels.enumerated() where label != settings.ignoreIndex {
            guard (0..<classes).contains(label) else {
                throw TensorError(
                    "linear_cross_entropy: label \(label) in row \(row + 1) is outside 0 to \(classes - 1)")
            }
            places.append(row)
        }
        guard settings.reduction != .none else {
            throw TensorError("linear_cross_entropy: gives one number; reduction 'none' is for cross_entropy")
        }
        let factor = try settings.reduction.factor(places.count)
        let isDense = places.count == labels.count
        gradients = try inputs.enumerated().map { index, input in
            guard needs[index] else { return nil }
            return try index == 0 && isDense && !places.isEmpty
                ? Tensor(uninitialized: input.shape) : Tensor.zeros(input.shape)
        }
        try MemoryBudget.reserve(places.count, of: MemoryLayout<Losses.LabelledRow>.stride)
        rows = [Losses.LabelledRow](repeating: Losses.LabelledRow(), count: places.count)
        let step = min(LinearCrossEntropy.rowsPerChunk(classes: classes), places.count)
        try replacement?.makeRoom(for: step)
        let logits = try Tensor(uninitialized: [step, classes])
        let gathered = try isDense ? nil : Tensor(uninitialized: [step, width])
        for part in places.indices.pieces(of: step) {
            try MemoryBudget.check()
            let chunk = Chunk(
                places: Array(places[part]), width: width, classes: classes, logits: try logits.mutableFloats(),
                dense: isDense ? part.lowerBound : nil)
            let source = try chunk.gather(x, into: gathered)
            try multiply(chunk, source, weight: weight, bias: bias)
            try replacement?.multiply(chunk, source, bias: bias?.floats())
            rows.withUnsafeMutableBufferPointer { rows in
                guard let start = rows.baseAddress else { return }
                Losses.labelledRows(
                    inPlace: chunk.logits, labels: chunk.places.map { labels[$0] }, smoothing: settings.smoothing,
                    softCap: settings.softCap, classes: classes, factor: needs.contains(true) ? factor : nil,
                    into: start + part.lowerBound)
            }
            try addGradients(chunk, source, weight: weight, gathered: gathered, replacement)
        }
        return try Tensor.full([], Float(rows.reduce(0) { $0 + $1.loss } * Double(factor)))
    }

    /// Some labelled rows.
    private struct Chunk {
        let places: [Int]
        let width: Int
        let classes: Int
        let logits: UnsafeMutablePointer<Float>
        /// The first row, where the rows lie one after the other.
        let dense: Int?

        /// The rows of x, copied together where they do not lie so.
        func gather(_ x: Tensor, into gathered: Tensor?) throws -> UnsafePointer<Float> {
            let source = try x.floats()
            if let dense { return source + dense * width }
            guard let gathered else { return source }
            let target = try gathered.mutableFloats()
            for (index, place) in places.enumerated() {
                (target + index * width).update(from: source + place * width, count: width)
            }
            return UnsafePointer(target)
        }
    }

    /// Where the bias stands among the inputs.
    private var biasPlace: Int { frozen == nil ? 2 : 1 }

    private func replacement(_ inputs: [Tensor]) throws -> Replacement? {
        guard !settings.replaced.isEmpty, let rows = inputs.last else { return nil }
        return Replacement(classes: settings.replaced, rows: rows)
    }

    /// R in place of some rows of W, and the logits of these classes: z_R = x · Rᵀ + b, then their gradient.
    private final class Replacement {
        private let classes: [Int]
        let rows: Tensor
        private var room: Tensor?

        init(classes: [Int], rows: Tensor) { (self.classes, self.rows) = (classes, rows) }

        /// Makes room for the logits of so many rows of x.
        func makeRoom(for rows: Int) throws { room = try Tensor(uninitialized: [rows, classes.count]) }

        /// Writes z_R over the logits.
        func multiply(_ chunk: Chunk, _ x: UnsafePointer<Float>, bias: UnsafePointer<Float>?) throws {
            guard let z = try room?.mutableFloats() else { return }
            let (m, n, width) = (chunk.places.count, classes.count, chunk.width)
            if let bias {
                for row in 0..<m { for (place, id) in classes.enumerated() { z[row * n + place] = bias[id] } }
            }
            Matmul.gemm(
                transposeB: true, m: m, n: n, k: width, x, lda: width, try rows.floats(), ldb: width,
                beta: bias == nil ? 0 : 1, z, ldc: n)
            Columns.scatter(z, into: chunk.logits, classes, m: m, classes: chunk.classes)
        }

        /// Takes the gradient of z_R out of the logits, and adds dz_Rᵀ · x to that of R.
        func takeGradient(_ chunk: Chunk, _ x: UnsafePointer<Float>, into drows: UnsafeMutablePointer<Float>?) throws {
            guard let dz = try room?.mutableFloats() else { return }
            let (m, n, width) = (chunk.places.count, classes.count, chunk.width)
            Columns.gather(chunk.logits, into: dz, classes, m: m, classes: chunk.classes)
            Columns.clear(chunk.logits, classes, m: m, classes: chunk.classes)
            guard let drows else { return }
            Matmul.gemm(
                transposeA: true, m: n, n: width, k: m, dz, lda: n, x, ldb: width, beta: 1, drows, ldc: width)
        }

        /// Adds dz_R · R to the gradient of the rows of x.
        func addInputGradient(_ chunk: Chunk, into dx: UnsafeMutablePointer<Float>) throws {
            guard let dz = try room?.floats() else { return }
            let (m, n, width) = (chunk.places.count, classes.count, chunk.width)
            Matmul.gemm(
                m: m, n: width, k: n, dz, lda: n, try rows.floats(), ldb: width, beta: 1, dx, ldc: width)
        }
    }

    /// z = x · Wᵀ + b.
    private func multiply(_ chunk: Chunk, _ x: UnsafePointer<Float>, weight: Tensor?, bias: Tensor?) throws {
        let (m, classes, width) = (chunk.places.count, chunk.classes, chunk.width)
        if let frozen { return try frozen.multiply(x: x, m: m, bias: bias?.floats(), into: chunk.logits) }
        guard let weight else { return }
        if let bias = try bias?.floats() {
            for row in 0..<m { (chunk.logits + row * classes).update(from: bias, count: classes) }
        }
        Matmul.gemm(
            transposeB: true, m: m, n: classes, k: width, x, lda: width, try weight.floats(), ldb: width,
            beta: bias == nil ? 0 : 1, chunk.logits, ldc: classes)
    }

    /// What the chunk adds to the gradients that are asked for; the rows that were gathered are written over.
    private func addGradients(
        _ chunk: Chunk, _ x: UnsafePointer<Float>, weight: Tensor?, gathered: Tensor?, _ replacement: Replacement?
    ) throws {
        let (m, classes, width) = (chunk.places.count, chunk.classes, chunk.width)
        if hasBias, let db = gradients[biasPlace] {
            let sums = try Tensor(uninitialized: [classes])
            Elementwise.sumRows(chunk.logits, rows: m, columns: classes, into: try sums.mutableFloats())
            Elementwise.accumulate(try sums.floats(), into: try db.mutableFloats(), count: classes)
        }
        // From here on the logits of replaced classes are none of W's.
        if let replacement {
            try replacement.takeGradient(chunk, x, into: gradients.last?.map { try $0.mutableFloats() })
        }
        if weight != nil, let dw = gradients[1] {
            Matmul.gemm(
                transposeA: true, m: classes, n: width, k: m, chunk.logits, lda: classes, x, ldb: width, beta: 1,
                try dw.mutableFloats(), ldc: width)
        }
        guard let dx = gradients[0] else { return }
        let target = try dx.mutableFloats()
        let into = try chunk.dense.map { target + $0 * width } ?? gathered?.mutableFloats() ?? target
        if let frozen {
            try frozen.multiplyTransposed(dy: chunk.logits, m: m, into: into)
        } else if let weight {
            Matmul.gemm(
                m: m, n: width, k: classes, chunk.logits, lda: classes, try weight.floats(), ldb: width, into,
                ldc: width)
        }
        try replacement?.addInputGradient(chunk, into: into)
        guard chunk.dense == nil else { return }
        for (index, place) in chunk.places.enumerated() {
            (target + place * width).update(from: into + index * width, count: width)
        }
    }

    package func backward(_ dy: Tensor, needs: [Bool]) throws -> [Tensor?] {
        try gradients.map { try $0.map { try Loss.scaled($0, by: dy) } }
    }

    package func keeps(_ shapes: [[Int]], needs: [Bool]) -> [[Int]] { zip(shapes, needs).compactMap { $1 ? $0 : nil } }
}

/// A loss over labelled rows, and how well each label was foreseen.
public struct LabelledLoss {
    /// The loss, reduced.
    public let loss: Tensor
    /// log p of its label for each labelled row, in order.
    public let logProbabilities: [Float]
    /// For each labelled row, whether its label is the most probable class (the first of several).
    public let isTop: [Bool]
}

extension Tensor {
    /// Rows R[n, d] of their own in place of the rows `ids` of the matrix of a language head.
    public struct ReplacedRows {
        /// Rows of the matrix that are replaced, each once.
        public let ids: [Int]
        /// R, in the order of `ids`; without any where there are no ids.
        public let rows: Tensor?

        /// R in place of these rows.
        public init(ids: [Int], rows: Tensor?) { (self.ids, self.rows) = rows == nil ? ([], nil) : (ids, rows) }
    }

    /// Cross entropy of x · Wᵀ + b for rows x [rows, d] with a frozen matrix W [V, d] against labels [rows]; see `LinearCrossEntropy`.
    public func linearCrossEntropy(
        _ weight: FrozenMatrix, bias: Tensor? = nil, labels: [Int], ignoreIndex: Int = -100, softCap: Float? = nil,
        smoothing: Float = 0, reduction: Reduction = .mean, replacing: ReplacedRows? = nil
    ) throws -> LabelledLoss {
        let settings = LinearCrossEntropy.Settings(
            labels: labels, ignoreIndex: ignoreIndex, softCap: softCap, smoothing: smoothing, reduction: reduction,
            replaced: replacing?.ids ?? [])
        let op = LinearCrossEntropy(settings, frozen: weight, hasBias: bias != nil)
        return try labelledLoss(op, [self, bias, replacing?.rows].compactMap { $0 })
    }

    /// The same with a tensor W, which may be trained.
    public func linearCrossEntropy(
        _ weight: Tensor, bias: Tensor? = nil, labels: [Int], ignoreIndex: Int = -100, softCap: Float? = nil,
        smoothing: Float = 0, reduction: Reduction = .mean, replacing: ReplacedRows? = nil
    ) throws -> LabelledLoss {
        let settings = LinearCrossEntropy.Settings(
            labels: labels, ignoreIndex: ignoreIndex, softCap: softCap, smoothing: smoothing, reduction: reduction,
            replaced: replacing?.ids ?? [])
        let op = LinearCrossEntropy(settings, frozen: nil, hasBias: bias != nil)
        return try labelledLoss(op, [self, weight, bias, replacing?.rows].compactMap { $0 })
    }

    /// Cross entropy of logits [rows, classes] that are there already, with what it says of each labelled row.
    public func labelledCrossEntropy(
        _ labels: [Int], ignoreIndex: Int = -100, smoothing: Float = 0, reduction: Reduction = .mean
    ) throws -> LabelledLoss {
        let loss = try crossEntropy(labels, ignoreIndex: ignoreIndex, smoothing: smoothing, reduction: reduction)
        let places = labels.indices.filter { labels[$0] != ignoreIndex }
        let logits = try Recording.off { try gatherRows(places) }
        var rows = Array(repeating: Losses.LabelledRow(), count: places.count)
        let found = try logits.mutableFloats()
        rows.withUnsafeMutableBufferPointer { buffer in
            guard let start = buffer.baseAddress else { return }
            Losses.labelledRows(
                inPlace: found, labels: places.map { labels[$0] }, smoothing: 0, softCap: nil, classes: shape[1],
                factor: nil, into: start)
        }
        return LabelledLoss(loss: loss, logProbabilities: rows.map(\.logProbability), isTop: rows.map(\.isTop))
    }

    private func labelledLoss(_ op: LinearCrossEntropy, _ inputs: [Tensor]) throws -> LabelledLoss {
        let loss = try Tensor.apply(op, inputs)
        return LabelledLoss(
            loss: loss, logProbabilities: op.rows.map(\.logProbability), isTop: op.rows.map(\.isTop))
    }
}
