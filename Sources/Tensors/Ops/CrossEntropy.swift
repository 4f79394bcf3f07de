import Kernels

/// What a loss over rows or elements is divided by.
public enum Reduction: Sendable, Equatable {
    /// What each row or element adds to the sum, as a tensor of them.
    case none
    /// The sum.
    case sum
    /// The sum divided by the number of labelled rows, or of elements.
    case mean
    /// The sum divided by a number of the caller's: that of the whole batch, over micro-batches.
    case dividedBy(Float)

    func factor(_ count: Int) throws -> Float {
        switch self {
        case .none, .sum: return 1
        case .mean:
            guard count > 0 else { throw TensorError("loss: the mean of no labelled rows; every label is ignored") }
            return 1 / Float(count)
        case .dividedBy(let number):
            guard number > 0 else { throw TensorError("loss: cannot divide by \(number)") }
            return 1 / number
        }
    }

    /// The factor of a sum whose terms have weights; a mean is over these.
    func factor(weights total: Double, _ count: Int) throws -> Float {
        guard self == .mean, count > 0 else { return try factor(count) }
        guard total > 0 else { throw TensorError("loss: the weights of the labels add up to \(total)") }
        return Float(1 / total)
    }
}

/// L = −Σ over labelled rows of Σ_c w_c · t_c · log softmax(x)_c, t = (1 − ε) · onehot(label) + ε / C; w is 1 where none is given.
///
/// Shapes: x [rows, C], labels [rows] of 0..<C or `ignoreIndex`, w [C]; L a number, or [rows] without a reduction (0 where there is no
/// label). A mean is over Σ w_label, as torch's. Backward: dx = ((Σ w_c t_c) · softmax(x) − w · t) · dL on labelled rows, 0 on others.
/// Keeps dx for dL = 1, computed in the forward pass, where a gradient will be asked for. Weights bear no gradient.
package final class CrossEntropy: Op {
    package static let name = "cross_entropy"
    private let labels: [Int]
    private let ignoreIndex: Int
    private let smoothing: Float
    private let reduction: Reduction
    private let weights: [Float]?
    private var gradient: Tensor?

    /// Loss against `labels`, with a weight for each class.
    package init(
        labels: [Int], ignoreIndex: Int = -100, smoothing: Float = 0, reduction: Reduction = .mean,
        weights: [Float]? = nil
    ) {
        (self.labels, self.ignoreIndex, self.smoothing) = (labels, ignoreIndex, smoothing)
        (self.reduction, self.weights) = (reduction, weights)
    }

    package func forward(_ inputs: [Tensor], needs: [Bool]) throws -> Tensor {
        let x = inputs[0]
        let (rows, classes) = try x.matrixShape("cross_entropy")
        guard labels.count == rows else {
            throw TensorError("cross_entropy: \(labels.count) labels for logits of shape \(x.shape)")
        }
        for (row, label) in labels.enumerated() where label != ignoreIndex && !(0..<classes).contains(label) {
            throw TensorError("cross_entropy: label \(label) in row \(row + 1) is outside 0 to \(classes - 1)")
        }
        if let weights, weights.count != classes {
            throw TensorError(
                "cross_entropy: \(weights.count) weights for logits of shape \(x.shape); give one a class")
        }
        let labelled = labels.lazy.filter { [ignoreIndex] in $0 != ignoreIndex }
        let factor =
            try weights.map { weights in
                try reduction.factor(weights: labelled.reduce(0) { $0 + Double(weights[$1]) }, labelled.count)
            } ?? reduction.factor(labelled.count)
        if needs[0] { gradient = try Tensor(uninitialized: x.shape) }
        let each = try reduction == .none ? Tensor(uninitialized: [rows]) : nil
        let losses = try each?.mutableFloats()
        func computed(_ weights: UnsafePointer<Float>?) throws -> Double {
            Losses.crossEntropy(
                x: try x.floats(), labels: labels, ignoring: ignoreIndex, smoothing: smoothing, classes: classes,
                factor: factor, gradient: try gradient?.mutableFloats(), weights: weights, rowLosses: losses)
        }
        let loss = try weights.map { try $0.withUnsafeBufferPointer { try computed($0.baseAddress) } } ?? computed(nil)
        return try each ?? Tensor.full([], Float(loss * Double(factor)))
    }

    package func backward(_ dy: Tensor, needs: [Bool]) throws -> [Tensor?] {
        guard let gradient else { return [nil] }
        return [try Loss.scaled(gradient, by: dy)]
    }

    package func keeps(_ shapes: [[Int]], needs: [Bool]) -> [[Int]] { needs[0] ? [shapes[0]] : [] }
}

enum Loss {
    /// The gradient that forward made, times the gradient of the loss: a number, or one for each row or element.
    static func scaled(_ gradient: Tensor, by dy: Tensor) throws -> Tensor {
        guard dy.shape.isEmpty else {
            let columns = try Tensor(
                view: dy, shape: dy.shape + gradient.shape.dropFirst(dy.shape.count).map { _ in 1 }, offset: 0)
            return try Binary.compute(.mul, gradient, columns)
        }
        let factor = try dy.floats()[0]
        if factor != 1 {
            let values = try gradient.mutableFloats()
            Elementwise.scale(factor, values, into: values, count: gradient.count)
        }
        return gradient
    }
}

extension Tensor {
    /// Cross entropy of logits [rows, C] against labels [rows], with a weight for each class where given; see `CrossEntropy`.
    public func crossEntropy(
        _ labels: [Int], ignoreIndex: Int = -100, smoothing: Float = 0, reduction: Reduction = .mean,
        weights: [Float]? = nil
    ) throws -> Tensor {
        let op = CrossEntropy(
            labels: labels, ignoreIndex: ignoreIndex, smoothing: smoothing, reduction: reduction, weights: weights)
        return try Tensor.apply(op, [self])
    }
}
