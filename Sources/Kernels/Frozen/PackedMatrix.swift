/// B[k, n], constant, packed once for products x[m, k] · B, in panels of columns.
///
/// A panel and some rows of x make one piece of work: the sizes of the pieces follow from the shape alone, so results do
/// not depend on threads.
protocol PackedMatrix: AnyObject, Sendable {
    /// Rows of B.
    var k: Int { get }
    /// Columns of B.
    var n: Int { get }
    /// Element type of x.
    var type: FrozenMatrix.DType { get }
    /// Columns of a panel; the last may have fewer.
    var panelColumns: Int { get }
    /// The most rows of x in one piece: beyond, nothing gets faster.
    var rowsPerPiece: Int { get }
    /// The most rows of B in one piece: beyond, sums are cut.
    var depthPerPiece: Int { get }
    /// Bytes that B takes.
    var bytes: Int { get }

    /// Makes the product of so many rows, over these rows of B, ready; one that adds to what is there where `adding` is set.
    func product(_ rows: RowPieces, depth: Range<Int>, adding: Bool) throws -> PanelProduct

    /// B as float32, to `target` with these strides in elements.
    func unpack(into target: UnsafeMutablePointer<Float>, strideK: Int, strideN: Int) throws

    /// One column of B as float32, to `target` ([k]); false where only the whole can be unpacked.
    func copyColumn(_ column: Int, to target: UnsafeMutablePointer<Float>) -> Bool
}

/// A product with a packed matrix, piece by piece; several threads may run pieces at once.
///
/// Plain numbers: for counts of references the threads would wait for one another. The matrix has to outlive it.
enum PanelProduct: Sendable {
    /// By our own loops.
    case native(NativeMatrix.Product)
    /// By our own loops, from bfloat16.
    case half(HalfMatrix.Product)
    /// By our own loops, from panels of the transposed matrix.
    case turned(TurnedMatrix.Product)
    /// By oneDNN.
    case oneDNN(OneDNNMatrix.Product)

    /// y[rows, columns of the panel] = x[rows, k] · B, and the bias of these columns where there is one; or y + x · B.
    ///
    /// x and y begin with the piece's first row; x is dense, rows of y lie `ld` apart. A product that adds takes no bias. False where
    /// the library failed.
    func run(
        panel: Int, rows: Int, x: UnsafeRawPointer, bias: UnsafePointer<Float>?, into y: UnsafeMutablePointer<Float>,
        ld: Int
    ) -> Bool {
        switch self {
        case .native(let product):
            product.run(panel: panel, rows: rows, x: x, bias: bias, into: y, ld: ld)
            return true
        case .half(let product):
            product.run(panel: panel, rows: rows, x: x, bias: bias, into: y, ld: ld)
            return true
        case .turned(let product):
            product.run(panel: panel, rows: rows, x: x, bias: bias, into: y, ld: ld)
            return true
        case .oneDNN(let product): return product.run(panel: panel, rows: rows, x: x, bias: bias, into: y, ld: ld)
        }
    }
}

extension PackedMatrix {
    /// Number of panels.
    var panels: Int { (n + panelColumns - 1) / panelColumns }

    /// Columns of a panel.
    func columns(of panel: Int) -> Int { min(panelColumns, n - panel * panelColumns) }
}

/// How m rows are cut into pieces: equal parts in eights, but for the last.
struct RowPieces {
    /// Number of pieces.
    let count: Int
    /// Rows of each but the last.
    let size: Int
    /// Rows of the last.
    let last: Int

    /// Pieces of m rows, m > 0, of at most `most` each, a multiple of 8.
    init(_ m: Int, most: Int) {
        let parts = (m + most - 1) / most
        size = min(m, ((m + parts - 1) / parts + 7) / 8 * 8)
        count = (m + size - 1) / size
        last = m - (count - 1) * size
    }

    /// Rows of a piece.
    func rows(of piece: Int) -> Int { piece == count - 1 ? last : size }
}
