/// B[k, n] of bfloat16 in panels as our own loops read them, two rows together (see LoopsBaseline/Panels.swift); x stays float32.
///
/// Few rows of x read the panel as it is: they wait for memory, of which it takes half. For more it is widened once, in cache. The
/// results are those of the same numbers in float32, to the bit.
final class HalfMatrix: TurnablePanels, @unchecked Sendable {
    let k: Int
    let n: Int
    let type = FrozenMatrix.DType.float32
    let panelColumns = Loops.panelColumns
    let rowsPerPiece = 64
    /// As of `NativeMatrix`; even, so that no two rows that lie together are cut.
    let depthPerPiece = 4096
    /// The most rows for which widening on the way is faster.
    private static let fewRows = 8
    private let block: Arena.Block
    private let storage: UnsafeMutablePointer<UInt32>
    static let arena = Arena(keepsRegions: false)

    /// Words of a panel.
    private static func words(_ k: Int) -> Int { k.dividedUp(by: 2) * Loops.panelColumns }

    /// Bytes that B[k, n] takes.
    static func byteCount(k: Int, n: Int) -> Int { 4 * n.dividedUp(by: Loops.panelColumns) * words(k) }

    /// Packs B, which lies at `source` with these strides in elements.
    init(
        k: Int, n: Int, source: UnsafeRawPointer, sourceType: FrozenMatrix.DType, strideK: Int, strideN: Int
    ) throws {
        (self.k, self.n) = (k, n)
        let (width, words) = (Loops.panelColumns, HalfMatrix.words(k))
        let panels = n.dividedUp(by: width)
        let byteCount = HalfMatrix.byteCount(k: k, n: n)
        guard let block = try HalfMatrix.arena.take(byteCount: byteCount), let start = block.start else {
            throw KernelError("no memory is left to pack a matrix [\(k), \(n)]: \(byteCount) bytes")
        }
        self.block = block
        storage = start.bindMemory(to: UInt32.self, capacity: panels * words)
        nonisolated(unsafe) let (source, storage) = (source, storage)
        Workers.run(pieces: panels) { panel in
            let (target, first) = (storage + panel * words, panel * width)
            let columns = min(width, n - first)
            target.update(repeating: 0, count: words)
            for rows in (0..<k).pieces(of: 16) {
                for column in 0..<columns {
                    let from = (first + column) * strideN
                    for row in rows {
                        let bits =
                            switch sourceType {
                            case .float32:
                                Bfloat16.bits(
                                    source.assumingMemoryBound(to: Float.self)[from &+ row &* strideK])
                            case .bfloat16:
                                source.assumingMemoryBound(to: UInt16.self)[from &+ row &* strideK]
                            }
                        target[row / 2 &* width &+ column] |= UInt32(bits) << (row % 2 == 0 ? 0 : 16)
                    }
                }
            }
        }
    }

    deinit { HalfMatrix.arena.give(block) }

    var bytes: Int { 4 * panels * HalfMatrix.words(k) }

    var storedPanels: StoredPanels { .halves(storage, size: HalfMatrix.words(k)) }

    func product(_ rows: RowPieces, depth: Range<Int>, adding: Bool) -> PanelProduct {
        .half(
            Product(
                storage: UnsafePointer(storage), k: k, n: n, depth: depth, longest: depthPerPiece, adding: adding))
    }

    /// A product by our own loops; see `PanelProduct`.
    struct Product: @unchecked Sendable {
        fileprivate let storage: UnsafePointer<UInt32>
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
            let (x, weights) = (x.assumingMemoryBound(to: Float.self), storage + panel * HalfMatrix.words(k))
            for part in depth.pieces(of: longest) {
                let (x, weights) = (x + part.lowerBound, weights + part.lowerBound / 2 * width)
                if columns == width, part.lowerBound == 0 {
                    multiply(rows, part.count, x, weights, bias: bias, adding: adding, into: y, ld)
                    continue
                }
                // As in `NativeMatrix`.
                Scratch.with(rows * width) { whole in
                    multiply(rows, part.count, x, weights, bias: nil, adding: false, into: whole, width)
                    for row in 0..<rows {
                        Loops.finish(
                            whole + row * width, bias: part.lowerBound == 0 ? bias : nil,
                            adding: adding || part.lowerBound > 0, into: y + row * ld, columns)
                    }
                }
            }
        }

        private func multiply(
            _ rows: Int, _ depth: Int, _ x: UnsafePointer<Float>, _ weights: UnsafePointer<UInt32>,
            bias: UnsafePointer<Float>?, adding: Bool, into y: UnsafeMutablePointer<Float>, _ ld: Int
        ) {
            guard rows > HalfMatrix.fewRows else {
                return Loops.multiply(
                    rows: rows, depth: depth, x, k, halves: weights, bias: bias, adding: adding, into: y, ld)
            }
            Scratch.with(depth * Loops.panelColumns) { widened in
                Loops.widen(halves: weights, depth: depth, into: widened)
                Loops.multiply(
                    rows: rows, depth: depth, x, k, panel: widened, bias: bias, adding: adding, into: y, ld)
            }
        }
    }

    func copyColumn(_ column: Int, to target: UnsafeMutablePointer<Float>) -> Bool {
        let (panel, place) = column.quotientAndRemainder(dividingBy: panelColumns)
        let source = storage + panel * HalfMatrix.words(k) + place
        for row in 0..<k {
            let word = source[row / 2 * panelColumns]
            target[row] = Float(bitPattern: row % 2 == 0 ? word << 16 : word & 0xFFFF_0000)
        }
        return true
    }

    func unpack(into target: UnsafeMutablePointer<Float>, strideK: Int, strideN: Int) {
        nonisolated(unsafe) let target = target
        Workers.run(pieces: panels) { panel in
            let (source, first) = (storage + panel * HalfMatrix.words(k), panel * panelColumns)
            for column in 0..<columns(of: panel) {
                for row in 0..<k {
                    let word = source[row / 2 * panelColumns + column]
                    target[row * strideK + (first + column) * strideN] = Float(
                        bitPattern: row % 2 == 0 ? word << 16 : word & 0xFFFF_0000)
                }
            }
        }
    }
}
