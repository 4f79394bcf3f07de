import Kernels

/// y = (γ + o) · x / rms(x) over runs of d numbers, rms(x) = √(mean(x²) + ε) (Zhang and Sennrich 2019, arXiv:1910.07467).
///
/// Shapes: x, y [.., n · d]; γ [d]: n is 1, or the number of heads that are normalised each on its own; o is a number, 1 where
/// weights are stored as their distance from 1 (Gemma). Backward with g = (γ + o) · dy and x̂ = x / rms: dx = (g − x̂ · mean(g · x̂)) / rms;
/// dγ = Σ dy · x̂. Keeps x and 1 / rms.
package final class RMSNorm: AddingOp {
    package static let name = "rms_norm"
    private let epsilon: Float
    private let offset: Float
    private var x: Tensor?
    private var factors: Tensor?
    private var rstd: Tensor?

    /// Inputs are x and γ.
    package init(epsilon: Float, offset: Float = 0) { (self.epsilon, self.offset) = (epsilon, offset) }

    package func forward(_ inputs: [Tensor], needs: [Bool]) throws -> Tensor {
        let (x, gamma) = (inputs[0], inputs[1])
        let columns = x.rowsAndColumns.columns
        guard gamma.shape.count == 1, let width = gamma.shape.last, width > 0, columns % width == 0 else {
            throw TensorError("rms_norm: input of shape \(x.shape), weight \(gamma.shape)")
        }
        let rows = x.count / width
        let factors = offset == 0 ? gamma : try gamma.add(.float(Double(offset)))
        let y = try Tensor(uninitialized: x.shape)
        let rstd = try Tensor(uninitialized: [rows])
        Normalization.rmsNorm(
            x: try x.floats(), gamma: try factors.floats(), epsilon: epsilon, rows: rows, width: width,
            rstd: try rstd.mutableFloats(), into: try y.mutableFloats())
        if needs.contains(true) { (self.x, self.factors, self.rstd) = (x, factors, rstd) }
        return y
    }

    package func backward(_ dy: Tensor, needs: [Bool], onto sums: [Tensor?]) throws -> [Tensor?] {
        guard let x, let factors, let rstd else { return [nil, nil] }
        let (rows, width) = (rstd.count, factors.count)
        var gradients: [Tensor?] = [nil, nil]
        if needs[0] {
            let dx = try sums[0] ?? Tensor(uninitialized: dy.shape)
            Normalization.rmsNormBackward(
                dy: try dy.floats(), gamma: try factors.floats(), x: try x.floats(), rstd: try rstd.floats(),
                rows: rows, width: width, adding: sums[0] != nil, into: try dx.mutableFloats())
            gradients[0] = dx
        }
        if needs[1] {
            let hat = try Tensor(uninitialized: dy.shape)
            Normalization.scaleRows(
                try x.floats(), by: try rstd.floats(), rows: rows, width: width, into: try hat.mutableFloats())
            let dgamma = try Tensor(uninitialized: [width])
            Elementwise.sumRows(
                try dy.floats(), times: try hat.floats(), rows: rows, columns: width, into: try dgamma.mutableFloats())
            gradients[1] = dgamma
        }
        return gradients
    }

    package func keeps(_ shapes: [[Int]], needs: [Bool]) -> [[Int]] {
        guard needs.contains(true), let width = shapes[1].last else { return [] }
        return [shapes[0], [shapes[0].reduce(1, *) / max(width, 1)]]
    }
}

extension Tensor {
    /// Root mean square normalisation, times weight + offset, over the last dimension, or over each of its heads where it holds several
    /// times the weight's numbers; see `RMSNorm`.
    public func rmsNorm(weight: Tensor, epsilon: Float, offset: Float = 0) throws -> Tensor {
        try Tensor.apply(RMSNorm(epsilon: epsilon, offset: offset), [self, weight])
    }
}
