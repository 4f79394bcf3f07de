import LuaBridge
import Models
import Options
import Tensors
import Training

/// One or several metrics as an object that recipes hold.
///
/// As `compute_metrics` of a trainer it gathers batch by batch (`makeMetrics`), so that no scores are kept.
final class MetricBox: StreamingMetrics {
    struct Entry {
        let name: String
        let average: String?
        /// Makes it, where it is more than a name and an average.
        var spans: (() throws -> any Metric)?

        func make() throws -> any Metric { try spans?() ?? Metrics.make(name, average: average) }
    }

    let entries: [Entry]

    /// Metrics whose names differ.
    init(_ entries: [Entry]) throws {
        var seen: Set<String> = []
        for entry in entries {
            guard seen.insert(entry.name).inserted else { throw LuaFault("metric '\(entry.name)' is given twice") }
            _ = try entry.make()
        }
        self.entries = entries
    }

    /// New metrics that have seen nothing.
    func makeMetrics() throws -> [any Metric] { try entries.map { try $0.make() } }

    var text: String {
        entries.map { "\($0.name)\($0.average.map { " { average = \"\($0)\" }" } ?? "")" }.joined(separator: ", ")
    }
}

/// What recipes see as `lorawb.metrics`.
enum MetricsLua {
    private static let averaged: Set<String> = ["f1", "precision", "recall"]
    private static let docs = [
        "accuracy": "Share of rows whose highest score is the label.", "f1": "Harmonic mean of precision and recall.",
        "precision": "Share of the rows predicted as a class that belong to it.",
        "recall": "Share of the rows of a class that are predicted as it.",
        "matthews_correlation": "Correlation of predicted and true classes.",
        "roc_auc":
            "Area under the ROC curve, from scores: of two classes, of each class against the others (mean), or of several labels a row (mean).",
        "r2": "Coefficient of determination of numbers.",
        "pearson": "Pearson's correlation of numbers.",
        "spearman": "Rank correlation of numbers.", "mse": "Mean squared difference.",
        "mae": "Mean absolute difference.",
        "perplexity": "e to the mean loss.",
    ]

    static func module(_ context: RecipeContext) -> LuaModule {
        LuaModule(
            "lorawb.metrics", "Metrics, to call or to give to a trainer as compute_metrics.",
            functions: [combine, seqeval, confusionMatrix, bleu, rougeL, squad],
            properties: Metrics.names.map { name in
                LuaModuleProperty(name, docs[name] ?? "A metric.", type: "lorawb.Metric") { _ in
                    .object(try MetricBox([MetricBox.Entry(name: name, average: nil)]))
                }
            })
    }

    private static var combine: LuaFunctionDeclaration {
        LuaFunctionDeclaration(
            "combine", "Several metrics as one: combine { metrics.accuracy, metrics.f1 }.",
            parameters: [LuaParameter("metrics", .list(.object("lorawb.Metric")), "The metrics.")],
            returns: "lorawb.Metric",
            example:
                "local both = lorawb.metrics.combine { lorawb.metrics.accuracy, lorawb.metrics.f1 }\nprint(both { predictions = { 0, 1 }, label_ids = { 0, 0 } }.accuracy)"
        ) { call in
            let table = try call.table(1, "metrics")
            if let field = table.fields.first {
                throw LuaFault("metrics expected as a list, got the key '\(field.key)'")
            }
            guard table.count > 0 else { throw LuaFault("an empty list of metrics") }
            let entries = try table.values.enumerated().flatMap { index, value -> [MetricBox.Entry] in
                guard let box = value.asObject(MetricBox.self) else {
                    throw LuaFault("entry \(index + 1) expected lorawb.Metric, got \(value.shown)")
                }
                return box.entries
            }
            return .object(try MetricBox(entries))
        }
    }

    private static let texts = OptionTable([
        Option("predictions", .strings, "The texts.", example: "{ \"a good film\" }", required: true),
        Option(
            "references", .either([.strings, .list(.strings)]),
            "What each should be: a text, or several to choose from.",
            example: "{ { \"a good film\", \"a fine film\" } }", required: true),
    ])

    private static var bleu: LuaFunctionDeclaration {
        LuaFunctionDeclaration(
            "bleu", "BLEU of texts beside their references, 0 to 100, as sacrebleu gives it.",
            parameters: [LuaParameter("texts", texts)], returns: "number",
            example:
                "print(lorawb.metrics.bleu { predictions = { \"the cat sat on the mat\" }, references = { \"the cat sat on a mat\" } })"
        ) { call in .value(.number(try scored(call, BLEU.score))) }
    }

    private static var rougeL: LuaFunctionDeclaration {
        LuaFunctionDeclaration(
            "rouge_l", "ROUGE-L (its F measure) of texts beside their references, 0 to 1, as rouge-score gives it.",
            parameters: [LuaParameter("texts", texts)], returns: "number",
            example:
                "print(lorawb.metrics.rouge_l { predictions = { \"the cat sat\" }, references = { { \"a cat sat\", \"the cat\" } } })"
        ) { call in .value(.number(try scored(call, RougeL.score))) }
    }

    private static var squad: LuaFunctionDeclaration {
        LuaFunctionDeclaration(
            "squad",
            "Answers beside their references, as SQuAD's evaluation does it: { exact_match =, f1 = }, 0 to 100. A question without references has no answer.",
            parameters: [LuaParameter("texts", texts)], returns: "table",
            example:
                "print(lorawb.metrics.squad { predictions = { \"the Eiffel Tower\" }, references = { { \"Eiffel Tower\", \"the tower\" } } }.exact_match)"
        ) { call in
            let scores = try scored(call, Squad.score)
            return .fields("the scores", ["exact_match": .number(scores.exactMatch), "f1": .number(scores.f1)])
        }
    }

    private static func scored<Score>(_ call: borrowing LuaCall, _ score: ([String], [[String]]) throws -> Score) throws
        -> Score
    {
        let options = try call.options(1, texts)
        guard let predictions = options.strings("predictions") else {
            throw LuaFault("predictions expected as a list of strings")
        }
        guard
            let references = options.strings("references")?.map({ [$0] })
                ?? options.table("references")?.stringLists()
        else {
            throw LuaFault("references expected as a list of strings, or of lists of strings")
        }
        do { return try score(predictions, references) } catch let error as TrainingError { throw LuaFault("\(error)") }
    }

    private static let arguments = OptionTable([
        Option(
            "predictions", .either([.object("lorawb.Tensor"), .table]),
            "Scores [rows, classes], class ids [rows], or numbers [rows].", example: "{ 0, 1 }"),
        Option(
            "label_ids", .either([.object("lorawb.Tensor"), .table]),
            "Ids from 0 (a negative one bears no label), or numbers.", example: "{ 0, 0 }"),
        Option(
            "average", .oneOf(ClassificationMetric.Average.allCases.map(\.rawValue)),
            "How f1, precision and recall of the classes become one number."),
    ])

    static var type: LuaType<MetricBox> {
        LuaType(
            "lorawb.Metric", "One or several metrics.",
            properties: [
                LuaProperty("names", "Names of the results.", type: "string[]") { .strings($0.entries.map(\.name)) }
            ],
            metamethods: [
                .call(
                    "The results for { predictions =, label_ids = }; with { average = } instead the metric so configured.",
                    parameters: [LuaParameter("arguments", arguments)], returns: "table|lorawb.Metric"
                ) { box, call in
                    let options = try call.options(1, arguments)
                    if let average = options.optionalString("average") {
                        guard !options.has("predictions"), !options.has("label_ids") else {
                            throw LuaFault(
                                "average is given first: lorawb.metrics.f1 { average = \"macro\" } { predictions = ... }"
                            )
                        }
                        return .object(try configured(box, average))
                    }
                    guard options.has("predictions"), options.has("label_ids") else {
                        throw LuaFault(
                            "{ predictions =, label_ids = } expected, '\(options.has("predictions") ? "label_ids" : "predictions")' is missing"
                        )
                    }
                    return .fields("the results", try results(box, options, call.host))
                },
                .text("The metric's name.") { "Metric(\($0.text))" },
            ])
    }

    private static func configured(_ box: MetricBox, _ average: String) throws -> MetricBox {
        guard box.entries.contains(where: { $0.spans == nil && averaged.contains($0.name) }) else {
            throw LuaFault("metric \(box.text) takes no average; f1, precision and recall do")
        }
        return try MetricBox(
            box.entries.map {
                guard $0.spans == nil, averaged.contains($0.name) else { return $0 }
                return MetricBox.Entry(name: $0.name, average: average)
            })
    }

    private static func results(_ box: MetricBox, _ options: LuaOptions, _ host: LuaHost) throws -> [String: LuaValue] {
        guard !box.entries.contains(where: { $0.spans != nil }) else {
            throw LuaFault(
                "spans are counted by lorawb.metrics.seqeval { predictions =, label_ids =, id2label = } in one call")
        }
        let input = try MetricInput(predictions: options["predictions"] ?? .nil, labels: options["label_ids"] ?? .nil)
        var results: [String: LuaValue] = [:]
        for metric in try box.makeMetrics() {
            do {
                for part in try input.parts(for: metric.name) {
                    if host.isStopping { throw LuaInterrupted() }
                    try metric.update(part)
                }
                results[metric.name] = .number(try metric.result())
            } catch let error as TrainingError {
                throw LuaFault("\(error)")
            }
        }
        return results
    }
}
