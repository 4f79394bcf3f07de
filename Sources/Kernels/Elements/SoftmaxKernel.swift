#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Softmax of rows, over the threads; formulas in Loops.
public enum SoftmaxKernel {
    /// y[rows, width] = softmax(x) of each row, or its logarithm.
    public static func forward(
        _ x: UnsafePointer<Float>, rows: Int, width: Int, log logarithm: Bool, into y: UnsafeMutablePointer<Float>
    ) {
        nonisolated(unsafe) let (x, y) = (x, y)
        Workers.run(rows: rows, costPerRow: 4 * width) { range in
            for row in range {
                let (x, y) = (x + row * width, y + row * width)
                if logarithm {
                    let top = Loops.maximum(x, width)
                    let shift = top + log(Loops.sumOfExponentials(x, minus: top, width))
                    Loops.shift(x, minus: shift, y, width)
                } else {
                    y.update(from: x, count: width)
                    Loops.softmax(y, width)
                }
            }
        }
    }

    /// dx[rows, width] for the result y of `forward`.
    public static func backward(
        y: UnsafePointer<Float>, dy: UnsafePointer<Float>, rows: Int, width: Int, log logarithm: Bool,
        into dx: UnsafeMutablePointer<Float>
    ) {
        nonisolated(unsafe) let (y, dy, dx) = (y, dy, dx)
        Workers.run(rows: rows, costPerRow: 4 * width) { range in
            for row in range {
                let at = row * width
                if logarithm {
                    Loops.logSoftmaxBackward(y + at, dy + at, dx + at, width)
                } else {
                    Loops.softmaxBackward(y + at, dy + at, dx + at, width)
                }
            }
        }
    }
}
