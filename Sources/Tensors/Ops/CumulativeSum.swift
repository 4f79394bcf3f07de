import Kernels

/// y[outer, s, inner] = Σ over i ≤ s of x[outer, i, inner], along one dimension.
///
/// Backward: dx[s] = Σ over i ≥ s of dy[i]. Keeps nothing.
package final class CumulativeSum: Op {
    package static let name = "cumsum"
    private let dimension: Int

    /// Sums along a dimension; the caller has checked it.
    package init(dimension: Int) { self.dimension = dimension }

    package func forward(_ inputs: [Tensor], needs: [Bool]) throws -> Tensor {
        let x = inputs[0]
        guard x.dtype == .int64 else { return try sums(x, fromEnd: false) }
        let y = try Tensor(uninitialized: x.shape, dtype: .int64)
        let (outer, size, inner) = Shape.split(x.shape, at: dimension)
        let (source, target) = (try x.integers(), try y.mutableIntegers())
        for o in 0..<outer {
            for i in 0..<inner {
                var total: Int64 = 0
                for s in 0..<size {
                    let place = (o * size + s) * inner + i
                    total &+= source[place]
                    target[place] = total
                }
            }
        }
        return y
    }

    /// Sums in double precision, from the first element on or from the last.
    private func sums(_ x: Tensor, fromEnd: Bool) throws -> Tensor {
        let y = try Tensor(uninitialized: x.shape)
        let (outer, size, inner) = Shape.split(x.shape, at: dimension)
        let (source, target) = (try x.floats(), try y.mutableFloats())
        for o in 0..<outer {
            for i in 0..<inner {
                var total = 0.0
                for step in 0..<size {
                    let place = (o * size + (fromEnd ? size - 1 - step : step)) * inner + i
                    total += Double(source[place])
                    target[place] = Float(total)
                }
            }
        }
        return y
    }

    package func backward(_ dy: Tensor, needs: [Bool]) throws -> [Tensor?] { [try sums(dy, fromEnd: true)] }
}

extension Tensor {
    /// The sum of each element and those before it along a dimension.
    public func cumsum(_ dimension: Int) throws -> Tensor {
        let at = try Shape.dimension(dimension, of: shape, "cumsum")
        return try Tensor.apply(CumulativeSum(dimension: at), [self])
    }
}
