/// Bᵀ of a matrix B that is packed: read out of the same panels, so that one copy serves both products.
///
/// Some columns of Bᵀ are rows of every panel of B. They are turned into a panel of their own, a part of the sum at a time, in a core's
/// second cache, and multiplied with more rows of x than elsewhere, so that turning weighs little: 1.9 % of a step with a head of
/// 49,152 × 576 and 256 rows at a time, for 113 MB. Sums are those of a second copy, to the bit.
final class TurnedMatrix: PackedMatrix, @unchecked Sendable {
    let k: Int
    let n: Int
    let type = FrozenMatrix.DType.float32
    let panelColumns = Loops.panelColumns
    let rowsPerPiece = 512
    let depthPerPiece: Int
    private let source: any TurnablePanels

    /// The transposed of `source`, whose panels it reads.
    init(_ source: any TurnablePanels) {
        self.source = source
        (k, n, depthPerPiece) = (source.n, source.k, source.depthPerPiece)
    }

    /// None of its own.
    var bytes: Int { 0 }

    func product(_ rows: RowPieces, depth: Range<Int>, adding: Bool) -> PanelProduct {
        .turned(
            Product(panels: source.storedPanels, k: k, n: n, depth: depth, longest: depthPerPiece, adding: adding))
    }

    func unpack(into target: UnsafeMutablePointer<Float>, strideK: Int, strideN: Int) throws {
        try source.unpack(into: target, strideK: strideN, strideN: strideK)
    }

    func copyColumn(_ column: Int, to target: UnsafeMutablePointer<Float>) -> Bool { false }

    /// A product by our own loops; see `PanelProduct`.
    struct Product: @unchecked Sendable {
        fileprivate let panels: StoredPanels
        fileprivate let k: Int
        fileprivate let n: Int
        fileprivate let depth: Range<Int>
        fileprivate let longest: Int
        fileprivate let adding: Bool
        /// Panels of B that are turned at once: with AVX-512 74 KB.
        private static let panelsAtOnce = 8

        func run(
            panel: Int, rows: Int, x: UnsafeRawPointer, bias: UnsafePointer<Float>?,
            into y: UnsafeMutablePointer<Float>, ld: Int
        ) {
            let width = Loops.panelColumns
            let (first, columns) = (panel * width, min(width, n - panel * width))
            let x = x.assumingMemoryBound(to: Float.self)
            for part in depth.pieces(of: longest) {
                if columns == width, part.lowerBound == 0 {
                    multiply(rows, part, first, columns, x, bias: bias, adding: adding, into: y, ld)
                    continue
                }
                // As in `NativeMatrix`.
                Scratch.with(rows * width) { whole in
                    multiply(rows, part, first, columns, x, bias: nil, adding: false, into: whole, width)
                    for row in 0..<rows {
                        Loops.finish(
                            whole + row * width, bias: part.lowerBound == 0 ? bias : nil,
                            adding: adding || part.lowerBound > 0, into: y + row * ld, columns)
                    }
                }
            }
        }

        /// One chain of additions, put down and taken up again between the parts that are turned at once.
        private func multiply(
            _ rows: Int, _ part: Range<Int>, _ first: Int, _ columns: Int, _ x: UnsafePointer<Float>,
            bias: UnsafePointer<Float>?, adding: Bool, into y: UnsafeMutablePointer<Float>, _ ld: Int
        ) {
            let width = Loops.panelColumns
            let most = Product.panelsAtOnce * width
            Scratch.with(most * width) { turned in
                var start = part.lowerBound
                while start < part.upperBound {
                    let end = min((start / width + Product.panelsAtOnce) * width, part.upperBound)
                    var at = start
                    while at < end {
                        let next = min((at / width + 1) * width, end)
                        panels.turn(
                            at / width, from: at % width, count: next - at, rows: first..<first + columns,
                            into: turned + (at - start) * width)
                        at = next
                    }
                    let isFirst = start == part.lowerBound
                    Loops.multiply(
                        rows: rows, depth: end - start, x + start, k, panel: turned, bias: isFirst ? bias : nil,
                        adding: adding || !isFirst, into: y, ld)
                    start = end
                }
            }
        }
    }
}

/// Packed matrices whose panels can be turned.
protocol TurnablePanels: PackedMatrix {
    /// Where the panels lie.
    var storedPanels: StoredPanels { get }
}

/// Panels of one of our own matrices, as plain numbers for threads to take along; the matrix has to outlive them.
enum StoredPanels: @unchecked Sendable {
    /// Panels of float32, each of so many floats.
    case floats(UnsafePointer<Float>, size: Int)
    /// Panels of bfloat16, two rows in a row of words, each of so many words.
    case halves(UnsafePointer<UInt32>, size: Int)

    /// These rows of some columns of a panel, columns as rows; rows begin with an even one.
    func turn(
        _ panel: Int, from column: Int, count: Int, rows: Range<Int>, into target: UnsafeMutablePointer<Float>
    ) {
        let width = Loops.panelColumns
        switch self {
        case .floats(let start, let size):
            Loops.turn(
                panel: start + (panel * size + rows.lowerBound * width + column), rows: rows.count, columns: count,
                into: target)
        case .halves(let start, let size):
            Loops.turn(
                halves: start + (panel * size + rows.lowerBound / 2 * width + column), rows: rows.count,
                columns: count, into: target)
        }
    }
}
