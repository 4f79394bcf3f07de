import Kernels

/// y[t] = R[sources[i]] for the rows t = places[i], else x[t]: states of tokens whose vectors are trained apart from the table.
///
/// Shapes: x, y [T, d], R[n, d]; a place stands once in `places`, a row of R any number of times in `sources`. Backward: dx is dy with
/// zeros at the places, dR[s] = Σ of dy over the places of s, in their order; the row `frozen` of R stays 0. Keeps the places.
package final class ReplaceRows: Op {
    package static let name = "replace_rows"
    private let places: [Int]
    private let sources: [Int]
    private let frozen: Int?
    private var count = 0

    /// Puts the rows `sources` of R at the rows `places` of x; the row `frozen` of R gets no gradient.
    package init(places: [Int], sources: [Int], frozen: Int? = nil) {
        (self.places, self.sources, self.frozen) = (places, sources, frozen)
    }

    package func forward(_ inputs: [Tensor], needs: [Bool]) throws -> Tensor {
        let (x, rows) = (inputs[0], inputs[1])
        let ((total, width), (count, other)) = (
            try x.matrixShape("replace_rows"), try rows.matrixShape("replace_rows")
        )
        guard width == other, places.count == sources.count else {
            throw TensorError("replace_rows: rows of shape \(rows.shape) at \(places.count) places of \(x.shape)")
        }
        self.count = count
        let y = try x.clone()
        let (source, target) = (try rows.floats(), try y.mutableFloats())
        for (place, row) in zip(places, sources) {
            guard place >= 0, place < total, row >= 0, row < count else {
                throw TensorError("replace_rows: row \(row) of \(rows.shape) at \(place) of \(x.shape)")
            }
            (target + place * width).update(from: source + row * width, count: width)
        }
        return y
    }

    package func backward(_ dy: Tensor, needs: [Bool]) throws -> [Tensor?] {
        let width = dy.shape[1]
        var gradients: [Tensor?] = [nil, nil]
        if needs[0] {
            let dx = try dy.clone()
            let target = try dx.mutableFloats()
            for place in places { (target + place * width).update(repeating: 0, count: width) }
            gradients[0] = dx
        }
        if needs[1] {
            let drows = try Tensor.zeros([count, width])
            let (source, target) = (try dy.floats(), try drows.mutableFloats())
            for (place, row) in zip(places, sources) where row != frozen {
                Elementwise.accumulate(source + place * width, into: target + row * width, count: width)
            }
            gradients[1] = drows
        }
        return gradients
    }
}

extension Tensor {
    /// This matrix [T, d] with the rows `sources` of `rows` [n, d] at the rows `places`; see `ReplaceRows`.
    public func replacingRows(_ places: [Int], with rows: Tensor, _ sources: [Int], frozen: Int? = nil) throws -> Tensor
    {
        try Tensor.apply(ReplaceRows(places: places, sources: sources, frozen: frozen), [self, rows])
    }
}
