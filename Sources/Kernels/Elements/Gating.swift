/// y = f(gate) · up, the gated linear unit (Shazeer 2020, arXiv:2002.05202), over the threads.
///
/// Rows of gate and up hold `width` numbers and begin `ld` apart, those of y and its gradient are dense.
public enum Gating {
    /// Numbers whose function is in the first cache.
    private static let chunk = 2048

    /// y[rows, width] = f(gate) · up.
    public static func forward(
        _ f: Elementwise.Unary, gate: UnsafePointer<Float>, up: UnsafePointer<Float>, ld: Int, rows: Int, width: Int,
        into y: UnsafeMutablePointer<Float>
    ) {
        nonisolated(unsafe) let (gate, up, y) = (gate, up, y)
        Workers.run(rows: rows, costPerRow: 4 * width) { range in
            Scratch.with(chunk) { value in
                for row in range {
                    for part in (0..<width).pieces(of: chunk) {
                        let from = row * ld + part.lowerBound
                        Elementwise.values(f, gate + from, value, part.count)
                        Loops.multiply(value, up + from, y + row * width + part.lowerBound, part.count)
                    }
                }
            }
        }
    }

    /// Gradients of `forward`, those that are asked for: dgate = dy · up · f'(gate), dup = dy · f(gate), their rows `ldd` apart.
    public static func backward(
        _ f: Elementwise.Unary, gate: UnsafePointer<Float>, up: UnsafePointer<Float>, ld: Int,
        dy: UnsafePointer<Float>, rows: Int, width: Int, dgate: UnsafeMutablePointer<Float>?,
        dup: UnsafeMutablePointer<Float>?, ldd: Int
    ) {
        nonisolated(unsafe) let (gate, up, dy, dgate, dup) = (gate, up, dy, dgate, dup)
        let usesResult = Elementwise.usesResult(f)
        Workers.run(rows: rows, costPerRow: 8 * width) { range in
            Scratch.with(2 * chunk) { value in
                let product = value + chunk
                for row in range {
                    for part in (0..<width).pieces(of: chunk) {
                        let (from, to, n) = (row * ld + part.lowerBound, row * ldd + part.lowerBound, part.count)
                        let dy = dy + row * width + part.lowerBound
                        if usesResult || dup != nil { Elementwise.values(f, gate + from, value, n) }
                        if let dup { Loops.multiply(dy, value, dup + to, n) }
                        if let dgate {
                            Loops.multiply(dy, up + from, product, n)
                            Elementwise.gradients(
                                f, kept: usesResult ? UnsafePointer(value) : gate + from, product, dgate + to, n)
                        }
                    }
                }
            }
        }
    }
}
