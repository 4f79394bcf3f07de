import Formats

/// What a run was made of, written beside its checkpoints so that it can be read, repeated and continued.
///
/// `recipe.lua` is a copy of the recipe, `params.json` the parameters it was given, `environment.json` the program, machine and
/// threads. `log.jsonl`, a line for each row of the log, is the trainer's. Each is written whole.
public struct RunRecord: Sendable {
    static let recipeFile = "recipe.lua"
    static let parametersFile = "params.json"
    static let environmentFile = "environment.json"
    static let logFile = "log.jsonl"

    private let recipe: String
    private let parameters: [JSON.Member]
    private let environment: [JSON.Member]

    /// A record of the recipe's text, the values of its parameters, and what the run runs on.
    public init(recipe: String, parameters: [JSON.Member], environment: [JSON.Member]) {
        (self.recipe, self.parameters, self.environment) = (recipe, parameters, environment)
    }

    /// Writes the record into the folder of a run.
    func write(to folder: Folder) throws {
        try folder.write(Self.recipeFile, text: recipe)
        try folder.write(Self.parametersFile, text: JSON(parameters).serialized(indent: 2) + "\n")
        try folder.write(Self.environmentFile, text: JSON(environment).serialized(indent: 2) + "\n")
    }

    /// Throws where recipe or parameters are not those that the folder records; the environment may change.
    func check(in folder: Folder) throws {
        guard folder.exists(Self.recipeFile), folder.exists(Self.parametersFile) else { return }
        let source = "\(folder.path)/\(Self.recipeFile)"
        let (before, now) = (lines(try folder.readText(Self.recipeFile)), lines(recipe))
        if before != now {
            let line = zip(before, now).prefix { $0 == $1 }.count
            throw TrainingError(
                "\(source): the run was made with another recipe; line \(line + 1) differs: go back to that recipe, or start a new run"
            )
        }
        let path = "\(folder.path)/\(Self.parametersFile)"
        let recorded = try JSON(parsing: folder.read(Self.parametersFile), source: path, allowsNonFinite: true)
        for entry in parameters {
            try Self.check(entry, recorded: recorded[entry.key] ?? .null, source: path)
        }
    }

    /// Throws where a value is not the recorded one; 2 and 2.0 are the same.
    static func check(_ entry: JSON.Member, recorded: JSON, source: String) throws {
        let now = entry.value
        guard recorded == now || (recorded.double != nil && recorded.double == now.double) else {
            throw TrainingError(
                "\(source): the run was made with \(entry.key) = \(recorded.quoted), now it is \(now.quoted); give it the same value, or start a new run"
            )
        }
    }

    private func lines(_ text: String) -> [Substring] { text.split(separator: "\n", omittingEmptySubsequences: false) }

    /// Writes the whole log.
    static func write(log: [[JSON.Member]], to folder: Folder) throws {
        try folder.write(logFile, text: log.map { JSON($0).serialized() + "\n" }.joined())
    }

    /// Adds a row to the log.
    static func append(_ row: [JSON.Member], to folder: Folder) throws {
        try folder.append(logFile, text: JSON(row).serialized() + "\n")
    }
}
