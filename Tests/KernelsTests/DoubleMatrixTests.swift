import Foundation
import Kernels
import Testing

@Suite struct DoubleMatrixTests {
    /// Numbers between −1 and 1, the same in every run.
    private func matrix(_ rows: Int, _ columns: Int, seed: UInt64) throws -> DoubleMatrix {
        let key = RandomKey(seed: seed)
        return try DoubleMatrix(rows: rows, columns: columns, (0..<rows * columns).map { 2 * key.uniform($0) - 1 })
    }

    /// Largest distance between the numbers of two matrices of one shape.
    private func distance(_ a: DoubleMatrix, _ b: DoubleMatrix) -> Double {
        guard (a.rows, a.columns) == (b.rows, b.columns) else { return .infinity }
        return zip(a.values, b.values).map { abs($0 - $1) }.max() ?? 0
    }

    private func identity(_ size: Int) throws -> DoubleMatrix {
        try DoubleMatrix(rows: size, columns: size, (0..<size * size).map { $0 % (size + 1) == 0 ? 1 : 0 })
    }

    private func transposed(_ m: DoubleMatrix) throws -> DoubleMatrix {
        try DoubleMatrix(rows: m.columns, columns: m.rows, m.transposed)
    }

    /// Products of up to 40 numbers below 1 in float64: rounding stays below 1e-13.
    @Test(arguments: [(1, 1), (5, 3), (3, 5), (40, 7), (7, 40), (16, 16)])
    func decompositions(_ rows: Int, _ columns: Int) throws {
        let m = try matrix(rows, columns, seed: 1)
        let (q, r) = try m.qr()
        #expect(distance(try q.times(r), m) < 1e-13)
        #expect(distance(try transposed(q).times(q), try identity(q.columns)) < 1e-13)
        for row in 0..<r.rows {
            for column in 0..<min(row, r.columns) { #expect(r.values[row * r.columns + column] == 0) }
        }
        let (u, s, vt) = try m.svd()
        let scaled = try DoubleMatrix(
            rows: s.count, columns: columns, vt.values.enumerated().map { $1 * s[$0 / columns] })
        #expect(distance(try u.times(scaled), m) < 1e-13)
        #expect(distance(try transposed(u).times(u), try identity(s.count)) < 1e-13)
        #expect(distance(try vt.times(vt, transposed: true), try identity(s.count)) < 1e-13)
        #expect(zip(s, s.dropFirst()).allSatisfy { $0 >= $1 } && s.allSatisfy { $0 >= 0 })
    }

    /// Singular values of [[3, 0], [4, 5]] are √45 and √5.
    @Test func knownSingularValues() throws {
        let s = try DoubleMatrix(rows: 2, columns: 2, [3, 0, 4, 5]).svd().s
        #expect(abs(s[0] - 45.0.squareRoot()) < 1e-14 && abs(s[1] - 5.0.squareRoot()) < 1e-14)
    }

    @Test func ranksThatAreMissing() throws {
        let m = try matrix(20, 2, seed: 1).times(matrix(2, 20, seed: 2))
        let s = try m.svd().s
        #expect(s[1] > 0.1 && s[2] < 1e-13)
        #expect(try DoubleMatrix(rows: 3, columns: 2, [Double](repeating: 0, count: 6)).svd().s == [0, 0])
        #expect(try DoubleMatrix(rows: 0, columns: 4, []).qr().r.values == [])
        #expect(try DoubleMatrix(rows: 4, columns: 0, []).svd().s == [])
    }

    @Test func whatIsNotFiniteIsRefused() {
        for wrong in [Double.nan, .infinity, -.infinity] {
            let error = #expect(throws: KernelError.self) { try DoubleMatrix(rows: 1, columns: 2, [0, wrong]) }
            #expect(error?.description == "number 1 of a matrix [1, 2] is \(wrong); expected finite numbers")
        }
        #expect(throws: KernelError.self) { try DoubleMatrix(rows: .max, columns: 2, []) }
        #expect(throws: KernelError.self) { try DoubleMatrix(rows: -1, columns: -1, [1]) }
    }
}
