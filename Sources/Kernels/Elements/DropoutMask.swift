/// Which elements of a matrix are dropped: a pure function of each row's key and the column.
///
/// Nothing is stored: backward draws the same mask again. Kept elements are scaled by 1 / (1 − p).
public struct DropoutMask: Sendable {
    /// Probability that an element is dropped, in 0...1.
    public let p: Float
    /// One key per row of the matrix: (seed, stream, step, row, position).
    public let keys: [RandomKey]

    /// Mask over rows with these keys; p outside 0...1 is an error.
    public init(p: Float, keys: [RandomKey]) throws {
        guard p >= 0, p <= 1 else { throw KernelError("dropout probability must be between 0 and 1, got \(p)") }
        (self.p, self.keys) = (p, keys)
    }

    /// What kept elements are multiplied with.
    public var scale: Float { p < 1 ? 1 / (1 - p) : 0 }

    /// An element is kept where its 32 bits reach this; its resolution is 2^-32.
    package var threshold: UInt32 { UInt32(min(Double(p) * 0x1p32, Double(UInt32.max))) }

    /// y = mask · x for row `row` of the matrix, of which x holds `count` columns from `column` on; y may be x.
    public func apply(
        row: Int, column: Int = 0, _ x: UnsafePointer<Float>, into y: UnsafeMutablePointer<Float>, count: Int
    ) {
        apply(key: keys[row], column: column, x, into: y, count: count)
    }

    /// As `apply(row:)`, for a key made from a row's.
    package func apply(
        key: RandomKey, column: Int = 0, _ x: UnsafePointer<Float>, into y: UnsafeMutablePointer<Float>, count: Int
    ) {
        if p == 0 {
            if UnsafePointer(y) != x { y.update(from: x, count: count) }
        } else if p == 1 {
            Loops.zero(y, count)
        } else {
            Loops.dropout(x, key: key.bits, first: column, threshold: threshold, scale: scale, y, count)
        }
    }

    /// y[keys.count, columns] = mask · x, over the threads; y may be x.
    public func apply(columns: Int, _ x: UnsafePointer<Float>, into y: UnsafeMutablePointer<Float>) {
        nonisolated(unsafe) let (x, y) = (x, y)
        Workers.run(rows: keys.count, costPerRow: columns) { rows in
            for row in rows { apply(row: row, x + row * columns, into: y + row * columns, count: columns) }
        }
    }
}
