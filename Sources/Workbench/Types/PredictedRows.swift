import Inference
import LuaBridge
import Models
import Training

/// What a trainer's predictions say of each row, by the names that `model:classify` gives.
struct PredictedRows {
    /// A value for each row.
    let values: [LuaValue]

    /// Nil where the scores are not those of classes or of a regression.
    init?(_ predictions: Predictions, _ model: any Model) {
        let (width, config) = (predictions.width, model.config)
        guard width > 0, width == config.numLabels else { return nil }
        func found(_ row: Int) -> Classification {
            Classification(logits: predictions.logits[row * width..<(row + 1) * width], config)
        }
        switch (model.taskType, predictions.boundaries) {
        case (.tokenClassification, let boundaries?):
            values = zip(boundaries, boundaries.dropFirst()).map { start, end in
                .list(
                    (start..<end).map { token in
                        let found = found(token)
                        return .fields("the token", PredictedRows.best(found))
                    })
            }
        case (.sequenceClassification, nil):
            values = (0..<predictions.logits.count / width).map { row in
                let found = found(row)
                var fields = PredictedRows.best(found)
                fields["scores"] = .numbers(found.scores)
                fields["labels"] =
                    config.problemType == .multiLabel
                    ? .strings(
                        found.scores.indices.filter { found.scores[$0] > 0.5 }.map(config.label))
                    : .nil
                return .fields("the row", fields)
            }
        default: return nil
        }
    }

    private static func best(_ found: Classification) -> [String: LuaValue] {
        ["label": .string(found.label), "label_id": .integer(found.labelId), "score": .number(found.score)]
    }
}
