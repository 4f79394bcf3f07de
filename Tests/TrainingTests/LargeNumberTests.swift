import Testing

@testable import Training

/// Sizes and steps near the largest integer: the sums that counting needs do not overflow.
struct LargeNumberTests {
    @Test("a batch larger than the data takes all of it", arguments: [7, 8, 1 << 31, 1 << 53, .max])
    func batches(size: Int) throws {
        for strategy in BatchSampler.Strategy.allCases {
            let sampler = try BatchSampler(
                count: 7, batchSize: size, strategy: strategy, lengths: [3, 1, 2, 9, 4, 4, 1], accumulation: .max)
            #expect(sampler.batchesPerEpoch == 1)
            let epoch = sampler.epoch(.max)
            #expect(epoch.rows.sorted() == Array(0..<7))
            #expect(epoch[batch: 0] == epoch.rows[...])
            #expect(epoch[batch: 1].isEmpty && epoch[batch: .max].isEmpty)
        }
        let dropping = try BatchSampler(count: 7, batchSize: size, dropLast: true)
        #expect(dropping.batchesPerEpoch == (size == 7 ? 1 : 0))
    }

    @Test("sorting by length reaches over as many rows as before where batches are small")
    func grouping() throws {
        let lengths = (0..<40).map { Int32($0 * 7 % 40) }
        let sampler = try BatchSampler(
            count: 40, batchSize: 2, strategy: .groupByLength, lengths: lengths, accumulation: 2)
        let order = sampler.epoch(0).rows.map { lengths[$0] }
        // min(40 / (4 · 4), 50) · 4 = 8 rows are sorted together; the longest row of all stands first.
        #expect(order.first == 39)
        for first in stride(from: 8, to: 40, by: 8) {
            let group = Array(order[first..<first + 8])
            #expect(group.dropFirst() == group.dropFirst().sorted(by: >)[...])
        }
    }

    @Test("a plan of as many steps as an integer holds")
    func plan() throws {
        let sampler = try BatchSampler(count: 7, batchSize: 2)
        func plan(_ accumulation: Int, _ steps: Int) throws -> StepPlan {
            var arguments = TrainingArguments()
            (arguments.gradientAccumulationSteps, arguments.maxSteps) = (accumulation, steps)
            return try StepPlan(sampler, arguments)
        }
        let large = try plan(.max, .max)
        #expect(large.stepsPerEpoch == 1 && large.totalSteps == .max && large.epochs == .max)
        #expect(large.batches(ofStep: 0) == 0..<4 && large.batches(ofStep: .max) == 0..<0)
        #expect(large.epoch(0, afterSteps: 1) == 1)
        let small = try plan(3, 5)
        #expect(small.stepsPerEpoch == 2 && small.epochs == 3)
        #expect(small.batches(ofStep: 0) == 0..<3 && small.batches(ofStep: 1) == 3..<4)
        #expect(small.epoch(1, afterSteps: 1) == 1.75 && small.epoch(1, afterSteps: 2) == 2)
    }

    @Test("schedules of any number of steps are numbers", arguments: Schedule.Kind.allCases)
    func schedules(kind: Schedule.Kind) throws {
        for (warmup, total) in [(0, 0), (0, Int.max), (Int.max, 0), (.max, .max), (1, .min)] {
            let schedule = try Schedule(kind, warmupSteps: warmup, totalSteps: total)
            for step in [0, 1, 1 << 53, .max] { #expect(!schedule.multiplier(at: step).isNaN) }
        }
    }
}
