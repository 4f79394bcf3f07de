/// Normalisations of rows, over the threads; formulas in Loops.
public enum Normalization {
    /// Layer normalisation of x (+ residual): y[rows, width]; hat and rstd are what backward needs.
    public static func layerNorm(
        x: UnsafePointer<Float>, residual: UnsafePointer<Float>?, gamma: UnsafePointer<Float>,
        beta: UnsafePointer<Float>, epsilon: Float, rows: Int, width: Int, hat: UnsafeMutablePointer<Float>?,
        rstd: UnsafeMutablePointer<Float>?, into y: UnsafeMutablePointer<Float>
    ) {
        nonisolated(unsafe) let (x, residual, gamma, beta) = (x, residual, gamma, beta)
        nonisolated(unsafe) let (hat, rstd, y) = (hat, rstd, y)
        Workers.run(rows: rows, costPerRow: 2 * width) { range in
            for row in range {
                let at = row * width
                var source = x + at
                if let residual {
                    // y holds the sum until it is normalised.
                    Loops.add(x + at, residual + at, y + at, width)
                    source = UnsafePointer(y + at)
                }
                let scale = Loops.layerNorm(
                    source, gamma, beta, epsilon: epsilon, hat: hat.map { $0 + at }, y + at, width)
                if let rstd { rstd[row] = scale }
            }
        }
    }

    /// dx of `layerNorm`.
    public static func layerNormBackward(
        dy: UnsafePointer<Float>, gamma: UnsafePointer<Float>, hat: UnsafePointer<Float>, rstd: UnsafePointer<Float>,
        rows: Int, width: Int, into dx: UnsafeMutablePointer<Float>
    ) {
        nonisolated(unsafe) let (dy, gamma, hat, rstd, dx) = (dy, gamma, hat, rstd, dx)
        Workers.run(rows: rows, costPerRow: 2 * width) { range in
            for row in range {
                let at = row * width
                Loops.layerNormBackward(dy + at, gamma, hat: hat + at, rstd: rstd[row], dx + at, width)
            }
        }
    }

    /// Root mean square normalisation: y[rows, width]; rstd is what backward needs beside x.
    public static func rmsNorm(
        x: UnsafePointer<Float>, gamma: UnsafePointer<Float>, epsilon: Float, rows: Int, width: Int,
        rstd: UnsafeMutablePointer<Float>, into y: UnsafeMutablePointer<Float>
    ) {
        nonisolated(unsafe) let (x, gamma, rstd, y) = (x, gamma, rstd, y)
        Workers.run(rows: rows, costPerRow: 2 * width) { range in
            for row in range {
                let at = row * width
                rstd[row] = Loops.rmsNorm(x + at, gamma, epsilon: epsilon, y + at, width)
            }
        }
    }

    /// dx of `rmsNorm`.
    public static func rmsNormBackward(
        dy: UnsafePointer<Float>, gamma: UnsafePointer<Float>, x: UnsafePointer<Float>, rstd: UnsafePointer<Float>,
        rows: Int, width: Int, into dx: UnsafeMutablePointer<Float>
    ) {
        nonisolated(unsafe) let (dy, gamma, x, rstd, dx) = (dy, gamma, x, rstd, dx)
        Workers.run(rows: rows, costPerRow: 2 * width) { range in
            for row in range {
                let at = row * width
                Loops.rmsNormBackward(dy + at, gamma, x + at, rstd: rstd[row], dx + at, width)
            }
        }
    }

    /// y[row] = factors[row] · x[row].
    public static func scaleRows(
        _ x: UnsafePointer<Float>, by factors: UnsafePointer<Float>, rows: Int, width: Int,
        into y: UnsafeMutablePointer<Float>
    ) {
        nonisolated(unsafe) let (x, factors, y) = (x, factors, y)
        Workers.run(rows: rows, costPerRow: width) { range in
            for row in range { Loops.scale(factors[row], x + row * width, y + row * width, width) }
        }
    }
}
