/// Sums over parts of arrays, in an order fixed by the shape.
public enum Reductions {
    /// y[outer, inner] = factor · Σ over s of x[outer, s, inner].
    ///
    /// A long sum is one of blocks of 4096 elements, each in 16 lanes, gathered in double precision.
    public static func sum(
        _ x: UnsafePointer<Float>, outer: Int, size: Int, inner: Int, factor: Float, into y: UnsafeMutablePointer<Float>
    ) {
        nonisolated(unsafe) let (x, y) = (x, y)
        if inner == 1 {
            Workers.run(rows: outer, costPerRow: size) { range in
                for row in range {
                    var total = 0.0
                    for start in stride(from: 0, to: size, by: 4096) {
                        total += Double(Loops.sum(x + row * size + start, min(4096, size - start)))
                    }
                    y[row] = Float(total) * factor
                }
            }
        } else {
            for row in 0..<outer {
                let target = y + row * inner
                Elementwise.sumRows(x + row * size * inner, rows: size, columns: inner, into: target)
                if factor != 1 { Loops.scale(factor, target, target, inner) }
            }
        }
    }

    /// target[walk's first array repeated] = x: the walk is (x, target's shape).
    public static func spread(_ walk: Broadcast, _ x: UnsafePointer<Float>, into target: UnsafeMutablePointer<Float>) {
        nonisolated(unsafe) let (x, target) = (x, target)
        walk.walk { place, at, _, count, step, _ in
            if step == 0 {
                (target + place).update(repeating: x[at], count: count)
            } else {
                (target + place).update(from: x + at, count: count)
            }
        }
    }

    /// target += Σ over repetitions of x: the walk is (x, target's shape); in order, on one thread.
    public static func sumRepeated(
        _ walk: Broadcast, _ x: UnsafePointer<Float>, into target: UnsafeMutablePointer<Float>
    ) {
        walk.walkInOrder { place, _, at, count, _, step in
            if step == 0 {
                target[at] += Loops.sum(x + place, count)
            } else {
                Loops.accumulate(x + place, target + at, count)
            }
        }
    }
}
