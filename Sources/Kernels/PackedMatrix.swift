/// B[k, n], constant, packed once for products x[m, k] · B, in panels of columns.
///
/// A panel and some rows of x make one piece of work: the sizes of the pieces follow from the shape alone, so results do
/// not depend on threads. Panels of 192 columns with k up to 1024 stay in a core's second-level cache.
final class PackedMatrix: @unchecked Sendable {
    /// Columns of a panel; the last may have fewer.
    static let panelWidth = 192
    /// The most rows of x in one piece: beyond, nothing gets faster, and every number of rows costs a prepared product.
    static let rowsPerPiece = 128

    /// Rows of B.
    let k: Int
    /// Columns of B.
    let n: Int
    /// Element type.
    let type: FrozenMatrix.DType
    private let full: OneDNN.Layout
    private let last: OneDNN.Layout
    private let block: Arena.Block
    private let storage: UnsafeMutableRawPointer
    private let stride: Int
    private static let arena = Arena(keepsRegions: false)

    /// Packs B, which lies at `source` with these strides in elements; nil where the library has no kernel for it.
    init?(
        k: Int, n: Int, type: FrozenMatrix.DType, source: UnsafeRawPointer, sourceType: FrozenMatrix.DType,
        strideK: Int, strideN: Int
    ) throws {
        let width = min(n, PackedMatrix.panelWidth)
        guard k > 0, n > 0, let full = OneDNN.packed(k: k, n: width, type) else { return nil }
        let rest = n % PackedMatrix.panelWidth
        guard let last = rest == 0 || n <= width ? full : OneDNN.packed(k: k, n: rest, type) else { return nil }
        (self.k, self.n, self.type, self.full, self.last) = (k, n, type, full, last)
        stride = (max(full.bytes, last.bytes) + 63) / 64 * 64
        let panels = (n + PackedMatrix.panelWidth - 1) / PackedMatrix.panelWidth
        guard let block = PackedMatrix.arena.take(byteCount: stride * panels), let start = block.start else {
            throw KernelError("no memory is left to pack a matrix [\(k), \(n)]: \(stride * panels) bytes")
        }
        (self.block, storage) = (block, start)
        nonisolated(unsafe) let (source, storage) = (source, storage)
        let (stride, elementSize) = (stride, sourceType.size)
        let failures = Failures()
        Workers.run(pieces: panels) { panel in
            OneDNN.prepareThread()
            let done = OneDNN.pack(
                panel == panels - 1 ? last : full,
                from: source + panel * PackedMatrix.panelWidth * strideN * elementSize, sourceType, strideK: strideK,
                strideN: strideN, into: storage + panel * stride)
            if !done { failures.add() }
        }
        if failures.any { return nil }
    }

    deinit { PackedMatrix.arena.give(block) }

    /// Number of panels.
    var panels: Int { (n + PackedMatrix.panelWidth - 1) / PackedMatrix.panelWidth }

    /// Bytes that B takes.
    var bytes: Int { stride * panels }

    /// Layout of a panel.
    func layout(of panel: Int) -> OneDNN.Layout { panel == panels - 1 ? last : full }

    /// Packed numbers of a panel.
    func weights(of panel: Int) -> UnsafeRawPointer { UnsafeRawPointer(storage + panel * stride) }

    /// The products that m rows need: for a whole piece and for the last one, of a whole panel and of the last one.
    func products(m: Int, accumulate: Bool) throws -> PreparedProducts {
        let size = PackedMatrix.rows(of: m)
        let rest = m - (m - 1) / size * size
        return PreparedProducts(
            full: try OneDNN.product(full, m: min(size, m), accumulate: accumulate),
            fullRest: try OneDNN.product(full, m: rest, accumulate: accumulate),
            last: try OneDNN.product(last, m: min(size, m), accumulate: accumulate),
            lastRest: try OneDNN.product(last, m: rest, accumulate: accumulate))
    }

    /// Rows of a piece of m rows: equal parts in eights, but for the last.
    static func rows(of m: Int) -> Int {
        let pieces = max(1, (m + rowsPerPiece - 1) / rowsPerPiece)
        return ((m + pieces - 1) / pieces + 7) / 8 * 8
    }

    /// B as float32, to `target` with these strides in elements.
    func unpack(into target: UnsafeMutablePointer<Float>, strideK: Int, strideN: Int) throws {
        nonisolated(unsafe) let target = target
        let failures = Failures()
        Workers.run(pieces: panels) { panel in
            OneDNN.prepareThread()
            let done = OneDNN.unpack(
                layout(of: panel), from: weights(of: panel), into: target + panel * PackedMatrix.panelWidth * strideN,
                strideK: strideK, strideN: strideN)
            if !done { failures.add() }
        }
        if failures.any { throw KernelError("oneDNN could not unpack a matrix [\(k), \(n)]") }
    }
}

/// Prepared products of one packed matrix, by the sizes of pieces.
struct PreparedProducts: Sendable {
    fileprivate let full: OneDNN.Product
    fileprivate let fullRest: OneDNN.Product
    fileprivate let last: OneDNN.Product
    fileprivate let lastRest: OneDNN.Product

    /// The product for a piece.
    func product(isLastPanel: Bool, isLastRows: Bool) -> OneDNN.Product {
        switch (isLastPanel, isLastRows) {
        case (false, false): full
        case (false, true): fullRest
        case (true, false): last
        case (true, true): lastRest
        }
    }
}
