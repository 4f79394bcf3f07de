import Kernels
import Memory

/// y = Σ (x − mean)² / (n − c) over everything, or over one dimension, or its square root (std); c is the correction, 1 by Bessel.
///
/// NaN where n is not above c. Backward: dx = 2 (x − mean) / (n − c) · dy; of the root dx = (x − mean) / ((n − c) · y) · dy, 0 where y is 0, as torch.
/// Keeps x, and y for the root.
package final class Variance: Op {
    package static let name = "var"
    private let dimension: Int?
    private let keepdim: Bool
    private let correction: Int
    private let isRoot: Bool
    private var x: Tensor?
    private var y: Tensor?
    private var means: [Double] = []

    /// Variance, or its root, over `dimension` (everything where it is nil).
    package init(dimension: Int?, keepdim: Bool, correction: Int, isRoot: Bool) {
        (self.dimension, self.keepdim, self.correction, self.isRoot) = (dimension, keepdim, correction, isRoot)
    }

    private func split(_ x: Tensor) throws -> (outer: Int, size: Int, inner: Int) {
        let at = try dimension.map { try Shape.dimension($0, of: x.shape, isRoot ? "std" : "var") }
        return at.map { Shape.split(x.shape, at: $0) } ?? (outer: 1, size: x.count, inner: 1)
    }

    package func forward(_ inputs: [Tensor], needs: [Bool]) throws -> Tensor {
        let x = try inputs[0].to(.float32)
        let (outer, size, inner) = try split(x)
        let at = try dimension.map { try Shape.dimension($0, of: x.shape, Variance.name) }
        let full = keepdim ? x.shape.map { _ in 1 } : []
        let y = try Tensor(uninitialized: at.map { Shape.reduced(x.shape, at: $0, keepdim: keepdim) } ?? full)
        let (source, target) = (try x.floats(), try y.mutableFloats())
        try MemoryBudget.reserve(outer * inner, of: MemoryLayout<Double>.stride)
        var means = Array(repeating: 0.0, count: outer * inner)
        for o in 0..<outer {
            for i in 0..<inner {
                let start = source + o * size * inner + i
                var (sum, squares) = (0.0, 0.0)
                for s in 0..<size { sum += Double(start[s * inner]) }
                let mean = sum / Double(size)
                for s in 0..<size {
                    let difference = Double(start[s * inner]) - mean
                    squares += difference * difference
                }
                let variance = size > correction ? squares / Double(size - correction) : .nan
                means[o * inner + i] = mean
                target[o * inner + i] = Float(isRoot ? variance.squareRoot() : variance)
            }
        }
        if needs[0] { (self.x, self.means, self.y) = (x, means, isRoot ? try y.bare() : nil) }
        return y
    }

    package func backward(_ dy: Tensor, needs: [Bool]) throws -> [Tensor?] {
        guard let x else { return [nil] }
        let (outer, size, inner) = try split(x)
        let dx = try Tensor(uninitialized: x.shape)
        let (source, slopes, roots, target) = (try x.floats(), try dy.floats(), try y?.floats(), try dx.mutableFloats())
        for o in 0..<outer {
            for i in 0..<inner {
                let at = o * inner + i
                var scale = Double(slopes[at]) * (size > correction ? 2 / Double(size - correction) : .nan)
                if let root = roots?[at] { scale = root == 0 ? 0 : scale / (2 * Double(root)) }
                for s in 0..<size {
                    let place = (o * size + s) * inner + i
                    target[place] = Float((Double(source[place]) - means[at]) * scale)
                }
            }
        }
        return [dx]
    }

    package func keeps(_ shapes: [[Int]], needs: [Bool]) -> [[Int]] { needs[0] ? [shapes[0]] : [] }
}

extension Tensor {
    /// The variance of all elements, or along a dimension, over n − correction.
    public func `var`(_ dimension: Int? = nil, keepdim: Bool = false, correction: Int = 1) throws -> Tensor {
        try Tensor.apply(
            Variance(dimension: dimension, keepdim: keepdim, correction: correction, isRoot: false), [self])
    }

    /// The standard deviation of all elements, or along a dimension, over n − correction.
    public func std(_ dimension: Int? = nil, keepdim: Bool = false, correction: Int = 1) throws -> Tensor {
        try Tensor.apply(Variance(dimension: dimension, keepdim: keepdim, correction: correction, isRoot: true), [self])
    }
}
