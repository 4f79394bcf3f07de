import Formats
import Training
import Words

/// Shows a training in the terminal: one line that is redrawn while it runs, and a table with a line an epoch.
///
/// Without a terminal a line is printed for each row of the log with a training loss, in place of the one that is redrawn, and one at the
/// end; rows of evaluations are lines of the table.
package final class ProgressBar: ProgressReporter {
    private let isTerminal: Bool
    private let write: (String) -> Void
    private var shown = 0
    private var lastDrawn = ContinuousClock.now - .seconds(1)
    private var columns: [String]?
    /// Evaluations outside a training give their figures to the caller; the table is the training's.
    private var isTraining = false
    private var totalSteps = 0
    /// Whether there was an evaluation: only then has the table a column for its loss.
    private var hasEvaluated = false

    /// Bar that writes by `write`.
    package init(isTerminal: Bool, write: @escaping (String) -> Void) {
        (self.isTerminal, self.write) = (isTerminal, write)
    }

    package func begin(totalSteps: Int, from step: Int) {
        (isTraining, self.totalSteps) = (true, totalSteps)
        if step > 0 { line("going on at step \(step) of \(totalSteps)") }
    }

    package func update(_ update: ProgressUpdate) {
        let now = ContinuousClock.now
        guard isTerminal, update.step == update.totalSteps || now - lastDrawn > .milliseconds(100) else { return }
        lastDrawn = now
        let filled = update.totalSteps > 0 ? min(20, update.step * 20 / update.totalSteps) : 0
        let bar = String(repeating: "█", count: filled) + String(repeating: "·", count: 20 - filled)
        draw(
            "\(bar) \(update.step)/\(update.totalSteps)  loss \(Figures.fixed(update.loss, 4))  "
                + "\(Figures.fixed(update.samplesPerSecond, 1)) samples/s  \(Self.clock(update.remainingSeconds)) left  "
                + ByteSize.memory(update.memoryBytes))
    }

    package func evaluating(done: Int, of total: Int) {
        let now = ContinuousClock.now
        guard isTerminal, now - lastDrawn > .milliseconds(100) else { return }
        lastDrawn = now
        draw("evaluating \(done)/\(total)")
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
        if columns != cells.map(\.0) {
            columns = cells.map(\.0)
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

    private func draw(_ text: String) {
        write("\r" + text + String(repeating: " ", count: max(0, shown - text.count)))
        shown = text.count
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

    private static func clock(_ seconds: Double) -> String {
        guard seconds.isFinite, seconds >= 0, let whole = Int(exactly: min(seconds, 1e8).rounded()) else { return "?" }
        let (hours, minutes, rest) = (whole / 3600, whole / 60 % 60, whole % 60)
        let tail = (minutes < 10 && hours > 0 ? "0" : "") + "\(minutes):" + (rest < 10 ? "0" : "") + "\(rest)"
        return hours > 0 ? "\(hours):\(tail)" : tail
    }
}
