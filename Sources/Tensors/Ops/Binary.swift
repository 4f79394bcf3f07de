import Kernels

/// z = a + b, a − b, a · b or a / b, elementwise, sizes of 1 repeated (broadcasting as in torch).
///
/// Backward, each summed over the dimensions in which its input was repeated: add: da = dy, db = dy; sub: db = −dy;
/// mul: da = dy · b, db = dy · a; div: da = dy / b, db = −dy · z / b. Keeps b for da and a for db (mul), b and z (div).
package final class Binary: Op {
    package static let name = "arithmetic"
    private let operation: Arithmetic
    private var a: Tensor?
    private var b: Tensor?
    private var z: Tensor?
    private var shapes: [[Int]] = []

    /// Inputs are a and b.
    package init(_ operation: Arithmetic) { self.operation = operation }

    package func forward(_ inputs: [Tensor], needs: [Bool]) throws -> Tensor {
        let (a, b) = (inputs[0], inputs[1])
        let z = try Binary.compute(operation, a, b)
        shapes = [a.shape, b.shape]
        if operation == .mul {
            if needs[1] { self.a = a }
            if needs[0] { self.b = b }
        } else if operation == .div, needs.contains(true) {
            self.b = b
            if needs[1] { self.z = try z.bare() }
        }
        return z
    }

    package func backward(_ dy: Tensor, needs: [Bool]) throws -> [Tensor?] {
        var (da, db): (Tensor?, Tensor?)
        switch operation {
        case .add: (da, db) = (dy, dy)
        case .sub: (da, db) = (dy, needs[1] ? try dy.neg() : nil)
        case .mul:
            if needs[0], let b { da = try Binary.compute(.mul, dy, b) }
            if needs[1], let a { db = try Binary.compute(.mul, dy, a) }
        case .div:
            guard let b else { return [nil, nil] }
            let quotient = try Binary.compute(.div, dy, b)
            da = quotient
            if needs[1], let z { db = try Binary.compute(.mul, quotient, z).neg() }
        }
        return [
            needs[0] ? try da.map { try Sum.reduce($0, to: shapes[0]) } : nil,
            needs[1] ? try db.map { try Sum.reduce($0, to: shapes[1]) } : nil,
        ]
    }

    package func keeps(_ shapes: [[Int]], needs: [Bool]) -> [[Int]] {
        switch operation {
        case .add, .sub: []
        case .mul: (needs[1] ? [shapes[0]] : []) + (needs[0] ? [shapes[1]] : [])
        case .div: needs.contains(true) ? [shapes[1]] + (needs[1] ? [shapes[0]] : []) : []
        }
    }

    static func walk(_ a: Tensor, _ b: Tensor, _ what: String) throws -> Broadcast {
        guard let walk = Broadcast(a.shape, b.shape) else {
            throw TensorError("\(what): shapes \(a.shape) and \(b.shape) do not fit together")
        }
        return walk
    }

    /// The operation on values: integers where both are (but for div), floats else.
    static func compute(_ operation: Arithmetic, _ a: Tensor, _ b: Tensor) throws -> Tensor {
        let walk = try Binary.walk(a, b, operation.rawValue)
        guard a.dtype == .int64, b.dtype == .int64, operation != .div else {
            let z = try Tensor(uninitialized: walk.shape)
            let (x, y) = (try a.to(.float32), try b.to(.float32))
            try withExtendedLifetime((x, y)) {
                operation.apply(walk, try x.floats(), try y.floats(), try z.mutableFloats())
            }
            return z
        }
        let z = try Tensor(uninitialized: walk.shape, dtype: .int64)
        let (x, y, target) = (try a.integers(), try b.integers(), try z.mutableIntegers())
        walk.walkInOrder { place, atA, atB, count, stepA, stepB in
            for i in 0..<count {
                let (p, q) = (x[atA + i * stepA], y[atB + i * stepB])
                switch operation {
                case .add: target[place + i] = p &+ q
                case .sub: target[place + i] = p &- q
                case .mul, .div: target[place + i] = p &* q
                }
            }
        }
        return z
    }
}

extension Tensor {
    /// Elementwise a + b; see `Binary` for shapes.
    public func add(_ other: Tensor) throws -> Tensor { try Tensor.apply(Binary(.add), [self, other]) }

    /// Elementwise a − b.
    public func sub(_ other: Tensor) throws -> Tensor { try Tensor.apply(Binary(.sub), [self, other]) }

    /// Elementwise a · b.
    public func mul(_ other: Tensor) throws -> Tensor { try Tensor.apply(Binary(.mul), [self, other]) }

    /// Elementwise a / b; of integers a float.
    public func div(_ other: Tensor) throws -> Tensor { try Tensor.apply(Binary(.div), [self, other]) }

    /// Adds a number to every element.
    public func add(_ number: Number) throws -> Tensor { try add(Tensor(number)) }

    /// Subtracts a number from every element.
    public func sub(_ number: Number) throws -> Tensor { try sub(Tensor(number)) }

    /// Multiplies every element with a number.
    public func mul(_ number: Number) throws -> Tensor { try mul(Tensor(number)) }

    /// Divides every element by a number.
    public func div(_ number: Number) throws -> Tensor { try div(Tensor(number)) }
}
