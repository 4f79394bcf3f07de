/// Moving and adding whole rows.
public enum Rows {
    /// target[rows[i]] += x[i] for every i in order, rows of `width`; threads share the columns, so the order is fixed.
    public static func scatterAdd(
        _ x: UnsafePointer<Float>, to rows: [Int], width: Int, into target: UnsafeMutablePointer<Float>
    ) {
        nonisolated(unsafe) let (x, target) = (x, target)
        let size = 256
        let pieces = rows.count * width < Workers.costPerPiece ? 1 : (width + size - 1) / size
        let step = pieces == 1 ? width : size
        Workers.run(pieces: pieces) { piece in
            let first = piece * step
            let count = min(step, width - first)
            for (place, row) in rows.enumerated() {
                Loops.accumulate(x + place * width + first, target + row * width + first, count)
            }
        }
    }
}
