import Formats
import Models
import Tensors
import Testing
import Training

/// What stops a training, and what it says.
struct FailureTests {
    private func trainer(
        _ data: Dataset, model: (any Model)? = nil, _ arguments: [(String, JSON)] = [],
        objective: (any Objective)? = nil
    ) throws -> Trainer {
        try Trainer(
            model: model ?? Tiny.model(),
            arguments: Tiny.arguments(
                [
                    ("per_device_train_batch_size", .integer(2)), ("max_steps", .integer(3)),
                    ("save_strategy", .string("no")),
                ]
                .filter { pair in !arguments.contains { $0.0 == pair.0 } } + arguments), trainDataset: data,
            objective: objective)
    }

    private func rows(_ rows: [(ids: [Int32], label: JSON)]) throws -> Dataset {
        try Dataset(rows: rows.map { [.init("input_ids", .integers($0.ids)), .init("labels", $0.label)] })
    }

    @Test(
        "labels and ids that do not fit are named with row and range before anything is trained",
        arguments: [
            (
                [([5], .integer(0)), ([6], .integer(2))],
                "train_dataset: row 2: labels is 2; expected a whole number from 0 to 1, since the model has 2 labels"
            ),
            (
                [([5], .integer(-1))],
                "train_dataset: row 1: labels is -1; expected a whole number from 0 to 1, since the model has 2 labels"
            ),
            (
                [([5], .string("good"))],
                "train_dataset: row 1: labels is 'good'; expected a whole number from 0 to 1, since the model has 2 labels"
            ),
            (
                [([5], .number(0.5))],
                "train_dataset: row 1: labels is 0.5; expected a whole number from 0 to 1, since the model has 2 labels"
            ),
            ([([5], .integer(1)), ([], .integer(1))], "train_dataset: row 2: input_ids is empty"),
            (
                [([5], .integers([1, 0, 1]))],
                "train_dataset: row 1: labels is a list of 3 integers; expected a list of 2 numbers, each 0 or 1, since the model has 2 labels"
            ),
        ] as [([([Int32], JSON)], String)])
    func labels(given: [([Int32], JSON)], message: String) throws {
        let data = try rows(given.map { (ids: $0.0, label: $0.1) })
        #expect(throws: TrainingError(message)) { try trainer(data) }
    }

    @Test("of many wrong rows the first is named, whatever is wrong with it")
    func firstWrongRow() throws {
        var given: [(ids: [Int32], label: JSON)] = (0..<1000).map { ([5, 6], .integer($0 % 2)) }
        given[999].ids = []
        given[700].ids = [1_000_000]
        given[699].label = .integer(7)
        #expect(
            throws: TrainingError(
                "train_dataset: row 700: labels is 7; expected a whole number from 0 to 1, since the model has 2 labels"
            )
        ) { try trainer(rows(given)) }
        given[698].ids = [1_000_000]
        let vocabulary = try Tiny.model().config.vocabSize
        #expect(
            throws: TrainingError(
                "train_dataset: row 699: input_ids has 1000000, outside the model's vocabulary 0..<\(vocabulary): is the tokenizer another model's?"
            )
        ) { try trainer(rows(given)) }
    }

    @Test("missing columns, ids outside the vocabulary, rows that are too long")
    func columns() throws {
        #expect(
            throws: TrainingError(
                "train_dataset: there is no column 'input_ids'; did you mean 'input_id'?; the columns are input_id, labels; make it with map and tokenizer:encode"
            )
        ) {
            try trainer(Dataset(columns: [("input_id", .integers([1])), ("labels", .integers([1]))]))
        }
        #expect(
            throws: TrainingError(
                "train_dataset: there is no label column; expected labels, label or label_ids; the columns are input_ids"
            )
        ) { try trainer(Dataset(rows: [[.init("input_ids", .integers([5]))]])) }
        #expect(
            throws: TrainingError(
                "train_dataset: there is no label column 'labls'; did you mean 'labels'?; the columns are input_ids, labels"
            )
        ) { try trainer(rows([([5], .integer(1))]), [("label_names", .array([.string("labls")]))]) }
        let vocabulary = try Tiny.model().config.vocabSize
        #expect(
            throws: TrainingError(
                "train_dataset: row 1: input_ids has 1000000, outside the model's vocabulary 0..<\(vocabulary): is the tokenizer another model's?"
            )
        ) { try trainer(rows([([1_000_000], .integer(1))])) }
        let longest = try Tiny.model().config.maxLength
        #expect(
            throws: TrainingError(
                "train_dataset: row 1: input_ids has \(longest + 1) tokens; the model takes at most \(longest): give the tokenizer max_length"
            )
        ) { try trainer(rows([(Array(repeating: 5, count: longest + 1), .integer(1))])) }
        #expect(throws: TrainingError("train_dataset has no rows")) {
            try trainer(Dataset(rows: []).withColumns()).train()
        }
    }

    @Test("padding is cut off by attention_mask; holes are refused")
    func masks() throws {
        let model = try Tiny.model()
        let padded = try Dataset(rows: [
            [
                .init("input_ids", .integers([0, 5, 6, 0])), .init("attention_mask", .integers([0, 1, 1, 0])),
                .init("labels", .integer(1)),
            ]
        ])
        #expect(try BatchReader(padded, for: model).batch([0]).input.inputIds == [[5, 6]])
        let holes = try Dataset(rows: [
            [
                .init("input_ids", .integers([5, 6, 7])), .init("attention_mask", .integers([1, 0, 1])),
                .init("labels", .integer(1)),
            ]
        ])
        #expect(
            throws: TrainingError(
                "train_dataset: row 1: attention_mask must be ones, with zeros only before or after them; holes are not supported"
            )
        ) { try trainer(holes) }
    }

    @Test("a batch in which no label counts is an error")
    func noLabels() throws {
        let data = try rows([([5, 6], .integers([-100, -100])), ([7], .integers([-100]))])
        let error = #expect(throws: TrainingError.self) {
            try trainer(data, model: Tiny.model(task: .tokenClassification)).train()
        }
        #expect(
            error?.description
                == "step 1: no label counts: every one of them is -100, so there is no loss; it was given rows 1, 2 of train_dataset"
                || error?.description
                    == "step 1: no label counts: every one of them is -100, so there is no loss; it was given rows 2, 1 of train_dataset"
        )
    }

    @Test("training with nothing trainable is an error")
    func nothingTrainable() throws {
        let model = try Tiny.model()
        for (_, weight) in model.namedParameters() { try weight.setRequiresGrad(false) }
        #expect(
            throws: TrainingError(
                "trainer: nothing is trainable: add an adapter with add_adapter, or set requires_grad of some parameters"
            )
        ) { try trainer(Tiny.dataset(4), model: model).train() }
    }

    @Test("a loss that is not finite stops the run with step and rows; the weights before it stay")
    func notFinite() throws {
        let model = try Tiny.model()
        let data = try Tiny.dataset(6)
        var calls = 0
        let objective = FunctionObjective { batch, context in
            calls += 1
            var input = batch.input
            if calls == 2 { input.labels = nil }
            let output = try context.forward(batch.input)
            let loss = try #require(output.loss)
            guard calls == 2 else { return .init(loss: loss) }
            return .init(loss: try #require(output.logits).mseLoss(Tensor.full([batch.count, 2], .infinity)))
        }
        let trainer = try trainer(
            data, model: model, [("train_sampling_strategy", .string("sequential"))], objective: objective)
        try trainer.step()
        let before = try Tiny.weights(model)
        #expect(throws: TrainingError("step 2: the loss is inf; it was given rows 3, 4 of train_dataset")) {
            try trainer.step()
        }
        #expect(try Tiny.weights(model) == before)
        #expect(model.trainableParameters().allSatisfy { $0.weight.tensor?.grad == nil })
    }

    @Test("a gradient that is not finite stops the run and names the tensor")
    func gradientNotFinite() throws {
        let model = try Tiny.model()
        // A learning rate beyond reason throws the weights to infinity within a few steps.
        let trainer = try trainer(
            Tiny.dataset(8), model: model,
            [
                ("learning_rate", .number(1e38)), ("optim", .string("sgd")), ("max_grad_norm", .integer(0)),
                ("max_steps", .integer(9)),
            ])
        let error = #expect(throws: TrainingError.self) { try trainer.train() }
        let text = error?.description ?? ""
        #expect(text.hasPrefix("step ") && text.contains("not finite") || text.contains("the loss is"), "\(text)")
        #expect(text.contains("it was given rows"), "\(text)")
    }

    @Test("a trainable tensor that the loss does not reach is named after the first step")
    func unreached() throws {
        let model = try Tiny.model()
        let (name, _) = try #require(model.trainableParameters().first)
        let objective = FunctionObjective { _, _ in
            // The loss looks at the head's bias alone.
            let bias = try #require(model.namedParameters().first { $0.name == "classifier.bias" }?.weight.tensor)
            return .init(loss: try bias.mseLoss(Tensor.full(bias.shape, 1)))
        }
        let error = #expect(throws: TrainingError.self) {
            try trainer(Tiny.dataset(4), model: model, objective: objective).train()
        }
        let text = error?.description ?? ""
        #expect(text.hasPrefix("'\(name)' and "), "\(text)")
        #expect(text.contains("trainable, but the loss does not depend on them"), "\(text)")
    }

    @Test("gradients that stay zero for ten steps are named in a warning, once")
    func zeroGradients() throws {
        let model = try Tiny.model()
        let reporter = Reporter()
        let objective = FunctionObjective { batch, context in
            let output = try context.forward(batch.input)
            // A target equal to the scores: the gradient is zero throughout, though everything is reached.
            let scores = try #require(output.logits)
            return .init(loss: try scores.mseLoss(scores.detach()))
        }
        let trainer = try trainer(Tiny.dataset(4), model: model, [("max_steps", .integer(15))], objective: objective)
        trainer.reporter = reporter
        try trainer.train()
        let names = model.trainableParameters().map(\.name)
        #expect(
            reporter.warnings == [
                "the gradient of '\(names[0])' and of \(names.count - 1) more tensors was zero in all of the first 10 steps: nothing trains them"
            ])
    }

    @Test("what is asked and cannot be is said before training")
    func missingParts() throws {
        let (model, data) = (try Tiny.model(), try Tiny.dataset(4))
        #expect(throws: TrainingError("trainer: eval_strategy 'epoch' needs an eval_dataset")) {
            try trainer(data, [("eval_strategy", .string("epoch"))])
        }
        #expect(throws: TrainingError("trainer: there is no train_dataset")) { try Trainer(model: model).train() }
        #expect(throws: TrainingError("evaluate: there is no eval_dataset; give one")) {
            try Trainer(model: model).evaluate()
        }
        #expect(
            throws: TrainingError(
                "trainer: save_strategy 'steps' needs a folder; give output_dir, or save_strategy 'no'")
        ) { try Trainer(model: model, trainDataset: data).train() }
        let done = try trainer(data)
        try done.train()
        #expect(throws: TrainingError("this trainer's training is over; make another trainer to train on")) {
            try done.train()
        }
        #expect(
            throws: TrainingError(
                "train_dataset has 4 rows, fewer than one batch of 8, and dataloader_drop_last leaves those out")
        ) {
            try Trainer(
                model: model,
                arguments: Tiny.arguments([("dataloader_drop_last", .bool(true)), ("save_strategy", .string("no"))]),
                trainDataset: data
            ).train()
        }
    }
}

extension Dataset {
    /// The dataset with empty columns of ids and labels.
    fileprivate func withColumns() throws -> Dataset {
        try Dataset(columns: [("input_ids", .integerLists(flat: [], offsets: [0])), ("labels", .integers([]))])
    }
}

/// Keeps warnings.
private final class Reporter: ProgressReporter {
    var warnings: [String] = []
    func begin(totalSteps: Int, from step: Int) {}
    func update(_ update: ProgressUpdate) {}
    func evaluating(done: Int, of total: Int) {}
    func log(_ row: [JSON.Member]) {}
    func summary(_ summary: EpochSummary) {}
    func note(_ message: String) {}
    func warn(_ message: String) { warnings.append(message) }
    func end() {}
}
