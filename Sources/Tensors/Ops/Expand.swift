import Kernels

/// y = x with its sizes of 1 repeated to those of a shape, in front of which x may lack dimensions.
///
/// Backward: dx = Σ of dy over the repetitions. Keeps nothing.
package final class Expand: Op {
    package static let name = "expand"
    private let shape: [Int]
    private var source: [Int] = []

    /// Repeats to this shape.
    package init(_ shape: [Int]) { self.shape = shape }

    package func forward(_ inputs: [Tensor], needs: [Bool]) throws -> Tensor {
        source = inputs[0].shape
        return try inputs[0].repeated(to: shape, "expand")
    }

    package func backward(_ dy: Tensor, needs: [Bool]) throws -> [Tensor?] { [try Sum.reduce(dy, to: source)] }
}

extension Tensor {
    /// The values repeated to a shape, without a record; itself where that is its own.
    func repeated(to shape: [Int], _ what: String) throws -> Tensor {
        guard shape != self.shape else { return try bare() }
        guard let walk = Broadcast(self.shape, shape), walk.shape == shape else {
            throw TensorError("\(what): shape \(self.shape) cannot be repeated to \(shape)")
        }
        let result = try Tensor(uninitialized: shape, dtype: dtype)
        switch dtype {
        case .float32: Reductions.spread(walk, try floats(), into: try result.mutableFloats())
        case .int64:
            let (source, target) = (try integers(), try result.mutableIntegers())
            walk.walkInOrder { place, at, _, count, step, _ in
                for i in 0..<count { target[place + i] = source[at + i * step] }
            }
        }
        return result
    }

    /// Sizes of 1 repeated; -1 keeps a size, and new dimensions come in front.
    public func expand(_ shape: [Int]) throws -> Tensor {
        let new = shape.count - self.shape.count
        guard new >= 0, !shape[..<new].contains(-1) else {
            throw TensorError("expand: shape \(self.shape) cannot be repeated to \(shape)")
        }
        let sizes = shape.enumerated().map { $1 == -1 ? self.shape[$0 - new] : $1 }
        _ = try Tensor.count(of: sizes)
        return try Tensor.apply(Expand(sizes), [self])
    }
}
