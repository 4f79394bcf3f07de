#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Rotation of pairs of numbers by angles of their row, over the threads; formulas in Loops.
public enum Rotation {
    /// Which numbers of a head make a pair.
    public enum Layout: String, Sendable, CaseIterable {
        /// i and i + r/2 of the r that are rotated: Llama's and NeoX's `rotate_half` in transformers.
        case halves
        /// 2i and 2i + 1, as in the paper, GPT-J, and Llama's own release.
        case neighbours
    }

    /// y[rows, heads · width]: the first 2 · pairs numbers of each head rotated, the others as they are.
    ///
    /// cos, sin[rows, pairs] are of the angles, which are negated where `back` is set. y may be x.
    public static func rotate(
        x: UnsafePointer<Float>, cos: UnsafePointer<Float>, sin: UnsafePointer<Float>, rows: Int, heads: Int,
        width: Int, pairs: Int, layout: Layout, back: Bool = false, into y: UnsafeMutablePointer<Float>
    ) {
        nonisolated(unsafe) let (x, cos, sin, y) = (x, cos, sin, y)
        let sign: Float = back ? -1 : 1
        let (passing, isCopy) = (width - 2 * pairs, UnsafePointer(y) != x)
        Workers.run(rows: rows, costPerRow: 2 * heads * width) { range in
            for row in range {
                let (c, s) = (cos + row * pairs, sin + row * pairs)
                for head in 0..<heads {
                    let at = (row * heads + head) * width
                    switch layout {
                    case .halves: Loops.rotateHalves(x + at, cos: c, sin: s, sign: sign, y + at, pairs)
                    case .neighbours: Loops.rotateNeighbours(x + at, cos: c, sin: s, sign: sign, y + at, pairs)
                    }
                    if passing > 0, isCopy { (y + at + 2 * pairs).update(from: x + at + 2 * pairs, count: passing) }
                }
            }
        }
    }

    /// cos and sin[positions, frequencies] of position · frequency, times `scaling`.
    ///
    /// The angle is rounded to float32 first, as the reference has it: far positions differ otherwise.
    public static func angles(
        positions: [Int], frequencies: [Float], scaling: Float, cos cosines: UnsafeMutablePointer<Float>,
        sin sines: UnsafeMutablePointer<Float>
    ) {
        nonisolated(unsafe) let (cosines, sines) = (cosines, sines)
        let pairs = frequencies.count
        // A sine costs some dozens of additions.
        Workers.run(rows: positions.count, costPerRow: 64 * pairs) { range in
            for row in range {
                for (pair, frequency) in frequencies.enumerated() {
                    let angle = Double(Float(positions[row]) * frequency)
                    cosines[row * pairs + pair] = Float(cos(angle)) * scaling
                    sines[row * pairs + pair] = Float(sin(angle)) * scaling
                }
            }
        }
    }
}
