/// A pretrained matrix W[rows, columns] that is only read: multiplied with, or gathered from.
///
/// It alone knows how its numbers are stored and packed. Storage today is float32, either owned or borrowed from a mapped
/// file that `owner` keeps open; or none at all (shapes only).
public final class FrozenMatrix: @unchecked Sendable {
    /// How the numbers are stored.
    public enum DType: String, Sendable { case float32 }

    /// Number of rows (outputs of a linear layer, entries of an embedding).
    public let rows: Int
    /// Number of columns (inputs of a linear layer, width of an embedding).
    public let columns: Int
    /// The tensor's name in its checkpoint, for messages.
    public let name: String
    /// How the numbers are stored.
    public let dtype = DType.float32
    private let values: UnsafePointer<Float>?
    private let owner: AnyObject?

    /// Matrix over numbers that `owner` keeps alive and unchanged.
    public init(
        rows: Int, columns: Int, borrowing values: UnsafePointer<Float>, owner: AnyObject, name: String = ""
    ) {
        (self.rows, self.columns, self.name) = (rows, columns, name)
        (self.values, self.owner) = (values, owner)
    }

    /// Matrix of which only the shape is known; reading values is an error.
    public init(shapeOnlyRows rows: Int, columns: Int, name: String = "") {
        (self.rows, self.columns, self.name, self.values, self.owner) = (rows, columns, name, nil, nil)
    }

    /// Matrix that owns its numbers, `fill` writes rows × columns of them.
    public init(
        rows: Int, columns: Int, name: String = "", fill: (UnsafeMutableBufferPointer<Float>) throws -> Void
    ) rethrows {
        let block = FloatBlock(count: rows * columns)
        try fill(block.buffer)
        (self.rows, self.columns, self.name, self.owner) = (rows, columns, name, block)
        self.values = UnsafePointer(block.buffer.baseAddress)
    }

    /// Matrix of numbers from N(0, deviation²), a function of the key alone.
    public convenience init(
        rows: Int, columns: Int, normal deviation: Float, key: RandomKey, name: String = ""
    ) {
        self.init(rows: rows, columns: columns, name: name) { buffer in
            guard let start = buffer.baseAddress else { return }
            key.fillNormal(start, count: buffer.count, deviation: deviation)
        }
    }

    /// Whether there are values to read.
    public var hasValues: Bool { values != nil }

    /// Bytes that the numbers take, mapped ones included.
    public var bytes: Int { values == nil ? 0 : rows * columns * 4 }

    private func read() throws -> UnsafePointer<Float> {
        guard let values else {
            throw KernelError("reading values of '\(name)': this model has shapes only (weights = \"none\")")
        }
        return values
    }

    /// y[m, rows] = x[m, columns] · Wᵀ + bias.
    public func multiply(
        x: UnsafePointer<Float>, m: Int, bias: UnsafePointer<Float>?, into y: UnsafeMutablePointer<Float>
    ) throws {
        let values = try read()
        if let bias { for row in 0..<m { (y + row * rows).update(from: bias, count: rows) } }
        Matmul.gemm(
            transposeB: true, m: m, n: rows, k: columns, x, lda: columns, values, ldb: columns,
            beta: bias == nil ? 0 : 1, y, ldc: rows)
    }

    /// dx[m, columns] = dy[m, rows] · W, added to dx where `accumulate` is set.
    public func multiplyTransposed(
        dy: UnsafePointer<Float>, m: Int, into dx: UnsafeMutablePointer<Float>, accumulate: Bool = false
    ) throws {
        let values = try read()
        Matmul.gemm(
            m: m, n: columns, k: rows, dy, lda: rows, values, ldb: columns, beta: accumulate ? 1 : 0, dx, ldc: columns)
    }

    /// Copies row `row` as float32 to `target` ([columns]).
    public func copyRow(_ row: Int, to target: UnsafeMutablePointer<Float>) throws {
        let values = try read()
        guard row >= 0, row < rows else { throw KernelError("row \(row) of '\(name)' is outside 0..<\(rows)") }
        target.update(from: values + row * columns, count: columns)
    }

    /// All numbers as float32, row by row, to `target` ([rows, columns]).
    public func copy(to target: UnsafeMutablePointer<Float>) throws {
        target.update(from: try read(), count: rows * columns)
    }

    /// The number at a place counted row by row; used by fingerprints.
    public func value(at index: Int) throws -> Float {
        let values = try read()
        guard index >= 0, index < rows * columns else {
            throw KernelError("element \(index) of '\(name)' is outside 0..<\(rows * columns)")
        }
        return values[index]
    }

    /// A new matrix W + scale · B[rows, r] · A[r, columns], summed in float32 and rounded once; this one stays as it is.
    public func adding(
        scale: Float, b: UnsafePointer<Float>, a: UnsafePointer<Float>, rank: Int
    ) throws -> FrozenMatrix {
        let values = try read()
        return FrozenMatrix(rows: rows, columns: columns, name: name) { buffer in
            guard let target = buffer.baseAddress else { return }
            target.update(from: values, count: rows * columns)
            Matmul.gemm(
                m: rows, n: columns, k: rank, alpha: scale, b, lda: rank, a, ldb: columns, beta: 1, target,
                ldc: columns)
        }
    }
}

/// Owned, 64-byte aligned floats.
final class FloatBlock {
    let buffer: UnsafeMutableBufferPointer<Float>

    init(count: Int) {
        let raw = UnsafeMutableRawPointer.allocate(byteCount: max(1, count) * 4, alignment: 64)
        buffer = UnsafeMutableBufferPointer(start: raw.bindMemory(to: Float.self, capacity: count), count: count)
    }

    deinit { buffer.deallocate() }
}
