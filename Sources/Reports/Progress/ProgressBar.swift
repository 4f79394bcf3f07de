import Formats
import Training
import Words

/// Shows a training in the terminal: one line that is redrawn while it runs, and a table with a line an epoch.
///
/// Without a terminal a line is printed for each row of the log with a training loss, in place of the one that is redrawn, and one at the
/// end; rows of evaluations are lines of the table.
package final class ProgressBar: ProgressReporter {
    private let isTerminal, usesColor: Bool
    private let outer: OuterProgress?
    private let columns: () -> Int
    private let write: (String) -> Void
    private var shown = 0
    private var lastDrawn = ContinuousClock.now - .seconds(1)
    private var headings: [String]?
    /// Evaluations outside a training give their figures to the caller; the table is the training's.
    private var isTraining = false
    private var totalSteps = 0
    /// Whether there was an evaluation: only then has the table a column for its loss.
    private var hasEvaluated = false

    /// Bar that writes by `write`.
    ///
    /// - Parameters:
    ///   - usesColor: whether the terminal shows colours.
    ///   - outer: loops of the recipe within which the training runs.
    ///   - columns: asked for the terminal's width at each drawing, since it may change.
    package init(
        isTerminal: Bool, usesColor: Bool = false, within outer: OuterProgress? = nil,
        columns: @escaping () -> Int = { 80 },
        write: @escaping (String) -> Void
    ) {
        (self.isTerminal, self.usesColor, self.outer) = (isTerminal, usesColor, outer)
        (self.columns, self.write) = (columns, write)
    }

    package func begin(totalSteps: Int, from step: Int) {
        (isTraining, self.totalSteps) = (true, totalSteps)
        if step > 0 { line("going on at step \(step) of \(totalSteps)") }
    }

    package func update(_ update: ProgressUpdate) {
        let now = ContinuousClock.now
        guard isTerminal, update.step == update.totalSteps || now - lastDrawn > .milliseconds(100) else { return }
        lastDrawn = now
        draw([
            .bar(done: update.step, of: update.totalSteps), .text("\(update.step)/\(update.totalSteps)"),
            .text("loss \(Figures.fixed(update.loss, 4))"),
            .text("\(Figures.fixed(update.samplesPerSecond, 1)) samples/s"),
            .text("\(Durations.clock(update.seconds)), \(Durations.clock(update.remainingSeconds)) left"),
            .text("peak " + ByteSize.memory(Machine.peakBytes)),
        ])
    }

    package func evaluating(done: Int, of total: Int) {
        let now = ContinuousClock.now
        guard isTerminal, now - lastDrawn > .milliseconds(100) else { return }
        lastDrawn = now
        draw([.bar(done: done, of: total), .text("evaluating \(done)/\(total)")])
    }

    package func log(_ row: [JSON.Member]) {
        func number(_ name: String) -> Double? { row.first { $0.key == name }?.value.double }
        guard isTraining, !isTerminal, let step = number("step") else { return }
        if let loss = number("train_loss") {
            return line(
                "step \(Figures.plain(step)) of \(totalSteps): train_loss \(Figures.fixed(loss, 4))"
                    + (number("train_runtime").map { ", train_runtime \(Figures.fixed($0, 1))" } ?? "")
                    + (number("train_samples_per_second").map { ", train_samples_per_second \(Figures.fixed($0, 1))" }
                        ?? ""))
        }
        guard let loss = number("loss") else { return }
        line(
            "step \(Figures.plain(step)) of \(totalSteps): loss \(Figures.fixed(loss, 4))"
                + (number("grad_norm").map { ", grad_norm \(Figures.fixed($0, 4))" } ?? "")
                + (number("learning_rate").map { ", learning_rate \(Figures.plain(Figures.rounded($0, 9)))" } ?? ""))
    }

    package func summary(_ summary: EpochSummary) {
        guard isTraining else { return }
        var cells = [("epoch", Figures.fixed(summary.epoch, 2))]
        cells.append(("training loss", summary.trainingLoss.map { Figures.fixed($0, 4) } ?? "-"))
        hasEvaluated = hasEvaluated || summary.validationLoss != nil
        if hasEvaluated {
            cells.append(("validation loss", summary.validationLoss.map { Figures.fixed($0, 4) } ?? "-"))
        }
        for entry in summary.metrics {
            guard let number = entry.value.double, !Self.hidden.contains(entry.key) else { continue }
            cells.append((Shown.name(entry.key), Figures.fixed(number, 4)))
        }
        if headings != cells.map(\.0) {
            headings = cells.map(\.0)
            line(cells.map { Self.padded($0.0, to: max(10, $0.0.count)) }.joined(separator: "  "))
        }
        line(cells.map { Self.padded($0.1, to: max(10, $0.0.count)) }.joined(separator: "  "))
    }

    package func note(_ message: String) { line(message) }

    package func warn(_ message: String) { line("warning: \(message)") }

    package func end() {
        isTraining = false
        erase()
    }

    private static let hidden: Set<String> = [
        "loss", "runtime", "samples_per_second", "steps_per_second", "epoch",
    ]

    /// A part of the line that is redrawn.
    private enum Part {
        case bar(done: Int, of: Int)
        case text(String)
    }

    /// Draws the parts that fit into the terminal's line: where not all do, the last ones are left out, and a part is cut at last.
    private func draw(_ parts: [Part]) {
        let room = max(20, columns()) - 1
        var (text, width) = (outer?.prefix ?? "", outer?.prefix.count ?? 0)
        var isFirst = true
        for part in parts {
            let gap = isFirst ? 0 : 2
            switch part {
            case .bar(let done, let total):
                let cells = room - width > 70 ? 16 : 8
                guard width + gap + cells <= room else { continue }
                let filled = total > 0 ? min(cells, max(0, Int(Double(done) / Double(total) * Double(cells)))) : 0
                let (full, rest) = (
                    String(repeating: "█", count: filled), String(repeating: "·", count: cells - filled)
                )
                text += usesColor ? "\u{1B}[32m\(full)\u{1B}[2;39m\(rest)\u{1B}[0m" : full + rest
                width += cells
            case .text(let piece):
                let space = String(repeating: " ", count: gap)
                guard width + gap + piece.count <= room else { continue }
                text += space + piece
                width += gap + piece.count
            }
            isFirst = false
        }
        write("\r" + text + String(repeating: " ", count: max(0, shown - width)))
        shown = width
    }

    private func erase() {
        guard shown > 0 else { return }
        write("\r" + String(repeating: " ", count: shown) + "\r")
        shown = 0
    }

    private func line(_ text: String) {
        erase()
        write(Shown.line(text) + "\n")
    }

    private static func padded(_ text: String, to width: Int) -> String {
        String(repeating: " ", count: max(0, width - text.count)) + text
    }
}
