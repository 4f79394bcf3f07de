import Kernels

/// y[n, d] = W[ids], W a trained table [entries, d].
///
/// Backward: dW[id] = Σ of dy over the places of the id, in their order; the row `paddingIndex` stays 0. Keeps the ids.
package final class Embedding: Op {
    package static let name = "embedding"
    private let ids: [Int]
    private let shape: [Int]
    private let paddingIndex: Int?
    private var entries = 0

    /// Looks up `ids`, in the form `shape`.
    package init(ids: [Int], shape: [Int], paddingIndex: Int? = nil) {
        (self.ids, self.shape, self.paddingIndex) = (ids, shape, paddingIndex)
    }

    package func forward(_ inputs: [Tensor], needs: [Bool]) throws -> Tensor {
        let table = inputs[0]
        let (entries, width) = try table.matrixShape("embedding")
        self.entries = entries
        let y = try Tensor(uninitialized: shape + [width])
        let (source, target) = (try table.floats(), try y.mutableFloats())
        for (place, id) in ids.enumerated() {
            guard id >= 0, id < entries else {
                throw TensorError("embedding: id \(id) is outside 0..<\(entries)")
            }
            (target + place * width).update(from: source + id * width, count: width)
        }
        return y
    }

    package func backward(_ dy: Tensor, needs: [Bool]) throws -> [Tensor?] {
        let width = dy.rowsAndColumns.columns
        let dw = try Tensor.zeros([entries, width])
        Rows.scatterAdd(try dy.floats(), to: ids, width: width, into: try dw.mutableFloats())
        if let row = paddingIndex, row >= 0, row < entries {
            (try dw.mutableFloats() + row * width).update(repeating: 0, count: width)
        }
        return [dw]
    }
}

extension Tensor {
    /// Rows of this table [entries, d] for a tensor of ids of any shape: [.., d].
    public func embedding(_ ids: Tensor, paddingIndex: Int? = nil) throws -> Tensor {
        let numbers = try ids.integerArray().map { Int($0) }
        return try Tensor.apply(Embedding(ids: numbers, shape: ids.shape, paddingIndex: paddingIndex), [self])
    }

    /// Rows of a frozen table for these ids: [ids.count, d].
    ///
    /// Nothing is recorded.
    public static func gather(_ table: FrozenMatrix, _ ids: [Int]) throws -> Tensor {
        let y = try Tensor(uninitialized: [ids.count, table.columns])
        try table.copyRows(ids, to: y.mutableFloats())
        return y
    }
}
