import LoopsBaseline
import LoopsV3
import LoopsV4

extension Loops {
    private typealias Base = LoopsBaseline.Loops
    private typealias V3 = LoopsV3.Loops
    private typealias V4 = LoopsV4.Loops

    /// Columns of a panel at the level in use.
    static let panelColumns =
        switch level {
        case .v4: V4.panelColumns
        case .v3: V3.panelColumns
        case .baseline: Base.panelColumns
        }

    static func multiply(
        rows: Int, depth: Int, _ x: UnsafePointer<Float>, _ ldx: Int, panel: UnsafePointer<Float>,
        bias: UnsafePointer<Float>?, adding: Bool, into y: UnsafeMutablePointer<Float>, _ ldy: Int
    ) {
        switch level {
        case .v4:
            V4.multiply(rows: rows, depth: depth, x, ldx, panel: panel, bias: bias, adding: adding, into: y, ldy)
        case .v3:
            V3.multiply(rows: rows, depth: depth, x, ldx, panel: panel, bias: bias, adding: adding, into: y, ldy)
        case .baseline:
            Base.multiply(rows: rows, depth: depth, x, ldx, panel: panel, bias: bias, adding: adding, into: y, ldy)
        }
    }

    static func multiply(
        rows: Int, depth: Int, _ x: UnsafePointer<Float>, _ ldx: Int, halves panel: UnsafePointer<UInt32>,
        bias: UnsafePointer<Float>?, adding: Bool, into y: UnsafeMutablePointer<Float>, _ ldy: Int
    ) {
        switch level {
        case .v4:
            V4.multiply(rows: rows, depth: depth, x, ldx, halves: panel, bias: bias, adding: adding, into: y, ldy)
        case .v3:
            V3.multiply(rows: rows, depth: depth, x, ldx, halves: panel, bias: bias, adding: adding, into: y, ldy)
        case .baseline:
            Base.multiply(rows: rows, depth: depth, x, ldx, halves: panel, bias: bias, adding: adding, into: y, ldy)
        }
    }

    static func widen(halves panel: UnsafePointer<UInt32>, depth: Int, into target: UnsafeMutablePointer<Float>) {
        switch level {
        case .v4: V4.widen(halves: panel, depth: depth, into: target)
        case .v3: V3.widen(halves: panel, depth: depth, into: target)
        case .baseline: Base.widen(halves: panel, depth: depth, into: target)
        }
    }

    static func turn(
        panel: UnsafePointer<Float>, rows: Int, columns: Int, into target: UnsafeMutablePointer<Float>
    ) {
        switch level {
        case .v4: V4.turn(panel: panel, rows: rows, columns: columns, into: target)
        case .v3: V3.turn(panel: panel, rows: rows, columns: columns, into: target)
        case .baseline: Base.turn(panel: panel, rows: rows, columns: columns, into: target)
        }
    }

    static func turn(
        halves panel: UnsafePointer<UInt32>, rows: Int, columns: Int, into target: UnsafeMutablePointer<Float>
    ) {
        switch level {
        case .v4: V4.turn(halves: panel, rows: rows, columns: columns, into: target)
        case .v3: V3.turn(halves: panel, rows: rows, columns: columns, into: target)
        case .baseline: Base.turn(halves: panel, rows: rows, columns: columns, into: target)
        }
    }
}
