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

    /// Arguments far beyond the cap, and a length that leaves a rest; a few units in the last place of the cap.
    @Test(arguments: [Float(0.5), 30, 50])
    func softCaps(_ cap: Float) {
        let x = random(5_001, 1, -4 * cap, 4 * cap)
        let dy = random(x.count, 2)
        let y = output(x.count) { Elementwise.softCap(x, cap, into: $0, count: x.count) }
        let expected = doubles(x).map { Reference.softCap($0, Double(cap)) }
        #expect(zip(y, expected).allSatisfy { abs(Double($0) - $1) < 4e-7 * Double(cap) })
        let dx = output(x.count) { Elementwise.softCapBackward(y: y, cap, dy, into: $0, count: x.count) }
        let slopes = zip(dy, expected).map { Double($0) * (1 - $1 / Double(cap) * ($1 / Double(cap))) }
        #expect(distance(dx, slopes) < 2e-6)
    }

    /// Gate and up apart, and side by side in rows longer than what is computed at once; each gradient alone has the same bits.
    @Test(arguments: [Elementwise.Unary.silu, .gelu, .geluTanh, .relu, .tanh], [(3, 5), (2, 2049), (40, 64)])
    func gating(_ f: Elementwise.Unary, _ shape: (Int, Int)) {
        let (rows, width) = shape
        let x = random(rows * 2 * width, 1, -4, 4)
        let dy = random(rows * width, 2)
        let places = (0..<rows).flatMap { row in (0..<width).map { row * 2 * width + $0 } }
        let (gate, up) = (places.map { x[$0] }, places.map { x[$0 + width] })
        let expected = zip(gate, up).map { Reference.value(f, Double($0)) * Double($1) }
        let apart = output(rows * width) {
            Gating.forward(f, gate: gate, up: up, ld: width, rows: rows, width: width, into: $0)
        }
        #expect(distance(apart, expected) < 2e-6)
        func run(_ wanted: (Bool, Bool)) -> [Float] {
            output(x.count) { target in
                x.withUnsafeBufferPointer { x in
                    guard let start = x.baseAddress else { return }
                    Gating.backward(
                        f, gate: start, up: start + width, ld: 2 * width, dy: dy, rows: rows, width: width,
                        dgate: wanted.0 ? target : nil, dup: wanted.1 ? target + width : nil, ldd: 2 * width)
                }
            }
        }
        let fused = x.withUnsafeBufferPointer { x in
            output(rows * width) { target in
                guard let start = x.baseAddress else { return }
                Gating.forward(
                    f, gate: start, up: start + width, ld: 2 * width, rows: rows, width: width, into: target)
            }
        }
        #expect(fused.map(\.bitPattern) == apart.map(\.bitPattern))
        let both = run((true, true))
        let (dgate, dup) = (places.map { both[$0] }, places.map { both[$0 + width] })
        #expect(distance(dup, zip(dy, gate).map { Double($0) * Reference.value(f, Double($1)) }) < 2e-6)
        let slopes = gate.map { Reference.slope(f, Double($0)) }
        #expect(distance(dgate, zip(zip(dy, up), slopes).map { Double($0.0) * Double($0.1) * $1 }) < 4e-6)
        let (first, second) = (run((true, false)), run((false, true)))
        #expect(places.map { first[$0] } == dgate && places.map { second[$0 + width] } == dup)
        #expect(places.allSatisfy { first[$0 + width].isNaN && second[$0].isNaN })
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
