import Kernels
import LoopsBaseline
import LoopsV3
import LoopsV4
import Testing

/// The loops compiled for AVX2 and FMA, and for AVX-512, against those for every processor: they differ by rounding only.
@Suite(.enabled(if: InstructionLevel.highest >= .v3, "this processor has no AVX2 and FMA"))
struct LevelTests {
    typealias Base = LoopsBaseline.Loops
    typealias V3 = LoopsV3.Loops
    typealias V4 = LoopsV4.Loops
    typealias Unary = (UnsafePointer<Float>, UnsafeMutablePointer<Float>, Int) -> Void
    typealias Binary = (UnsafePointer<Float>, UnsafePointer<Float>, UnsafeMutablePointer<Float>, Int) -> Void

    /// Lengths around those of vectors.
    static let counts = [0, 1, 7, 8, 15, 16, 17, 33, 64, 768, 1001]

    private func agree(_ a: [Float], _ b: [Float], _ what: String) {
        #expect(distance(a, doubles(b)) < 2e-6, "\(what)")
    }

    @Test(arguments: counts)
    func functionsOfOneArray(_ n: Int) {
        let pairs: [(String, Unary, Unary)] = [
            ("gelu", Base.gelu, V3.gelu), ("geluTanh", Base.geluTanh, V3.geluTanh), ("tanh", Base.tanh, V3.tanh),
            ("silu", Base.silu, V3.silu), ("exp", Base.exp, V3.exp),
        ]
        let x = random(n, 1, -6, 6)
        for (name, base, v3) in pairs { agree(output(n) { base(x, $0, n) }, output(n) { v3(x, $0, n) }, name) }
        let softmax = output(n, start: x) { Base.softmax($0, n) }
        agree(softmax, output(n, start: x) { V3.softmax($0, n) }, "softmax")
        let sums = [Base.sumOfExponentials(x, minus: 6, n), V3.sumOfExponentials(x, minus: 6, n)]
        agree([sums[0]], [sums[1]], "sumOfExponentials")
    }

    @Test(arguments: counts)
    func functionsOfTwoArrays(_ n: Int) {
        let pairs: [(String, Binary, Binary)] = [
            ("geluBackward", Base.geluBackward, V3.geluBackward),
            ("geluTanhBackward", Base.geluTanhBackward, V3.geluTanhBackward),
            ("siluBackward", Base.siluBackward, V3.siluBackward),
            ("softmaxBackward", Base.softmaxBackward, V3.softmaxBackward),
            ("logSoftmaxBackward", Base.logSoftmaxBackward, V3.logSoftmaxBackward),
        ]
        let (x, dy) = (random(n, 1, -3, 0), random(n, 2))
        for (name, base, v3) in pairs { agree(output(n) { base(x, dy, $0, n) }, output(n) { v3(x, dy, $0, n) }, name) }
        let gradient = {
            (f: (UnsafePointer<Float>, Float, Float, Float, Float, UnsafeMutablePointer<Float>, Int) -> Void) in
            output(n) { f(x, 0, 2, 0.1, 0.5, $0, n) }
        }
        agree(
            gradient { Base.softmaxGradient($0, minus: $1, total: $2, less: $3, $4, $5, $6) },
            gradient { V3.softmaxGradient($0, minus: $1, total: $2, less: $3, $4, $5, $6) }, "softmaxGradient")
    }

    @Test(arguments: counts)
    func norms(_ n: Int) {
        guard n > 1 else { return }
        let (x, g, b, dy) = (random(n, 1, -3, 3), random(n, 2), random(n, 3), random(n, 4))
        var (h0, h1) = ([Float](repeating: 0, count: n), [Float](repeating: 0, count: n))
        var (r0, r1): (Float, Float) = (0, 0)
        agree(
            output(n) { r0 = Base.layerNorm(x, g, b, epsilon: 1e-5, hat: &h0, $0, n) },
            output(n) { r1 = V3.layerNorm(x, g, b, epsilon: 1e-5, hat: &h1, $0, n) }, "layerNorm")
        agree(h0, h1, "layerNorm's hat")
        agree(
            output(n) { Base.layerNormBackward(dy, g, hat: h0, rstd: r0, $0, n) },
            output(n) { V3.layerNormBackward(dy, g, hat: h0, rstd: r0, $0, n) }, "layerNormBackward")
        agree(
            output(n) { r0 = Base.rmsNorm(x, g, epsilon: 1e-6, $0, n) },
            output(n) { r1 = V3.rmsNorm(x, g, epsilon: 1e-6, $0, n) }, "rmsNorm")
        agree([r0], [r1], "rmsNorm's factor")
        agree(
            output(n) { Base.rmsNormBackward(dy, g, x, rstd: r0, adding: false, $0, n) },
            output(n) { V3.rmsNormBackward(dy, g, x, rstd: r0, adding: false, $0, n) }, "rmsNormBackward")
    }

    /// Those that are used at v4, where the processor has it.
    @Test(.enabled(if: InstructionLevel.highest >= .v4, "this processor has no AVX-512"), arguments: counts)
    func widest(_ n: Int) {
        let one: [(String, Unary, Unary)] = [
            ("gelu", Base.gelu, V4.gelu), ("geluTanh", Base.geluTanh, V4.geluTanh), ("tanh", Base.tanh, V4.tanh),
            ("silu", Base.silu, V4.silu), ("exp", Base.exp, V4.exp),
        ]
        let two: [(String, Binary, Binary)] = [
            ("geluBackward", Base.geluBackward, V4.geluBackward),
            ("geluTanhBackward", Base.geluTanhBackward, V4.geluTanhBackward),
            ("siluBackward", Base.siluBackward, V4.siluBackward),
        ]
        let (x, dy) = (random(n, 1, -6, 6), random(n, 2))
        for (name, base, v4) in one { agree(output(n) { base(x, $0, n) }, output(n) { v4(x, $0, n) }, name) }
        for (name, base, v4) in two { agree(output(n) { base(x, dy, $0, n) }, output(n) { v4(x, dy, $0, n) }, name) }
        let mask = {
            (f: (UnsafePointer<Float>, UInt64, Int, UInt32, Float, UnsafeMutablePointer<Float>, Int) -> Void) in
            output(n) { f(x, 0x1234_5678_9ABC_DEF0, 5, 0x4000_0000, 2, $0, n) }
        }
        #expect(
            mask { Base.dropout($0, key: $1, first: $2, threshold: $3, scale: $4, $5, $6) }
                == mask { V4.dropout($0, key: $1, first: $2, threshold: $3, scale: $4, $5, $6) })
    }

    typealias Forward = (
        Int, Int, Int, Float, UnsafePointer<Int32>?, UnsafePointer<Float>, Int, UnsafePointer<Float>,
        UnsafePointer<Float>,
        Int, UnsafePointer<UInt32>, UInt32, Float, UnsafeMutablePointer<Float>, UnsafeMutablePointer<Float>,
        UnsafeMutablePointer<Float>
    ) -> Void

    typealias Keys = (
        Int, UnsafePointer<UInt64>, UInt64, UnsafePointer<UInt64>, UnsafeMutablePointer<UInt32>
    ) -> Void

    /// Queries and keys around the sizes of tiles.
    @Test(arguments: [1, 3, 4, 7, 8, 13, 21], [1, 13, 16, 17, 64])
    func attention(_ n: Int, _ m: Int) {
        let width = 32
        let (q, k, v) = (random(n * width, 1, -2, 2), random(m * width, 2, -2, 2), random(m * width, 3))
        let (rows, places) = ((0..<n).map { RandomKey(seed: 3).child($0).bits }, (0..<n).map { UInt64(7 * $0) })
        let padded = Base.padded(n)
        func keys(_ f: Keys) -> [UInt32] {
            var keys = [UInt32](repeating: 1, count: 2 * padded)
            f(n, rows, 11, places, &keys)
            return keys
        }
        let drawn = keys(Base.attentionKeys)
        #expect(drawn == keys(V3.attentionKeys))
        func run(_ f: Forward) -> (y: [Float], p: [Float]) {
            var (scratch, p) = (
                [Float](repeating: .nan, count: 16 * (width + m)), [Float](repeating: .nan, count: padded * m)
            )
            let y = output(n * width) {
                f(n, m, width, 0.2, nil, q, width, k, v, width, drawn, 0x2000_0000, 8 / 7, &scratch, &p, $0)
            }
            return (y, p)
        }
        let base = run(Base.attention), v3 = run(V3.attention)
        agree(base.y, v3.y, "attention")
        agree(base.p, v3.p, "probabilities")
        guard InstructionLevel.highest >= .v4 else { return }
        #expect(drawn == keys(V4.attentionKeys))
        let v4 = run(V4.attention)
        agree(base.y, v4.y, "attention at v4")
        agree(base.p, v4.p, "probabilities at v4")
    }

    /// Rotations have no sums, so the bits are the same; caps and exponentials differ by rounding.
    @Test(arguments: counts)
    func rotationsAndCaps(_ n: Int) {
        let (x, c, s) = (random(2 * n, 1), random(n, 2), random(n, 3))
        let halves = output(2 * n) { Base.rotateHalves(x, cos: c, sin: s, sign: -1, $0, n) }
        let neighbours = output(2 * n) { Base.rotateNeighbours(x, cos: c, sin: s, sign: -1, $0, n) }
        #expect(output(2 * n) { V3.rotateHalves(x, cos: c, sin: s, sign: -1, $0, n) } == halves)
        #expect(output(2 * n) { V3.rotateNeighbours(x, cos: c, sin: s, sign: -1, $0, n) } == neighbours)
        let capped = output(n, start: c) { Base.softCap(inPlace: $0, 0.7, n) }
        agree(capped, output(n, start: c) { V3.softCap(inPlace: $0, 0.7, n) }, "softCap")
        let powers = output(n, start: c) { _ = Base.exponentials(inPlace: $0, minus: 1, n) }
        agree(powers, output(n, start: c) { _ = V3.exponentials(inPlace: $0, minus: 1, n) }, "exponentials")
        guard InstructionLevel.highest >= .v4 else { return }
        #expect(output(2 * n) { V4.rotateHalves(x, cos: c, sin: s, sign: -1, $0, n) } == halves)
        #expect(output(2 * n) { V4.rotateNeighbours(x, cos: c, sin: s, sign: -1, $0, n) } == neighbours)
        agree(capped, output(n, start: c) { V4.softCap(inPlace: $0, 0.7, n) }, "softCap at v4")
        agree(powers, output(n, start: c) { _ = V4.exponentials(inPlace: $0, minus: 1, n) }, "exponentials at v4")
    }

    /// Masks are the same bits at every level.
    @Test(arguments: counts)
    func masks(_ n: Int) {
        let x = random(n, 1)
        let threshold: UInt32 = 0x4000_0000
        let base = output(n) {
            Base.dropout(x, key: 0x1234_5678_9ABC_DEF0, first: 5, threshold: threshold, scale: 2, $0, n)
        }
        let v3 = output(n) {
            V3.dropout(x, key: 0x1234_5678_9ABC_DEF0, first: 5, threshold: threshold, scale: 2, $0, n)
        }
        #expect(base == v3)
    }
}
