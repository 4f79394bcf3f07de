import Formats
import Reports
import Training
import Words

/// A run as its folder records it, of whichever state; what cannot be read of it counts as not there.
struct RunSummary {
    /// Most bytes that are read of one file.
    private static let limit = 1 << 26

    /// The run's folder, absolute.
    let path: String
    /// How the user may call it.
    let name: String
    /// "finished", "failed", "interrupted", "stopped" as run.json says; "running" while a process has the folder, "died" where none has
    /// it and there is no run.json.
    let state: String
    /// run.json, or null.
    let end: JSON
    /// environment.json, or null.
    let environment: JSON
    /// params.json, or null.
    let parameters: JSON
    /// The recipe's text.
    let recipeText: String

    /// The run in a folder; nil where none is recorded there.
    init?(path: String, name: String) {
        guard let folder = try? Folder(path: path, links: .follow, access: .read),
            folder.exists(RunRecord.recipeFile), folder.exists(RunRecord.parametersFile)
        else { return nil }
        func json(_ file: String) -> JSON {
            guard folder.exists(file), let bytes = try? folder.read(file, limit: Self.limit) else { return .null }
            return (try? JSON(parsing: bytes, source: file, allowsNonFinite: true)) ?? .null
        }
        (self.path, self.name) = (path, name)
        (end, environment, parameters) = (
            json(RunRecord.endFile), json(RunRecord.environmentFile), json(RunRecord.parametersFile)
        )
        recipeText = String(decoding: (try? folder.read(RunRecord.recipeFile, limit: Self.limit)) ?? [], as: UTF8.self)
        let ended = end["state"]?.string.map { RunEnd.State(rawValue: $0)?.rawValue ?? "unknown" }
        state = folder.isLocked ? "running" : ended ?? "died"
    }

    /// The recipe as it was named, and without its folders and ending.
    var recipe: String { end["recipe"]?.string ?? environment["recipe"]?.string ?? "" }
    var stem: String { recipe.isEmpty ? "" : RunFolder.stem(of: recipe) }
    /// When it began, in ISO 8601: a run that went on began when its first part did.
    var started: String { environment["started"]?.string ?? end["started"]?.string ?? "" }
    /// How long it took; nil where it has not ended.
    var seconds: Double? { state == "running" ? nil : end["seconds"]?.double }
    /// Why it did not finish.
    var error: String? { end["error"]?.string }

    /// What is recorded of its trainers: of a run that has not ended what the first was made with.
    var trainers: [JSON] { end["trainers"]?.array ?? environment["trainer"].map { [$0] } ?? [] }

    /// Steps of all its trainers; of a run that has not ended the last step that was logged.
    var steps: Int? {
        guard state != "running", let trainers = end["trainers"]?.array else { return rows.last?["step"]?.int }
        return trainers.reduce(0) { sum, trainer in
            let (more, overflow) = sum.addingReportingOverflow(max(0, trainer["steps"]?.int ?? 0))
            return overflow ? sum : more
        }
    }

    /// The rows of its log, those that can be read: the last line of a killed run may be half written.
    var rows: [JSON] {
        guard let folder = try? Folder(path: path, links: .follow, access: .read),
            let bytes = try? folder.read(RunRecord.metricsFile, limit: Self.limit)
        else { return [] }
        return bytes.split(separator: 10).compactMap {
            try? JSON(parsing: Array($0), source: RunRecord.metricsFile, allowsNonFinite: true)
        }
    }

    /// The value of a metric: the best where the run chose its weights by it, else the last; of several trainers that of the last.
    ///
    /// - Parameter name: with or without `eval_`; nil takes the run's own: metric_for_best_model, else the first metric of its last
    ///   evaluation that is neither loss nor time, else the loss.
    func metric(_ name: String? = nil) -> (name: String, value: Double)? {
        for trainer in trainers.reversed() {
            if let found = metric(name, of: trainer) { return found }
        }
        let rows = name == nil && end != .null ? [] : rows
        for row in rows.reversed() {
            let trainer = JSON([.init("evaluation", row), .init("train_loss", row["train_loss"] ?? .null)])
            if let found = metric(name, of: trainer) { return found }
        }
        // Of a run without evaluations its training loss is said.
        guard name == nil, let loss = rows.last(where: { $0["loss"] != nil })?["loss"]?.double else { return nil }
        return ("loss", loss)
    }

    private func metric(_ name: String?, of trainer: JSON) -> (name: String, value: Double)? {
        let wanted = name.map { [$0, "eval_" + $0] }
        if let best = trainer["best"]?["metric"]?.string, let value = trainer["best"]?["value"]?.double,
            wanted?.contains(best) ?? true
        {
            return (best, value)
        }
        let evaluation = trainer["evaluation"]?.object ?? [:]
        let keys =
            wanted
            ?? evaluation.keys.filter { $0.hasPrefix("eval_") && !Self.isTime($0) && !$0.hasSuffix("loss") }
            + evaluation.keys.filter { $0.hasPrefix("eval_") && $0.hasSuffix("loss") }
        for key in keys { if let value = evaluation[key]?.double { return (key, value) } }
        guard wanted?.contains("train_loss") ?? true, let loss = trainer["train_loss"]?.double else { return nil }
        return ("train_loss", loss)
    }

    /// Names of the metrics of its evaluations.
    var metrics: [String] {
        let evaluations =
            trainers.compactMap { $0["evaluation"]?.object } + (end == .null ? rows.compactMap(\.object) : [])
        return evaluations.flatMap { $0.keys.filter { $0.hasPrefix("eval_") && !Self.isTime($0) } }
    }

    /// Whether a metric tells of time, and not of the model.
    static func isTime(_ key: String) -> Bool { key.hasSuffix("_runtime") || key.hasSuffix("_per_second") }
}

/// Where runs are.
enum RunPlaces {
    /// The run that the user named: a folder, or a name beneath `runs`.
    static func run(_ name: String, from workingFolder: String) throws -> RunSummary {
        let trimmed = name.count > 1 && name.hasSuffix("/") ? String(name.dropLast()) : name
        for path in [trimmed, "runs/" + trimmed] {
            let absolute = Permissions.absolute(path, from: workingFolder)
            guard !trimmed.isEmpty, !name.utf8.contains(0), Permissions.isFolder(absolute) else { continue }
            if let run = RunSummary(path: absolute, name: path.hasPrefix("runs/") ? String(path.dropFirst(5)) : path) {
                return run
            }
            guard path != trimmed || !Permissions.isFolder(Permissions.absolute("runs/" + trimmed, from: workingFolder))
            else { continue }
            throw FormatError("\(Permissions.shown(path)): holds no run: there is no recipe.lua with its params.json")
        }
        let known = runs(in: Permissions.absolute("runs", from: workingFolder)).map(\.name)
        let hint = nearestNameHint(for: trimmed, in: known)
        let others = known.suffix(5).map { Permissions.shown($0) }.joined(separator: ", ")
        throw FormatError(
            "there is no run '\(Permissions.shown(name))'"
                + (!hint.isEmpty
                    ? hint
                    : known.isEmpty
                        ? "; there are none in the folder runs" : "; the newest in the folder runs are \(others)"))
    }

    /// The runs of a folder, the newest last; the folder itself where it is one.
    static func runs(in path: String) -> [RunSummary] {
        if let own = RunSummary(path: path, name: path.split(separator: "/").last.map(String.init) ?? path) {
            return [own]
        }
        guard let names = try? Folder(path: path, links: .follow, access: .read).list() else { return [] }
        return names.filter { !$0.hasPrefix(".") }.compactMap { RunSummary(path: "\(path)/\($0)", name: $0) }
            .sorted { ($0.started, natural($0.name)) < ($1.started, natural($1.name)) }
    }

    /// A name for sorting: runs that began in the same second by their numbers.
    private static func natural(_ name: String) -> String {
        let digits = name.reversed().prefix { $0.isNumber }.count
        return name.dropLast(digits) + String(repeating: "0", count: max(0, 10 - digits)) + name.suffix(digits)
    }
}
