import Formats

/// What a run was made of, written beside its checkpoints so that it can be read, repeated and continued.
///
/// `recipe.lua` is a copy of the recipe, `params.json` the parameters it was given, `environment.json` the program, the machine, and what
/// the trainer was made with (`Trainer.setting`). `metrics.jsonl`, a line for each row of the log, is the trainer's, and so is
/// `changes.jsonl` (`RunChanges`). An edited recipe leaves the one before as `recipe-1.lua`, `recipe-2.lua`, … `run.json` says how the run
/// ended; whoever begins a run, or goes on with one, takes it away. Each is written whole.
public struct RunRecord: Sendable {
    /// A copy of the recipe.
    public static let recipeFile = "recipe.lua"
    /// The parameters.
    public static let parametersFile = "params.json"
    /// What the run runs on, and how it was started.
    public static let environmentFile = "environment.json"
    /// The rows of the log, a JSON object a line.
    public static let metricsFile = "metrics.jsonl"
    /// How the run ended, written last.
    public static let endFile = "run.json"

    private let recipe: String
    private let parameters: [JSON.Member]
    private let environment: [JSON.Member]

    /// A record of the recipe's text, the values of its parameters, and what the run runs on.
    public init(recipe: String, parameters: [JSON.Member], environment: [JSON.Member]) {
        (self.recipe, self.parameters, self.environment) = (recipe, parameters, environment)
    }

    /// Writes the record into the folder of a run that begins.
    ///
    /// - Parameter trainer: what the trainer was made with, where that is known already.
    public func write(to folder: Folder, trainer: JSON? = nil) throws {
        try folder.remove(Self.endFile)
        let environment = environment + (trainer.map { [JSON.Member("trainer", $0)] } ?? [])
        try folder.write(Self.recipeFile, text: recipe)
        try folder.write(Self.parametersFile, text: JSON(parameters).serialized(indent: 2) + "\n")
        try folder.write(Self.environmentFile, text: JSON(environment).serialized(indent: 2) + "\n")
    }

    /// Whether a folder holds checkpoints of a run.
    public static func hasCheckpoints(in folder: Folder) throws -> Bool { try !Checkpoint.list(in: folder).isEmpty }

    /// Whether a folder holds a record.
    static func isThere(in folder: Folder) -> Bool { folder.exists(recipeFile) && folder.exists(parametersFile) }

    /// Parameters that are not those that the folder records; the environment may change.
    ///
    /// An edited recipe may declare parameters that the run knows nothing of.
    func changedParameters(in folder: Folder, isEdited: Bool) throws -> [RunChanges.Change] {
        let recorded = try Self.parameters(in: folder)
        return parameters.compactMap { entry in
            let before = recorded[entry.key]
            guard before != nil || !isEdited, before?.isSame(entry.value) != true else { return nil }
            return RunChanges.Change(name: entry.key, before: before ?? .null, now: entry.value)
        }
    }

    /// The parameters that the folder of a run records.
    public static func parameters(in folder: Folder) throws -> JSON {
        let path = "\(folder.path)/\(parametersFile)"
        return try JSON(parsing: folder.read(parametersFile), source: path, allowsNonFinite: true)
    }

    /// Whether the recipe is another than the folder records; an error unless it may be.
    func isEdited(in folder: Folder, mayBe: Bool) throws -> Bool {
        let (before, now) = (lines(try folder.readText(Self.recipeFile)), lines(recipe))
        guard before != now else { return false }
        guard !mayBe else { return true }
        let line = zip(before, now).prefix { $0 == $1 }.count
        throw TrainingError(
            "\(folder.path)/\(Self.recipeFile): the run was made with another recipe; line \(line + 1) differs: go back to that recipe, take this one with --edited, or start a new run"
        )
    }

    /// Records that the run goes on from a checkpoint with changes.
    func write(_ changes: RunChanges, from checkpoint: String, to folder: Folder, trainer: JSON) throws {
        if changes.isEdited {
            var number = 1
            while folder.exists("recipe-\(number).lua") { number += 1 }
            try folder.write("recipe-\(number).lua", text: try folder.readText(Self.recipeFile))
        }
        try write(to: folder, trainer: trainer)
    }

    private func lines(_ text: String) -> [Substring] { text.split(separator: "\n", omittingEmptySubsequences: false) }

    /// Writes the whole log; what the file says of the same rows beside (their rate) stays.
    static func write(log: [[JSON.Member]], to folder: Folder) throws {
        let before = folder.exists(metricsFile) ? try folder.readText(metricsFile).split(separator: "\n") : []
        let lines = log.enumerated().map { place, row in
            let line = JSON(row).serialized()
            return before.count > place && before[place].hasPrefix(line.dropLast()) ? String(before[place]) : line
        }
        try folder.write(metricsFile, text: lines.map { $0 + "\n" }.joined())
    }

    /// Adds a row to the log.
    static func append(_ row: [JSON.Member], to folder: Folder) throws {
        try folder.append(metricsFile, text: JSON(row).serialized() + "\n")
    }
}
