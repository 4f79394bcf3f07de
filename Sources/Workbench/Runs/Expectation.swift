import Formats
import Words

/// What a recipe says should come out of it: `eval_accuracy >= 0.90`.
///
/// It is held against the best value of the metric where the run chose its weights by it (metric_for_best_model), else against
/// the last one that a trainer logged; of several trainers the last that has it counts.
struct Expectation: Sendable {
    /// Name of the metric, as the log has it; `eval_` in front may be left out.
    let metric: String
    /// How it is compared with `bound`.
    let comparison: Comparison
    /// What it is compared with.
    let bound: Double

    /// nil where this is no such line.
    init?(_ text: String) {
        guard let (left, comparison, right) = Comparison.split(text), let bound = Double(right.trimmed),
            bound.isFinite
        else { return nil }
        let metric = left.trimmed
        guard !metric.isEmpty, metric.utf8.count <= 100, !metric.contains(where: { $0.isWhitespace }) else {
            return nil
        }
        (self.metric, self.comparison, self.bound) = (metric, comparison, bound)
    }

    /// As a header has it.
    var text: String { "\(metric) \(comparison.rawValue) \(Figures.plain(bound))" }

    /// Whether a value is as expected; one that is not a number never is.
    func isMet(by value: Double) -> Bool {
        !value.isNaN && comparison.holds(isLess: value < bound, isEqual: value == bound)
    }

    /// What became of it, for run.json: `value` and `met` are null where nothing was measured.
    func record(_ value: Double?) -> JSON {
        JSON([
            .init("expects", .string(text)), .init("value", value.map(JSON.number) ?? .null),
            .init("met", value.map { .bool(isMet(by: $0)) } ?? .null),
        ])
    }

    /// What became of it, for the terminal.
    func line(_ value: Double?) -> String {
        guard let value else { return "expects \(text): not measured, no trainer logged '\(Shown.name(metric))'" }
        return "expects \(text): \(isMet(by: value) ? "met" : "missed"), it is \(Figures.fixed(value, 4))"
    }
}
