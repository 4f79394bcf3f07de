import Kernels
import Memory

/// y = the k largest elements along the last dimension, largest first; among equals the first; NaN is the largest.
///
/// Backward: dx = dy at their places, 0 elsewhere. Keeps the places.
package final class TopK: Op {
    package static let name = "topk"
    private let k: Int
    private var shape: [Int] = []
    /// Places along the dimension, int64; set by `forward`.
    private(set) var indices: Tensor?

    /// The k largest; the caller has checked k.
    package init(k: Int) { self.k = k }

    package func forward(_ inputs: [Tensor], needs: [Bool]) throws -> Tensor {
        let x = inputs[0]
        shape = x.shape
        let (rows, width) = x.rowsAndColumns
        let y = try Tensor(uninitialized: x.shape.dropLast() + [k], dtype: x.dtype)
        let indices = try Tensor(uninitialized: y.shape, dtype: .int64)
        let target = try indices.mutableIntegers()
        try MemoryBudget.reserve(width, of: 2 * MemoryLayout<Int>.stride)
        for row in 0..<rows {
            let places: [Int]
            switch x.dtype {
            case .float32:
                let values = try x.floats() + row * width
                places = Ranking.largest(k, of: width) { a, b in
                    let (p, q) = (values[a], values[b])
                    if p.isNaN || q.isNaN { return p.isNaN && (!q.isNaN || a < b) }
                    return p != q ? p > q : a < b
                }
                let result = try y.mutableFloats() + row * k
                for (i, place) in places.enumerated() { result[i] = values[place] }
            case .int64:
                let values = try x.integers() + row * width
                places = Ranking.largest(k, of: width) { values[$0] != values[$1] ? values[$0] > values[$1] : $0 < $1 }
                let result = try y.mutableIntegers() + row * k
                for (i, place) in places.enumerated() { result[i] = values[place] }
            }
            for (i, place) in places.enumerated() { target[row * k + i] = Int64(place) }
        }
        self.indices = indices
        return y
    }

    package func backward(_ dy: Tensor, needs: [Bool]) throws -> [Tensor?] {
        guard let indices else { return [nil] }
        let dx = try Tensor.zeros(shape)
        let (rows, width) = dx.rowsAndColumns
        let (target, source, places) = (try dx.mutableFloats(), try dy.floats(), try indices.integers())
        for row in 0..<rows {
            for i in row * k..<(row + 1) * k { target[row * width + Int(places[i])] = source[i] }
        }
        return [dx]
    }
}

/// The first k of 0..<count in an order.
enum Ranking {
    static func largest(_ k: Int, of count: Int, _ precedes: (Int, Int) -> Bool) -> [Int] {
        guard k > 0 else { return [] }
        if k * 8 > count { return Array(Array(0..<count).sorted(by: precedes).prefix(k)) }
        var best: [Int] = []
        for place in 0..<count {
            if best.count == k, let last = best.last, !precedes(place, last) { continue }
            var at = best.count
            while at > 0, precedes(place, best[at - 1]) { at -= 1 }
            best.insert(place, at: at)
            if best.count > k { best.removeLast() }
        }
        return best
    }
}

extension Tensor {
    /// The k largest elements along a dimension (the last where none is given), largest first, and their places from 0.
    public func topk(_ k: Int, _ dimension: Int = -1) throws -> (values: Tensor, indices: Tensor) {
        let at = try Shape.dimension(dimension, of: shape, "topk")
        guard k >= 0, k <= shape[at] else {
            throw TensorError("topk: \(k) elements of dimension \(at + 1) of shape \(shape), which has \(shape[at])")
        }
        let op = TopK(k: k)
        let last = shape.count - 1
        let values = try Tensor.apply(op, [transpose(at, last)]).transpose(at, last)
        guard let indices = op.indices else { throw TensorError("topk: no result") }
        return (values, try indices.transpose(at, last))
    }
}
