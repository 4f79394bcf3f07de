/// B[k, n] in panels that oneDNN packs.
///
/// Panels of 192 columns with k up to 1024 stay in a core's second-level cache.
final class OneDNNMatrix: PackedMatrix, @unchecked Sendable {
    let k: Int
    let n: Int
    let type: FrozenMatrix.DType
    let panelColumns = OneDNNMatrix.columns
    /// Every number of rows costs two prepared products.
    let rowsPerPiece = 128
    /// The library cuts long sums itself.
    var depthPerPiece: Int { k }
    private let full: OneDNN.Layout
    private let last: OneDNN.Layout
    private let block: Arena.Block
    private let storage: UnsafeMutableRawPointer
    private let stride: Int
    static let arena = Arena(keepsRegions: false)

    /// Bytes that B[k, n] takes; those of its numbers where the library has no kernel for it.
    static func byteCount(k: Int, n: Int, _ type: FrozenMatrix.DType) -> Int {
        let width = min(n, columns)
        guard k > 0, n > 0, let full = OneDNN.packed(k: k, n: width, type) else { return k * n * type.size }
        let rest = n % columns
        let last = rest == 0 || n <= width ? full : OneDNN.packed(k: k, n: rest, type) ?? full
        return (max(full.bytes, last.bytes) + 63) / 64 * 64 * n.dividedUp(by: columns)
    }

    private static let columns = 192

    /// Packs B, which lies at `source` with these strides in elements; nil where the library has no kernel for it.
    init?(
        k: Int, n: Int, type: FrozenMatrix.DType, source: UnsafeRawPointer, sourceType: FrozenMatrix.DType,
        strideK: Int, strideN: Int
    ) throws {
        let width = min(n, panelColumns)
        guard k > 0, n > 0, let full = OneDNN.packed(k: k, n: width, type) else { return nil }
        let rest = n % panelColumns
        guard let last = rest == 0 || n <= width ? full : OneDNN.packed(k: k, n: rest, type) else { return nil }
        (self.k, self.n, self.type, self.full, self.last) = (k, n, type, full, last)
        stride = (max(full.bytes, last.bytes) + 63) / 64 * 64
        let panels = (n + panelColumns - 1) / panelColumns
        guard let block = try OneDNNMatrix.arena.take(byteCount: stride * panels), let start = block.start else {
            throw KernelError("no memory is left to pack a matrix [\(k), \(n)]: \(stride * panels) bytes")
        }
        (self.block, storage) = (block, start)
        nonisolated(unsafe) let (source, storage) = (source, storage)
        let (stride, elementSize, whole) = (stride, sourceType.size, panelColumns)
        let failures = Failures()
        Workers.run(pieces: panels) { panel in
            OneDNN.prepareThread()
            let done = OneDNN.pack(
                panel == panels - 1 ? last : full, from: source + panel * whole * strideN * elementSize, sourceType,
                strideK: strideK, strideN: strideN, into: storage + panel * stride)
            if !done { failures.add() }
        }
        if failures.any { return nil }
    }

    deinit { OneDNNMatrix.arena.give(block) }

    var bytes: Int { stride * panels }

    private func layout(of panel: Int) -> OneDNN.Layout { panel == panels - 1 ? last : full }

    private func weights(of panel: Int) -> UnsafeRawPointer { UnsafeRawPointer(storage + panel * stride) }

    func product(_ rows: RowPieces, depth: Range<Int>, adding: Bool) throws -> PanelProduct {
        .oneDNN(
            Product(
                storage: UnsafeRawPointer(storage), stride: stride, panels: panels, panelColumns: panelColumns,
                lastColumns: columns(of: panels - 1), lastRows: rows.last, adding: adding,
                full: try OneDNN.product(full, m: rows.size, accumulate: adding),
                fullRest: try OneDNN.product(full, m: rows.last, accumulate: adding),
                last: try OneDNN.product(last, m: rows.size, accumulate: adding),
                lastRest: try OneDNN.product(last, m: rows.last, accumulate: adding)))
    }

    /// The library's products of a whole piece and of the last one, of a whole panel and of the last one; see `PanelProduct`.
    struct Product: @unchecked Sendable {
        fileprivate let storage: UnsafeRawPointer
        fileprivate let stride: Int
        fileprivate let panels: Int
        fileprivate let panelColumns: Int
        fileprivate let lastColumns: Int
        fileprivate let lastRows: Int
        fileprivate let adding: Bool
        fileprivate let full: OneDNN.Product
        fileprivate let fullRest: OneDNN.Product
        fileprivate let last: OneDNN.Product
        fileprivate let lastRest: OneDNN.Product

        /// The library's result is dense: where y is not, it is made in cache, and gets its bias on the way to y.
        func run(
            panel: Int, rows: Int, x: UnsafeRawPointer, bias: UnsafePointer<Float>?,
            into y: UnsafeMutablePointer<Float>, ld: Int
        ) -> Bool {
            let step =
                switch (panel == panels - 1, rows == lastRows) {
                case (false, false): full
                case (false, true): fullRest
                case (true, false): last
                case (true, true): lastRest
                }
            let (weights, columns) = (storage + panel * stride, panel == panels - 1 ? lastColumns : panelColumns)
            OneDNN.prepareThread()
            var done = false
            if ld == columns, bias == nil {
                Scratch.with(step.scratch) { done = step.run(x: x, weights: weights, into: y, scratch: $0) }
                return done
            }
            // A number of floats after which the next ones are aligned to 64 bytes.
            let space = (rows * columns + 15) / 16 * 16
            Scratch.with(space + step.scratch) { dense in
                for row in 0..<rows where adding { (dense + row * columns).update(from: y + row * ld, count: columns) }
                done = step.run(x: x, weights: weights, into: dense, scratch: dense + space)
                for row in 0..<rows {
                    Loops.finish(dense + row * columns, bias: bias, adding: false, into: y + row * ld, columns)
                }
            }
            return done
        }
    }

    func copyColumn(_ column: Int, to target: UnsafeMutablePointer<Float>) -> Bool { false }

    func unpack(into target: UnsafeMutablePointer<Float>, strideK: Int, strideN: Int) throws {
        nonisolated(unsafe) let target = target
        let failures = Failures()
        Workers.run(pieces: panels) { panel in
            OneDNN.prepareThread()
            let done = OneDNN.unpack(
                layout(of: panel), from: weights(of: panel), into: target + panel * panelColumns * strideN,
                strideK: strideK, strideN: strideN)
            if !done { failures.add() }
        }
        if failures.any { throw KernelError("oneDNN could not unpack a matrix [\(k), \(n)]") }
    }
}
