import Kernels

/// y = a where the condition is not 0, b elsewhere; sizes of 1 of all three are repeated.
///
/// Backward, each summed over the dimensions in which its input was repeated: da = dy where the condition holds, db = dy elsewhere. Keeps
/// the condition, which bears no gradient.
package final class Where: Op {
    package static let name = "where"
    private let condition: Tensor
    private var holds: [Bool] = []
    private var shapes: [[Int]] = []

    /// Inputs are a and b, of one element type.
    package init(_ condition: Tensor) throws { self.condition = try condition.bare() }

    package func forward(_ inputs: [Tensor], needs: [Bool]) throws -> Tensor {
        let (a, b) = (inputs[0], inputs[1])
        shapes = [a.shape, b.shape]
        let values = try Binary.walk(a, b, "where").shape
        guard let shape = Broadcast(condition.shape, values)?.shape else {
            throw TensorError("where: a condition of shape \(condition.shape) does not fit values of shape \(values)")
        }
        holds = try condition.ne(Tensor.zeros([], dtype: condition.dtype)).repeated(to: shape, "where")
            .integerArray().map { $0 != 0 }
        let (x, z) = (try a.repeated(to: shape, "where"), try b.repeated(to: shape, "where"))
        let y = try Tensor(uninitialized: shape, dtype: x.dtype)
        switch y.dtype {
        case .float32: Where.choose(holds, try x.floats(), try z.floats(), try y.mutableFloats())
        case .int64: Where.choose(holds, try x.integers(), try z.integers(), try y.mutableIntegers())
        }
        if !needs.contains(true) { holds = [] }
        return y
    }

    private static func choose<Value>(
        _ holds: [Bool], _ a: UnsafePointer<Value>, _ b: UnsafePointer<Value>, _ y: UnsafeMutablePointer<Value>
    ) { for (i, holds) in holds.enumerated() { y[i] = holds ? a[i] : b[i] } }

    package func backward(_ dy: Tensor, needs: [Bool]) throws -> [Tensor?] {
        let source = try dy.floats()
        return try [true, false].enumerated().map { index, wanted in
            guard needs[index] else { return nil }
            let dx = try Tensor(uninitialized: dy.shape)
            let target = try dx.mutableFloats()
            for (i, holds) in holds.enumerated() { target[i] = holds == wanted ? source[i] : 0 }
            return try Sum.reduce(dx, to: shapes[index])
        }
    }

    package func keeps(_ shapes: [[Int]], needs: [Bool]) -> [[Int]] { needs.contains(true) ? [condition.shape] : [] }
}

extension Tensor {
    /// These elements where a condition (0 or not) holds, those of another tensor elsewhere; integers where both are.
    public func `where`(_ condition: Tensor, _ other: Tensor) throws -> Tensor {
        guard dtype != other.dtype else { return try Tensor.apply(Where(condition), [self, other]) }
        return try Tensor.apply(Where(condition), [to(.float32), other.to(.float32)])
    }
}
