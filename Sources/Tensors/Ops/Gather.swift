import Kernels
import Memory

/// y[outer, k, inner] = x[outer, id[outer, k, inner], inner]: along a dimension, the elements with these ids, counted from 0.
///
/// The ids have x's shape but for that dimension (other sizes may be smaller, as in torch). Backward: dx = Σ of dy over the places where an
/// element was taken, in their order. Keeps the ids.
package final class Gather: Op {
    package static let name = "gather"
    private let dimension: Int
    private let ids: Tensor
    private var source: [Int] = []
    /// Place in x of each element of y.
    private var places: [Int] = []

    /// Takes elements along a dimension; the caller has checked it.
    package init(dimension: Int, ids: Tensor) throws { (self.dimension, self.ids) = (dimension, try ids.bare()) }

    package func forward(_ inputs: [Tensor], needs: [Bool]) throws -> Tensor {
        let x = inputs[0]
        source = x.shape
        let fits =
            ids.shape.count == x.shape.count
            && zip(ids.shape, x.shape).enumerated().allSatisfy { $0 == dimension || $1.0 <= $1.1 }
        guard fits else {
            throw TensorError(
                "gather: ids of shape \(ids.shape) for shape \(x.shape) along dimension \(dimension + 1); the other sizes must fit"
            )
        }
        let numbers = try ids.integerArray()
        try MemoryBudget.reserve(numbers.count, of: MemoryLayout<Int>.stride)
        let size = x.shape[dimension]
        var strides = x.shape
        for d in x.shape.indices { strides[d] = Shape.product(x.shape[(d + 1)...]) }
        var position = x.shape.map { _ in 0 }
        places = try numbers.map { id in
            guard let id = Int(exactly: id), id >= 0, id < size else {
                throw TensorError(
                    "gather: id \(id) is outside 0 to \(size - 1) of dimension \(dimension + 1) of shape \(x.shape)")
            }
            var place = 0
            for d in position.indices { place += (d == dimension ? id : position[d]) * strides[d] }
            for d in position.indices.reversed() {
                position[d] += 1
                if position[d] < ids.shape[d] { break }
                position[d] = 0
            }
            return place
        }
        let y = try Tensor(uninitialized: ids.shape, dtype: x.dtype)
        switch x.dtype {
        case .float32:
            let (from, to) = (try x.floats(), try y.mutableFloats())
            for (i, place) in places.enumerated() { to[i] = from[place] }
        case .int64:
            let (from, to) = (try x.integers(), try y.mutableIntegers())
            for (i, place) in places.enumerated() { to[i] = from[place] }
        }
        if !needs[0] { places = [] }
        return y
    }

    package func backward(_ dy: Tensor, needs: [Bool]) throws -> [Tensor?] {
        let dx = try Tensor.zeros(source)
        let (from, to) = (try dy.floats(), try dx.mutableFloats())
        for (i, place) in places.enumerated() { to[place] += from[i] }
        return [dx]
    }

    package func keeps(_ shapes: [[Int]], needs: [Bool]) -> [[Int]] { needs[0] ? [ids.shape] : [] }
}

extension Tensor {
    /// Along a dimension the elements with these ids, counted from 0; see `Gather`.
    public func gather(_ dimension: Int, _ ids: Tensor) throws -> Tensor {
        guard ids.dtype == .int64 else { throw TensorError("gather: ids are int64, got \(ids.dtype.rawValue)") }
        let at = try Shape.dimension(dimension, of: shape, "gather")
        return try Tensor.apply(Gather(dimension: at, ids: ids), [self])
    }
}
