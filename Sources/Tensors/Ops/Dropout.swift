import Kernels

/// y = m · x / (1 − p), m drawn from the key of the row and the feature.
///
/// Srivastava et al. 2014, JMLR 15. Shapes: /// x [rows, features], one key per row; backward: dx = m · dy / (1 − p). Keeps nothing: the mask is drawn again.
package final class Dropout: Op {
    package static let name = "dropout"
    private let mask: DropoutMask

    /// Drops what `mask` says.
    package init(_ mask: DropoutMask) { self.mask = mask }

    package func forward(_ inputs: [Tensor], needs: [Bool]) throws -> Tensor {
        let x = inputs[0]
        let (rows, columns) = x.rowsAndColumns
        guard rows == mask.keys.count else {
            throw TensorError("dropout: \(mask.keys.count) keys for input of shape \(x.shape)")
        }
        let y = try Tensor(uninitialized: x.shape)
        mask.apply(columns: columns, try x.floats(), into: try y.mutableFloats())
        return y
    }

    package func backward(_ dy: Tensor, needs: [Bool]) throws -> [Tensor?] { [try forward([dy], needs: [false])] }
}

extension Tensor {
    /// Drops elements of the rows as `mask` says; nil, or a probability of 0, leaves this tensor as it is.
    public func dropout(_ mask: DropoutMask?) throws -> Tensor {
        guard let mask, mask.p > 0 else { return self }
        return try Tensor.apply(Dropout(mask), [self])
    }
}
