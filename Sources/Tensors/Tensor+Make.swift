import Kernels
import Memory

extension Tensor {
    /// Tensor of these floats; their number must be that of the shape (a vector where none is given).
    public convenience init(_ values: [Float], shape: [Int]? = nil) throws {
        try self.init(uninitialized: shape ?? [values.count])
        guard values.count == count else {
            throw TensorError("\(values.count) values do not fill shape \(self.shape)")
        }
        let target = try mutableFloats()
        for (i, value) in values.enumerated() { target[i] = value }
    }

    /// Tensor of these integers; their number must be that of the shape (a vector where none is given).
    public convenience init(_ values: [Int64], shape: [Int]? = nil) throws {
        try self.init(uninitialized: shape ?? [values.count], dtype: .int64)
        guard values.count == count else {
            throw TensorError("\(values.count) values do not fill shape \(self.shape)")
        }
        let target = try mutableIntegers()
        for (i, value) in values.enumerated() { target[i] = value }
    }

    /// Tensor of one value.
    public static func full(_ shape: [Int], _ value: Float) throws -> Tensor {
        let result = try Tensor(uninitialized: shape)
        guard ShapePass.current == nil else { return result }
        let target = try result.mutableFloats()
        try fill(result.count) { (target + $0.lowerBound).update(repeating: value, count: $0.count) }
        return result
    }

    /// Integer tensor of one value.
    public static func full(_ shape: [Int], integer value: Int64) throws -> Tensor {
        let result = try Tensor(uninitialized: shape, dtype: .int64)
        let target = try result.mutableIntegers()
        try fill(result.count) { (target + $0.lowerBound).update(repeating: value, count: $0.count) }
        return result
    }

    /// Tensor of zeros.
    public static func zeros(_ shape: [Int], dtype: DType = .float32) throws -> Tensor {
        dtype == .float32 ? try full(shape, 0) : try full(shape, integer: 0)
    }

    /// Tensor of ones.
    public static func ones(_ shape: [Int], dtype: DType = .float32) throws -> Tensor {
        dtype == .float32 ? try full(shape, 1) : try full(shape, integer: 1)
    }

    /// start, start + step, … below (for a negative step: above) end; int64 where all three are integers.
    public static func arange(_ start: Number, _ end: Number, step: Number = 1) throws -> Tensor {
        let told = "arange: from \(start.double) to \(end.double) in steps of \(step.double)"
        guard step.double != 0, step.double.isFinite, start.double.isFinite, end.double.isFinite else {
            throw TensorError(told)
        }
        if case .integer(let first) = start, case .integer(let by) = step, case .integer(let last) = end {
            let distance =
                by > 0
                ? (first < last ? UInt64(bitPattern: last &- first) : 0)
                : first > last ? UInt64(bitPattern: first &- last) : 0
            let count = distance == 0 ? 0 : (distance - 1) / by.magnitude + 1
            guard let count = Int(exactly: count) else { throw TensorError("\(told): \(count) elements are too many") }
            let result = try Tensor(uninitialized: [count], dtype: .int64)
            let target = try result.mutableIntegers()
            try fill(count) { for i in $0 { target[i] = first &+ Int64(i) &* by } }
            return result
        }
        let length = ((end.double - start.double) / step.double).rounded(.up)
        guard length < 0x1p44 else { throw TensorError("\(told): \(length) elements are too many") }
        let count = length > 0 ? Int(length) : 0
        let result = try Tensor(uninitialized: [count])
        let target = try result.mutableFloats()
        try fill(count) { for i in $0 { target[i] = Float(start.double + Double(i) * step.double) } }
        return result
    }

    /// Calls `body` with the places 0..<count, part by part; throws between two where the work is to stop.
    static func fill(_ count: Int, _ body: (Range<Int>) throws -> Void) throws {
        var first = 0
        while first < count {
            // A few milliseconds of the slowest filling.
            let end = Swift.min(count, first + 1 << 20)
            try body(first..<end)
            first = end
            if first < count { try MemoryBudget.check() }
        }
    }

    /// Ones on the diagonal of a matrix of zeros.
    public static func eye(_ rows: Int, _ columns: Int? = nil) throws -> Tensor {
        let result = try zeros([rows, columns ?? rows])
        let target = try result.mutableFloats()
        for i in 0..<Swift.min(rows, columns ?? rows) { target[i * (columns ?? rows) + i] = 1 }
        return result
    }

    /// Numbers from U(low, high): a function of the key and the place.
    public static func rand(_ shape: [Int], key: RandomKey, low: Float = 0, high: Float = 1) throws -> Tensor {
        let result = try Tensor(uninitialized: shape)
        guard ShapePass.current == nil else { return result }
        let target = try result.mutableFloats()
        try fill(result.count) { key.fillUniform(target, $0, low: low, high: high) }
        return result
    }

    /// Numbers from N(0, deviation²): a function of the key and the place.
    public static func randn(_ shape: [Int], key: RandomKey, deviation: Float = 1) throws -> Tensor {
        let result = try Tensor(uninitialized: shape)
        guard ShapePass.current == nil else { return result }
        let target = try result.mutableFloats()
        try fill(result.count) { key.fillNormal(target, $0, deviation: deviation) }
        return result
    }

    /// Kaiming-uniform with a = √5, as linear layers and LoRA's A start: U(−1/√in, 1/√in), in the last size of the shape.
    public static func kaimingUniform(_ shape: [Int], key: RandomKey) throws -> Tensor {
        let bound = 1 / Float(Swift.max(1, shape.last ?? 1)).squareRoot()
        return try rand(shape, key: key, low: -bound, high: bound)
    }

    /// A tensor with the same values in memory of its own, made by no operation.
    public func copy() throws -> Tensor {
        let result = try Tensor(uninitialized: shape, dtype: dtype)
        guard ShapePass.current == nil || dtype == .int64 else { return result }
        switch dtype {
        case .float32: try result.mutableFloats().update(from: floats(), count: count)
        case .int64: try result.mutableIntegers().update(from: integers(), count: count)
        }
        return result
    }

    /// The same values, made by no operation: gradients stop here.
    public func detach() throws -> Tensor { try bare() }

    /// The floats as an array.
    public func floatArray() throws -> [Float] {
        try MemoryBudget.reserve(count, of: 4)
        if dtype == .int64 { return try integerArray().map(Float.init) }
        return Array(UnsafeBufferPointer(start: try floats(), count: count))
    }

    /// The integers as an array.
    public func integerArray() throws -> [Int64] {
        try MemoryBudget.reserve(count, of: 8)
        return Array(UnsafeBufferPointer(start: try integers(), count: count))
    }

    /// self = self + other, in place, without a record; for sums of gradients.
    public func add(inPlace other: Tensor) throws {
        guard other.shape == shape else {
            throw TensorError("add in place: shape \(other.shape) does not match \(shape)")
        }
        Elementwise.accumulate(try other.floats(), into: try mutableFloats(), count: count)
    }

    /// Writes rows of a matrix over those of this one from `place` on; both count from 0.
    public func copyRows(from source: Tensor, _ rows: Range<Int>, to place: Int) throws {
        guard shape.count == 2, source.shape.count == 2, shape[1] == source.shape[1], rows.lowerBound >= 0,
            rows.upperBound <= source.shape[0], place >= 0, place <= shape[0] - rows.count
        else {
            throw TensorError("copy rows: rows \(rows) of \(source.shape) do not fit \(shape) from row \(place) on")
        }
        let width = shape[1]
        try (mutableFloats() + place * width).update(
            from: source.floats() + rows.lowerBound * width, count: rows.count * width)
    }

    /// Place of the first element that is not finite, in row-major order; nil where all are.
    public func firstNonFinite() throws -> Int? {
        dtype == .int64 ? nil : Elementwise.firstNonFinite(try floats(), count: count)
    }

    /// Rows and columns of a matrix.
    func matrixShape(_ what: String) throws -> (rows: Int, columns: Int) {
        guard shape.count == 2 else { throw TensorError("\(what): expected a matrix, got shape \(shape)") }
        return (shape[0], shape[1])
    }

    /// All dimensions but the last as rows, the last as columns; a number is one row of one.
    var rowsAndColumns: (rows: Int, columns: Int) {
        guard let last = shape.last else { return (1, 1) }
        return (shape.dropLast().reduce(1, *), last)
    }
}
