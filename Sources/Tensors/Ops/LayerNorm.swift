import Kernels

/// y = γ · x̂ + β over the last dimension, x̂ = (s − mean(s)) / √(var(s) + ε), s = x, or m · x + r with a dropout mask m and a
/// residual r (Ba, Kiros, Hinton 2016, arXiv:1607.06450).
///
/// Shapes: x, r, y [.., d]; γ, β [d]. Backward with g = γ · dy: ds = (g − mean(g) − x̂ · mean(g · x̂)) / √(var + ε),
/// which is dr, and m · ds is dx; dγ = Σ dy · x̂; dβ = Σ dy. Keeps x̂ and 1 / √(var + ε), from which y is made again for
/// operations that need it in their backward, where γ and β are frozen; the mask is drawn again.
package final class LayerNorm: Op {
    package static let name = "layer_norm"
    private let epsilon: Float
    private let mask: DropoutMask?
    private var gamma: Tensor?
    private var normalized: Normalized?
    private var rstd: Tensor?

    /// x̂, and how y follows from it.
    private final class Normalized: Rebuildable {
        let hat: Tensor
        private let gamma: Tensor
        private let beta: Tensor

        init(hat: Tensor, gamma: Tensor, beta: Tensor) { (self.hat, self.gamma, self.beta) = (hat, gamma, beta) }

        func rebuild() throws -> Tensor {
            let (rows, width) = hat.rowsAndColumns
            let y = try Tensor(uninitialized: hat.shape)
            Normalization.layerNormResult(
                hat: try hat.floats(), gamma: try gamma.floats(), beta: try beta.floats(), rows: rows, width: width,
                into: try y.mutableFloats())
            return y
        }
    }

    /// Inputs are x, γ, β and, where a residual is added first, r.
    package init(epsilon: Float, mask: DropoutMask? = nil) {
        (self.epsilon, self.mask) = (epsilon, mask.flatMap { $0.p > 0 ? $0 : nil })
    }

    package func forward(_ inputs: [Tensor], needs: [Bool]) throws -> Tensor {
        let (x, gamma, beta) = (inputs[0], inputs[1], inputs[2])
        let (rows, width) = x.rowsAndColumns
        guard gamma.shape == [width], beta.shape == [width] else {
            throw TensorError("layer_norm: input of shape \(x.shape), weight \(gamma.shape), bias \(beta.shape)")
        }
        let residual = inputs.count > 3 ? inputs[3] : nil
        if let residual, residual.shape != x.shape {
            throw TensorError("layer_norm: input of shape \(x.shape), residual \(residual.shape)")
        }
        if let mask, mask.keys.count != rows {
            throw TensorError("layer_norm: \(mask.keys.count) dropout keys for input of shape \(x.shape)")
        }
        let keep = needs.contains(true)
        let y = try Tensor(uninitialized: x.shape)
        let hat = keep ? try Tensor(uninitialized: x.shape) : nil
        let rstd = keep ? try Tensor(uninitialized: [rows]) : nil
        Normalization.layerNorm(
            x: try x.floats(), residual: try residual?.floats(), mask: mask, gamma: try gamma.floats(),
            beta: try beta.floats(),
            epsilon: epsilon, rows: rows, width: width, hat: try hat?.mutableFloats(), rstd: try rstd?.mutableFloats(),
            into: try y.mutableFloats())
        if let hat {
            (self.gamma, self.rstd) = (gamma, rstd)
            let normalized = Normalized(hat: hat, gamma: gamma, beta: beta)
            self.normalized = normalized
            // γ and β that are trained may be others by the time of the backward.
            if !needs[1], !needs[2] { y.origin = normalized }
        }
        return y
    }

    package func backward(_ dy: Tensor, needs: [Bool]) throws -> [Tensor?] {
        guard let gamma, let hat = normalized?.hat, let rstd else { return needs.map { _ in nil } }
        let (rows, width) = dy.rowsAndColumns
        var gradients: [Tensor?] = needs.map { _ in nil }
        if needs[0] || (needs.count > 3 && needs[3]) {
            let ds = try Tensor(uninitialized: dy.shape)
            let dx = mask == nil || !needs[0] ? ds : try Tensor(uninitialized: dy.shape)
            Normalization.layerNormBackward(
                dy: try dy.floats(), gamma: try gamma.floats(), hat: try hat.floats(), rstd: try rstd.floats(),
                mask: mask, rows: rows, width: width, into: try ds.mutableFloats(),
                dropped: dx === ds ? nil : try dx.mutableFloats())
            if needs[0] { gradients[0] = dx }
            if needs.count > 3, needs[3] { gradients[3] = ds }
        }
        if needs[1] {
            let dgamma = try Tensor(uninitialized: [width])
            Elementwise.sumRows(
                try dy.floats(), times: try hat.floats(), rows: rows, columns: width, into: try dgamma.mutableFloats())
            gradients[1] = dgamma
        }
        if needs[2] { gradients[2] = try Linear.biasGradient(dy) }
        return gradients
    }

    package func keeps(_ shapes: [[Int]], needs: [Bool]) -> [[Int]] {
        needs.contains(true) ? [shapes[0], Array(shapes[0].dropLast())] : []
    }
}

extension Tensor {
    /// Layer normalisation over the last dimension, of x + residual where one is given, x first dropped as `mask` says.
    public func layerNorm(
        weight: Tensor, bias: Tensor, epsilon: Float, residual: Tensor? = nil, mask: DropoutMask? = nil
    ) throws -> Tensor {
        try Tensor.apply(LayerNorm(epsilon: epsilon, mask: mask), [self, weight, bias] + (residual.map { [$0] } ?? []))
    }
}
