import Formats
import Reports
import Words

/// What `lorawb runs` and `lorawb compare` print.
public enum Runs {
    /// Lists the runs of a folder, the newest last, a line each or as JSON; gives the exit code.
    ///
    /// - Parameters:
    ///   - folder: where they are; `runs` in the working folder where nil.
    ///   - metric: the metric to show; each run's own where nil.
    public static func list(in folder: String?, metric: String?, json: Bool) -> Int32 {
        print("runs") { columns in
            let path = Permissions.absolute(folder ?? "runs", from: Machine.workingFolder)
            guard Permissions.isFolder(path) || folder == nil else {
                throw FormatError("there is no folder '\(Permissions.shown(folder ?? ""))'")
            }
            if let metric { try check(metric, in: RunPlaces.runs(in: path)) }
            let text = listing(in: path, metric: metric, json: json, columns: columns)
            guard text.isEmpty else { return text }
            return "no runs in \(Permissions.shown(folder ?? "runs")): a recipe that makes a trainer leaves one there"
        }
    }

    /// Throws where no run has a metric of that name.
    private static func check(_ metric: String, in runs: [RunSummary]) throws {
        guard !runs.isEmpty, runs.allSatisfy({ $0.metric(metric) == nil }) else { return }
        let known = Set(runs.flatMap(\.metrics).map(short)).sorted()
        let hint = nearestNameHint(for: metric, in: known)
        let others = known.isEmpty ? "" : "; there are \(known.joined(separator: ", "))"
        throw FormatError("no run has a metric '\(Shown.name(metric))'\(hint.isEmpty ? others : hint)")
    }

    /// Prints what several runs have otherwise, and what came out of each; gives the exit code.
    public static func compare(_ names: [String], json: Bool) -> Int32 {
        print("compare") { try comparison(names, from: Machine.workingFolder, json: json, columns: $0) }
    }

    /// Writes a page about runs, into `file` where it is given; gives the exit code.
    public static func report(_ names: [String], to file: String?) -> Int32 {
        print("report") { _ in try RunReports.write(of: names, to: file) }
    }

    /// Prints a text, made for so many columns where there is a terminal.
    private static func print(_ command: String, _ text: (_ columns: Int?) throws -> String) -> Int32 {
        let output = Output()
        do {
            output.page(try text(output.isTerminal ? Output.columns : nil))
            return output.end()
        } catch {
            output.complain("lorawb: \(command): \(error)")
            return Session.Exit.misuse
        }
    }

    /// The list of the runs in a folder; empty where there are none.
    package static func listing(in path: String, metric: String?, json: Bool, columns: Int?) -> String {
        let runs = RunPlaces.runs(in: path)
        guard !json else { return JSON.array(runs.map { record($0, metric) }).serialized(indent: 2, asciiOnly: false) }
        return runs.isEmpty ? "" : table(runs, metric, columns).joined(separator: "\n")
    }

    /// What the runs of these names have otherwise, and what came out.
    package static func comparison(
        _ names: [String], from workingFolder: String, json: Bool, columns: Int?
    ) throws -> String {
        guard names.count >= 2 else { throw FormatError("expected two runs or more, got \(names.count)") }
        let comparison = RunComparison(try names.map { try RunPlaces.run($0, from: workingFolder) })
        guard !json else { return comparison.json.serialized(indent: 2, asciiOnly: false) }
        return comparison.lines(columns: columns).joined(separator: "\n")
    }

    private static func record(_ run: RunSummary, _ name: String?) -> JSON {
        let metric = run.metric(name)
        func text(_ value: String?) -> JSON { value.flatMap { $0.isEmpty ? nil : .string($0) } ?? .null }
        return JSON([
            .init("name", .string(run.name)), .init("path", .string(run.path)), .init("state", .string(run.state)),
            .init("recipe", text(run.recipe)), .init("started", text(run.started)),
            .init("seconds", run.seconds.map(JSON.number) ?? .null),
            .init("steps", run.steps.map(JSON.integer) ?? .null),
            .init(
                "metric",
                metric.map { JSON([.init("name", .string($0.name)), .init("value", .number($0.value))]) } ?? .null),
            .init("error", text(run.error)),
        ])
    }

    private static func table(_ runs: [RunSummary], _ name: String?, _ columns: Int?) -> [String] {
        let metrics = runs.map { $0.metric(name) }
        let names = Set(metrics.compactMap { $0?.name })
        // One name for all stands at the top; of several each has its own.
        let shared = names.count == 1 ? names.first.map(short) : nil
        func rows(_ columns: Set<Int>) -> [[String]] {
            let head = ["name", "state", "recipe", "started (UTC)", "time", "steps", shared ?? name ?? "metric"]
            let body = zip(runs, metrics).map { run, metric in
                [
                    Columns.cut(Shown.name(run.name), to: 40), run.state, Columns.cut(Shown.name(run.stem), to: 20),
                    Shown.name(Timestamp.minutes(run.started), atMost: 20), run.seconds.map(Timestamp.duration) ?? "-",
                    run.steps.map(String.init) ?? "-",
                    metric.map { (shared == nil ? short($0.name) + " " : "") + value($0.value) } ?? "-",
                ]
            }
            return ([head] + body).map { row in row.enumerated().filter { columns.contains($0.offset) }.map(\.element) }
        }
        let room = columns ?? .max
        // Where it is narrow the recipe goes first, which most names begin with, then the beginning, then the steps.
        for columns: Set<Int> in [[0, 1, 2, 3, 4, 5, 6], [0, 1, 3, 4, 5, 6], [0, 1, 4, 5, 6], [0, 1, 4, 6]] {
            let numbers = columns.sorted().enumerated().filter { [4, 5].contains($0.element) }.map(\.offset)
            let lines = Columns.rows(rows(columns), rightAligned: Set(numbers)).split(separator: "\n").map(String.init)
            if lines.allSatisfy({ Columns.width(of: $0) <= room }) { return lines }
            if columns.count == 4 { return lines.map { Columns.cut($0, to: room) } }
        }
        return []
    }

    /// A metric's name without `eval_`.
    static func short(_ name: String) -> String {
        Shown.name(name.hasPrefix("eval_") ? String(name.dropFirst(5)) : name, atMost: 30)
    }

    /// A figure in a table: four digits behind the point, or six that count where it is small or large.
    static func value(_ value: Double) -> String {
        guard value.isFinite, value != 0 else { return value == 0 ? "0" : "\(value)" }
        if abs(value) >= 1e6 || abs(value) < 1e-3 {
            let text = "\(value)"
            let parts = text.split(separator: "e")
            return parts.count == 2 ? parts[0].prefix(6) + "e" + parts[1] : String(text.prefix(8))
        }
        return Figures.fixed(value, 4)
    }
}
