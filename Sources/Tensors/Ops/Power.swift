import Kernels

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// z = a ^ b elementwise, sizes of 1 repeated.
///
/// Backward, each summed over the dimensions in which its input was repeated: da = dy · b · a^(b − 1), 0 where b is 0; db = dy · z · ln a,
/// 0 where a is 0 and b is not negative (torch's conventions). Keeps a, b and z.
package final class Power: Op {
    package static let name = "pow"
    private var a: Tensor?
    private var b: Tensor?
    private var z: Tensor?
    private var shapes: [[Int]] = []

    /// Inputs are the base and the exponent.
    package init() {}

    package func forward(_ inputs: [Tensor], needs: [Bool]) throws -> Tensor {
        let (a, b) = (try inputs[0].to(.float32), try inputs[1].to(.float32))
        shapes = [a.shape, b.shape]
        let walk = try Binary.walk(a, b, "pow")
        let z = try Tensor(uninitialized: walk.shape)
        let (x, y, target) = (try a.floats(), try b.floats(), try z.mutableFloats())
        walk.walkInOrder { place, atA, atB, count, stepA, stepB in
            for i in 0..<count { target[place + i] = powf(x[atA + i * stepA], y[atB + i * stepB]) }
        }
        if needs.contains(true) { (self.a, self.b) = (a, b) }
        if needs[1] { self.z = try z.bare() }
        return z
    }

    package func backward(_ dy: Tensor, needs: [Bool]) throws -> [Tensor?] {
        guard let a, let b else { return [nil, nil] }
        let walk = try Binary.walk(a, b, "pow")
        let (da, db) = (
            needs[0] ? try Tensor(uninitialized: dy.shape) : nil, needs[1] ? try Tensor(uninitialized: dy.shape) : nil
        )
        let (x, y, g) = (try a.floats(), try b.floats(), try dy.floats())
        if let target = try da?.mutableFloats() {
            walk.walkInOrder { place, atA, atB, count, stepA, stepB in
                for i in 0..<count {
                    let (base, exponent) = (x[atA + i * stepA], y[atB + i * stepB])
                    target[place + i] = exponent == 0 ? 0 : g[place + i] * exponent * powf(base, exponent - 1)
                }
            }
        }
        if let target = try db?.mutableFloats(), let results = try z?.floats() {
            walk.walkInOrder { place, atA, atB, count, stepA, stepB in
                for i in 0..<count {
                    let (base, exponent) = (x[atA + i * stepA], y[atB + i * stepB])
                    let isFlat = base == 0 && exponent >= 0
                    target[place + i] = isFlat ? 0 : g[place + i] * results[place + i] * logf(base)
                }
            }
        }
        return [try da.map { try Sum.reduce($0, to: shapes[0]) }, try db.map { try Sum.reduce($0, to: shapes[1]) }]
    }

    package func keeps(_ shapes: [[Int]], needs: [Bool]) -> [[Int]] {
        needs.contains(true) ? shapes + (needs[1] ? [shapes[0]] : []) : []
    }
}

extension Tensor {
    /// Elementwise power; see `Power`.
    ///
    /// Integers give integers, for which no exponent may be negative.
    public func pow(_ exponent: Tensor) throws -> Tensor {
        guard dtype == .int64, exponent.dtype == .int64 else { return try Tensor.apply(Power(), [self, exponent]) }
        let walk = try Binary.walk(self, exponent, "pow")
        let result = try Tensor(uninitialized: walk.shape, dtype: .int64)
        let (x, y, target) = (try integers(), try exponent.integers(), try result.mutableIntegers())
        if let place = (0..<exponent.count).first(where: { y[$0] < 0 }) {
            throw TensorError("pow: integers to the power of \(y[place]); convert them with to(\"float32\")")
        }
        walk.walkInOrder { place, atA, atB, count, stepA, stepB in
            for i in 0..<count { target[place + i] = Tensor.power(x[atA + i * stepA], y[atB + i * stepB]) }
        }
        return result
    }

    /// Elementwise power with one exponent.
    public func pow(_ exponent: Number) throws -> Tensor { try pow(Tensor(exponent)) }

    /// By squaring; what overflows wraps around, as in torch.
    private static func power(_ base: Int64, _ exponent: Int64) -> Int64 {
        var (result, square, rest): (Int64, Int64, Int64) = (1, base, exponent)
        while rest > 0 {
            if rest & 1 == 1 { result = result &* square }
            square = square &* square
            rest >>= 1
        }
        return result
    }
}
