import Formats
import Kernels
import Models
import Tensors
import Training

/// What a run's folder says beside its log: what the newest evaluation of each set found, and the memory that the training took, by part.
struct RunDetails {
    /// The file.
    static let file = "details.json"
    /// Characters of a row's text.
    private static let mostText = 600

    private let trainer: Trainer
    private let text: (Dataset, Int) -> String?

    /// Details of a trainer; `text` gives that of a row, where it is known.
    init(_ trainer: Trainer, text: @escaping (Dataset, Int) -> String?) { (self.trainer, self.text) = (trainer, text) }

    /// All of it.
    var json: JSON {
        JSON([
            .init("evaluations", .array(trainer.evaluationDetails.map(evaluation))),
            .init("memory", .array(memory.map { .object(["part": .string($0.part), "bytes": .integer($0.bytes)]) })),
        ])
    }

    private func evaluation(_ detail: EvaluationDetail) -> JSON {
        let worst = detail.worst.map { row in
            JSON([
                .init("row", .integer(row.row + 1)), .init("name", .string(detail.dataset.name(ofRow: row.row))),
                .init("label", .string(row.label)), .init("predicted", .string(row.predicted)),
                .init("loss", .number(row.loss)),
                .init("text", text(detail.dataset, row.row).map { .string(String($0.prefix(Self.mostText))) } ?? .null),
            ])
        }
        return JSON([
            .init("name", detail.name.map(JSON.string) ?? .null), .init("step", .integer(trainer.state.globalStep)),
            .init("rows", .integer(detail.dataset.count)), .init("classes", .array(detail.classes.map(JSON.string))),
            .init("confusion", .array(detail.confusion.map { JSON.integers($0) })), .init("worst", .array(worst)),
        ])
    }

    /// The peak of the process by part.
    private var memory: [(part: String, bytes: Int)] {
        let weights = trainer.model.namedParameters().map(\.weight)
        let frozen = weights.reduce(0) { sum, weight in
            if case .matrix(let matrix) = weight.value { sum + matrix.bytes } else { sum }
        }
        // Gradients and the moments of the optimizer are as large as the parameters.
        let trained = weights.filter(\.requiresGrad).reduce(0) { $0 + 4 * $1.count }
        let tensors = StoragePool.shared.peakBytes
        let peak = Machine.peakBytes
        return [
            ("pretrained weights, packed for products", frozen),
            ("trained parameters, their gradients and moments", min(tensors, 4 * trained)),
            ("activations and other tensors", max(0, tensors - 4 * trained)),
            ("data, program and the rest", max(0, peak - frozen - tensors)), ("peak of the process", peak),
        ]
    }
}

/// Writes a run's report and its details beside its log: after each evaluation, now and then, and at the end.
package final class RunReportWriter: TrainerCallback {
    private let text: (Dataset, Int) -> String?
    private var lastWritten = ContinuousClock.now
    /// How long the last page took, which grows with the log: pages take at most a twentieth of the training.
    private var cost = Duration.zero
    private var isOver = false

    /// A writer; `text` gives that of a row, where it is known.
    package init(text: @escaping (Dataset, Int) -> String?) { self.text = text }

    package var seesGradients: Bool { false }

    package func handle(_ event: TrainerEvent, _ trainer: Trainer) throws {
        guard let folder = trainer.recordFolder else { return }
        let wait: Duration
        switch event {
        case .trainEnd: (isOver, wait) = (true, .zero)
        // A page is made whole each time: where evaluations follow each other fast, that of the training's end will do.
        case .evaluate: wait = isOver ? .zero : .milliseconds(500)
        case .log: wait = .seconds(30)
        default: return
        }
        let start = ContinuousClock.now
        guard start - lastWritten >= max(wait, isOver ? .zero : cost * 20) else { return }
        try folder.write(RunDetails.file, text: RunDetails(trainer, text: text).json.serialized(indent: 2) + "\n")
        let report = RunReport([try RunFiles(folder)])
        try folder.write(RunReport.file, text: report.html)
        lastWritten = ContinuousClock.now
        cost = lastWritten - start
    }
}
