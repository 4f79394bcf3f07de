import Formats
import Models
import Tensors
import TestSupport
import Testing
import Training

/// The step itself: accumulation, threads, loops written by hand, and what stops a run.
@Suite(.serialized)
struct TrainerTests {
    /// Weights after `steps` steps of SGD at rate 1 without clipping: start minus the gradients.
    private func trained(
        accumulation: Int, batch: Int, steps: Int = 1, dropout: Double = 0.1, task: TaskType = .sequenceClassification,
        data: Dataset
    ) throws -> [String: [Float]] {
        let model = try Tiny.model(dropout: dropout, task: task)
        let trainer = try Trainer(
            model: model,
            arguments: Tiny.arguments([
                ("optim", .string("sgd")), ("learning_rate", .number(1)), ("lr_scheduler_type", .string("constant")),
                ("max_grad_norm", .number(0)), ("per_device_train_batch_size", .integer(batch)),
                ("gradient_accumulation_steps", .integer(accumulation)), ("max_steps", .integer(steps)),
                ("save_strategy", .string("no")),
            ]), trainDataset: data)
        try trainer.train()
        return try Tiny.weights(model)
    }

    /// Largest difference of two sets of weights, relative to the largest change from the start.
    private func distance(_ a: [String: [Float]], _ b: [String: [Float]], from start: [String: [Float]]) throws -> Float
    {
        var (difference, change): (Float, Float) = (0, 0)
        for (name, values) in a {
            let (other, before) = (try #require(b[name]), try #require(start[name]))
            for index in values.indices {
                difference = max(difference, abs(values[index] - other[index]))
                change = max(change, abs(values[index] - before[index]))
            }
        }
        return difference / change
    }

    @Test("with dropout, four micro-batches give the gradient of the whole batch", arguments: [16, 13])
    func accumulation(rows: Int) throws {
        // 13 rows: the last micro-batch of four has one row, and sums must be divided by rows, not by micro-batches.
        let data = try Tiny.dataset(rows)
        let start = try Tiny.weights(Tiny.model())
        let whole = try trained(accumulation: 1, batch: 16, data: data)
        let parts = try trained(accumulation: 4, batch: 4, data: data)
        // Issue 2: to 1e-6; the sums are only ordered otherwise.
        #expect(try distance(whole, parts, from: start) <= 1e-6)
        let without = try trained(accumulation: 1, batch: 16, dropout: 0, data: data)
        #expect(try distance(whole, without, from: start) > 1e-2, "dropout must act for this to mean anything")
    }

    @Test("tokens without labels do not count in accumulation either")
    func tokenAccumulation() throws {
        let data = try Tiny.dataset(8).mappedEntries { row in
            guard let ids = row.first(where: { $0.key == "input_ids" })?.value.asIntegers else { return row }
            let labels = ids.enumerated().map { $0 % 3 == 0 ? -100 : $1 % 2 }
            return [.init("labels", .integers(labels))]
        }
        let start = try Tiny.weights(Tiny.model(task: .tokenClassification))
        let whole = try trained(accumulation: 1, batch: 8, task: .tokenClassification, data: data)
        let parts = try trained(accumulation: 4, batch: 2, task: .tokenClassification, data: data)
        #expect(try distance(whole, parts, from: start) <= 1e-6)
    }

    @Test("with dropout, one and two threads give the same bits")
    func threads() throws {
        let data = try Tiny.dataset(32)
        let one = try withThreads(1) { try trained(accumulation: 2, batch: 8, steps: 5, data: data) }
        let two = try withThreads(2) { try trained(accumulation: 2, batch: 8, steps: 5, data: data) }
        #expect(one == two)
    }

    @Test("a loop written by hand gives the trainer's losses and weights to the bit", arguments: [1, 3])
    func byHand(accumulation: Int) throws {
        let data = try Tiny.dataset(20)
        let model = try Tiny.model()
        let trainer = try Trainer(
            model: model,
            arguments: Tiny.arguments([
                ("learning_rate", .number(1e-2)), ("weight_decay", .number(0.01)), ("warmup_steps", .integer(2)),
                ("per_device_train_batch_size", .integer(4)), ("num_train_epochs", .integer(2)),
                ("gradient_accumulation_steps", .integer(accumulation)), ("logging_steps", .integer(1)),
                ("save_strategy", .string("no")),
            ]), trainDataset: data)
        try trainer.train()
        let losses = trainer.state.logHistory.compactMap { row in row.first { $0.key == "loss" }?.value.double }

        let other = try Tiny.model()
        let parameters = other.trainableParameters().compactMap { name, weight in
            weight.tensor.map { NamedParameter(name, $0) }
        }
        let optimizer = try AdamW(ParameterGroup.trainerGroups(parameters, learningRate: 1e-2, weightDecay: 0.01))
        let scheduler = Scheduler(
            optimizer, try Schedule(.linear, warmupSteps: 2, totalSteps: trainer.state.maxSteps))
        let sampler = try BatchSampler(count: data.count, batchSize: 4, seed: 42)
        let reader = try BatchReader(data, for: other)
        let clock = StepClock(seed: 42)
        var byHand: [Double] = []
        for epoch in 0..<2 {
            let order = sampler.epoch(epoch)
            for first in stride(from: 0, to: sampler.batchesPerEpoch, by: accumulation) {
                let batches = try (first..<min(sampler.batchesPerEpoch, first + accumulation)).map {
                    try reader.batch(Array(order[batch: $0]))
                }
                let total = batches.reduce(0) { $0 + $1.count }
                var loss = 0.0
                for batch in batches {
                    var input = batch.input
                    input.labels = nil
                    let logits = try #require(try other(input, draws: clock.draws(batch.count)).logits)
                    let share = try other.config.loss(
                        logits, #require(batch.labels), reduction: .dividedBy(Float(total)))
                    try share.backward()
                    loss += Double(try share.floatArray()[0])
                }
                try clipGradNorm(parameters, maxNorm: 1)
                try optimizer.step()
                scheduler.step()
                optimizer.zeroGrad()
                clock.beginNextStep()
                byHand.append(loss)
            }
        }
        #expect(byHand == losses)
        #expect(try Tiny.weights(model) == Tiny.weights(other))
    }

    @Test("batches by tokens: steps are counted by batches, and the step's loss is of all its labels")
    func tokenBatches() throws {
        let data = try Tiny.dataset(20)
        let counts = (0..<20).map { data.value("input_ids", row: $0)?.array?.count ?? 0 }
        func made(_ arguments: [(String, JSON)]) throws -> Trainer {
            try Trainer(
                model: Tiny.model(dropout: 0),
                arguments: Tiny.arguments(
                    [("logging_steps", .integer(1)), ("save_strategy", .string("no"))] + arguments),
                trainDataset: data, evalDataset: data)
        }
        // In their order, up to 16 tokens: what a loop by hand takes.
        var batches: [[Int]] = [[]]
        for (row, count) in counts.enumerated() {
            let tokens = batches[batches.count - 1].reduce(0) { $0 + counts[$1] }
            if tokens + count > 16 { batches.append([]) }
            batches[batches.count - 1].append(row)
        }
        let trainer = try made([
            ("max_tokens_per_batch", .integer(16)), ("train_sampling_strategy", .string("sequential")),
            ("gradient_accumulation_steps", .integer(3)), ("num_train_epochs", .integer(2)),
            ("warmup_steps", .number(0.5)),
        ])
        try trainer.train()
        let steps = (batches.count + 2) / 3
        #expect(batches.contains { $0.count > 2 } && batches.count % 3 != 0)
        #expect(trainer.state.maxSteps == 2 * steps && trainer.state.globalStep == 2 * steps)
        #expect(trainer.state.numInputTokensSeen == 2 * counts.reduce(0, +))
        let rates = trainer.state.logHistory.compactMap { $0.first { $0.key == "learning_rate" }?.value.double }
        #expect(rates.firstIndex(of: 5e-5) == steps)
        // The first step is one batch of the rows that it takes.
        let rows = batches.prefix(3).reduce(0) { $0 + $1.count }
        let whole = try made([
            ("per_device_train_batch_size", .integer(rows)), ("train_sampling_strategy", .string("sequential")),
            ("max_steps", .integer(1)),
        ])
        try whole.train()
        func loss(_ trainer: Trainer) -> Double {
            trainer.state.logHistory.compactMap { $0.first { $0.key == "loss" }?.value.double }.first ?? .nan
        }
        // Sums of some rows' losses in another order.
        #expect(abs(loss(trainer) - loss(whole)) < 1e-6)
        // Rows bound a batch as well where that is said, and both bound evaluations.
        for (said, expected) in [([("per_device_train_batch_size", JSON.integer(2))], 10), ([], 1)] {
            let bounded = try made([("max_tokens_per_batch", .integer(1000)), ("max_steps", .integer(1))] + said)
            try bounded.train()
            #expect(bounded.state.epoch == 1 / Double(expected))
        }
        func evalLoss(_ arguments: [(String, JSON)]) throws -> Double {
            try made(arguments).evaluate().first { $0.key == "eval_loss" }?.value.double ?? .nan
        }
        #expect(try abs(evalLoss([("max_tokens_per_batch", .integer(9))]) - evalLoss([])) < 1e-6)
    }

    @Test("a row with more tokens than a batch may have is a batch of its own, which is said")
    func longRows() throws {
        let listener = Listener()
        let trainer = try Trainer(
            model: Tiny.model(),
            arguments: Tiny.arguments([
                ("max_tokens_per_batch", .integer(3)), ("num_train_epochs", .integer(1)),
                ("save_strategy", .string("no")),
            ]), trainDataset: Tiny.dataset(20))
        trainer.reporter = listener
        try trainer.train()
        #expect(trainer.state.globalStep == 20)
        #expect(
            listener.warnings.contains {
                $0.hasPrefix("max_tokens_per_batch: ")
                    && $0.hasSuffix(
                        " of 20 rows of train_dataset have more than 3 tokens, the longest 9; each is a batch of its own"
                    )
            })
    }

    @Test("with one micro-batch a step, the model's own mean loss is the trainer's")
    func meanLoss() throws {
        let data = try Tiny.dataset(4)
        let (model, other) = (try Tiny.model(), try Tiny.model())
        let trainer = try Trainer(
            model: model,
            arguments: Tiny.arguments([
                ("max_steps", .integer(1)), ("logging_steps", .integer(1)), ("save_strategy", .string("no")),
                ("train_sampling_strategy", .string("sequential")),
            ]), trainDataset: data)
        try trainer.train()
        let input = try BatchReader(data, for: other).batch([0, 1, 2, 3]).input
        let loss = try #require(try other(input, draws: DropoutDraws(seed: 42)).loss)
        #expect(trainer.state.logHistory[0][0] == .init("loss", .number(Double(try loss.floatArray()[0]))))
    }

    @Test("the same run twice gives the same bits; another seed gives others")
    func repeatable() throws {
        func run(seed: Int) throws -> [String: [Float]] {
            let model = try Tiny.model()
            let trainer = try Trainer(
                model: model,
                arguments: Tiny.arguments([
                    ("max_steps", .integer(4)), ("seed", .integer(seed)), ("save_strategy", .string("no")),
                ]), trainDataset: try Tiny.dataset(24))
            try trainer.train()
            return try Tiny.weights(model)
        }
        #expect(try run(seed: 1) == run(seed: 1))
        #expect(try run(seed: 1) != run(seed: 2))
    }

    @Test("after the first steps a step allocates no storage from the system")
    func allocations() throws {
        let trainer = try Trainer(
            model: Tiny.model(),
            arguments: Tiny.arguments([
                ("max_steps", .integer(12)), ("per_device_train_batch_size", .integer(8)),
                ("save_strategy", .string("no")), ("train_sampling_strategy", .string("sequential")),
            ]), trainDataset: Tiny.dataset(8))
        for _ in 0..<4 { try trainer.step() }
        let before = StoragePool.shared.liveBytes + StoragePool.shared.pooledBytes
        for _ in 0..<6 { try trainer.step() }
        #expect(StoragePool.shared.liveBytes + StoragePool.shared.pooledBytes == before)
    }

    @Test("label smoothing spreads the labels' weight as torch does")
    func smoothing() throws {
        let model = try Tiny.model(dropout: 0)
        let data = try Tiny.dataset(6)
        let plain = try Trainer(model: model, evalDataset: data).evaluate()
        let smooth = try Trainer(
            model: model, arguments: Tiny.arguments([("label_smoothing_factor", .number(0.2))]), evalDataset: data
        )
        .evaluate()
        let scores = try Trainer(model: model).predict(data).predictions
        // (1 − ε) · nll + ε · mean over classes of −log p (LabelSmoother of transformers).
        var expected = 0.0
        guard case .classes(let labels)? = scores.labels else { return }
        for (row, label) in labels.enumerated() {
            let (a, b) = (Double(scores.logits[row * 2]), Double(scores.logits[row * 2 + 1]))
            let normalizer = log(exponentials: [a, b])
            let logs = [a - normalizer, b - normalizer]
            expected += -0.8 * logs[label] - 0.2 * (logs[0] + logs[1]) / 2
        }
        #expect(abs(try #require(smooth[0].value.double) - expected / Double(labels.count)) < 1e-6)
        #expect(plain[0].value != smooth[0].value)
    }
}

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// log Σ eˣ.
private func log(exponentials x: [Double]) -> Double {
    let top = x.max() ?? 0
    return top + log(x.reduce(0) { $0 + exp($1 - top) })
}
