import Models

/// Which steps of a training a plan looks at: all of them by the tokens of their rows, some by running them.
struct PlannedSteps {
    /// A step of an epoch.
    struct Step: Hashable, Comparable {
        let epoch: Int
        let index: Int

        static func < (a: Step, b: Step) -> Bool { (a.epoch, a.index) < (b.epoch, b.index) }
    }

    /// Tokens of the steps that were looked at.
    private(set) var tokens: [(step: Step, tokens: Int)] = []
    /// Tokens of these steps, and with padding.
    private(set) var sum = 0, padded = 0
    /// The step with the micro-batch of the most tokens, and that of the largest sum of squared lengths, which short attention keeps.
    private(set) var widest = Step(epoch: 0, index: 0), longest = Step(epoch: 0, index: 0)

    /// Rows and epochs that are looked at; beyond, later epochs are taken to be like the first ones.
    private static let (mostRows, mostEpochs) = (1 << 20, 256)

    /// Looks at the steps of a training over rows of these lengths.
    init(_ sampler: BatchSampler, _ plan: StepPlan, lengths: [Int32]) {
        var (most, squares, seen, done) = (-1, -1, 0, 0)
        for epoch in 0..<plan.epochs {
            let batches = sampler.epoch(epoch)
            for index in 0..<plan.stepsPerEpoch where done < plan.totalSteps {
                var inStep = 0
                for batch in plan.batches(ofStep: index) {
                    var (count, square, longestRow, rows) = (0, 0, 0, 0)
                    for row in batches[batch: batch] {
                        let length = lengths.isEmpty ? 1 : Int(lengths[row])
                        count += length
                        square += length * length
                        longestRow = max(longestRow, length)
                        rows += 1
                    }
                    inStep += count
                    sum += count
                    padded += rows * longestRow
                    seen += rows
                    if count > most { (most, widest) = (count, Step(epoch: epoch, index: index)) }
                    if square > squares { (squares, longest) = (square, Step(epoch: epoch, index: index)) }
                }
                tokens.append((Step(epoch: epoch, index: index), inStep))
                done += 1
            }
            if seen >= PlannedSteps.mostRows || epoch + 1 == PlannedSteps.mostEpochs { break }
        }
    }

    /// Steps of tokens as the steps' tokens are spread, `count` of them or all.
    func spread(_ count: Int) -> [Step] {
        guard tokens.count > count else { return tokens.map(\.step) }
        let sorted = tokens.sorted { $0.tokens != $1.tokens ? $0.tokens < $1.tokens : $0.step < $1.step }
        return (0..<count).map { sorted[(2 * $0 + 1) * sorted.count / (2 * count)].step }
    }

    /// Tokens of a step.
    func tokens(of step: Step) -> Int { tokens.first { $0.step == step }?.tokens ?? 0 }

    /// Mean tokens of a step.
    var mean: Double { Double(sum) / Double(max(1, tokens.count)) }
}
