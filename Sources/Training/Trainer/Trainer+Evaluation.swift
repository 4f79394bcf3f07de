import Formats
import Kernels
import Models
import Tensors
import Words

/// Scores of a dataset's rows, in the order of the rows.
public struct Predictions: Sendable {
    /// Scores [rows, width], or [tokens, width] where `boundaries` says which tokens are whose.
    public let logits: [Float]
    /// Scores of one row or token.
    public let width: Int
    /// Where the rows' tokens begin, [rows + 1]; nil where each row has one set of scores.
    public let boundaries: [Int]?
    /// The labels, where there are any.
    public let labels: Labels?
}

/// Where the metrics of an evaluation come from, beside its loss.
public enum ComputeMetrics {
    /// There are none.
    case none
    /// From metrics that gather batch by batch, so that no scores are kept.
    case metrics([any Metric])
    /// From a function of all scores.
    case function((Predictions) throws -> [JSON.Member])
}

extension Trainer {
    /// Evaluates rows: eval_loss, eval_<metric>, eval_runtime, eval_samples_per_second, eval_steps_per_second and the epoch.
    ///
    /// eval_loss is the mean over all that is labelled, rows or tokens. The result is logged. Batches take the rows in their order:
    /// nothing is padded, so sorting by length would gain nothing. Of several sets each is evaluated, logged and told to callbacks
    /// with its name in its metrics, `eval_dev_loss`; the result has the metrics of all.
    @discardableResult
    public func evaluate(_ dataset: Dataset? = nil, prefix: String = "eval") throws -> [JSON.Member] {
        guard let dataset else {
            guard !evalSets.isEmpty else { throw TrainingError("evaluate: there is no eval_dataset; give one") }
            return try evaluate(evalSets, prefix: prefix, keepsStates: true)
        }
        return try evaluate(
            [EvaluationSet(name: nil, reader: try reader(dataset, "eval_dataset"))], prefix: prefix, keepsStates: false)
    }

    /// Evaluates several sets of rows, as `evaluate` does those that the trainer was made with.
    @discardableResult
    public func evaluate(_ datasets: [(name: String, dataset: Dataset)]) throws -> [JSON.Member] {
        let sets = try datasets.map { name, dataset in
            EvaluationSet(name: name, reader: try reader(dataset, EvaluationSet.split(name)))
        }
        return try evaluate(sets, prefix: "eval", keepsStates: false)
    }

    private func evaluate(_ sets: [EvaluationSet], prefix: String, keepsStates: Bool) throws -> [JSON.Member] {
        var all: [JSON.Member] = []
        for set in sets {
            let isRecorded = recordFolder != nil && keepsStates
            var detail = isRecorded ? EvaluationDetail(name: set.name, dataset: set.reader.dataset, model: model) : nil
            let metrics = try run(
                set.reader, computeMetrics, prefix: set.prefix(prefix), keepsPredictions: false,
                kept: keepsStates ? .evaluation(set.name) : nil, detail: &detail
            ).metrics
            all += metrics
            if let detail {
                evaluationDetails.removeAll { $0.name == set.name }
                evaluationDetails.append(detail)
            }
            try log(metrics)
            // Callbacks hear of a set once it is done, the table gets one line for all.
            if set.name == sets.last?.name { summarize(all, prefix: prefix, sets) }
            try emit(.evaluate(metrics + [JSON.Member("epoch", .number(state.epoch))]))
        }
        return all + [JSON.Member("epoch", .number(state.epoch))]
    }

    /// Scores of all rows, and their metrics with the prefix `test_`.
    public func predict(
        _ dataset: Dataset, prefix: String = "test"
    ) throws -> (predictions: Predictions, metrics: [JSON.Member]) {
        guard (model as? any Model)?.taskType != .causalLM else {
            throw TrainingError(
                "predict: the scores of every token over the vocabulary are not kept; evaluate gives loss and perplexity, model:score what each token gets"
            )
        }
        let reader = try reader(dataset, "dataset")
        var detail: EvaluationDetail?
        let run = try run(reader, computeMetrics, prefix: prefix, keepsPredictions: true, kept: nil, detail: &detail)
        try emit(.predict(run.metrics))
        return (run.predictions, run.metrics)
    }

    private func reader(_ dataset: Dataset, _ split: String) throws -> BatchReader {
        try BatchReader(
            dataset, for: model, columns: objective.columns, labelNames: arguments.labelNames,
            isFree: objective.takesAnyLabels, split: split)
    }

    private func summarize(_ metrics: [JSON.Member], prefix: String, _ sets: [EvaluationSet]) {
        guard setup != nil, let reporter else { return }
        let (loss, steps) = (state.progress.epochLoss, state.progress.epochSteps)
        let speeds = ["runtime", "samples_per_second", "steps_per_second"]
        let own = sets.flatMap { set in speeds.map { "\(set.prefix(prefix))_\($0)" } } + ["\(prefix)_loss"]
        reporter.summary(
            EpochSummary(
                epoch: state.epoch, step: state.globalStep, trainingLoss: steps > 0 ? loss / Double(steps) : nil,
                validationLoss: metrics.first { $0.key == "\(prefix)_loss" }?.value.double,
                metrics: metrics.filter { !own.contains($0.key) }.map {
                    JSON.Member(String($0.key.dropFirst(prefix.count + 1)), $0.value)
                }))
    }

    private func run(
        _ reader: BatchReader, _ source: ComputeMetrics, prefix: String, keepsPredictions: Bool,
        kept split: TrainerKeptStates.Split?, detail: inout EvaluationDetail?
    ) throws -> (metrics: [JSON.Member], predictions: Predictions) {
        guard reader.dataset.count > 0 else { throw TrainingError("evaluate: the dataset has no rows") }
        let span = Profile.aside("evaluation")
        defer { span.end() }
        let start = ContinuousClock.now
        let wantsMetrics = reader.hasLabels && !arguments.predictionLossOnly
        let isGathering = if case .function = source { wantsMetrics } else { false }
        var gathered = GatheredScores(keepsScores: keepsPredictions || isGathering)
        if case .metrics(let metrics) = source { for metric in metrics { metric.reset() } }
        let sampler = try evaluationSampler(reader, arguments)
        let epoch = sampler.epoch(0)
        var done = 0
        for index in 0..<sampler.batchesPerEpoch {
            try pollOutsideSteps()
            var batch = try reader.batch(Array(epoch[batch: index]))
            if let split { batch = try withKeptStates(batch, of: split) }
            let part = try Recording.off { try score(batch, reader) }
            gathered.add(part, batch)
            detail?.add(batch, logits: part.logits, width: part.width)
            if wantsMetrics, case .metrics(let metrics) = source, let evaluated = try part.evaluated(batch) {
                for metric in metrics { try metric.update(evaluated) }
            }
            done += batch.count
            reporter?.evaluating(done: done, of: reader.dataset.count)
        }
        let predictions = gathered.predictions
        var metrics: [JSON.Member] = []
        if let loss = gathered.meanLoss { metrics.append(JSON.Member("loss", .number(loss))) }
        if let loss = gathered.meanLoss, let accuracy = gathered.accuracy {
            metrics.append(JSON.Member("perplexity", .number(exponential(loss))))
            metrics.append(JSON.Member("mean_token_accuracy", .number(accuracy)))
        }
        if wantsMetrics { metrics += try results(source, predictions) }
        let elapsed = (ContinuousClock.now - start).components
        let seconds = Double(elapsed.seconds) + Double(elapsed.attoseconds) * 1e-18
        session.evaluationSeconds += seconds
        metrics += speed(rows: reader.dataset.count, batches: sampler.batchesPerEpoch, seconds)
        return (
            metrics.map { $0.key.hasPrefix(prefix + "_") ? $0 : JSON.Member("\(prefix)_\($0.key)", $0.value) },
            predictions
        )
    }

    /// The batches of an evaluation with these arguments, in the order of the rows.
    func evaluationSampler(_ reader: BatchReader, _ arguments: TrainingArguments) throws -> BatchSampler {
        try BatchSampler(
            count: reader.dataset.count, batchSize: arguments.evalRowsPerBatch, strategy: .sequential,
            maxTokens: arguments.maxTokensPerBatch, tokenCounts: reader.tokenCounts)
    }

    /// Throws where somebody asked to stop; outside of a training there is no state to write.
    func pollOutsideSteps() throws {
        do { try poll() } catch let stop as Interruption where !session.isStepping {
            throw TrainingInterrupted(checkpoint: nil, step: state.globalStep, reason: stop.reason)
        }
    }

    private func results(_ source: ComputeMetrics, _ predictions: Predictions) throws -> [JSON.Member] {
        switch source {
        case .none: []
        case .metrics(let metrics): try metrics.map { JSON.Member($0.name, .number(try $0.result())) }
        case .function(let function): try function(predictions)
        }
    }

    private func speed(rows: Int, batches: Int, _ seconds: Double) -> [JSON.Member] {
        let time = max(seconds, 1e-9)
        return [
            JSON.Member("runtime", .number(Figures.rounded(seconds, 4))),
            JSON.Member("samples_per_second", .number(Figures.rounded(Double(rows) / time, 3))),
            JSON.Member("steps_per_second", .number(Figures.rounded(Double(batches) / time, 3))),
        ]
    }

    /// Loss and scores of a batch, outside training.
    private func score(_ batch: Batch, _ reader: BatchReader) throws -> ScoredBatch {
        guard reader.hasLabels || objective.takesAnyLabels else {
            guard let model = model as? any Model else { throw TrainingError("the rows have no labels") }
            let output = try model(batch.input)
            guard let logits = output.logits else { throw TrainingError("the model gave no logits") }
            let perToken = model.givesTokens
            return try ScoredBatch(
                logits: logits, boundaries: perToken ? output.boundaries : nil, loss: 0, count: 0, weight: 0)
        }
        let count = try objective.count(batch)
        let weight = try objective.weight(batch)
        let output = try objective.evaluate(batch, StepContext(evaluating: model, total: weight > 0 ? weight : 1))
        let loss = try output.value()
        guard loss.isFinite else {
            throw TrainingError("evaluation: the loss of rows \(batch.rowNames) is not finite")
        }
        return try ScoredBatch(
            logits: output.logits, boundaries: output.boundaries, loss: loss, count: count, weight: weight,
            correct: output.correct)
    }
}

/// What an evaluation keeps of one batch.
private struct ScoredBatch {
    let logits: [Float]
    let width: Int
    let boundaries: [Int]?
    /// The mean loss over what is labelled.
    let loss: Double
    let count: Int
    /// What is labelled by its weights.
    let weight: Double
    /// Labelled tokens that the model finds the most probable; nil where that is not asked.
    let correct: Int?

    init(
        logits: Tensor?, boundaries: [Int]?, loss: Double, count: Int, weight: Double, correct: Int? = nil
    ) throws {
        self.correct = correct
        self.logits = try logits?.floatArray() ?? []
        width = logits?.shape.last ?? 0
        (self.boundaries, self.loss, self.count, self.weight) = (boundaries, loss, count, weight)
    }

    func evaluated(_ batch: Batch) throws -> EvaluationPart? {
        guard let labels = batch.labels, width > 0 else { return nil }
        return try EvaluationPart(
            logits: logits, width: width, labels: labels, lossSum: loss * Double(count), lossCount: count)
    }
}

/// Scores, labels and losses of the batches of an evaluation.
private struct GatheredScores {
    let keepsScores: Bool
    private var (logits, width): ([Float], Int) = ([], 0)
    private var boundaries: [Int]?
    private var labels: Labels?
    private var (lossSum, weight, count) = (0.0, 0.0, 0)
    private var correct: Int?

    init(keepsScores: Bool) { self.keepsScores = keepsScores }

    /// The mean over all that is labelled, by its weights; nil where nothing is.
    var meanLoss: Double? { weight > 0 ? lossSum / weight : nil }

    /// Share of the labelled tokens that the model finds the most probable; nil where that was not asked.
    var accuracy: Double? { correct.flatMap { count > 0 ? Double($0) / Double(count) : nil } }

    var predictions: Predictions {
        Predictions(logits: logits, width: width, boundaries: boundaries, labels: labels)
    }

    mutating func add(_ part: ScoredBatch, _ batch: Batch) {
        lossSum += part.loss * part.weight
        weight += part.weight
        count += part.count
        if let more = part.correct { correct = (correct ?? 0) + more }
        guard keepsScores else { return }
        logits += part.logits
        width = part.width
        if let new = part.boundaries {
            let end = boundaries?.last ?? 0
            if boundaries == nil { boundaries = [0] }
            boundaries?.append(contentsOf: new.dropFirst().map { $0 + end })
        }
        guard let new = batch.labels else { return }
        if labels == nil { labels = new } else { labels?.append(new) }
    }
}

extension Labels {
    /// Adds labels of the same kind; others are not added.
    mutating func append(_ other: Labels) {
        let current = self
        // Nobody else holds the list while it grows, so that it grows in place.
        self = .classes([])
        switch (consume current, other) {
        case (.classes(var a), .classes(let b)):
            a += b
            self = .classes(a)
        case (.values(var a), .values(let b)):
            a += b
            self = .values(a)
        case (.vectors(var a), .vectors(let b)):
            a += b
            self = .vectors(a)
        case (.tokens(var a), .tokens(let b)):
            a += b
            self = .tokens(a)
        case (.answers(var starts, var ends), .answers(let moreStarts, let moreEnds)):
            starts += moreStarts
            ends += moreEnds
            self = .answers(starts: starts, ends: ends)
        case (let kept, _): self = kept
        }
    }
}
