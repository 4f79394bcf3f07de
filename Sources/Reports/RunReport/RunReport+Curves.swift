extension RunReport {
    /// Plots of what the logs have by step: losses together, each other number on its own.
    var curves: String {
        var plots: [Plot] = []
        var keys: [String] = []
        for key in runs.flatMap(\.keys) where !keys.contains(key) { keys.append(key) }
        // Where steps were hardly logged, the means of the epochs stand for them.
        let trained = runs.allSatisfy { $0.points("loss").count > 1 } ? "loss" : "epoch_loss"
        let losses = keys.filter { $0 == trained || Self.isResult($0) && $0.hasSuffix("_loss") }
        plots.append(plot("loss", losses))
        let hidden: Set<String> = [
            "step", "epoch", "loss", "epoch_loss", "learning_rate", "grad_norm", "samples_per_second",
        ]
        let results = keys.filter { Self.isResult($0) && !losses.contains($0) }
        // What a recipe logged of its own; the last row of a training says what stands above.
        let others = keys.filter {
            !hidden.contains($0) && !$0.hasPrefix("eval_") && !$0.hasPrefix("train_") && !$0.hasPrefix("test_")
                && $0 != "total_flos" && $0 != "num_input_tokens_seen"
        }
        for key in results + others + ["learning_rate", "grad_norm", "samples_per_second"] where keys.contains(key) {
            plots.append(plot(key, [key]))
        }
        let shown = plots.filter { $0.axes != nil }
        guard !shown.isEmpty else { return "" }
        return "<div class=\"plots\">\n"
            + shown.map { "<figure>\($0.svgElement(width: 560, height: 320))</figure>" }.joined(separator: "\n")
            + "\n</div>"
    }

    private func plot(_ title: String, _ keys: [String]) -> Plot {
        var series: [Plot.Series] = []
        for (number, run) in runs.enumerated() {
            for (place, key) in keys.enumerated() {
                let points = run.points(key)
                guard !points.isEmpty else { continue }
                let name = runs.count == 1 ? key : keys.count == 1 ? run.name : "\(run.name): \(key)"
                // One run has a colour for each key; of several runs each has one.
                series.append(
                    Plot.Series(
                        name, points, isDashed: key.hasPrefix("eval_") && keys.count > 1 && runs.count > 1,
                        color: runs.count == 1 ? place : number))
            }
        }
        return Plot(title: title, xLabel: "step", series: series)
    }
}
