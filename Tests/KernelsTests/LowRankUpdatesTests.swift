import Kernels
import Testing

/// Floats at an address of their own.
private final class Floats {
    let start: UnsafeMutablePointer<Float>
    let count: Int

    init(_ values: [Float]) {
        start = UnsafeMutablePointer<Float>.allocate(capacity: max(1, values.count))
        start.initialize(from: values, count: values.count)
        count = values.count
    }

    deinit { start.deallocate() }

    var values: [Float] { Array(UnsafeBufferPointer(start: start, count: count)) }
}

/// One update with its numbers.
private struct Factors {
    let a: Floats
    let b: Floats
    let rank: Int
    let outputs: Int
    let mask: DropoutMask?
    let target: Int

    func update(target: Int) -> LowRankUpdates.Update {
        LowRankUpdates.Update(
            a: UnsafePointer(a.start), b: UnsafePointer(b.start), rank: rank, outputs: outputs, scale: 0.5, mask: mask,
            target: target)
    }
}

/// What updates give: outputs, and gradients of x, A and B.
private struct Outcome {
    var ys: [[Float]]
    var dx: [Float]
    var da: [[Float]]
    var db: [[Float]]
}

@Suite struct LowRankUpdatesTests {
    private let columns = 200
    private let sizes = [130, 96]

    private func factors(rows: Int, dropout: [Float]) throws -> [Factors] {
        // Two updates of the first output, one of the second, each with a mask of its own.
        try [(3, 0), (4, 1), (2, 0)].enumerated().map { index, shape in
            let key = RandomKey(seed: UInt64(index))
            let mask = try DropoutMask(p: dropout[index], keys: (0..<rows).map { key.child($0) })
            let outputs = sizes[shape.1]
            return Factors(
                a: Floats(random(shape.0 * columns, UInt64(10 + index))),
                b: Floats(random(outputs * shape.0, UInt64(20 + index))), rank: shape.0, outputs: outputs,
                mask: dropout[index] > 0 ? mask : nil, target: shape.1)
        }
    }

    private func run(
        _ factors: [(Factors, target: Int)], rows: Int, x: Floats, ys: [[Float]], dys: [Floats],
        onto start: [Float]? = nil
    ) -> Outcome {
        let low = LowRankUpdates(rows: rows, columns: columns, factors.map { $0.0.update(target: $0.target) })
        let outputs = ys.map(Floats.init)
        let u = Floats([Float](repeating: .nan, count: rows * low.rank))
        let (v, dx) = (Floats(u.values), Floats(start ?? [Float](repeating: .nan, count: rows * columns)))
        let da = factors.map { Floats([Float](repeating: .nan, count: $0.0.a.count)) }
        let db = factors.map { Floats([Float](repeating: .nan, count: $0.0.b.count)) }
        low.forward(x: x.start, ys: outputs.map(\.start), u: u.start)
        low.backward(
            x: x.start, u: u.start, dys: dys.map { UnsafePointer($0.start) }, v: v.start, dx: dx.start,
            adding: start != nil,
            gradients: zip(da, db).map { LowRankUpdates.Gradient(a: $0.start, b: $1.start) })
        return Outcome(ys: outputs.map(\.values), dx: dx.values, da: da.map(\.values), db: db.map(\.values))
    }

    /// Sums of at most 200 products in float32 against double precision.
    @Test(arguments: [1, 33, 208], [[Float(0), 0, 0], [0.3, 0.1, 0.6], [0, 0.5, 0]])
    func updates(_ rows: Int, _ dropout: [Float]) throws {
        let factors = try factors(rows: rows, dropout: dropout)
        let x = Floats(random(rows * columns, 1))
        let ys = sizes.enumerated().map { random(rows * $1, UInt64(2 + $0)) }
        let dys = sizes.enumerated().map { Floats(random(rows * $1, UInt64(4 + $0))) }
        let together = run(factors.map { ($0, $0.target) }, rows: rows, x: x, ys: ys, dys: dys)

        var expected = ys.map(doubles)
        var dx = [Double](repeating: 0, count: rows * columns)
        for (index, f) in factors.enumerated() {
            let dropped = Reference.dropped(f.mask, doubles(x.values), columns: columns).map(Float.init)
            let u = Reference.gemm(dropped, f.a.values, m: rows, n: f.rank, k: columns, transposeB: true)
            let change = Reference.gemm(
                u.map(Float.init), f.b.values, m: rows, n: f.outputs, k: f.rank, transposeB: true)
            expected[f.target] = zip(expected[f.target], change).map { $0 + 0.5 * $1 }
            let dy = dys[f.target].values
            let v = Reference.gemm(dy, f.b.values, m: rows, n: f.rank, k: f.outputs).map { Float($0 * 0.5) }
            let back = Reference.gemm(v, f.a.values, m: rows, n: columns, k: f.rank)
            dx = zip(dx, Reference.dropped(f.mask, back, columns: columns)).map { $0 + $1 }
            let da = Reference.gemm(v, dropped, m: f.rank, n: columns, k: rows, transposeA: true)
            let db = Reference.gemm(dy, u.map { Float($0 * 0.5) }, m: f.outputs, n: f.rank, k: rows, transposeA: true)
            #expect(distance(together.da[index], da) < 1e-5)
            #expect(distance(together.db[index], db) < 1e-5)
        }
        for (y, expected) in zip(together.ys, expected) { #expect(distance(y, expected) < 1e-5) }
        #expect(distance(together.dx, dx) < 1e-5)
    }

    /// A gradient of x that is there already: the same sums, rounded in another order.
    @Test(arguments: [[Float(0), 0, 0], [0.3, 0.1, 0.6], [0, 0.5, 0]])
    func addsToWhatIsThere(_ dropout: [Float]) throws {
        let rows = 33
        let factors = try factors(rows: rows, dropout: dropout).map { ($0, target: $0.target) }
        let (x, start) = (Floats(random(rows * columns, 1)), random(rows * columns, 6))
        let ys = sizes.enumerated().map { random(rows * $1, UInt64(2 + $0)) }
        let dys = sizes.enumerated().map { Floats(random(rows * $1, UInt64(4 + $0))) }
        let alone = run(factors, rows: rows, x: x, ys: ys, dys: dys).dx
        let added = run(factors, rows: rows, x: x, ys: ys, dys: dys, onto: start).dx
        #expect(distance(added, zip(alone, start).map { Double($0) + Double($1) }) < 1e-6)
    }

    /// Mask for mask what every update gives alone: the same elements of x are dropped in a group, forward and backward.
    @Test func togetherAsAlone() throws {
        let rows = 77
        let factors = try factors(rows: rows, dropout: [0.3, 0.1, 0.6])
        let x = Floats(random(rows * columns, 1))
        let ys = sizes.enumerated().map { random(rows * $1, UInt64(2 + $0)) }
        let dys = sizes.enumerated().map { Floats(random(rows * $1, UInt64(4 + $0))) }
        let together = run(factors.map { ($0, $0.target) }, rows: rows, x: x, ys: ys, dys: dys)
        var outputs = ys
        var dx = [Double](repeating: 0, count: rows * columns)
        for (index, f) in factors.enumerated() {
            let alone = run([(f, 0)], rows: rows, x: x, ys: [outputs[f.target]], dys: [dys[f.target]])
            outputs[f.target] = alone.ys[0]
            dx = zip(dx, alone.dx).map { $0 + Double($1) }
            let (sameA, sameB) = (alone.da[0] == together.da[index], alone.db[0] == together.db[index])
            #expect(sameA && sameB)
        }
        let areSame = outputs == together.ys
        #expect(areSame)
        // The sums of dx are taken in another order.
        #expect(distance(together.dx, dx) < 1e-6)
    }
}
