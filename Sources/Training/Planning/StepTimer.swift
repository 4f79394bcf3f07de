import Kernels
import Models
import Tensors

/// Measures steps of a training that leave nothing behind: at a learning rate of 0 an optimizer moves nothing.
struct StepTimer {
    /// Seconds of the first step, which packs the frozen matrices, beyond a usual one.
    private(set) var packing = 0.0
    /// Steps that were measured, their seconds and tokens.
    private(set) var steps = 0
    private var seconds = 0.0
    private var tokens = 0
    /// Seconds and tokens of computing states that are kept.
    private var stateSeconds = 0.0
    private var stateTokens = 0
    private let trainer: Trainer
    private let setup: TrainingSetup
    private let keptLayer: Int?

    /// Seconds that measuring may take, about.
    private static let patience = 8.0

    init(_ trainer: Trainer, _ setup: TrainingSetup, keptLayer: Int?) {
        (self.trainer, self.setup, self.keptLayer) = (trainer, setup, keptLayer)
    }

    /// Seconds of a mean step.
    func mean(_ planned: PlannedSteps) -> Double { seconds / Double(max(1, tokens)) * planned.mean }

    /// Seconds of computing the states of all rows once.
    func states(of tokens: Int) -> Double { stateSeconds / Double(max(1, stateTokens)) * Double(tokens) }

    /// Runs steps whose tokens are spread as those of all.
    mutating func run(_ planned: PlannedSteps) throws {
        let rates = setup.optimizer.groups.map(\.learningRate)
        defer {
            setup.optimizer.zeroGrad()
            for (index, rate) in rates.enumerated() { setup.optimizer.groups[index].learningRate = rate }
        }
        for index in rates.indices { setup.optimizer.groups[index].learningRate = 0 }
        guard let middle = planned.spread(1).first else { return }
        let first = try time(middle).step
        let again = try time(middle).step
        packing = max(0, first - again)
        let count = max(3, min(9, Int(StepTimer.patience / max(again, 1e-4)))) | 1
        // Twice over: what disturbs one measurement does not disturb both.
        let chosen = planned.spread(count)
        var best = [Double](repeating: .infinity, count: chosen.count)
        for _ in 0..<(again * Double(count) > StepTimer.patience / 2 ? 1 : 2) {
            for (place, step) in chosen.enumerated() {
                let measured = try time(step)
                best[place] = min(best[place], measured.step)
                stateSeconds += measured.states
                stateTokens += planned.tokens(of: step)
            }
        }
        seconds = best.reduce(0, +)
        tokens = chosen.reduce(0) { $0 + max(1, planned.tokens(of: $1)) }
        steps = chosen.count
    }

    /// Seconds of one step, and of computing the states that its rows enter it with.
    private func time(_ step: PlannedSteps.Step) throws -> (step: Double, states: Double) {
        try trainer.pollOutsideSteps()
        setup.optimizer.zeroGrad()
        var states = 0.0
        let epoch = setup.sampler.epoch(step.epoch)
        let start = ProductCounter.now()
        let draws = trainer.plannedDraws
        let batches = try setup.plan.batches(ofStep: step.index).map {
            try setup.trainReader.batch(Array(epoch[batch: $0]))
        }
        let total = try batches.reduce(0) { try $0 + trainer.objective.weight($1) }
        var row = 0
        for batch in batches {
            let begin = ProductCounter.now()
            let batch = try trainer.withStates(batch, below: keptLayer)
            if keptLayer != nil { states += Double(ProductCounter.now() - begin) * 1e-9 }
            let mode = trainer.arguments.gradientCheckpointing
            let context = StepContext(
                training: trainer.model, total: total > 0 ? total : 1, draws: draws, firstRow: row,
                checkpointing: mode == .off ? nil : Checkpointing(mode))
            let output = try trainer.objective.evaluate(batch, context)
            _ = try output.value()
            try output.backward()
            row += batch.count
        }
        _ = try TrainedGradients(setup.parameters).report()
        try setup.optimizer.step(gradientScale: 1)
        return (Double(ProductCounter.now() - start) * 1e-9 - states, states)
    }

    /// Seconds of evaluating all rows of a reader.
    func evaluation(_ reader: BatchReader) throws -> Double {
        let objective = trainer.objective
        guard reader.dataset.count > 0, reader.hasLabels || objective.takesAnyLabels else { return 0 }
        let sampler = try trainer.evaluationSampler(reader, trainer.arguments)
        let epoch = sampler.epoch(0)
        func tokens(_ index: Int) -> Int {
            epoch[batch: index].reduce(0) { $0 + (reader.tokenCounts.isEmpty ? 1 : Int(reader.tokenCounts[$1])) }
        }
        let order = (0..<sampler.batchesPerEpoch).sorted { tokens($0) < tokens($1) }
        let count = min(4, order.count)
        var (seconds, measured) = (0.0, 0)
        for place in 0..<count {
            try trainer.pollOutsideSteps()
            let index = order[(2 * place + 1) * order.count / (2 * count)]
            let start = ProductCounter.now()
            try Recording.off {
                let batch = try reader.batch(Array(epoch[batch: index]))
                let weight = try objective.weight(batch)
                let output = try objective.evaluate(
                    batch, StepContext(evaluating: trainer.model, total: weight > 0 ? weight : 1))
                _ = try output.value()
            }
            seconds += Double(ProductCounter.now() - start) * 1e-9
            measured += max(1, tokens(index))
        }
        let all = order.reduce(0) { $0 + tokens($1) }
        return seconds / Double(max(1, measured)) * Double(all)
    }
}
