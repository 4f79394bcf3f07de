import Kernels

/// What a loss over rows or elements is divided by.
public enum Reduction: Sendable, Equatable {
    /// The sum.
    case sum
    /// The sum divided by the number of labelled rows, or of elements.
    case mean
    /// The sum divided by a number of the caller's: that of the whole batch, over micro-batches.
    case dividedBy(Float)

    func factor(_ count: Int) throws -> Float {
        switch self {
        case .sum: return 1
        case .mean:
            guard count > 0 else { throw TensorError("loss: the mean of no labelled rows; every label is ignored") }
            return 1 / Float(count)
        case .dividedBy(let number):
            guard number > 0 else { throw TensorError("loss: cannot divide by \(number)") }
            return 1 / number
        }
    }
}

/// L = −Σ over labelled rows of Σ_c t_c · log softmax(x)_c, t = (1 − ε) · onehot(label) + ε / C.
///
/// Shapes: x [rows, C], labels [rows] of 0..<C or `ignoreIndex`; L a number. Backward: dx = (softmax(x) − t) · dL on
/// labelled rows, 0 on others. Keeps dx for dL = 1, computed in the forward pass, where a gradient will be asked for.
package final class CrossEntropy: Op {
    package static let name = "cross_entropy"
    private let labels: [Int]
    private let ignoreIndex: Int
    private let smoothing: Float
    private let reduction: Reduction
    private var gradient: Tensor?

    /// Loss against `labels`.
    package init(labels: [Int], ignoreIndex: Int = -100, smoothing: Float = 0, reduction: Reduction = .mean) {
        (self.labels, self.ignoreIndex, self.smoothing) = (labels, ignoreIndex, smoothing)
        self.reduction = reduction
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
        let factor = try reduction.factor(labels.count { $0 != ignoreIndex })
        if needs[0] { gradient = try Tensor(uninitialized: x.shape) }
        let loss = Losses.crossEntropy(
            x: try x.floats(), labels: labels, ignoring: ignoreIndex, smoothing: smoothing, classes: classes,
            factor: factor, gradient: try gradient?.mutableFloats())
        return try Tensor.full([], Float(loss * Double(factor)))
    }

    package func backward(_ dy: Tensor, needs: [Bool]) throws -> [Tensor?] {
        guard let gradient else { return [nil] }
        return [try Loss.scaled(gradient, by: dy)]
    }

    package func keeps(_ shapes: [[Int]], needs: [Bool]) -> [[Int]] { needs[0] ? [shapes[0]] : [] }
}

enum Loss {
    /// The gradient that forward made, times the gradient of the loss.
    static func scaled(_ gradient: Tensor, by dy: Tensor) throws -> Tensor {
        let factor = try dy.floats()[0]
        if factor != 1 {
            let values = try gradient.mutableFloats()
            Elementwise.scale(factor, values, into: values, count: gradient.count)
        }
        return gradient
    }
}

extension Tensor {
    /// Cross entropy of logits [rows, C] against labels [rows]; see `CrossEntropy`.
    public func crossEntropy(
        _ labels: [Int], ignoreIndex: Int = -100, smoothing: Float = 0, reduction: Reduction = .mean
    ) throws -> Tensor {
        let op = CrossEntropy(labels: labels, ignoreIndex: ignoreIndex, smoothing: smoothing, reduction: reduction)
        return try Tensor.apply(op, [self])
    }
}
