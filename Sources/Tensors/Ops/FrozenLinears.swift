import Kernels

/// y_i[T, out_i] = x[T, in] · W_iᵀ + b_i for several frozen matrices W_i[out_i, in], multiplied in one piece of work.
///
/// Backward: dx = Σ dy_i · W_i, added up in cache; db_i[out_i] = Σ_t dy_i where a bias is trained. Keeps nothing.
package final class FrozenLinears: ManyResults, AddingOp {
    package static let name = "linears"
    private let weights: [FrozenMatrix]
    /// For each matrix the place of its bias among the inputs.
    private let biases: [Int?]
    package var results: [Tensor] = []
    package var resultGradients: [Tensor?] = []

    private init(_ weights: [FrozenMatrix], biases: [Int?]) {
        (self.weights, self.biases) = (weights, biases)
    }

    package func forward(_ inputs: [Tensor], needs: [Bool]) throws -> Tensor {
        let x = inputs[0]
        let bias = biases.map { place in place.map { inputs[$0] } }
        var rows = 0
        results = try zip(weights, bias).map { weight, bias in
            rows = try Linear.check(x, weightShape: [weight.rows, weight.columns], bias: bias)
            return try Tensor(uninitialized: x.shape.dropLast() + [weight.rows])
        }
        try FrozenMatrix.multiply(
            x: x.floats(), m: rows,
            zip(weights, zip(bias, results)).map { weight, pair in
                FrozenProduct(weight, bias: try pair.0?.floats(), into: try pair.1.mutableFloats())
            })
        return try Tensor(uninitialized: [0])
    }

    package func backward(_ dy: Tensor, needs: [Bool], onto sums: [Tensor?]) throws -> [Tensor?] {
        var result: [Tensor?] = needs.map { _ in nil }
        for (bias, gradient) in zip(biases, resultGradients) {
            if let bias, needs[bias], let gradient { result[bias] = try Linear.biasGradient(gradient) }
        }
        let parts = zip(weights, resultGradients).compactMap { weight, gradient in gradient.map { (weight, $0) } }
        if needs[0], let first = parts.first {
            let dx = try sums[0] ?? Tensor(uninitialized: first.1.shape.dropLast() + [first.0.columns])
            try FrozenMatrix.multiplyTransposed(
                parts.map { FrozenGradient($0.0, dy: try $0.1.floats()) }, m: first.1.rowsAndColumns.rows,
                into: dx.mutableFloats(), accumulate: sums[0] != nil)
            result[0] = dx
        }
        return result
    }

    /// Runs all products; results in the order of the matrices.
    static func apply(_ x: Tensor, _ weights: [FrozenMatrix], biases: [Tensor?]) throws -> [Tensor] {
        var inputs = [x]
        let places = biases.map { bias -> Int? in
            guard let bias else { return nil }
            inputs.append(bias)
            return inputs.count - 1
        }
        return try Tensor.applyMany(FrozenLinears(weights, biases: places), inputs)
    }
}

extension Tensor {
    /// x · W_iᵀ + b_i for each of the matrices, over the last dimension.
    public func linears(_ weights: [FrozenMatrix], biases: [Tensor?]) throws -> [Tensor] {
        try FrozenLinears.apply(self, weights, biases: biases)
    }
}
