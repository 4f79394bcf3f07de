import Kernels
import LoopsBaseline
import LoopsV3
import LoopsV4
import Testing

/// Products with a panel at every level that this processor has, against the naive twin.
@Suite struct PanelTests {
    /// As `Loops.multiply` of one level.
    typealias Multiply = (
        _ rows: Int, _ depth: Int, _ x: UnsafePointer<Float>, _ ldx: Int, _ panel: UnsafePointer<Float>,
        _ bias: UnsafePointer<Float>?, _ adding: Bool, _ y: UnsafeMutablePointer<Float>, _ ldy: Int
    ) -> Void

    static let levels = InstructionLevel.allCases.filter { $0 <= InstructionLevel.highest }
    /// Below, at and above what is multiplied at once: eight rows, then four, two and one.
    static let rows = [0, 1, 2, 3, 4, 7, 8, 15, 16, 29]

    private func loops(_ level: InstructionLevel) -> (columns: Int, multiply: Multiply) {
        switch level {
        case .baseline:
            (
                LoopsBaseline.Loops.panelColumns,
                {
                    LoopsBaseline.Loops.multiply(
                        rows: $0, depth: $1, $2, $3, panel: $4, bias: $5, adding: $6, into: $7, $8)
                }
            )
        case .v3:
            (
                LoopsV3.Loops.panelColumns,
                { LoopsV3.Loops.multiply(rows: $0, depth: $1, $2, $3, panel: $4, bias: $5, adding: $6, into: $7, $8) }
            )
        case .v4:
            (
                LoopsV4.Loops.panelColumns,
                { LoopsV4.Loops.multiply(rows: $0, depth: $1, $2, $3, panel: $4, bias: $5, adding: $6, into: $7, $8) }
            )
        }
    }

    /// Sums of up to 300 products of numbers below 1: rounding grows as the square root, well below 1e-5.
    @Test(arguments: levels, rows)
    func products(_ level: InstructionLevel, _ rows: Int) {
        let (columns, multiply) = loops(level)
        for depth in [0, 1, 5, 300] {
            // Rows lie further apart than they are long; what lies between them stays.
            let (ldx, ldy) = (depth + 3, columns + 5)
            let (x, panel) = (random(rows * ldx + 1, 1), random(depth * columns + 1, 2))
            let (bias, y) = (random(columns, 3), random(rows * ldy + 1, 4))
            let dense = (0..<rows).flatMap { x[$0 * ldx..<$0 * ldx + depth] }
            let product = Reference.gemm(dense, panel, m: rows, n: columns, k: depth)
            for (start, adding) in [(nil, false), (bias, false), (nil, true)] as [([Float]?, Bool)] {
                let got = output(y.count, start: y) { y in
                    if let start {
                        multiply(rows, depth, x, ldx, panel, start, adding, y, ldy)
                    } else {
                        multiply(rows, depth, x, ldx, panel, nil, adding, y, ldy)
                    }
                }
                var expected = doubles(y)
                for i in 0..<rows {
                    for j in 0..<columns {
                        let first = adding ? Double(y[i * ldy + j]) : start.map { Double($0[j]) } ?? 0
                        expected[i * ldy + j] = first + product[i * columns + j]
                    }
                }
                #expect(distance(got, expected) < 1e-5, "depth \(depth)")
                let between = y.indices.filter { $0 >= rows * ldy || $0 % ldy >= columns }
                #expect(between.allSatisfy { got[$0] == y[$0] })
            }
        }
    }

    /// A panel of bfloat16 gives the bits of the panel that it is widened to.
    @Test(arguments: levels, rows)
    func halves(_ level: InstructionLevel, _ rows: Int) {
        let (columns, multiply) = loops(level)
        for depth in [0, 1, 5, 300] {
            let ldy = columns + 5
            let panel = random(depth * columns + 1, 2).map { Float(bitPattern: $0.bitPattern & 0xFFFF_0000) }
            let words = (0..<(depth + 1) / 2 * columns + 1).map { (word: Int) -> UInt32 in
                let (pair, column) = word.quotientAndRemainder(dividingBy: columns)
                let numbers = [2 * pair, 2 * pair + 1].map { $0 < depth ? panel[$0 * columns + column].bitPattern : 0 }
                return numbers[0] >> 16 | numbers[1]
            }
            let (x, bias, y) = (random(rows * depth + 1, 1), random(columns, 3), random(rows * ldy + 1, 4))
            for adding in [false, true] {
                let expected = output(y.count, start: y) { y in
                    bias.withUnsafeBufferPointer {
                        multiply(rows, depth, x, depth, panel, adding ? nil : $0.baseAddress, adding, y, ldy)
                    }
                }
                let got = output(y.count, start: y) { y in
                    bias.withUnsafeBufferPointer { bias in
                        let bias = adding ? nil : bias.baseAddress
                        switch level {
                        case .baseline:
                            LoopsBaseline.Loops.multiply(
                                rows: rows, depth: depth, x, depth, halves: words, bias: bias, adding: adding, into: y,
                                ldy)
                        case .v3:
                            LoopsV3.Loops.multiply(
                                rows: rows, depth: depth, x, depth, halves: words, bias: bias, adding: adding, into: y,
                                ldy)
                        case .v4:
                            LoopsV4.Loops.multiply(
                                rows: rows, depth: depth, x, depth, halves: words, bias: bias, adding: adding, into: y,
                                ldy)
                        }
                    }
                }
                #expect(got.map(\.bitPattern) == expected.map(\.bitPattern), "depth \(depth)")
            }
            let widened = output(depth * columns) { target in
                switch level {
                case .baseline: LoopsBaseline.Loops.widen(halves: words, depth: depth, into: target)
                case .v3: LoopsV3.Loops.widen(halves: words, depth: depth, into: target)
                case .v4: LoopsV4.Loops.widen(halves: words, depth: depth, into: target)
                }
            }
            #expect(widened == Array(panel.prefix(depth * columns)))
        }
    }

    /// A row alone gives the bits that it gives among others, wherever it stands.
    @Test(arguments: levels)
    func rowsAreIndependent(_ level: InstructionLevel) {
        let (columns, multiply) = loops(level)
        let (rows, depth) = (15, 77)
        let (x, panel) = (random(rows * depth, 1), random(depth * columns, 2))
        let all = output(rows * columns) { multiply(rows, depth, x, depth, panel, nil, false, $0, columns) }
        let alone = (0..<rows).flatMap { row in
            output(columns) { multiply(1, depth, Array(x[(row * depth)...]), depth, panel, nil, false, $0, columns) }
        }
        #expect(all.map(\.bitPattern) == alone.map(\.bitPattern))
        #expect(all.contains { $0 != 0 })
    }
}
