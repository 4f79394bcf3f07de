import Memory

/// A number that stands beside tensors: an integer or a float, as in Lua.
public enum Number: Sendable, Equatable, ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral {
    case integer(Int64)
    case float(Double)

    /// Number written as an integer.
    public init(integerLiteral value: Int64) { self = .integer(value) }

    /// Number written with a point.
    public init(floatLiteral value: Double) { self = .float(value) }

    /// The number as a float.
    public var double: Double {
        switch self {
        case .integer(let value): Double(value)
        case .float(let value): value
        }
    }
}

extension Tensor {
    /// A tensor without dimensions: int64 for an integer, float32 for a float.
    public convenience init(_ number: Number) throws {
        switch number {
        case .integer(let value): try self.init([value], shape: [])
        case .float(let value): try self.init([Float(value)], shape: [])
        }
    }

    /// The one number of this tensor.
    public func item() throws -> Number {
        guard count == 1 else { throw TensorError("item: shape \(shape) is not a single number") }
        return try element(0)
    }

    /// The element at a place counted in row-major order.
    public func element(_ index: Int) throws -> Number {
        guard index >= 0, index < count else {
            throw TensorError("element \(Shape.told(index)) is outside 1 to \(count)")
        }
        switch dtype {
        case .float32: return .float(Double(try floats()[index]))
        case .int64: return .integer(try integers()[index])
        }
    }

    /// Number of elements.
    public var numel: Int { count }

    /// The same numbers in another element type; fractions are cut off, what no integer can hold is an error.
    public func to(_ target: DType) throws -> Tensor {
        guard target != dtype else { return self }
        let result = try Tensor(uninitialized: shape, dtype: target)
        switch target {
        case .float32:
            let (source, values) = (try integers(), try result.mutableFloats())
            for i in 0..<count { values[i] = Float(source[i]) }
        case .int64:
            let (source, values) = (try floats(), try result.mutableIntegers())
            for i in 0..<count {
                guard let value = Int64(exactly: source[i].rounded(.towardZero)) else {
                    throw TensorError(
                        "\(source[i].isNaN ? "nan" : "\(source[i])")\(shape.isEmpty ? "" : " at \(Shape.place(i, in: shape))") cannot become an int64"
                    )
                }
                values[i] = value
            }
        }
        return result
    }

    /// Whether shape, element type and every element are the same.
    public func equals(_ other: Tensor) throws -> Bool {
        guard shape == other.shape, dtype == other.dtype else { return false }
        switch dtype {
        case .float32:
            let (a, b) = (try floats(), try other.floats())
            return (0..<count).allSatisfy { a[$0] == b[$0] }
        case .int64:
            let (a, b) = (try integers(), try other.integers())
            return (0..<count).allSatisfy { a[$0] == b[$0] }
        }
    }

    /// A tensor of f(element), without a gradient: int64 where this is and f gives only integers, else float32.
    public func map(_ f: (Number) throws -> Number) throws -> Tensor {
        guard !(Recording.isOn && isTracked) else {
            throw TensorError("map has no gradient; detach the tensor first, or use no_grad")
        }
        try MemoryBudget.reserve(count, of: MemoryLayout<Number>.stride)
        var results: [Number] = []
        results.reserveCapacity(count)
        for i in 0..<count { results.append(try f(try element(i))) }
        let integers = results.compactMap { if case .integer(let value) = $0 { value } else { nil } }
        if dtype == .int64, integers.count == count { return try Tensor(integers, shape: shape) }
        return try Tensor(results.map { Float($0.double) }, shape: shape)
    }
}
