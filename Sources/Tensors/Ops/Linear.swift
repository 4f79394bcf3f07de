import Kernels

/// y[T, out] = x[T, in] · Wᵀ + b, W a trained tensor [out, in].
///
/// Backward: dx = dy · W; dW = dyᵀ · x; db[out] = Σ_t dy. Keeps x where W is trained, and W where a gradient flows below.
package final class Linear: Op {
    package static let name = "linear"
    private var x: Saved?
    private var weight: Tensor?

    /// Inputs are x, the weight and, where there is one, the bias.
    package init() {}

    package func forward(_ inputs: [Tensor], needs: [Bool]) throws -> Tensor {
        let (x, weight) = (inputs[0], inputs[1])
        guard weight.shape.count == 2 else {
            throw TensorError("linear: expected a weight [out, in], got shape \(weight.shape)")
        }
        let rows = try Linear.check(x, weightShape: weight.shape, bias: inputs.count > 2 ? inputs[2] : nil)
        let (out, width) = (weight.shape[0], weight.shape[1])
        let y = try Tensor(uninitialized: x.shape.dropLast() + [out])
        let target = try y.mutableFloats()
        if inputs.count > 2 {
            let bias = try inputs[2].floats()
            for row in 0..<rows { (target + row * out).update(from: bias, count: out) }
        }
        Matmul.gemm(
            transposeB: true, m: rows, n: out, k: width, try x.floats(), lda: width, try weight.floats(), ldb: width,
            beta: inputs.count > 2 ? 1 : 0, target, ldc: out)
        if needs[1] { self.x = Saved(x) }
        if needs[0] { self.weight = weight }
        return y
    }

    package func backward(_ dy: Tensor, needs: [Bool]) throws -> [Tensor?] {
        let (rows, out) = dy.rowsAndColumns
        var gradients: [Tensor?] = needs.map { _ in nil }
        if needs[0], let weight {
            let width = weight.shape[1]
            let dx = try Tensor(uninitialized: dy.shape.dropLast() + [width])
            Matmul.gemm(
                m: rows, n: width, k: out, try dy.floats(), lda: out, try weight.floats(), ldb: width,
                try dx.mutableFloats(), ldc: width)
            gradients[0] = dx
        }
        if needs[1], let x = try x?.value() {
            let width = x.rowsAndColumns.columns
            let dw = try Tensor(uninitialized: [out, width])
            Matmul.gemm(
                transposeA: true, m: out, n: width, k: rows, try dy.floats(), lda: out, try x.floats(), ldb: width,
                try dw.mutableFloats(), ldc: width)
            gradients[1] = dw
        }
        if needs.count > 2, needs[2] { gradients[2] = try Linear.biasGradient(dy) }
        return gradients
    }

    package func keeps(_ shapes: [[Int]], needs: [Bool]) -> [[Int]] { needs[1] ? [shapes[0]] : [] }

    /// Checks x [.., in] and the bias [out] against a weight [out, in]; returns the number of rows of x.
    static func check(_ x: Tensor, weightShape: [Int], bias: Tensor?) throws -> Int {
        guard let last = x.shape.last, last == weightShape[1] else {
            throw TensorError("linear: input of shape \(x.shape) does not fit a weight of shape \(weightShape)")
        }
        if let bias, bias.shape != [weightShape[0]] {
            throw TensorError("linear: bias of shape \(bias.shape) does not fit a weight of shape \(weightShape)")
        }
        return x.rowsAndColumns.rows
    }

    /// db[out] = Σ_t dy.
    static func biasGradient(_ dy: Tensor) throws -> Tensor {
        let (rows, out) = dy.rowsAndColumns
        let db = try Tensor(uninitialized: [out])
        Elementwise.sumRows(try dy.floats(), rows: rows, columns: out, into: try db.mutableFloats())
        return db
    }
}

extension Tensor {
    /// x · Wᵀ + bias, over the last dimension.
    public func linear(_ weight: Tensor, bias: Tensor? = nil) throws -> Tensor {
        try Tensor.apply(Linear(), [self, weight] + (bias.map { [$0] } ?? []))
    }
}
