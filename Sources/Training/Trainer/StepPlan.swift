import Kernels

/// How many steps a training has, and which batches each takes; as the reference counts them.
public struct StepPlan: Sendable, Equatable {
    /// Batches of one epoch.
    public let batchesPerEpoch: Int
    /// Optimizer steps of one epoch; the last takes the batches that are left.
    public let stepsPerEpoch: Int
    /// Optimizer steps in all.
    public let totalSteps: Int
    /// Epochs that are begun.
    public let epochs: Int
    private let accumulation: Int

    /// The plan of a training over the sampler's rows; fewer rows than a batch that may not be incomplete are an error.
    public init(_ sampler: BatchSampler, _ arguments: TrainingArguments) throws {
        guard sampler.count > 0 else { throw TrainingError("train_dataset has no rows") }
        batchesPerEpoch = sampler.batchesPerEpoch
        guard batchesPerEpoch > 0 else {
            throw TrainingError(
                "train_dataset has \(sampler.count) rows, fewer than one batch of \(sampler.maxTokens.map { "\($0) tokens" } ?? "\(sampler.batchSize)"), and dataloader_drop_last leaves those out"
            )
        }
        accumulation = arguments.gradientAccumulationSteps
        stepsPerEpoch = batchesPerEpoch.dividedUp(by: accumulation)
        if arguments.maxSteps > 0 {
            totalSteps = arguments.maxSteps
            epochs = totalSteps.dividedUp(by: stepsPerEpoch)
        } else {
            let steps = (arguments.numTrainEpochs * Double(stepsPerEpoch)).rounded(.up)
            guard let whole = Int(exactly: steps), whole > 0 else {
                throw TrainingError("args: num_train_epochs is \(arguments.numTrainEpochs); that is too many steps")
            }
            totalSteps = whole
            epochs = Int(exactly: arguments.numTrainEpochs.rounded(.up)) ?? 1
        }
    }

    /// Batches that the step with index `step` of an epoch takes.
    public func batches(ofStep step: Int) -> Range<Int> {
        guard step >= 0, step < stepsPerEpoch else { return 0..<0 }
        let first = step * accumulation
        return first..<first + min(accumulation, batchesPerEpoch - first)
    }

    /// The epoch as logs give it once `steps` steps of epoch `epoch` are done.
    public func epoch(_ epoch: Int, afterSteps steps: Int) -> Double {
        let batches = steps < stepsPerEpoch ? steps * accumulation : batchesPerEpoch
        return Double(epoch) + Double(batches) / Double(batchesPerEpoch)
    }
}
