import Kernels
import Testing

@Suite struct MatmulTests {
    static let shapes = [
        (1, 1, 1), (7, 33, 5), (1, 768, 768), (16, 400, 129), (33, 1000, 64), (208, 800, 17), (0, 3, 3), (3, 4, 0),
    ]

    /// Sums of up to 768 products of numbers below 1: rounding grows as the square root, well below 1e-5.
    @Test(arguments: shapes)
    func products(_ m: Int, _ n: Int, _ k: Int) {
        for (ta, tb) in [(false, false), (false, true), (true, false), (true, true)] {
            let a = random(m * k, 1)
            let b = random(k * n, 2)
            let c = output(m * n) {
                Matmul.gemm(
                    transposeA: ta, transposeB: tb, m: m, n: n, k: k, a, lda: max(1, ta ? m : k), b,
                    ldb: max(1, tb ? k : n), $0, ldc: n)
            }
            let expected = Reference.gemm(a, b, m: m, n: n, k: k, transposeA: ta, transposeB: tb)
            #expect(distance(c, expected) < 1e-5, "\(ta) \(tb)")
        }
    }

    @Test func accumulates() {
        let (a, b, start) = (random(6, 1), random(6, 2), random(4, 3))
        let c = output(4, start: start) {
            Matmul.gemm(m: 2, n: 2, k: 3, alpha: 2, a, lda: 3, b, ldb: 2, beta: 0.5, $0, ldc: 2)
        }
        let product = Reference.gemm(a, b, m: 2, n: 2, k: 3)
        #expect(distance(c, zip(product, start).map { 2 * $0 + 0.5 * Double($1) }) < 1e-6)
    }

    @Test func frozenMatrix() throws {
        let w = random(5 * 33, 1)
        let matrix = try FrozenMatrix(rows: 5, columns: 33, name: "w") { _ = $0.update(fromContentsOf: w) }
        let (x, bias, dy) = (random(7 * 33, 2), random(5, 3), random(7 * 5, 4))
        let y = try output(35) { try matrix.multiply(x: x, m: 7, bias: bias, into: $0) }
        let product = Reference.gemm(x, w, m: 7, n: 5, k: 33, transposeB: true)
        #expect(distance(y, product.enumerated().map { $1 + Double(bias[$0 % 5]) }) < 1e-6)
        let dx = try output(7 * 33) { try matrix.multiplyTransposed(dy: dy, m: 7, into: $0) }
        #expect(distance(dx, Reference.gemm(dy, w, m: 7, n: 33, k: 5)) < 1e-6)
        let row = try output(33) { try matrix.copyRow(3, to: $0) }
        #expect(row == Array(w[99..<132]))
        #expect(try matrix.values(at: [40]) == [w[40]])
        let (a, b) = (random(2 * 33, 5), random(5 * 2, 6))
        let merged = try matrix.adding(scale: 0.5, b: b, a: a, rank: 2)
        let delta = Reference.gemm(b, a, m: 5, n: 33, k: 2)
        let values = try output(165) { try merged.copy(to: $0) }
        #expect(distance(values, zip(w, delta).map { Double($0) + 0.5 * $1 }) < 1e-6)
        #expect(try output(165) { try matrix.copy(to: $0) } == w)
    }

    @Test func shapesOnly() {
        let matrix = FrozenMatrix(shapeOnlyRows: 2, columns: 3, name: "encoder.weight")
        #expect(!matrix.hasValues && matrix.bytes == 0)
        #expect {
            try matrix.values(at: [0])
        } throws: {
            "\($0)" == "reading values of 'encoder.weight': this model has shapes only (weights = \"none\")"
        }
    }
}
