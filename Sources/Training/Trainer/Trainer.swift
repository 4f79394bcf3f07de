import Formats
import Models
import Tensors

/// Trains a model: a state machine that does one optimizer step at a time, so that it can be interrupted, inspected and continued.
///
/// Epochs, logging, evaluation and saving come in the order of transformers' Trainer. All that it draws at random is a function of
/// (seed, step, row), so a run that goes on from a checkpoint gives the bits of one that ran through.
public final class Trainer {
    /// The model, or a module of the caller's own, whose loss `objective` computes.
    public let model: any Module
    /// How to train.
    public internal(set) var arguments: TrainingArguments
    /// What is minimised.
    public let objective: any Objective
    /// Where the training stands.
    public internal(set) var state = TrainerState()
    /// The optimizer, once the training has begun.
    public internal(set) var optimizer: (any Optimizer)?
    /// Metrics of evaluations beside the loss.
    public var computeMetrics = ComputeMetrics.none
    /// Who hears of events, in this order.
    public var callbacks: [any TrainerCallback] = []
    /// Who shows how it goes.
    public var reporter: (any ProgressReporter)?
    /// Asked between micro-batches; an answer stops the training at once.
    public var shouldStop: (() -> Interruption?)?
    /// Runs the writing of an interruption's checkpoint, which whatever asked to stop must not stop too.
    public var undisturbed: (() throws -> TrainingInterrupted) throws -> TrainingInterrupted = { try $0() }
    /// Writes what users load into a checkpoint's folder, beside what the trainer needs: an adapter as PEFT writes it.
    public var saveModel: ((Folder) throws -> Void)?
    /// What a run was made of, beside arguments and data: recipe, parameters, base.
    ///
    /// A resumed run must have the same.
    public var identity = RunIdentity()

    /// What is written beside the checkpoints: the recipe, its parameters, the environment.
    ///
    /// A resumed run must have the same.
    public var record: RunRecord?

    /// Bytes of memory that states may take that are kept from epoch to epoch (`prefix_cache`); beyond them a file does.
    public var keptStatesMemory = 2 << 30

    /// What the newest evaluation of each set found, where a log is kept.
    public internal(set) var evaluationDetails: [EvaluationDetail] = []

    let trainReader: BatchReader?
    let evalSets: [EvaluationSet]
    var keptStates = TrainerKeptStates()
    let openOutput: (() throws -> Folder)?
    var weights: any CheckpointWeights
    var setup: TrainingSetup?
    var session = TrainingSession()
    /// The state to which an interruption goes back: that of the last finished phase.
    var settled = TrainerState()

    /// A trainer.
    ///
    /// - Parameters:
    ///   - trainDataset: rows to train on, with input_ids and labels.
    ///   - evalDataset: rows to evaluate on.
    ///   - evalDatasets: several sets of them by name, in the order in which they are evaluated; `evalDataset` is then nil.
    ///   - objective: what to minimise; that of the model's task where nil.
    ///   - output: opens the folder of the checkpoints when the first one is written; nil where none may be.
    /// - Throws: where a dataset lacks a column or a row does not fit the model, and for what the arguments ask and this trainer lacks.
    public init(
        model: any Module, arguments: TrainingArguments = TrainingArguments(), trainDataset: Dataset? = nil,
        evalDataset: Dataset? = nil, evalDatasets: [(name: String, dataset: Dataset)] = [],
        objective: (any Objective)? = nil, output: (() throws -> Folder)? = nil
    ) throws {
        let hasOwnLoss = objective != nil
        var objective = try objective ?? Objectives.standard(for: model)
        (self.model, self.arguments, openOutput) = (model, arguments, output)
        func reader(_ dataset: Dataset, _ split: String) throws -> BatchReader {
            let reader = try BatchReader(
                dataset, for: model, columns: objective.columns, labelNames: arguments.labelNames,
                isFree: objective.takesAnyLabels, split: split)
            guard arguments.maxTokensPerBatch == nil || reader.tokenCounts.count == dataset.count else {
                throw TrainingError("args: max_tokens_per_batch needs a column 'input_ids' of \(split)")
            }
            return reader
        }
        trainReader = try trainDataset.map { try reader($0, "train_dataset") }
        let sets =
            evalDataset.map { [(name: nil, dataset: $0)] } ?? evalDatasets.map { (name: $0.name, dataset: $0.dataset) }
        evalSets = try sets.map { (name: String?, dataset: Dataset) in
            EvaluationSet(name: name, reader: try reader(dataset, EvaluationSet.split(name)))
        }
        try TrainingArguments.ClassWeights.check(
            arguments, trainReader ?? evalSets.first?.reader, for: model, ownLoss: hasOwnLoss)
        if !hasOwnLoss {
            objective = try Objectives.standard(
                for: model, labelSmoothing: arguments.labelSmoothingFactor,
                weights: try arguments.classWeights?.weights(of: trainReader, for: model))
        }
        self.objective = objective
        weights = TrainableWeights(model)
        try EvaluationSet.check(evalSets, arguments)
        if evalSets.isEmpty, arguments.evalStrategy != .no || arguments.evalOnStart {
            throw TrainingError(
                "trainer: \(arguments.evalOnStart ? "eval_on_start" : "eval_strategy '\(arguments.evalStrategy.rawValue)'") needs an eval_dataset"
            )
        }
        if let trainReader, !trainReader.hasLabels, !objective.takesAnyLabels {
            let columns = trainReader.dataset.columnNames.joined(separator: ", ")
            throw TrainingError(
                objective is QuestionAnswering
                    ? "train_dataset: there are no columns start_positions and end_positions; lorawb.answer_features makes them of questions, contexts and answers; the columns are \(columns)"
                    : "train_dataset: there is no label column; expected labels, label or label_ids; the columns are \(columns)"
            )
        }
    }

    /// What callbacks may ask; theirs to set.
    public var control: TrainerControl {
        get { state.progress.control }
        set { state.progress.control = newValue }
    }

    /// Trains to the end, or goes on where it stopped.
    @discardableResult
    public func train() throws -> TrainOutput {
        while try step() {}
        return try output()
    }

    /// Does one optimizer step with all that follows it; false when the training is over.
    ///
    /// The first call begins the training, the last one ends it (the best weights are loaded, where asked).
    @discardableResult
    public func step() throws -> Bool {
        try checkIsNotOver()
        session.isStepping = true
        defer { session.isStepping = false }
        do {
            try begin()
            if state.progress.phase != .finished { try advance() }
            settled = state
            if state.progress.phase == .finished { try finish() }
        } catch {
            optimizer?.zeroGrad()
            reporter?.end()
            // What was asked to stop fails in its own ways where it noticed that first.
            guard let stop = shouldStop?() ?? error as? Interruption else { throw error }
            state = settled
            throw try undisturbed { try interrupted(stop) }
        }
        return session.output == nil
    }

    /// What `train` gave.
    public func output() throws -> TrainOutput {
        guard let output = session.output else { throw TrainingError("the training is not over") }
        return output
    }

    /// Goes from phase to phase until a step and all that follows it is done.
    private func advance() throws {
        var isStepDone = false
        while true {
            settled = state
            switch state.progress.phase {
            case .epochBegin:
                if isStepDone { return }
                try beginEpoch()
            case .step:
                if isStepDone { return }
                Profile.beginStep()
                try optimizerStep()
                isStepDone = true
            case .stepEnd:
                try endStep()
                Profile.endStep()
            case .epochEnd:
                try endEpoch()
                isStepDone = true
            case .finished: return
            }
        }
    }

    /// Throws where somebody asked to stop.
    func poll() throws {
        if let interruption = shouldStop?() { throw interruption }
    }

    func emit(_ event: TrainerEvent) throws {
        guard !callbacks.isEmpty else { return }
        let span = Profile.phase("callbacks")
        defer { span.end() }
        for callback in callbacks { try callback.handle(event, self) }
    }
}

/// What a training gave in the end.
public struct TrainOutput: Sendable, Equatable {
    /// Steps done.
    public let globalStep: Int
    /// Mean loss of all steps.
    public let trainingLoss: Double
    /// train_runtime, train_samples_per_second, train_steps_per_second, total_flos, train_loss, epoch.
    public let metrics: [JSON.Member]
}

/// What a training is made of once it has begun.
struct TrainingSetup {
    let parameters: [NamedParameter]
    let optimizer: any Optimizer
    var schedule: Schedule
    let sampler: BatchSampler
    let plan: StepPlan
    /// Parameters that are not embeddings, for the estimate of operations.
    let computeParameters: Int
    let trainReader: BatchReader
}

/// What belongs to this process' part of a training, and is not saved.
struct TrainingSession {
    var hasBegun = false
    /// Whether the run was continued, so that its folder may hold checkpoints.
    var isResumed = false
    /// What is otherwise than in the run that was continued, until it is recorded.
    var changes: RunChanges?
    var start = ContinuousClock.now
    var firstStep = 0
    /// Whether a step, or what follows it, is in progress: an interruption then goes back to what was settled.
    var isStepping = false
    /// Seconds of evaluations, which rates leave out.
    var evaluationSeconds = 0.0
    var samples = 0
    var isChecked = false
    /// Whether it was said why layers are run again.
    var isCheckpointingTold = false
    /// Fingerprints of the datasets by name, once they were asked for.
    var fingerprints: [String: String] = [:]
    /// Folder of the log, where one is kept.
    var logFolder: Folder?
    /// Rows and seconds, evaluations left out, at the last log: what lies between two logs gives the rate.
    var logged = (samples: 0, seconds: 0.0)
    /// The right to write the output folder, from its first use on.
    var lock: FolderLock?
    var output: TrainOutput?
    /// The batches of the epoch in progress.
    var epoch: (index: Int, batches: BatchSampler.Epoch)?

    var seconds: Double {
        let elapsed = ContinuousClock.now - start
        return Double(elapsed.components.seconds) + Double(elapsed.components.attoseconds) * 1e-18
    }
}
