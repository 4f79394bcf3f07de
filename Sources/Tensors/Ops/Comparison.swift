import Kernels

/// Elementwise comparisons: int64 1 where they hold, else 0; they bear no gradient.
public enum Comparison: String, Sendable, CaseIterable {
    case eq, ne, lt, gt, le, ge

    func holds<Value: Comparable>(_ a: Value, _ b: Value) -> Bool {
        switch self {
        case .eq: a == b
        case .ne: a != b
        case .lt: a < b
        case .gt: a > b
        case .le: a <= b
        case .ge: a >= b
        }
    }
}

extension Tensor {
    /// Compares elementwise, sizes of 1 repeated; integers with floats as floats.
    public func compare(_ comparison: Comparison, _ other: Tensor) throws -> Tensor {
        let walk = try Binary.walk(self, other, comparison.rawValue)
        let result = try Tensor(uninitialized: walk.shape, dtype: .int64)
        let target = try result.mutableIntegers()
        if dtype == .int64, other.dtype == .int64 {
            Tensor.fill(target, walk, try integers(), try other.integers(), comparison)
        } else {
            let (a, b) = (try bare().to(.float32), try other.bare().to(.float32))
            try withExtendedLifetime((a, b)) {
                Tensor.fill(target, walk, try a.floats(), try b.floats(), comparison)
            }
        }
        return result
    }

    private static func fill<Value: Comparable>(
        _ target: UnsafeMutablePointer<Int64>, _ walk: Broadcast, _ a: UnsafePointer<Value>, _ b: UnsafePointer<Value>,
        _ comparison: Comparison
    ) {
        walk.walkInOrder { place, atA, atB, count, stepA, stepB in
            for i in 0..<count {
                target[place + i] = comparison.holds(a[atA + i * stepA], b[atB + i * stepB]) ? 1 : 0
            }
        }
    }

    /// Compares every element with a number.
    public func compare(_ comparison: Comparison, _ number: Number) throws -> Tensor {
        try compare(comparison, Tensor(number))
    }

    /// 1 where equal.
    public func eq(_ other: Tensor) throws -> Tensor { try compare(.eq, other) }
    /// 1 where not equal.
    public func ne(_ other: Tensor) throws -> Tensor { try compare(.ne, other) }
    /// 1 where less.
    public func lt(_ other: Tensor) throws -> Tensor { try compare(.lt, other) }
    /// 1 where greater.
    public func gt(_ other: Tensor) throws -> Tensor { try compare(.gt, other) }
    /// 1 where less or equal.
    public func le(_ other: Tensor) throws -> Tensor { try compare(.le, other) }
    /// 1 where greater or equal.
    public func ge(_ other: Tensor) throws -> Tensor { try compare(.ge, other) }
}
