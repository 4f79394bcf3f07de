import Formats
import Models
import Testing
import Training

struct MetricTests {
    /// Scores whose highest is the prediction.
    private func logits(_ predictions: [Int], width: Int) -> [Float] {
        predictions.flatMap { prediction in (0..<width).map { $0 == prediction ? 1 : 0 } }
    }

    /// The metric's result, the rows given in parts of three.
    private func value(of metric: any Metric, logits: [Float], width: Int, labels: [Labels]) throws -> Double {
        var first = 0
        for part in labels {
            let rows = try EvaluationPart(logits: [], width: 1, labels: .classes([])).targets.count
            #expect(rows == 0)
            let count: Int
            switch part {
            case .classes(let ids): count = ids.count
            case .values(let values): count = values.count
            default: count = 0
            }
            try metric.update(
                EvaluationPart(
                    logits: Array(logits[first * width..<(first + count) * width]), width: width, labels: part))
            first += count
        }
        return try metric.result()
    }

    private func parts<Element>(_ all: [Element]) -> [[Element]] {
        stride(from: 0, to: all.count, by: 3).map { Array(all[$0..<min(all.count, $0 + 3)]) }
    }

    @Test("all 124 figures of scikit-learn and scipy")
    func golden() throws {
        let cases = try Goldens.elements(Goldens.optim()["metrics"])
        #expect(cases.count == 124)
        for json in cases {
            let name = try #require(json["name"]?.string)
            let metric = try Metrics.make(name, average: json["options"]?["average"]?.string)
            let (predictions, labels) = (try Goldens.numbers(json["predictions"]), try Goldens.numbers(json["labels"]))
            let isRegression = ["pearson", "spearman", "mse", "mae"].contains(name)
            let result: Double
            if isRegression {
                result = try value(
                    of: metric, logits: predictions.map(Float.init), width: 1,
                    labels: parts(labels).map { .values($0.map(Float.init)) })
            } else {
                let width = Int(max(1, predictions.max() ?? 1, labels.max() ?? 1)) + 1
                result = try value(
                    of: metric, logits: logits(predictions.map { Int($0) }, width: width), width: width,
                    labels: parts(labels).map { .classes($0.map { Int($0) }) })
            }
            let what = "\(name) \(json["what"]?.string ?? "") \(json["options"] ?? .null)"
            guard let expected = json["value"]?.double else {
                #expect(result.isNaN, "\(what)")
                continue
            }
            // Scores are float32: numbers near 10,000 are rounded by 5e-4, which leaves 1e-3 of their differences.
            let tolerance = isRegression ? 1e-3 * max(1e-3, json["what"]?.string == "far from zero" ? 1 : 1e-3) : 1e-12
            #expect(abs(result - expected) <= tolerance * max(1, abs(expected)), "\(what): \(result), not \(expected)")
        }
    }

    @Test("labels of -100 do not count")
    func ignored() throws {
        let metric = try Metrics.make("accuracy")
        try metric.update(
            EvaluationPart(logits: [1, 0, 0, 1, 0, 1], width: 2, labels: .tokens([[0, -100], [0]])))
        #expect(try metric.result() == 0.5)
        metric.reset()
        #expect(throws: TrainingError("metric accuracy: no labelled rows were given")) { try metric.result() }
    }

    @Test("several labels a row: accuracy counts whole rows, F1 is averaged over labels")
    func multiLabel() throws {
        // Predictions [1 0 1] [0 1 0]; labels [1 0 1] [0 1 1]. F1 by label: 1, 1, 2/3 (scikit-learn, average macro: 0.888…).
        let part = try EvaluationPart(
            logits: [2, -1, 3, -1, 1, -2], width: 3, labels: .vectors([[1, 0, 1], [0, 1, 1]]))
        let (accuracy, f1) = (try Metrics.make("accuracy"), try Metrics.make("f1", average: "macro"))
        try accuracy.update(part)
        try f1.update(part)
        #expect(try accuracy.result() == 0.5)
        #expect(abs(try f1.result() - (1 + 1 + 2.0 / 3) / 3) < 1e-12)
    }

    @Test("perplexity is the exponential of the mean loss over all parts")
    func perplexity() throws {
        let metric = try Metrics.make("perplexity")
        try metric.update(EvaluationPart(logits: [0], width: 1, labels: .classes([0]), lossSum: 3, lossCount: 2))
        try metric.update(EvaluationPart(logits: [0], width: 1, labels: .classes([0]), lossSum: 1, lossCount: 2))
        #expect(abs(try metric.result() - 2.718281828459045) < 1e-12)
    }

    private func golden(_ name: String) throws -> [JSON] {
        try Goldens.elements(JSON(parsing: Goldens.folder().read("data.json"), source: "data.json")[name])
    }

    @Test("the area under the curve and R² are scikit-learn's, ties included")
    func rankingAndDetermination() throws {
        for json in try golden("auc") {
            let rows = try Goldens.elements(json["scores"])
            let scores = try rows.flatMap { try $0.double.map { [Float($0)] } ?? Goldens.floats($0) }
            let labels = try Goldens.elements(json["labels"])
            let (metric, width) = (try Metrics.make("roc_auc"), scores.count / rows.count)
            for part in (0..<rows.count).pieces(of: 7) {
                let own = Array(labels[part])
                try metric.update(
                    EvaluationPart(
                        logits: Array(scores[part.lowerBound * width..<part.upperBound * width]), width: width,
                        labels: own[0].array == nil
                            ? .classes(own.compactMap(\.int)) : .vectors(try own.map { try Goldens.floats($0) })))
            }
            #expect(abs(try metric.result() - (try #require(json["value"]?.double))) < 1e-12)
        }
        for json in try golden("r2") {
            let metric = try Metrics.make("r2")
            try metric.update(
                EvaluationPart(
                    logits: try Goldens.floats(json["predictions"]), width: 1,
                    labels: .values(try Goldens.floats(json["labels"]))))
            #expect(abs(try metric.result() - (try #require(json["value"]?.double))) < 1e-12)
        }
        let metric = try Metrics.make("roc_auc")
        try metric.update(EvaluationPart(logits: [1, 0, 0, 1], width: 2, labels: .classes([1, 1])))
        #expect(throws: TrainingError("metric roc_auc: every row is of class 1; it needs rows of it and others")) {
            try metric.result()
        }
    }

    @Test("spans of tags have seqeval's precision, recall, F1 and accuracy, in both modes")
    func spans() throws {
        let cases = try golden("spans")
        #expect(cases.count > 20)
        for json in cases {
            let names = try Goldens.elements(json["tags"]).map { try #require($0.string) }
            let labels = try Goldens.elements(json["labels"]).map { try Goldens.elements($0).compactMap(\.int) }
            let predictions = try Goldens.elements(json["predictions"]).map {
                try Goldens.elements($0).compactMap(\.int)
            }
            for mode in SpanCounts.Mode.allCases {
                guard let expected = json[mode.rawValue] else { continue }
                let empty = try SpanCounts(names: names, mode: mode)
                for kind in SpanMetric.Kind.allCases {
                    let metric = SpanMetric(kind, empty)
                    // A token without label beside every sequence, and a part for each.
                    for (own, guessed) in zip(labels, predictions) {
                        try metric.update(
                            EvaluationPart(
                                logits: logits([0] + guessed, width: names.count), width: names.count,
                                labels: .tokens([[-100] + own])))
                    }
                    #expect(abs(try metric.result() - (try #require(expected[kind.rawValue]?.double))) < 1e-12)
                }
                var counts = empty
                for (own, guessed) in zip(labels, predictions) { try counts.add(predicted: guessed, labels: own) }
                let types = try #require(expected["types"]?.object)
                #expect(Set(counts.types.keys) == Set(types.keys))
                for (type, own) in types {
                    let found = try #require(counts.types[type])
                    #expect(found.number == own["number"]?.int)
                    for (value, name) in [(found.precision, "precision"), (found.recall, "recall"), (found.f1, "f1")] {
                        #expect(abs(value - (try #require(own[name]?.double))) < 1e-12)
                    }
                }
            }
        }
        #expect(
            throws: TrainingError(
                "metric seqeval: 'LABEL_0' is no tag; expected O, or B-, I-, E- or S- and a type: give id2label")
        ) { try SpanCounts(names: ["LABEL_0"], mode: .strict) }
    }

    @Test("f1 of more than two classes asks for an average, as scikit-learn does")
    func averageIsAsked() throws {
        for name in ["f1", "precision", "recall"] {
            #expect(
                throws: TrainingError(
                    "metric \(name): there are 3 classes, so it needs an average: metrics.\(name) { average = \"macro\" }, or \"micro\" or \"weighted\""
                )
            ) {
                try Metrics.make(name).update(EvaluationPart(logits: [1, 0, 0], width: 3, labels: .classes([0])))
            }
            #expect(throws: TrainingError.self) {
                try Metrics.make(name).update(EvaluationPart(logits: [1, 0], width: 2, labels: .vectors([[1, 0]])))
            }
        }
    }

    @Test("misuse is an error with what there is instead")
    func errors() throws {
        #expect(throws: TrainingError("there is no metric 'acuracy'; did you mean 'accuracy'?")) {
            _ = try Metrics.make("acuracy")
        }
        #expect(throws: TrainingError("metric 'mse' takes no average; f1, precision and recall do")) {
            _ = try Metrics.make("mse", average: "macro")
        }
        let metric = try Metrics.make("f1", average: "binary")
        try metric.update(EvaluationPart(logits: [1, 0, 0], width: 3, labels: .classes([0])))
        #expect(throws: TrainingError.self) { try metric.result() }
        #expect(throws: TrainingError("metric accuracy: label 3 is outside 0..<2")) {
            try Metrics.make("accuracy").update(EvaluationPart(logits: [1, 0], width: 2, labels: .classes([3])))
        }
        #expect(throws: TrainingError("metrics: 3 scores of 2 each do not fit 1 labels")) {
            _ = try EvaluationPart(logits: [1, 2, 3], width: 2, labels: .classes([0]))
        }
    }
}
