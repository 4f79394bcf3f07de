import Formats
import Training
import Words

/// What several runs have otherwise, and what came out of each.
struct RunComparison {
    private let runs: [RunSummary]
    /// Settings that are not the same in all, with a value for each run; nil where a run has none of that name.
    private let settings: [(name: String, values: [JSON?])]
    /// Results, with a value for each run.
    private let results: [(name: String, values: [JSON?])]
    /// For each run but the first, how its recipe differs from the first run's; nil where it does not.
    private let recipes: [LineDiff?]

    init(_ runs: [RunSummary]) {
        self.runs = runs
        settings = Self.aligned(runs.map(Self.settings)).filter { row in
            row.values.contains { !Self.isSame($0, row.values.first ?? nil) }
        }
        results = Self.aligned(runs.map(Self.results))
        recipes = runs.dropFirst().map { LineDiff(runs[0].recipeText, $0.recipeText) }
    }

    private static func isSame(_ one: JSON?, _ other: JSON?) -> Bool {
        guard let one, let other else { return one == nil && other == nil }
        return one == other || one.double != nil && one.double == other.double
    }

    /// All that a run was made with, by name.
    private static func settings(_ run: RunSummary) -> [(String, JSON)] {
        var rows = (run.parameters.object ?? [:]).map { ("--" + $0.key, $0.value) }
        for (place, trainer) in run.trainers.enumerated() {
            let prefix = place == 0 ? "" : "trainer \(place + 1): "
            for part in ["arguments", "fingerprints"] {
                rows += (trainer[part]?.object ?? [:]).map { (prefix + $0.key, $0.value) }
            }
        }
        rows.append(("trainers", .integer(run.trainers.count)))
        for key in ["lorawb", "recipe", "seed", "threads", "processor", "system", "kernels"] {
            if let value = run.environment[key], !value.isNull { rows.append((key, value)) }
        }
        return rows
    }

    /// All that came out of a run, by name.
    private static func results(_ run: RunSummary) -> [(String, JSON)] {
        var rows: [(String, JSON)] = [("state", .string(run.state))]
        if let error = run.error { rows.append(("error", .string(error))) }
        let trainers = run.end["trainers"]?.array ?? []
        for (place, trainer) in trainers.enumerated() {
            let prefix = place == 0 ? "" : "trainer \(place + 1): "
            for key in ["steps", "epochs", "train_loss"] {
                if let value = trainer[key], !value.isNull { rows.append((prefix + key, value)) }
            }
            if let name = trainer["best"]?["metric"]?.string, let value = trainer["best"]?["value"] {
                rows.append((prefix + "best " + name, value))
            }
            for (key, value) in trainer["evaluation"]?.object ?? [:]
            where key.hasPrefix("eval_") && !RunSummary.isTime(key) && value.double != nil {
                rows.append((prefix + key, value))
            }
        }
        if trainers.isEmpty, let steps = run.steps {
            rows.append(("steps", .integer(steps)))
            if let metric = run.metric() { rows.append((metric.name, .number(metric.value))) }
        }
        if let seconds = run.seconds { rows.append(("time", .number(seconds))) }
        if let bytes = run.end["peak_memory_bytes"] { rows.append(("peak memory", bytes)) }
        for expectation in run.end["expects"]?.array ?? [] {
            guard let text = expectation["expects"]?.string else { continue }
            let met = expectation["met"]?.bool
            rows.append(("expects " + text, .string(met.map { $0 ? "met" : "missed" } ?? "not measured")))
        }
        return rows
    }

    /// Values of the same name side by side, in the order in which the names first come.
    private static func aligned(_ columns: [[(String, JSON)]]) -> [(name: String, values: [JSON?])] {
        var names: [String] = []
        var values: [String: [JSON?]] = [:]
        for (column, rows) in columns.enumerated() {
            for (name, value) in rows {
                if values[name] == nil {
                    names.append(name)
                    values[name] = Array(repeating: nil, count: columns.count)
                }
                values[name]?[column] = value
            }
        }
        return names.map { ($0, values[$0] ?? []) }
    }

    // MARK: As text

    /// The comparison for people; `columns` is how wide the terminal is, nil where nothing is cut.
    func lines(columns: Int?) -> [String] {
        var lines = ["what differed"]
        let head = [""] + runs.map { Shown.name($0.name, atMost: 30) }
        if settings.isEmpty {
            lines.append("  nothing: parameters, arguments, data, base, version and machine are the same")
        } else {
            lines += table([head] + settings.map { row in [Shown.name(row.name)] + row.values.map(Self.text) }, columns)
        }
        for (run, diff) in zip(runs.dropFirst(), recipes) {
            guard let diff else { continue }
            lines.append(
                "  recipe.lua of \(Shown.name(runs[0].name)) and \(Shown.name(run.name)): -\(diff.removed) +\(diff.added)"
            )
            lines += diff.lines.map { "    " + $0 }
        }
        if recipes.allSatisfy({ $0 == nil }) { lines.append("  the recipe is the same") }
        lines += ["", "what came out"]
        lines += table(
            [head] + results.map { row in [Shown.name(row.name)] + row.values.map { Self.result($0, row.name) } },
            columns)
        return lines
    }

    private func table(_ rows: [[String]], _ columns: Int?) -> [String] {
        var rows = rows
        if let columns {
            let first = min(28, rows.map { Columns.width(of: $0[0]) }.max() ?? 0)
            let each = max(8, (columns - 2 - first) / max(1, runs.count) - 2)
            rows = rows.map { row in
                [Columns.cut(row[0], to: first)] + row.dropFirst().map { Columns.cut($0, to: each) }
            }
        }
        return Columns.rows(rows, indent: 2).split(separator: "\n").map(String.init)
    }

    private static func text(_ value: JSON?) -> String {
        guard let value else { return "-" }
        switch value {
        case .string(let text): return Shown.name(text, atMost: 200)
        case .number(let number): return Figures.plain(number)
        default: return Shown.name(value.serialized(asciiOnly: false), atMost: 200)
        }
    }

    private static func result(_ value: JSON?, _ name: String) -> String {
        guard let value else { return "-" }
        if name == "time", let seconds = value.double { return Timestamp.duration(seconds) }
        if name == "peak memory", let bytes = value.int { return ByteSize.memory(bytes) }
        if case .number(let number) = value { return Int(exactly: number).map(String.init) ?? Runs.value(number) }
        return text(value)
    }

    // MARK: As JSON

    /// The same for programs: `runs`, `differed` and `results` by name with a list of values, `recipes` with the lines of each difference.
    var json: JSON {
        func table(_ rows: [(name: String, values: [JSON?])]) -> JSON {
            JSON(rows.map { row in .init(row.name, .array(row.values.map { $0 ?? .null })) })
        }
        return JSON([
            .init("runs", .array(runs.map { .string($0.name) })), .init("paths", .array(runs.map { .string($0.path) })),
            .init("differed", table(settings)),
            .init("recipes", .array(recipes.map { $0.map { .array($0.lines.map(JSON.string)) } ?? .null })),
            .init("results", table(results)),
        ])
    }
}
