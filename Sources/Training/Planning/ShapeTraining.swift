import Kernels
import Memory
import Models
import Tensors

/// Steps and evaluations of a training, run over shapes: what they come to hold.
struct ShapeTraining {
    /// Additions and multiplications of a step by its tokens, of the steps that are spread evenly.
    private(set) var flops = 0
    private(set) var flopTokens = 0
    /// Most bytes of tensors at once: in a step, in an evaluation; beyond those before.
    private(set) var stepBytes = 0, evaluationBytes = 0
    /// Bytes of the optimizer's moments, and of states that are kept in memory.
    private(set) var momentBytes = 0, keptBytes = 0
    /// Bytes of scores that a metric is given all of.
    private(set) var scoreBytes = 0
    private let trainer: Trainer
    private let arguments: TrainingArguments
    private let change: PlanChange
    private let pass: ShapePass
    private let weights: [Weight]
    private let layer: Int?
    /// What may be taken beyond what the pass holds.
    private let available = MemoryBudget.available

    init(
        _ trainer: Trainer, _ arguments: TrainingArguments, _ change: PlanChange, _ pass: ShapePass, keptLayer: Int?
    ) {
        (self.trainer, self.arguments, self.change, self.pass) = (trainer, arguments, change, pass)
        weights = trainer.model.trainableParameters().map(\.weight)
        layer = keptLayer
    }

    /// Runs these steps in their order, with what lives from the first one on.
    mutating func run(
        _ steps: PlannedSteps, _ plan: StepPlan, _ sampler: BatchSampler, _ reader: BatchReader, kept: Int
    ) throws {
        let spread = steps.spread(5)
        let chosen = Set(
            spread + [steps.widest, steps.longest, steps.tokens.first?.step].compactMap { $0 }
        ).sorted()
        // What is alive from the first step on: moments, kept states.
        var lasting: [Tensor] = []
        defer { withExtendedLifetime(lasting) {} }
        for (place, step) in chosen.enumerated() {
            try MemoryBudget.check()
            let (flops, live) = (pass.flops, pass.tensors.counts.live)
            pass.tensors.resetPeak()
            defer { for weight in weights { gradientHolder(weight)?.grad = nil } }
            let batches = sampler.epoch(step.epoch)
            var row = 0
            for index in plan.batches(ofStep: step.index) {
                let batch = change.cut(try reader.batch(Array(batches[batch: index])))
                try gradients(of: batch, row: row, isFirst: place == 0)
                row += batch.count
            }
            stepBytes = max(stepBytes, pass.tensors.counts.peak - live)
            if spread.contains(step) {
                self.flops += pass.flops - flops
                flopTokens += max(1, steps.tokens(of: step))
            }
            guard place == 0 else { continue }
            lasting = try moments()
            momentBytes = lasting.reduce(0) { $0 + $1.count * 4 }
            if kept > 0 {
                for piece in (0..<kept).pieces(of: 1 << 25) {
                    lasting.append(try Tensor(uninitialized: [piece.count.dividedUp(by: 4)]))
                }
                keptBytes = kept
            }
        }
    }

    /// Runs the widest batch of an evaluation's rows.
    mutating func evaluate(_ reader: BatchReader, keptLayer: Int?) throws {
        guard reader.dataset.count > 0 else { return }
        let sampler = try trainer.evaluationSampler(reader, arguments)
        let epoch = sampler.epoch(0)
        var (widest, most) = (0, -1)
        for index in 0..<sampler.batchesPerEpoch {
            let lengths = epoch[batch: index].map {
                reader.tokenCounts.isEmpty ? 1 : Int(reader.tokenCounts[$0])
            }
            let count = lengths.reduce(0) { $0 + $1 * 512 + $1 * $1 }
            if count > most { (widest, most) = (index, count) }
        }
        let live = pass.tensors.counts.live
        pass.tensors.resetPeak()
        let batch = change.cut(try reader.batch(Array(epoch[batch: widest])))
        let output = try Recording.off { try self.output(of: batch, keptLayer: keptLayer) }
        evaluationBytes = max(evaluationBytes, pass.tensors.counts.peak - live)
        guard case .function = trainer.computeMetrics, let logits = output?.logits else { return }
        let perRow = Double(logits.count) / Double(max(1, batch.count))
        // The scores grow in an array, which is copied as it does, and become a tensor.
        scoreBytes = max(scoreBytes, Int(perRow * Double(reader.dataset.count) * 4 * 2))
    }

    private func output(of batch: Batch, keptLayer: Int?) throws -> ObjectiveOutput? {
        guard batch.labels != nil || trainer.objective.takesAnyLabels else {
            _ = try (trainer.model as? any Model)?(batch.input)
            return nil
        }
        let weight = try trainer.objective.weight(batch)
        return try trainer.objective.evaluate(
            try trainer.withStates(batch, below: keptLayer),
            StepContext(evaluating: trainer.model, total: weight > 0 ? weight : 1))
    }

    private func gradients(of batch: Batch, row: Int, isFirst: Bool) throws {
        let weight = try trainer.objective.weight(batch)
        let context = StepContext(
            training: trainer.model, total: weight > 0 ? weight : 1, draws: trainer.plannedDraws, firstRow: row,
            checkpointing: checkpointing(isFirst))
        let output = try trainer.objective.evaluate(try trainer.withStates(batch, below: layer), context)
        guard output.loss.isTracked else {
            throw TrainingError("the loss depends on nothing that is trainable")
        }
        try output.backward()
    }

    private func checkpointing(_ isFirst: Bool) -> Checkpointing? {
        guard arguments.gradientCheckpointing != .off else { return nil }
        guard !isFirst else { return Checkpointing(.on) }
        let gradients = weights.reduce(0) { $0 + $1.count * 4 }
        let (pass, available) = (pass, available)
        return Checkpointing(arguments.gradientCheckpointing, reserved: gradients) {
            let counts = pass.tensors.counts
            return max(0, available - pass.growth) + counts.held - counts.live
        }
    }

    /// What the optimizer remembers of all parameters.
    private func moments() throws -> [Tensor] {
        try (0..<arguments.momentsPerParameter).map { _ in
            try Tensor(uninitialized: [weights.reduce(0) { $0 + $1.count.dividedUp(by: 16) * 16 }])
        }
    }

    /// The tensor whose gradient backward leaves.
    private func gradientHolder(_ weight: Weight) -> Tensor? {
        weight.tensor ?? (try? weight.currentTensor())
    }
}

extension Trainer {
    /// What dropout draws in a step that is planned.
    var plannedDraws: DropoutDraws {
        DropoutDraws(
            seed: UInt64(bitPattern: Int64(arguments.seed)), step: 0,
            quietBelow: arguments.freezeDropout ? (model as? any Model)?.lowestTrainableLayer : nil)
    }

    /// The batch with the states that enter `layer`, as they are computed where they are not kept yet.
    func withStates(_ batch: Batch, below layer: Int?) throws -> Batch {
        guard let layer, let model = model as? any Model else { return batch }
        return batch.with(states: try model.keptStates(of: batch.input, below: layer))
    }
}
