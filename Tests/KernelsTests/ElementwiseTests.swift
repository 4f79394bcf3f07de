import Foundation
import Kernels
import Testing

@Suite struct ElementwiseTests {
    /// Arguments over the range that matters, and beyond it.
    private func arguments(_ f: Elementwise.Unary) -> [Float] {
        if f == .log || f == .sqrt { return (1...20_000).map { Float($0) * 0.01 } }
        return (-20_000...20_000).map { Float($0) * 0.001 }
    }

    /// Our polynomials against the C library in double precision.
    ///
    /// The bound is absolute up to 1 and relative above:
    /// 4e-7 is about 3 units in the last place; arguments are rounded in float32, which e^20 feels 20-fold.
    @Test(arguments: Elementwise.Unary.allCases)
    func forwardAgrees(_ f: Elementwise.Unary) {
        let x = arguments(f)
        let y = output(x.count) { Elementwise.forward(f, x, $0, count: x.count) }
        for (v, got) in zip(x, y) {
            let expected = Reference.value(f, Double(v))
            #expect(abs(Double(got) - expected) <= 8e-7 * max(1, abs(expected)), "\(f) of \(v)")
        }
    }

    @Test(arguments: Elementwise.Unary.allCases)
    func slopeAgrees(_ f: Elementwise.Unary) {
        let x = arguments(f)
        let y = output(x.count) { Elementwise.forward(f, x, $0, count: x.count) }
        let ones = [Float](repeating: 1, count: x.count)
        let kept = Elementwise.usesResult(f) ? y : x
        let slope = output(x.count) { Elementwise.backward(f, kept: kept, ones, $0, count: x.count) }
        for (v, got) in zip(x, slope) {
            let expected = Reference.slope(f, Double(v))
            #expect(abs(Double(got) - expected) <= 2e-6 * max(1, abs(expected)), "\(f)' of \(v)")
        }
    }

    @Test func edgesOfTheExponential() {
        let x: [Float] = [-.infinity, -1000, -88, 0, 88.5, 89, .infinity, .nan]
        let y = output(x.count) { Elementwise.forward(.exp, x, $0, count: x.count) }
        #expect(y[0] == 0 && y[1] == 0 && y[2] == 0 && y[3] == 1)
        #expect(abs(Double(y[4]) / Reference.value(.exp, 88.5) - 1) < 1e-6)
        #expect(y[5] == .infinity && y[6] == .infinity && y[7].isNaN)
    }

    @Test(arguments: Elementwise.Unary.allCases)
    func notANumberStays(_ f: Elementwise.Unary) {
        let y = output(1) { Elementwise.forward(f, [Float.nan], $0, count: 1) }
        #expect(y[0].isNaN)
    }

    @Test(arguments: [(1, 1), (7, 33), (64, 128), (65, 129), (300, 257), (0, 5)])
    func sumsRows(_ rows: Int, _ columns: Int) {
        let x = random(rows * columns, 1)
        let weight = random(rows * columns, 2)
        let plain = output(columns) { Elementwise.sumRows(x, rows: rows, columns: columns, into: $0) }
        let weighted = output(columns) {
            Elementwise.sumRows(x, times: weight, rows: rows, columns: columns, into: $0)
        }
        let ones = [Float](repeating: 1, count: rows)
        #expect(distance(plain, Reference.gemm(ones, x, m: 1, n: columns, k: rows)) < 1e-6)
        let products = zip(x, weight).map { $0 * $1 }
        #expect(distance(weighted, Reference.gemm(ones, products, m: 1, n: columns, k: rows)) < 1e-6)
    }

    @Test func findsWhatIsNotFinite() {
        var x = random(10_000, 1)
        #expect(Elementwise.firstNonFinite(x, count: x.count) == nil)
        x[9_999] = .infinity
        #expect(Elementwise.firstNonFinite(x, count: x.count) == 9_999)
        x[4_097] = .nan
        #expect(Elementwise.firstNonFinite(x, count: x.count) == 4_097)
        #expect(Elementwise.firstNonFinite([Float.greatestFiniteMagnitude], count: 1) == nil)
    }
}
