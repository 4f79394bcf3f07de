import Kernels

/// y = f(gate) · up, f one of the elementwise functions (Shazeer 2020, arXiv:2002.05202).
///
/// Shapes: gate, up, y [.., f], or one input [.., 2f] that holds gate, then up, in each row. Backward: dgate = dy · up · f'(gate);
/// dup = dy · f(gate), computed once more. Keeps the inputs, from which y is made again for operations that need it in their backward.
package final class GatedActivation: Op, Rebuildable {
    package static let name = "gated_activation"
    private let function: Elementwise.Unary
    private var kept: [Tensor] = []

    /// Inputs are gate and up, or both in one.
    package init(_ function: Elementwise.Unary) { self.function = function }

    /// Where the numbers lie.
    private struct Parts {
        let gate: UnsafePointer<Float>
        let up: UnsafePointer<Float>
        let ld: Int
        let rows: Int
        let width: Int
        let shape: [Int]

        init(_ inputs: [Tensor]) throws {
            let x = inputs[0]
            let (rows, columns) = x.rowsAndColumns
            gate = try x.floats()
            (ld, self.rows) = (columns, rows)
            if inputs.count > 1 {
                guard inputs[1].shape == x.shape else {
                    throw TensorError("gated_activation: gate of shape \(x.shape), up of shape \(inputs[1].shape)")
                }
                (up, width, shape) = (try inputs[1].floats(), columns, x.shape)
            } else {
                guard columns % 2 == 0, let last = x.shape.last else {
                    throw TensorError("gated_activation: shape \(x.shape) does not hold gate and up of one width")
                }
                (up, width, shape) = (gate + columns / 2, columns / 2, x.shape.dropLast() + [last / 2])
            }
        }
    }

    private func compute(_ inputs: [Tensor]) throws -> Tensor {
        let parts = try Parts(inputs)
        let y = try Tensor(uninitialized: parts.shape)
        Gating.forward(
            function, gate: parts.gate, up: parts.up, ld: parts.ld, rows: parts.rows, width: parts.width,
            into: try y.mutableFloats())
        return y
    }

    package func forward(_ inputs: [Tensor], needs: [Bool]) throws -> Tensor {
        let y = try compute(inputs)
        if needs.contains(true) {
            kept = inputs
            y.origin = self
        }
        return y
    }

    func rebuild() throws -> Tensor { try compute(kept) }

    package func backward(_ dy: Tensor, needs: [Bool]) throws -> [Tensor?] {
        let parts = try Parts(kept)
        let gradients = try zip(kept, needs).map { $1 ? try Tensor(uninitialized: $0.shape) : nil }
        let first = try gradients[0]?.mutableFloats()
        Gating.backward(
            function, gate: parts.gate, up: parts.up, ld: parts.ld, dy: try dy.floats(), rows: parts.rows,
            width: parts.width, dgate: first,
            dup: kept.count > 1 ? try gradients[1]?.mutableFloats() : first.map { $0 + parts.width }, ldd: parts.ld)
        return gradients
    }

    package func keeps(_ shapes: [[Int]], needs: [Bool]) -> [[Int]] { needs.contains(true) ? shapes : [] }
}

extension Tensor {
    /// f(self) · up, elementwise; without `up` this holds the gate, then up, in each row.
    public func gated(_ function: Elementwise.Unary, up: Tensor? = nil) throws -> Tensor {
        try Tensor.apply(GatedActivation(function), [self] + (up.map { [$0] } ?? []))
    }
}
