import Kernels
import Testing

@Suite struct RandomTests {
    /// n trials of probability p stray from n·p by more than 5 √(n p (1−p)) less than once in a million.
    private func expectShare(_ hits: Int, of n: Int, _ p: Double, _ what: String) {
        let spread = (Double(n) * p * (1 - p)).squareRoot()
        #expect(abs(Double(hits) - Double(n) * p) < 5 * spread, "\(what): \(hits) of \(n), expected \(Double(n) * p)")
    }

    private func mask(_ p: Float, rows: Int, columns: Int, step: Int = 0) throws -> [Bool] {
        let key = RandomKey(seed: 1).child("layer.0").child(step)
        let mask = try DropoutMask(p: p, keys: (0..<rows).map { key.child($0) })
        let ones = [Float](repeating: 1, count: rows * columns)
        return output(ones.count) { mask.apply(columns: columns, ones, into: $0) }.map { $0 == 0 }
    }

    @Test(arguments: [Float(0.01), 0.1, 0.5, 0.9])
    func dropsTheRightShare(_ p: Float) throws {
        let (rows, columns) = (500, 768)
        let dropped = try mask(p, rows: rows, columns: columns)
        expectShare(dropped.count { $0 }, of: rows * columns, Double(p), "all")
        // Neighbours in a row, the same feature of neighbouring rows, and of neighbouring steps are independent.
        let (n, both) = (rows * columns - columns, Double(p) * Double(p))
        expectShare((0..<n).count { dropped[$0] && dropped[$0 + 1] }, of: n, both, "features")
        expectShare((0..<n).count { dropped[$0] && dropped[$0 + columns] }, of: n, both, "rows")
        let next = try mask(p, rows: rows, columns: columns, step: 1)
        expectShare((0..<n).count { dropped[$0] && next[$0] }, of: n, both, "steps")
        for lag in [2, 3, 4, 8, 16, 64, 256] {
            expectShare((0..<n).count { dropped[$0] && dropped[$0 + lag] }, of: n, both, "features \(lag) apart")
        }
    }

    /// χ² over features and over rows: counts spread as binomial ones do, no more and no less.
    @Test func countsSpreadAsTheyShould() throws {
        let (rows, columns, p) = (1000, 1000, 0.1)
        let dropped = try mask(Float(p), rows: rows, columns: columns)
        var (byRow, byColumn) = ([Int](repeating: 0, count: rows), [Int](repeating: 0, count: columns))
        for i in dropped.indices where dropped[i] {
            byRow[i / columns] += 1
            byColumn[i % columns] += 1
        }
        for counts in [byRow, byColumn] {
            let chi = counts.map { (Double($0) - 100) * (Double($0) - 100) / (1000 * p * (1 - p)) }.reduce(0, +)
            // 1000 degrees of freedom: mean 1000, deviation 45.
            #expect(abs(chi - 1000) < 5 * 45)
        }
    }

    @Test func masksAreTheReferences() throws {
        let key = RandomKey(seed: 4)
        for p in [Float(0), 0.25, 1] {
            let mask = try DropoutMask(p: p, keys: [key, key.child(1)])
            let x = random(2 * 33, 1)
            let y = output(66) { mask.apply(columns: 33, x, into: $0) }
            #expect(distance(y, Reference.dropped(mask, doubles(x), columns: 33)) < 1e-6)
            // In place the bits are the same.
            #expect(output(66, start: x) { mask.apply(columns: 33, $0, into: $0) } == y)
            // A part of a row gets its own part of the mask.
            let part = output(10) { mask.apply(row: 1, column: 20, Array(x[53..<63]), into: $0, count: 10) }
            #expect(part == Array(y[53..<63]))
        }
        #expect { try DropoutMask(p: 1.5, keys: []) } throws: {
            "\($0)" == "dropout probability must be between 0 and 1, got 1.5"
        }
    }

    @Test func numbersAreSpreadAsTheyShould() {
        let n = 100_000
        let key = RandomKey(seed: 7)
        let uniform = (0..<n).map { key.uniform($0) }
        #expect(abs(uniform.reduce(0, +) / Double(n) - 0.5) < 5 * 0.2887 / Double(n).squareRoot())
        #expect(uniform.allSatisfy { $0 >= 0 && $0 < 1 })
        let normal = (0..<n).map { key.normal($0) }
        #expect(abs(normal.reduce(0, +) / Double(n)) < 5 / Double(n).squareRoot())
        let variance = normal.map { $0 * $0 }.reduce(0, +) / Double(n)
        #expect(abs(variance - 1) < 5 * (2 / Double(n)).squareRoot())
        expectShare(normal.count { $0 > 1.959964 }, of: n, 0.025, "beyond 1.96")
    }

    @Test func permutationsAreComplete() {
        let order = RandomKey(seed: 1).permutation(1000)
        #expect(order.sorted() == Array(0..<1000))
        #expect(order != Array(0..<1000))
        #expect(order != RandomKey(seed: 2).permutation(1000))
        #expect(RandomKey(seed: 1).permutation(0) == [] && RandomKey(seed: 1).permutation(1) == [0])
        // Every element comes first about equally often.
        var first = [Int](repeating: 0, count: 10)
        for seed in 0..<10_000 { first[RandomKey(seed: UInt64(seed)).permutation(10)[0]] += 1 }
        for count in first { expectShare(count, of: 10_000, 0.1, "first") }
    }
}
