import Formats
import Training

/// Shows a training while the session waits for it, and keeps still while it goes on between the lines: then only notes and warnings are
/// kept, for the next prompt.
final class SessionReporter: ProgressReporter {
    private let bar: any ProgressReporter
    private let output: Output
    /// What was told of the last step.
    private(set) var last: ProgressUpdate?

    init(_ bar: any ProgressReporter, _ output: Output) { (self.bar, self.output) = (bar, output) }

    func begin(totalSteps: Int, from step: Int) { bar.begin(totalSteps: totalSteps, from: step) }

    func update(_ update: ProgressUpdate) {
        last = update
        if !output.isAway { bar.update(update) }
    }

    func evaluating(done: Int, of total: Int) { if !output.isAway { bar.evaluating(done: done, of: total) } }

    func log(_ row: [JSON.Member]) { if !output.isAway { bar.log(row) } }

    func summary(_ summary: EpochSummary) { if !output.isAway { bar.summary(summary) } }

    func note(_ message: String) { bar.note(message) }

    func warn(_ message: String) { bar.warn(message) }

    func end() { bar.end() }
}
