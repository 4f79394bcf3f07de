import Models
import Tensors

extension Trainer {
    /// Makes the optimizer, the schedule and the plan, once.
    func prepare() throws -> TrainingSetup {
        if let setup { return setup }
        guard let trainReader else { throw TrainingError("trainer: there is no train_dataset") }
        let parameters = model.trainableParameters().compactMap { name, weight in
            weight.tensor.map { NamedParameter(name, $0) }
        }
        guard !parameters.isEmpty else {
            throw TrainingError(
                "trainer: nothing is trainable: add an adapter with add_adapter, or set requires_grad of some parameters"
            )
        }
        let sampler = try sampler(trainReader, arguments)
        let plan = try StepPlan(sampler, arguments)
        let schedule = try Schedule(
            arguments.lrSchedulerType, warmupSteps: arguments.warmupSteps(of: plan.totalSteps),
            totalSteps: plan.totalSteps, initialLearningRate: arguments.learningRate,
            options: arguments.lrSchedulerKwargs)
        let made = TrainingSetup(
            parameters: parameters, optimizer: try makeOptimizer(parameters), schedule: schedule, sampler: sampler,
            plan: plan, computeParameters: computeParameters(), trainReader: trainReader)
        setup = made
        optimizer = made.optimizer
        state.maxSteps = plan.totalSteps
        state.numTrainEpochs = plan.epochs
        state.trainBatchSize = arguments.perDeviceTrainBatchSize
        state.setIntervals(plan, arguments)
        state.progress.unmoved = parameters.map(\.name)
        return made
    }

    /// The batches of a training with these arguments.
    func sampler(_ reader: BatchReader, _ arguments: TrainingArguments) throws -> BatchSampler {
        try BatchSampler(
            count: reader.dataset.count, batchSize: arguments.trainRowsPerBatch,
            strategy: arguments.trainSamplingStrategy, seed: arguments.dataSeed ?? arguments.seed,
            dropLast: arguments.dataloaderDropLast, lengths: lengths(reader),
            accumulation: arguments.gradientAccumulationSteps, maxTokens: arguments.maxTokensPerBatch,
            tokenCounts: reader.tokenCounts)
    }

    private func lengths(_ reader: BatchReader) throws -> [Int32] {
        guard arguments.trainSamplingStrategy == .groupByLength else { return [] }
        guard case .integers(let lengths)? = reader.dataset.column(arguments.lengthColumnName) else {
            let lengths = reader.lengths()
            guard lengths.count == reader.dataset.count else {
                throw TrainingError(
                    "args: train_sampling_strategy 'group_by_length' needs a column 'input_ids' or '\(arguments.lengthColumnName)'"
                )
            }
            return lengths
        }
        return (0..<reader.dataset.count).map { Int32(clamping: lengths[reader.dataset.place(ofRow: $0)]) }
    }

    private func makeOptimizer(_ parameters: [NamedParameter]) throws -> any Optimizer {
        let norms = Trainer.layerNormWeights(of: model)
        let groups = try ParameterGroup.trainerGroups(
            parameters, learningRate: arguments.learningRate, weightDecay: arguments.weightDecay,
            isLayerNorm: norms.contains)
        switch arguments.optim {
        case .adamW:
            return try AdamW(
                groups, beta1: arguments.adamBeta1, beta2: arguments.adamBeta2, epsilon: arguments.adamEpsilon)
        case .sgd:
            return try SGD(
                groups, momentum: arguments.sgdMomentum, dampening: arguments.sgdDampening,
                nesterov: arguments.sgdNesterov)
        }
    }

    /// Names of the weights of LayerNorms and of their trained copies.
    static func layerNormWeights(of model: any Module) -> Set<String> {
        var names: Set<String> = []
        for (_, module) in model.namedModules() where module.kind == "LayerNorm" {
            for (_, weight) in module.weights { names.formUnion([weight.name] + weight.copies.map(\.weight.name)) }
        }
        return names
    }

    /// Number of parameters outside embeddings.
    private func computeParameters() -> Int {
        model.namedModules().reduce(0) { sum, named in
            named.module.kind == "Embedding"
                ? sum : sum + (named.module.weights + named.module.seatWeights).reduce(0) { $0 + $1.weight.count }
        }
    }

    /// Says how many rows are more than a batch may have.
    private func tellLongRows(_ setup: TrainingSetup) {
        guard let most = arguments.maxTokensPerBatch else { return }
        let long = setup.trainReader.tokenCounts.filter { $0 > most }
        guard let longest = long.max() else { return }
        reporter?.warn(
            "max_tokens_per_batch: \(long.count) of \(setup.trainReader.tokenCounts.count) rows of train_dataset have more than \(most) tokens, the longest \(longest); each is a batch of its own"
        )
    }

    /// Begins the training, or goes on with one that was restored.
    func begin() throws {
        let setup = try prepare()
        guard !session.hasBegun else { return }
        tellLongRows(setup)
        try prepareKeptStates()
        session.hasBegun = true
        try checkOutput()
        session.start = .now
        session.evaluationSeconds = 0
        session.firstStep = state.globalStep
        setup.optimizer.zeroGrad()
        control.shouldTrainingStop = state.progress.phase == .finished ? false : control.shouldTrainingStop
        settled = state
        reporter?.begin(totalSteps: setup.plan.totalSteps, from: state.globalStep)
        try emit(.trainBegin)
        if arguments.evalOnStart, !state.progress.evaluatedOnStart {
            _ = try evaluateAndLog()
            state.progress.evaluatedOnStart = true
        }
    }
}
