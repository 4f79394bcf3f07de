/// B[k, n] of float32 in panels as our own loops read them (see LoopsBaseline/Panels.swift).
///
/// Measured on one Zen 5 core, 216 rows, matrices of 768 × 768 that follow one another, cold: 215 GFLOP/s of 250 with AVX-512, 114 of 128
/// with AVX2, where oneDNN's kernels reach 190 and OpenBLAS's 86.
final class NativeMatrix: TurnablePanels, @unchecked Sendable {
    let k: Int
    let n: Int
    let type = FrozenMatrix.DType.float32
    let panelColumns = Loops.panelColumns
    let rowsPerPiece = 64
    /// A longer chain of additions loses digits (100,000 in single precision: four of seven), and its numbers of x leave the cache
    /// before the next panel wants them.
    let depthPerPiece = 4096
    private let block: Arena.Block
    private let storage: UnsafeMutablePointer<Float>
    static let arena = Arena(keepsRegions: false)
    /// Rows of B that are packed at once: the floats of a cache line where B's columns lie in memory as rows.
    private static let rowsAtOnce = 16

    /// Bytes that B[k, n] takes.
    static func byteCount(k: Int, n: Int) -> Int { 4 * n.dividedUp(by: Loops.panelColumns) * Loops.panelColumns * k }

    /// Packs B, which lies at `source` with these strides in elements.
    init(
        k: Int, n: Int, source: UnsafeRawPointer, sourceType: FrozenMatrix.DType, strideK: Int, strideN: Int
    ) throws {
        (self.k, self.n) = (k, n)
        let width = Loops.panelColumns
        let panels = (n + width - 1) / width
        let byteCount = NativeMatrix.byteCount(k: k, n: n)
        guard let block = try NativeMatrix.arena.take(byteCount: byteCount), let start = block.start else {
            throw KernelError("no memory is left to pack a matrix [\(k), \(n)]: \(byteCount) bytes")
        }
        self.block = block
        storage = start.bindMemory(to: Float.self, capacity: panels * width * k)
        nonisolated(unsafe) let (source, storage) = (source, storage)
        Workers.run(pieces: panels) { panel in
            let (target, first) = (storage + panel * width * k, panel * width)
            let columns = min(width, n - first)
            if columns < width { Loops.zero(target, width * k) }
            for top in stride(from: 0, to: k, by: NativeMatrix.rowsAtOnce) {
                let rows = top..<min(k, top + NativeMatrix.rowsAtOnce)
                for column in 0..<columns {
                    let from = (first + column) * strideN
                    switch sourceType {
                    case .float32:
                        let values = source.assumingMemoryBound(to: Float.self) + from
                        for row in rows { target[row &* width &+ column] = values[row &* strideK] }
                    case .bfloat16:
                        let values = source.assumingMemoryBound(to: UInt16.self) + from
                        for row in rows { target[row &* width &+ column] = Bfloat16.widened(values[row &* strideK]) }
                    }
                }
            }
        }
    }

    deinit { NativeMatrix.arena.give(block) }

    var bytes: Int { 4 * panels * panelColumns * k }

    var storedPanels: StoredPanels { .floats(storage, size: panelColumns * k) }

    func product(_ rows: RowPieces, depth: Range<Int>, adding: Bool) -> PanelProduct {
        .native(
            Product(
                storage: UnsafePointer(storage), k: k, n: n, depth: depth, longest: depthPerPiece, adding: adding))
    }

    /// A product by our own loops; see `PanelProduct`.
    struct Product: @unchecked Sendable {
        fileprivate let storage: UnsafePointer<Float>
        fileprivate let k: Int
        fileprivate let n: Int
        fileprivate let depth: Range<Int>
        fileprivate let longest: Int
        fileprivate let adding: Bool

        func run(
            panel: Int, rows: Int, x: UnsafeRawPointer, bias: UnsafePointer<Float>?,
            into y: UnsafeMutablePointer<Float>, ld: Int
        ) {
            let width = Loops.panelColumns
            let columns = min(width, n - panel * width)
            let (x, weights) = (x.assumingMemoryBound(to: Float.self), storage + panel * width * k)
            for part in depth.pieces(of: longest) {
                let (x, weights) = (x + part.lowerBound, weights + part.lowerBound * width)
                if columns == width, part.lowerBound == 0 {
                    Loops.multiply(
                        rows: rows, depth: part.count, x, k, panel: weights, bias: bias, adding: adding, into: y, ld)
                    continue
                }
                // Whole vectors would reach past the last column; a chain of additions ends before the next begins.
                Scratch.with(rows * width) { whole in
                    Loops.multiply(
                        rows: rows, depth: part.count, x, k, panel: weights, bias: nil, adding: false, into: whole,
                        width)
                    for row in 0..<rows {
                        Loops.finish(
                            whole + row * width, bias: part.lowerBound == 0 ? bias : nil,
                            adding: adding || part.lowerBound > 0, into: y + row * ld, columns)
                    }
                }
            }
        }
    }

    func copyColumn(_ column: Int, to target: UnsafeMutablePointer<Float>) -> Bool {
        let (panel, place) = column.quotientAndRemainder(dividingBy: panelColumns)
        let source = storage + panel * panelColumns * k + place
        for row in 0..<k { target[row] = source[row * panelColumns] }
        return true
    }

    func unpack(into target: UnsafeMutablePointer<Float>, strideK: Int, strideN: Int) {
        nonisolated(unsafe) let target = target
        Workers.run(pieces: panels) { panel in
            let (source, first) = (storage + panel * panelColumns * k, panel * panelColumns)
            for column in 0..<columns(of: panel) {
                for row in 0..<k {
                    target[row * strideK + (first + column) * strideN] = source[row * panelColumns + column]
                }
            }
        }
    }
}

extension Loops {
    /// y = x + bias, y = y + x, or y = x.
    static func finish(
        _ x: UnsafePointer<Float>, bias: UnsafePointer<Float>?, adding: Bool, into y: UnsafeMutablePointer<Float>,
        _ count: Int
    ) {
        if let bias {
            add(x, bias, y, count)
        } else if adding {
            accumulate(x, y, count)
        } else {
            y.update(from: x, count: count)
        }
    }
}
