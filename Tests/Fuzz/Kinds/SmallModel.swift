import Adapters
import Formats
import Models
import Training

/// The two-layer BERT of the goldens, and training on it.
enum SmallModel {
    static let folder = "Tests/Goldens/models/bert-classifier"

    static func make(_ root: Folder, weights: LoadOptions.Weights = .file) throws -> any Model {
        try loadModel(
            root.subfolder(folder), LoadOptions(taskType: .sequenceClassification, numLabels: 3, weights: weights)
        ).model
    }

    /// Five rows of ids that any vocabulary of five entries takes.
    static func data(labels: Int = 2) throws -> Dataset {
        try Dataset(
            rows: (0..<5).map { row in
                [
                    .init("input_ids", .integers([1, Int32(row % 5), 2, 3])),
                    .init("labels", .integer(row % max(1, labels))),
                ]
            })
    }

    /// Trains a model for some steps.
    static func train(_ model: any Model, steps: Int, labels: Int) throws {
        let arguments = try TrainingArguments([
            .init("max_steps", .integer(steps)), .init("per_device_train_batch_size", .integer(2)),
            .init("save_strategy", .string("no")),
        ])
        let trainer = try Trainer(model: model, arguments: arguments, trainDataset: data(labels: labels))
        try trainer.train()
    }
}
