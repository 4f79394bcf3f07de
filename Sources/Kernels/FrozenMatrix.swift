/// A pretrained matrix W[rows, columns] that is only read: multiplied with, or gathered from.
///
/// It alone knows how its numbers are stored and packed. Storage today is float32, either owned or borrowed from a mapped
/// file that `owner` keeps open; or none at all (shapes only).
public final class FrozenMatrix: @unchecked Sendable {
    /// Number of rows (outputs of a linear layer, entries of an embedding).
    public let rows: Int
    /// Number of columns (inputs of a linear layer, width of an embedding).
    public let columns: Int
    private let values: UnsafePointer<Float>?
    private let owner: AnyObject?

    /// Matrix over numbers that `owner` keeps alive and unchanged.
    public init(rows: Int, columns: Int, borrowing values: UnsafePointer<Float>, owner: AnyObject) {
        (self.rows, self.columns, self.values, self.owner) = (rows, columns, values, owner)
    }

    /// Matrix of which only the shape is known; products with it are an error.
    public init(shapeOnlyRows rows: Int, columns: Int) {
        (self.rows, self.columns, self.values, self.owner) = (rows, columns, nil, nil)
    }

    /// Matrix that owns its numbers, `fill` writes rows × columns of them.
    public init(rows: Int, columns: Int, fill: (UnsafeMutableBufferPointer<Float>) throws -> Void) rethrows {
        let block = FloatBlock(count: rows * columns)
        try fill(block.buffer)
        (self.rows, self.columns, self.owner) = (rows, columns, block)
        self.values = UnsafePointer(block.buffer.baseAddress)
    }

    /// Whether there are values to read.
    public var hasValues: Bool { values != nil }

    /// y[m, rows] = x[m, columns] · Wᵀ + bias.
    public func multiply(
        x: UnsafePointer<Float>, m: Int, bias: UnsafePointer<Float>?, into y: UnsafeMutablePointer<Float>
    ) {
        guard let values else { return }
        if let bias { for row in 0..<m { (y + row * rows).update(from: bias, count: rows) } }
        Matmul.gemm(
            transposeB: true, m: m, n: rows, k: columns, x, lda: columns, values, ldb: columns,
            beta: bias == nil ? 0 : 1, y, ldc: rows)
    }

    /// dx[m, columns] = dy[m, rows] · W, added to dx where `accumulate` is set.
    public func multiplyTransposed(
        dy: UnsafePointer<Float>, m: Int, into dx: UnsafeMutablePointer<Float>, accumulate: Bool = false
    ) {
        guard let values else { return }
        Matmul.gemm(
            m: m, n: columns, k: rows, dy, lda: rows, values, ldb: columns, beta: accumulate ? 1 : 0, dx, ldc: columns)
    }

    /// Copies row `row` to `target` ([columns]).
    public func copyRow(_ row: Int, to target: UnsafeMutablePointer<Float>) {
        guard let values, row >= 0, row < rows else { return }
        target.update(from: values + row * columns, count: columns)
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
