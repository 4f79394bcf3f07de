import LuaBridge
import Options
import Tensors
import Training

/// Metrics whose result is more than a number: spans of tags, and the confusion matrix.
extension MetricsLua {
    private static let anyNumbers = OptionType.either([.object("lorawb.Tensor"), .table])
    private static let labelIds = Option(
        "label_ids", anyNumbers, "Ids from 0; a negative one bears no label.", example: "{ { 0, 1, 2 } }")
    private static let spanOptions = OptionTable([
        Option(
            "predictions", anyNumbers,
            "Scores [tokens, classes], ids [tokens], or a list of ids for each sequence. Without them the metric for a trainer is given.",
            example: "{ { 0, 1, 2 } }"),
        labelIds,
        Option(
            "cu_seqlens", .integers,
            "Where sequences begin, and the last one ends, in flat predictions: 0, n1, n1 + n2, ….",
            example: "{ 0, 3 }"),
        Option(
            "id2label", .table, "Tags by id, from 0: O, B-PER, I-PER, ….",
            example: "{ [0] = \"O\", \"B-PER\", \"I-PER\" }", required: true),
        Option(
            "mode", .oneOf(SpanCounts.Mode.allCases.map(\.rawValue)), default: "default",
            "How tags become spans: \"default\" as conlleval, where an I- may begin one; \"strict\" by IOB2, where only B- does."
        ),
    ])

    /// `lorawb.metrics.seqeval`.
    static var seqeval: LuaFunctionDeclaration {
        LuaFunctionDeclaration(
            "seqeval",
            "Precision, recall and F1 of the spans of tags, and the accuracy of tokens, as seqeval gives them: { precision =, recall =, f1 =, accuracy =, types = { PER = { precision =, recall =, f1 =, number = } } }; without predictions a metric for compute_metrics.",
            parameters: [LuaParameter("options", spanOptions)], returns: "table|lorawb.Metric",
            example: """
                local tags = { [0] = "O", "B-PER", "I-PER" }
                local result = lorawb.metrics.seqeval { predictions = { { 0, 1, 2 } }, label_ids = { { 0, 1, 2 } }, id2label = tags }
                print(result.f1, result.types.PER.number)
                local compute_metrics = lorawb.metrics.seqeval { id2label = tags }
                """
        ) { call in
            let options = try call.options(1, spanOptions)
            let counts = try spanCounts(options)
            guard options.has("predictions") || options.has("label_ids") else {
                let kinds: [SpanMetric.Kind] = [.precision, .recall, .f1, .accuracy]
                return .object(
                    try MetricBox(
                        kinds.map { kind in
                            MetricBox.Entry(name: kind.rawValue, average: nil) { SpanMetric(kind, counts) }
                        }))
            }
            return .value(try results(options, counts))
        }
    }

    private static func spanCounts(_ options: LuaOptions) throws -> SpanCounts {
        let names = try ModelLua.labels(options.table("id2label") ?? LuaTable())
        guard !names.isEmpty, (0..<names.count).allSatisfy({ names[$0] != nil }) else {
            throw LuaFault("option 'id2label' must name every class from 0 on: { [0] = \"O\", \"B-PER\", \"I-PER\" }")
        }
        let mode = options.choice("mode", SpanCounts.Mode.self) ?? .lenient
        do {
            return try SpanCounts(names: (0..<names.count).map { names[$0] ?? "" }, mode: mode)
        } catch let error as TrainingError { throw LuaFault("\(error)") }
    }

    private static func results(_ options: LuaOptions, _ empty: SpanCounts) throws -> LuaValue {
        let input = try MetricInput(predictions: options["predictions"] ?? .nil, labels: options["label_ids"] ?? .nil)
        let (predicted, labels, _) = try input.ids()
        var counts = empty
        do {
            for row in try sequences(options, count: labels.count) {
                try counts.add(predicted: Array(predicted[row]), labels: Array(labels[row]))
            }
            let all = counts.all
            let types = counts.types.sorted { $0.key < $1.key }.map { type, own in
                (
                    key: type,
                    value: LuaValue.fields(
                        type,
                        [
                            "precision": .number(own.precision), "recall": .number(own.recall), "f1": .number(own.f1),
                            "number": .integer(Int64(own.number)),
                        ])
                )
            }
            return .fields(
                "the results",
                [
                    "precision": .number(all.precision), "recall": .number(all.recall), "f1": .number(all.f1),
                    "accuracy": .number(try counts.accuracy()),
                    "types": .table(LuaTable(strict: "types", types)),
                ])
        } catch let error as TrainingError { throw LuaFault("\(error)") }
    }

    /// The places of each sequence: by the lists of labels or predictions, or by cu_seqlens.
    private static func sequences(_ options: LuaOptions, count: Int) throws -> [Range<Int>] {
        let lists =
            [options["label_ids"], options["predictions"]].lazy.compactMap { $0?.asTable?.integerLists() }.first
        let ends: [Int]
        if let bounds = options.integers("cu_seqlens") {
            ends = bounds.map { Int($0) }
        } else if let lists {
            ends = lists.reduce(into: [0]) { $0.append(($0.last ?? 0) + $1.count) }
        } else {
            throw LuaFault(
                "flat label_ids need cu_seqlens, which say where sequences begin, or give a list of ids for each")
        }
        guard ends.first == 0, ends.last == count, zip(ends, ends.dropFirst()).allSatisfy({ $0 <= $1 }) else {
            throw LuaFault(
                "cu_seqlens from \(ends.first ?? 0) to \(ends.last ?? 0) do not cut \(count) tokens; they rise from 0 to that number"
            )
        }
        return zip(ends, ends.dropFirst()).map { $0..<$1 }
    }

    private static let matrixOptions = OptionTable([
        Option(
            "predictions", anyNumbers, "Scores [rows, classes], or class ids [rows].", example: "{ 0, 1 }",
            required: true),
        Option(
            "label_ids", anyNumbers, "Ids from 0; a negative one bears no label.", example: "{ 0, 0 }", required: true),
        Option(
            "num_labels", .integer(1...4096), default: .words("what scores or the largest id say"),
            "Number of classes.",
            example: "2"),
    ])

    /// `lorawb.metrics.confusion_matrix`.
    static var confusionMatrix: LuaFunctionDeclaration {
        LuaFunctionDeclaration(
            "confusion_matrix",
            "How often rows of each class are predicted as each: a list of lists, in which [t + 1][p + 1] is for class t, predicted as class p.",
            parameters: [LuaParameter("options", matrixOptions)], returns: "integer[][]",
            example:
                "print(lorawb.metrics.confusion_matrix { predictions = { 0, 1, 1 }, label_ids = { 0, 0, 1 } }[1][2])"
        ) { call in
            let options = try call.options(1, matrixOptions)
            let input = try MetricInput(
                predictions: options["predictions"] ?? .nil, labels: options["label_ids"] ?? .nil)
            let (predicted, labels, width) = try input.ids()
            let largest = zip(predicted, labels).reduce(-1) { $1.1 < 0 ? $0 : max($0, $1.0, $1.1) }
            let most = options.optionalInteger("num_labels") ?? 4096
            guard largest < most, width ?? 0 <= most else {
                throw LuaFault("class \(max(largest, (width ?? 0) - 1)) is outside 0 to \(most - 1)")
            }
            let classes = options.optionalInteger("num_labels") ?? max(width ?? 0, largest + 1)
            var counts = Array(repeating: Array(repeating: 0, count: classes), count: classes)
            for (guess, label) in zip(predicted, labels) where label >= 0 { counts[label][guess] += 1 }
            return .list(counts.map { .integers($0) })
        }
    }
}
