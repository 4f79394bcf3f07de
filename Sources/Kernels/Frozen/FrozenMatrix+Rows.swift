extension FrozenMatrix {
    /// A new matrix of `count` rows: the first ones of this matrix, then zeros, as `change` leaves them.
    ///
    /// Rounded once; this matrix stays as it is. For tables of embeddings, whose rows are stored one after the other.
    ///
    /// - Parameter change: is given all rows as float32, [count, columns].
    /// - Throws: where this matrix has no values or is stored column by column, and where there is no memory.
    public func withRows(
        _ count: Int, change: (UnsafeMutableBufferPointer<Float>) throws -> Void
    ) throws -> FrozenMatrix {
        guard hasValues else { throw KernelError("'\(name)' has no values to copy: the model has shapes only") }
        guard !isTransposed else { throw KernelError("'\(name)' is stored column by column; it is no table of rows") }
        let kept = min(count, rows)
        return try FrozenMatrix(rows: count, columns: columns, name: name, dtype: dtype, packing: packing) {
            guard let target = $0.baseAddress else { return }
            try copy(from: 0, count: kept * columns, to: target)
            (target + kept * columns).update(repeating: 0, count: (count - kept) * columns)
            try change($0)
        }
    }
}
