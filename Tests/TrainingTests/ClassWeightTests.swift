import Formats
import Foundation
import Models
import Tensors
import Testing
import Training

/// Weights of classes and label smoothing in the trainer.
struct ClassWeightTests {
    private func golden(_ name: String) throws -> [JSON] {
        try Goldens.elements(JSON(parsing: Goldens.folder().read("data.json"), source: "data.json")[name])
    }

    /// Weights after a step of SGD at rate 1 without clipping, start minus the gradients, and its loss.
    private func trained(
        _ arguments: [(String, JSON)], accumulation: Int, batch: Int, model: any Model, data: Dataset
    ) throws -> (weights: [String: [Float]], loss: Double) {
        let trainer = try Trainer(
            model: model,
            arguments: Tiny.arguments(
                arguments + [
                    ("gradient_accumulation_steps", .integer(accumulation)),
                    ("per_device_train_batch_size", .integer(batch)), ("max_steps", .integer(1)),
                    ("learning_rate", .number(1)), ("max_grad_norm", .number(0)), ("optim", .string("sgd")),
                    ("logging_first_step", .bool(true)),
                    ("save_strategy", .string("no")), ("lr_scheduler_type", .string("constant")),
                ]), trainDataset: data)
        try trainer.train()
        let loss = trainer.state.logHistory.first?.first { $0.key == "loss" }?.value.double
        return (try Tiny.weights(model), try #require(loss))
    }

    private func distance(_ a: [String: [Float]], _ b: [String: [Float]], from start: [String: [Float]]) throws
        -> Double
    {
        var (difference, change) = (0.0, 0.0)
        for (name, first) in a {
            let (second, before) = (try #require(b[name]), try #require(start[name]))
            for (index, value) in first.enumerated() {
                difference = max(difference, Double(abs(value - second[index])))
                change = max(change, Double(abs(value - before[index])))
            }
        }
        return difference / change
    }

    /// log softmax of rows of scores, in double precision.
    private func logProbabilities(_ trainer: Trainer, _ data: Dataset) throws -> [[Double]] {
        let scores = try trainer.predict(data).predictions
        return (0..<scores.logits.count / scores.width).map { row in
            let own = scores.logits[row * scores.width..<(row + 1) * scores.width].map(Double.init)
            let top = own.max() ?? 0
            let total = own.reduce(0) { $0 + exp($1 - top) }
            return own.map { $0 - top - log(total) }
        }
    }

    private func evaluated(_ model: any Model, _ arguments: [(String, JSON)], _ data: Dataset) throws -> (
        Trainer, Double
    ) {
        let trainer = try Trainer(
            model: model, arguments: Tiny.arguments(arguments + [("per_device_eval_batch_size", .integer(3))]),
            trainDataset: data, evalDataset: data)
        let loss = try trainer.evaluate().first { $0.key == "eval_loss" }?.value.double
        return (trainer, try #require(loss))
    }

    @Test("balanced weights are scikit-learn's")
    func balanced() throws {
        for json in try golden("weights") {
            let labels = try Goldens.elements(json["labels"]).map { try #require($0.int) }
            let expected = try Goldens.numbers(json["weights"])
            let data = try Dataset(
                rows: labels.map { [.init("input_ids", .integers([5, 6])), .init("labels", .integer($0))] })
            let model = try Tiny.model(labels: expected.count)
            let byName = try evaluated(model, [("class_weights", .string("balanced"))], data).1
            let given = try evaluated(model, [("class_weights", .array(expected.map(JSON.number)))], data).1
            #expect(abs(byName - given) <= 1e-6 * given)
            // All rows are the same, so the weighted mean is Σ w_y · (−log p_y) / Σ w_y.
            let (trainer, plain) = try evaluated(model, [], data)
            let logs = try logProbabilities(trainer, data)
            let total = labels.reduce(0) { $0 + expected[$1] }
            let naive =
                labels.enumerated().reduce(0) { $0 - expected[$1.element] * logs[$1.offset][$1.element] } / total
            #expect(abs(given - naive) <= 1e-5 * naive)
            #expect(abs(plain - given) > 1e-4 || expected.allSatisfy { $0 == 1 })
        }
    }

    @Test("weighted micro-batches give the gradient of the whole step, whose mean is over its weights")
    func accumulation() throws {
        let data = try Tiny.dataset(13)
        let weights: [(String, JSON)] = [("class_weights", .array([.number(0.25), .number(4)]))]
        let start = try Tiny.weights(Tiny.model())
        let whole = try trained(weights, accumulation: 1, batch: 16, model: Tiny.model(), data: data)
        let parts = try trained(weights, accumulation: 5, batch: 3, model: Tiny.model(), data: data)
        #expect(try distance(whole.weights, parts.weights, from: start) <= 1e-6)
        #expect(abs(whole.loss - parts.loss) <= 1e-6)
        let plain = try trained([], accumulation: 1, batch: 16, model: Tiny.model(), data: data)
        #expect(try distance(whole.weights, plain.weights, from: start) > 1e-2)
        // A factor that all weights share changes nothing.
        let same = try trained(
            [("class_weights", .array([.number(0.5), .number(8)]))], accumulation: 2, batch: 7, model: Tiny.model(),
            data: data)
        #expect(try distance(whole.weights, same.weights, from: start) <= 1e-6)
    }

    @Test("tokens have weights too, and those without a label none")
    func tokens() throws {
        let data = try Tiny.dataset(8).mappedEntries { row in
            let ids = row.first { $0.key == "input_ids" }?.value.array?.compactMap(\.int) ?? []
            return [.init("labels", .integers(ids.enumerated().map { $0 % 3 == 0 ? -100 : $1 % 2 }))]
        }
        func model() throws -> any Model { try Tiny.model(dropout: 0, task: .tokenClassification) }
        let weights = [0.5, 3.0]
        let arguments: [(String, JSON)] = [("class_weights", .array(weights.map(JSON.number)))]
        let start = try Tiny.weights(model())
        let whole = try trained(arguments, accumulation: 1, batch: 8, model: model(), data: data)
        let parts = try trained(arguments, accumulation: 4, batch: 2, model: model(), data: data)
        #expect(try distance(whole.weights, parts.weights, from: start) <= 1e-6)
        let (trainer, loss) = try evaluated(model(), arguments, data)
        guard case .tokens(let labels)? = try trainer.predict(data).predictions.labels else {
            throw TrainingError("no labels")
        }
        let logs = try logProbabilities(trainer, data)
        var (sum, total) = (0.0, 0.0)
        for (label, row) in zip(labels.joined(), logs) where label >= 0 {
            sum -= weights[label] * row[label]
            total += weights[label]
        }
        #expect(abs(loss - sum / total) <= 1e-5)
        #expect(abs(whole.loss - sum / total) <= 1e-5)
    }

    @Test("several labels: the presence of each weighs more, the mean is over elements")
    func severalLabels() throws {
        let rows: [[Float]] = [[1, 0, 0], [0, 0, 1], [1, 1, 0], [0, 0, 0], [1, 0, 1]]
        let data = try Dataset(
            rows: rows.enumerated().map { number, labels in
                [
                    .init("input_ids", .integers([5 + number, 6, 7])),
                    .init("labels", .array(labels.map { .number(Double($0)) })),
                ]
            })
        let model = try Tiny.model(dropout: 0, labels: 3)
        // Rows without over rows with each label.
        let balanced = [2.0 / 3, 4, 3.0 / 2]
        for arguments: (String, JSON) in [
            ("class_weights", .string("balanced")), ("class_weights", .array(balanced.map(JSON.number))),
        ] {
            let (trainer, loss) = try evaluated(model, [arguments], data)
            let scores = try trainer.predict(data).predictions.logits
            var sum = 0.0
            for (row, labels) in rows.enumerated() {
                for (id, label) in labels.enumerated() {
                    let p = 1 / (1 + exp(-Double(scores[row * 3 + id])))
                    sum -= label == 1 ? balanced[id] * log(p) : log(1 - p)
                }
            }
            #expect(abs(loss - sum / 15) <= 1e-5)
        }
    }

    @Test("label smoothing is that of transformers' LabelSmoother, in training and in evaluation")
    func smoothing() throws {
        for json in try golden("smoothing") {
            let factor = try #require(json["factor"]?.double)
            let logits = try Goldens.elements(json["logits"]).flatMap {
                try Goldens.elements($0).flatMap { try Goldens.floats($0) }
            }
            let labels = try Goldens.elements(json["labels"]).flatMap { try Goldens.elements($0).compactMap(\.int) }
            let loss = try Tensor(logits, shape: [10, 4]).crossEntropy(labels, smoothing: Float(factor)).item().double
            // Float32 against torch's float64.
            #expect(try abs(loss - #require(json["loss"]?.double)) < 1e-6)
        }
        let data = try Tiny.dataset(9)
        let model = try Tiny.model(dropout: 0)
        let arguments: [(String, JSON)] = [("label_smoothing_factor", .number(0.2))]
        let (trainer, loss) = try evaluated(model, arguments, data)
        let logs = try logProbabilities(trainer, data)
        let sum = (0..<9).reduce(0.0) { total, row in
            let label = data.value("labels", row: row)?.int ?? 0
            return total - 0.8 * logs[row][label] - 0.1 * (logs[row][0] + logs[row][1])
        }
        #expect(abs(loss - sum / 9) <= 1e-5)
        let first = try trained(arguments, accumulation: 3, batch: 3, model: model, data: data).loss
        #expect(abs(first - sum / 9) <= 1e-5)
    }

    @Test("what cannot be weighted is refused by name")
    func refusals() throws {
        let data = try Tiny.dataset(4)
        func failure(_ arguments: [(String, JSON)], _ model: any Model, own: Bool = false) throws -> String {
            do {
                _ = try Trainer(
                    model: model, arguments: Tiny.arguments(arguments), trainDataset: data,
                    objective: own ? FunctionObjective { _, _ in throw TrainingError("never") } : nil)
                return "none"
            } catch { return "\(error)" }
        }
        let three: [(String, JSON)] = [("class_weights", .array([.number(1), .number(1), .number(1)]))]
        #expect(
            try failure(three, Tiny.model())
                == "args: class_weights has 3 numbers; the model has 2 labels: give one for each, from class 0")
        #expect(
            try failure(three, Tiny.model(), own: true)
                == "args: class_weights is for the model's own loss, and compute_loss is given; give it to nn.cross_entropy there"
        )
        let smooth: [(String, JSON)] = [("label_smoothing_factor", .number(0.1))]
        for (name, arguments) in [("class_weights", three), ("label_smoothing_factor", smooth)] {
            #expect(
                try failure(arguments, Tiny.model(labels: 1))
                    == "args: \(name) is for classes; the labels are numbers of a regression")
        }
        #expect(throws: (any Error).self) {
            try Tiny.arguments([("class_weights", .array([.number(-1), .number(1)]))])
        }
        #expect(throws: (any Error).self) { try Tiny.arguments([("class_weights", .string("balance"))]) }
        let zero: [(String, JSON)] = [
            ("class_weights", .array([.integer(0), .integer(0)])), ("save_strategy", .string("no")),
        ]
        #expect(throws: TrainingError.self) {
            try Trainer(model: Tiny.model(), arguments: Tiny.arguments(zero), trainDataset: data).train()
        }
    }
}
