import Kernels
import LoopsBaseline
import LoopsV3
import LoopsV4
import TestSupport
import Testing

/// Updates of parameters and norms of gradients: many arrays in one piece of work.
@Suite struct UpdateTests {
    /// Lengths around those of pieces of work (2^14) and of vectors, some of them none.
    static let lengths = [5, 0, 1 << 14, 1, 40_000, 0, (1 << 14) - 6, 17, 100_003, 3]
    private static let numbers = OptimizerUpdates.AdamW(
        learningRate: 0.01, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.1, step: 3)

    /// Numbers at a place that does not change.
    private final class Memory {
        let start: UnsafeMutablePointer<Float>
        let count: Int
        var values: [Float] { Array(UnsafeBufferPointer(start: start, count: count)) }

        init(_ values: [Float]) {
            (start, count) = (.allocate(capacity: max(values.count, 1)), values.count)
            for (i, value) in values.enumerated() { start[i] = value }
        }

        deinit { start.deallocate() }
    }

    /// Parameters, gradients and moments of every length.
    private struct State {
        let p = lengths.map { Memory(random($0, 1)) }
        let g = lengths.map { Memory(random($0, 2)) }
        let m = lengths.map { Memory(random($0, 3)) }
        let v = lengths.map { Memory(random($0, 4, 0, 1)) }
        var numbers: [[[Float]]] { [p, m, v].map { $0.map(\.values) } }

        /// One update, of all in one piece of work or of one after the other; whether all are finite.
        func update(together: Bool = true, scale: Float = 1) -> Bool {
            let all = lengths.indices.map { i in
                OptimizerUpdates.AdamWArrays(
                    parameter: p[i].start, gradient: g[i].start, first: m[i].start, second: v[i].start,
                    count: lengths[i], UpdateTests.numbers)
            }
            if together { return OptimizerUpdates.adamW(all, gradientScale: scale) }
            return all.reduce(true) { OptimizerUpdates.adamW([$1], gradientScale: scale) && $0 }
        }
    }

    @Test func manyArraysAreUpdatedAsEachAlone() {
        for threads in [1, 2] {
            withThreads(threads) {
                let (together, alone) = (State(), State())
                #expect(together.update() && alone.update(together: false))
                #expect(together.numbers == alone.numbers)
            }
        }
    }

    @Test func anUpdateFollowsTheFormula() {
        let (start, state) = (State(), State())
        #expect(state.update(scale: 0.5))
        let n = UpdateTests.numbers
        for i in UpdateTests.lengths.indices {
            for j in 0..<UpdateTests.lengths[i] {
                let g = start.g[i].start[j] * 0.5
                let m = start.m[i].start[j] + n.oneMinusBeta1 * (g - start.m[i].start[j])
                let v = start.v[i].start[j] * n.beta2 + n.oneMinusBeta2 * g * g
                let step = n.stepSize * (m / (v.squareRoot() / n.correction2 + n.epsilon))
                // The same operations in the same order: to the bit.
                let got = [state.p[i].start[j], state.m[i].start[j], state.v[i].start[j]]
                guard got == [start.p[i].start[j] * n.decay - step, m, v] else {
                    Issue.record("array \(i), element \(j)")
                    return
                }
            }
        }
    }

    @Test func aNumberThatIsNotFiniteIsSeenWhereverItIs() {
        for (array, place) in [(0, 4), (2, 16_383), (4, 39_999), (8, 70_001), (9, 2)] {
            let state = State()
            state.p[array].start[place] = .infinity
            #expect(!state.update(), "array \(array), element \(place)")
        }
    }

    @Test func sumsOfSquaresAreEachArraysOwn() {
        let arrays = UpdateTests.lengths.map { Memory(random($0, 7, -2, 2)) }
        func sums() -> [Double] { OptimizerUpdates.sumsOfSquares(arrays.map { .init($0.start, count: $0.count) }) }
        let one = withThreads(1) { sums() }
        for (sum, array) in zip(one, arrays) {
            let expected = array.values.reduce(0.0) { $0 + Double($1) * Double($1) }
            // 100,000 additions in double precision, ordered otherwise.
            #expect(abs(sum - expected) <= 1e-12 * max(1, expected))
        }
        for _ in 0..<5 { #expect(withThreads(2) { sums() } == one) }
    }

    @Test func arraysThatShareMemoryAreUpdatedInTurn() {
        let memory = Memory(random(100_000, 9))
        let expected = memory.values.map { ($0 * 3) * 3 }
        withThreads(2) {
            OptimizerUpdates.scale([(memory.start, memory.count), (memory.start, memory.count)], by: 3)
        }
        #expect(memory.values == expected)
    }

    @Test(
        .enabled(if: InstructionLevel.highest >= .v3, "this processor has no AVX2 and FMA"),
        arguments: [1, 7, 16, 1001])
    func everyLevelGivesTheSameBits(_ count: Int) {
        typealias Adam = (
            UnsafeMutablePointer<Float>, UnsafePointer<Float>, UnsafeMutablePointer<Float>,
            UnsafeMutablePointer<Float>, Float, Float, Float, Float, Float, Float, Float, Float, Int
        ) -> Bool
        let g = random(count, 2)
        func run(_ adam: Adam) -> [[Float]] {
            var (p, m, v) = (random(count, 1), random(count, 3), random(count, 4, 0, 1))
            #expect(adam(&p, g, &m, &v, 0.3, 0.99, 0.1, 0.999, 0.001, 0.5, 1e-8, 0.01, count))
            return [p, m, v]
        }
        let base = run {
            LoopsBaseline.Loops.adamW(
                $0, $1, $2, $3, scale: $4, decay: $5, oneMinusBeta1: $6, beta2: $7, oneMinusBeta2: $8,
                correction2: $9, epsilon: $10, stepSize: $11, $12)
        }
        let v3 = run {
            LoopsV3.Loops.adamW(
                $0, $1, $2, $3, scale: $4, decay: $5, oneMinusBeta1: $6, beta2: $7, oneMinusBeta2: $8,
                correction2: $9, epsilon: $10, stepSize: $11, $12)
        }
        #expect(base == v3)
        #expect(LoopsBaseline.Loops.sumOfSquares(g, count) == LoopsV3.Loops.sumOfSquares(g, count))
        guard InstructionLevel.highest >= .v4 else { return }
        let v4 = run {
            LoopsV4.Loops.adamW(
                $0, $1, $2, $3, scale: $4, decay: $5, oneMinusBeta1: $6, beta2: $7, oneMinusBeta2: $8,
                correction2: $9, epsilon: $10, stepSize: $11, $12)
        }
        #expect(base == v4)
        #expect(LoopsBaseline.Loops.sumOfSquares(g, count) == LoopsV4.Loops.sumOfSquares(g, count))
    }
}
