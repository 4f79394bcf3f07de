/// Rows that a trainer evaluates on: the only set of them, or one of several by name.
///
/// Several are evaluated one after another, each with its name in front of its metrics: `eval_dev_loss`, `eval_test_loss`
/// (transformers 5.23, `Trainer.evaluate` of a dictionary).
struct EvaluationSet {
    /// Its name; nil where it is the only one.
    let name: String?
    let reader: BatchReader

    /// What errors and records call the set.
    static func split(_ name: String?) -> String { "eval_dataset" + (name.map { ".\($0)" } ?? "") }

    /// What metrics of the set have in front.
    func prefix(_ prefix: String) -> String { prefix + (name.map { "_\($0)" } ?? "") }

    /// Throws where no set can give the metric that says which checkpoint is best: that is better known before the first step.
    static func check(_ sets: [EvaluationSet], _ arguments: TrainingArguments) throws {
        let prefixes = sets.compactMap { $0.name.map { "eval_\($0)_" } }
        guard !prefixes.isEmpty, let metric = arguments.metricForBestModel else { return }
        let key = Trainer.key(ofMetric: metric)
        guard !prefixes.contains(where: key.hasPrefix) else { return }
        throw TrainingError(
            "args: metric_for_best_model is '\(metric)', but each of several sets of eval_dataset has its own; expected one of \(prefixes.map { "'\($0)loss'" }.joined(separator: ", ")), or another metric of theirs"
        )
    }
}
