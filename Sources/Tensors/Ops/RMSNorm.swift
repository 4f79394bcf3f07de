import Kernels

/// y = γ · x / rms(x) over the last dimension, rms(x) = √(mean(x²) + ε) (Zhang and Sennrich 2019, arXiv:1910.07467).
///
/// Shapes: x, y [.., d]; γ [d]. Backward with g = γ · dy and x̂ = x / rms: dx = (g − x̂ · mean(g · x̂)) / rms;
/// dγ = Σ dy · x̂. Keeps x and 1 / rms.
package final class RMSNorm: Op {
    package static let name = "rms_norm"
    private let epsilon: Float
    private var x: Tensor?
    private var gamma: Tensor?
    private var rstd: Tensor?

    /// Inputs are x and γ.
    package init(epsilon: Float) { self.epsilon = epsilon }

    package func forward(_ inputs: [Tensor], needs: [Bool]) throws -> Tensor {
        let (x, gamma) = (inputs[0], inputs[1])
        let (rows, width) = x.rowsAndColumns
        guard gamma.shape == [width] else {
            throw TensorError("rms_norm: input of shape \(x.shape), weight \(gamma.shape)")
        }
        let y = try Tensor(uninitialized: x.shape)
        let rstd = try Tensor(uninitialized: [rows])
        Normalization.rmsNorm(
            x: try x.floats(), gamma: try gamma.floats(), epsilon: epsilon, rows: rows, width: width,
            rstd: try rstd.mutableFloats(), into: try y.mutableFloats())
        if needs.contains(true) { (self.x, self.gamma, self.rstd) = (x, gamma, rstd) }
        return y
    }

    package func backward(_ dy: Tensor, needs: [Bool]) throws -> [Tensor?] {
        guard let x, let gamma, let rstd else { return [nil, nil] }
        let (rows, width) = dy.rowsAndColumns
        var gradients: [Tensor?] = [nil, nil]
        if needs[0] {
            let dx = try Tensor(uninitialized: dy.shape)
            Normalization.rmsNormBackward(
                dy: try dy.floats(), gamma: try gamma.floats(), x: try x.floats(), rstd: try rstd.floats(), rows: rows,
                width: width, into: try dx.mutableFloats())
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
        needs.contains(true) ? [shapes[0], Array(shapes[0].dropLast())] : []
    }
}

extension Tensor {
    /// Root mean square normalisation over the last dimension.
    public func rmsNorm(weight: Tensor, epsilon: Float) throws -> Tensor {
        try Tensor.apply(RMSNorm(epsilon: epsilon), [self, weight])
    }
}
