import Formats
import Words

/// A page about one run or several: one file that needs nothing else, and asks nothing of any network.
package struct RunReport {
    /// The file in a run's folder.
    package static let file = "report.html"

    let runs: [RunFiles]

    /// A report of these runs.
    package init(_ runs: [RunFiles]) { self.runs = runs }

    /// The page.
    package var html: String {
        let title = runs.count == 1 ? runs[0].name : "\(runs.count) runs"
        let sections = [
            ("Curves", curves), ("Evaluations", evaluations), ("Confusion", confusion), ("Worst rows", worst),
            ("Samples", samples), ("Memory", memory), (runs.count > 1 ? "What differs" : "Settings", settings),
            ("Recipe", recipes),
        ].filter { !$0.1.isEmpty }
        return """
            <!doctype html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:">
            <title>\(Markup.escaped(title))</title>
            <style>
            \(Plot.stylesheet)
            \(ReportStyle.sheet)
            </style>
            </head>
            <body>
            <main>
            <h1>\(Markup.escaped(title))</h1>
            \(heads)
            \(sections.map { "<section><h2>\($0.0)</h2>\n\($0.1)\n</section>" }.joined(separator: "\n"))
            </main>
            <div id="tip" hidden></div>
            <script type="application/json" id="metrics">\(data)</script>
            <script>\(ReportStyle.script)</script>
            </body>
            </html>

            """
    }

    /// The rows of all logs as JSON, for whoever reads the page by program.
    private var data: String {
        let runs = runs.map { run in
            JSON([
                .init("name", .string(run.name)), .init("metrics", .array(run.rows.prefix(20_000).map { .object($0) })),
            ])
        }
        // Nothing in it may end the element.
        return JSON.array(runs).serialized().replacing("<", with: "\\u003c")
    }

    /// A line of figures about each run.
    private var heads: String {
        runs.enumerated().map { number, run in
            var tiles: [(String, String)] = []
            if let state = run.end?["state"]?.string { tiles.append(("state", state)) }
            if let recipe = run.environment?["recipe"]?.string { tiles.append(("recipe", recipe)) }
            if let start = run.end?["started"]?.string { tiles.append(("started", start)) }
            if let last = run.rows.last(where: { $0["step"] != nil }) {
                if let step = last["step"]?.int { tiles.append(("steps", Figures.grouped(step))) }
                if let epoch = last["epoch"]?.double {
                    tiles.append(("epochs", Figures.plain(Figures.rounded(epoch, 2))))
                }
            }
            for (key, title) in [
                ("train_runtime", "training time"), ("train_loss", "training loss"),
                ("train_samples_per_second", "samples/s"),
            ] {
                guard let value = run.points(key).last?.y else { continue }
                tiles.append((title, key == "train_runtime" ? Durations.clock(value) : Self.number(value)))
            }
            for key in run.keys where Self.isResult(key) {
                guard let value = run.points(key).last?.y else { continue }
                tiles.append((key, Self.number(value)))
            }
            if let bytes = run.end?["peak_memory_bytes"]?.int { tiles.append(("peak memory", ByteSize.memory(bytes))) }
            for expected in run.end?["expects"]?.array ?? [] {
                guard let line = expected["expects"]?.string, let isMet = expected["met"]?.bool else { continue }
                tiles.append(("expects \(line)", isMet ? "met" : "missed"))
            }
            let cells = tiles.map { "<div><span>\(Markup.escaped($0.0))</span><b>\(Markup.escaped($0.1))</b></div>" }
                .joined()
            let name =
                runs.count > 1
                ? "<h3><i class=\"s\(number % PlotColors.all.count)\"></i>\(Markup.escaped(run.name))</h3>" : ""
            return "\(name)<div class=\"tiles\">\(cells)</div>"
        }.joined(separator: "\n")
    }

    /// Whether a key of the log is a result of an evaluation, its speed left out.
    static func isResult(_ key: String) -> Bool {
        key.hasPrefix("eval_")
            && !["_runtime", "_samples_per_second", "_steps_per_second"].contains { key.hasSuffix($0) }
    }

    /// A number with four digits.
    static func number(_ value: Double) -> String {
        guard value.isFinite else { return "\(value)" }
        let size = abs(value)
        if size != 0, size < 1e-3 || size >= 1e7 { return PlotAxis.text(value, step: size / 100) }
        if let whole = Int(exactly: value) { return Figures.grouped(whole) }
        return Figures.fixed(value, size < 100 ? 4 : 1)
    }
}
