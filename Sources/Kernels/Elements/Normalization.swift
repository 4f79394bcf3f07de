/// Normalisations of rows, over the threads; formulas in Loops.
public enum Normalization {
    /// Plain additions that one element costs: rows are cut finely enough for pieces to come out even.
    private static let cost = 6

    /// Layer normalisation of x, of mask · x + residual where these are given: y[rows, width]; hat and rstd are what
    /// backward needs.
    public static func layerNorm(
        x: UnsafePointer<Float>, residual: UnsafePointer<Float>?, mask: DropoutMask? = nil, gamma: UnsafePointer<Float>,
        beta: UnsafePointer<Float>, epsilon: Float, rows: Int, width: Int, hat: UnsafeMutablePointer<Float>?,
        rstd: UnsafeMutablePointer<Float>?, into y: UnsafeMutablePointer<Float>
    ) {
        nonisolated(unsafe) let (x, residual, gamma, beta) = (x, residual, gamma, beta)
        nonisolated(unsafe) let (hat, rstd, y) = (hat, rstd, y)
        Workers.run(rows: rows, costPerRow: Normalization.cost * width) { range in
            for row in range {
                let at = row * width
                var scale: Float
                if residual != nil || mask != nil {
                    let sum = (hat ?? y) + at
                    add(mask, row: row, x + at, residual.map { $0 + at }, into: sum, width)
                    scale = Loops.layerNorm(
                        inPlace: sum, gamma, beta, epsilon: epsilon, hat == nil ? nil : y + at, width)
                } else {
                    scale = Loops.layerNorm(
                        x + at, gamma, beta, epsilon: epsilon, hat: hat.map { $0 + at }, y + at, width)
                }
                if let rstd { rstd[row] = scale }
            }
        }
    }

    /// sum = mask · x + residual, for one row.
    private static func add(
        _ mask: DropoutMask?, row: Int, _ x: UnsafePointer<Float>, _ residual: UnsafePointer<Float>?,
        into sum: UnsafeMutablePointer<Float>, _ width: Int
    ) {
        switch (mask, residual) {
        case (let mask?, let residual?) where mask.p > 0 && mask.p < 1:
            Loops.dropoutAdd(
                x, residual, key: mask.keys[row].bits, threshold: mask.threshold, scale: mask.scale, sum, width)
        case (let mask?, let residual):
            mask.apply(row: row, x, into: sum, count: width)
            if let residual { Loops.accumulate(residual, sum, width) }
        case (nil, let residual?): Loops.add(x, residual, sum, width)
        case (nil, nil): sum.update(from: x, count: width)
        }
    }

    /// y of `layerNorm` once more from its hat, to the bit.
    public static func layerNormResult(
        hat: UnsafePointer<Float>, gamma: UnsafePointer<Float>, beta: UnsafePointer<Float>, rows: Int, width: Int,
        into y: UnsafeMutablePointer<Float>
    ) {
        nonisolated(unsafe) let (hat, gamma, beta, y) = (hat, gamma, beta, y)
        Workers.run(rows: rows, costPerRow: width) { range in
            for row in range {
                Loops.layerNormResult(hat: hat + row * width, gamma, beta, y + row * width, width)
            }
        }
    }

    /// Gradients of `layerNorm`: ds of the sum, and with a mask dx = mask · ds.
    public static func layerNormBackward(
        dy: UnsafePointer<Float>, gamma: UnsafePointer<Float>, hat: UnsafePointer<Float>, rstd: UnsafePointer<Float>,
        mask: DropoutMask? = nil, rows: Int, width: Int, into ds: UnsafeMutablePointer<Float>,
        dropped dx: UnsafeMutablePointer<Float>? = nil
    ) {
        nonisolated(unsafe) let (dy, gamma, hat, rstd, ds, dx) = (dy, gamma, hat, rstd, ds, dx)
        Workers.run(rows: rows, costPerRow: Normalization.cost * width) { range in
            for row in range {
                let at = row * width
                Loops.layerNormBackward(dy + at, gamma, hat: hat + at, rstd: rstd[row], ds + at, width)
                if let dx, let mask { mask.apply(row: row, ds + at, into: dx + at, count: width) }
            }
        }
    }

    /// Root mean square normalisation: y[rows, width]; rstd is what backward needs beside x.
    public static func rmsNorm(
        x: UnsafePointer<Float>, gamma: UnsafePointer<Float>, epsilon: Float, rows: Int, width: Int,
        rstd: UnsafeMutablePointer<Float>, into y: UnsafeMutablePointer<Float>
    ) {
        nonisolated(unsafe) let (x, gamma, rstd, y) = (x, gamma, rstd, y)
        Workers.run(rows: rows, costPerRow: Normalization.cost * width) { range in
            for row in range {
                let at = row * width
                rstd[row] = Loops.rmsNorm(x + at, gamma, epsilon: epsilon, y + at, width)
            }
        }
    }

    /// dx of `rmsNorm`, added to dx where `adding` is set.
    public static func rmsNormBackward(
        dy: UnsafePointer<Float>, gamma: UnsafePointer<Float>, x: UnsafePointer<Float>, rstd: UnsafePointer<Float>,
        rows: Int, width: Int, adding: Bool = false, into dx: UnsafeMutablePointer<Float>
    ) {
        nonisolated(unsafe) let (dy, gamma, x, rstd, dx) = (dy, gamma, x, rstd, dx)
        Workers.run(rows: rows, costPerRow: Normalization.cost * width) { range in
            for row in range {
                let at = row * width
                Loops.rmsNormBackward(dy + at, gamma, x + at, rstd: rstd[row], adding: adding, dx + at, width)
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
