import Kernels

/// y = e^x / Σ e^x along the last dimension, or its logarithm.
///
/// Backward: dx = y · (dy − Σ dy·y); of the logarithm: dx = dy − e^y · Σ dy. Keeps y.
package final class Softmax: Op {
    package static let name = "softmax"
    private let log: Bool
    private var y: Tensor?

    /// Softmax, or log-softmax.
    package init(log: Bool) { self.log = log }

    package func forward(_ inputs: [Tensor], needs: [Bool]) throws -> Tensor {
        let x = try inputs[0].to(.float32)
        let (rows, width) = x.rowsAndColumns
        let y = try Tensor(uninitialized: x.shape)
        SoftmaxKernel.forward(try x.floats(), rows: rows, width: width, log: log, into: try y.mutableFloats())
        if needs[0] { self.y = try y.bare() }
        return y
    }

    package func backward(_ dy: Tensor, needs: [Bool]) throws -> [Tensor?] {
        guard let y else { return [nil] }
        let (rows, width) = dy.rowsAndColumns
        let dx = try Tensor(uninitialized: dy.shape)
        SoftmaxKernel.backward(
            y: try y.floats(), dy: try dy.floats(), rows: rows, width: width, log: log, into: try dx.mutableFloats())
        return [dx]
    }

    package func keeps(_ shapes: [[Int]], needs: [Bool]) -> [[Int]] { needs[0] ? [shapes[0]] : [] }
}

extension Tensor {
    /// e^x / Σ e^x along a dimension.
    public func softmax(_ dimension: Int) throws -> Tensor { try softmax(dimension, log: false) }

    /// x − log Σ e^x along a dimension.
    public func logSoftmax(_ dimension: Int) throws -> Tensor { try softmax(dimension, log: true) }

    private func softmax(_ dimension: Int, log: Bool) throws -> Tensor {
        let at = try Shape.dimension(dimension, of: shape, log ? "log_softmax" : "softmax")
        let last = shape.count - 1
        guard at != last else { return try Tensor.apply(Softmax(log: log), [self]) }
        return try Tensor.apply(Softmax(log: log), [transpose(at, last)]).transpose(at, last)
    }
}
