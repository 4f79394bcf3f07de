import ArgumentParser
import Workbench

/// `lorawb run recipe.lua [--name value ...]`.
struct RunCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Runs a recipe.",
        usage:
            "lorawb run [host options] <recipe.lua | - | name of a built-in recipe> [--name value ...] [host options]",
        discussion: "`lorawb run recipe.lua --help` shows the recipe's parameters with their defaults.")

    @OptionGroup var before: HostOptions

    @Argument(parsing: .captureForPassthrough, help: "The recipe and its parameters.")
    var words: [String] = []

    func run() throws {
        guard let recipe = words.first, recipe == "-" || !recipe.hasPrefix("-") else {
            if words.first == "--help" || words.first == "-h" { throw CleanExit.helpRequest(self) }
            throw ValidationError(
                words.first.map { "unknown option '\($0)' before the recipe" } ?? "which recipe? lorawb run recipe.lua")
        }
        let (host, own, help): (HostOptions, [String], Bool)
        do {
            (host, own, help) = try split(Array(words.dropFirst()))
        } catch {
            Workbench.complain(HostOptions.message(for: error))
            throw ExitCode(64)
        }
        let session = Session(try host.session())
        throw ExitCode(session.run(recipe: recipe, words: own, help: help))
    }

    /// Parts what follows the recipe into the host's options and the recipe's own words.
    private func split(_ words: [String]) throws -> (host: HostOptions, own: [String], help: Bool) {
        var host = [String]()
        var own = [String]()
        var rest = words[...]
        var help = false
        while let word = rest.popFirst() {
            let name = word.hasPrefix("--") ? String(word.dropFirst(2).prefix { $0 != "=" }) : ""
            if word == "--help" || word == "-h" {
                help = true
            } else if name == "seed" {
                // Also a common parameter of recipes: kept for the recipe, and the session's where the recipe has none.
                own.append(word)
                if !word.contains("="), let value = rest.popFirst() { own.append(value) }
            } else if HostOptions.names.contains(name) {
                host.append(word)
                if !word.contains("="), let value = rest.popFirst() { host.append(value) }
            } else {
                own.append(word)
            }
        }
        guard !host.isEmpty else { return (before, own, help) }
        var merged = try HostOptions.parse(host)
        merged.threads = merged.threads ?? before.threads
        merged.runDir = merged.runDir ?? before.runDir
        merged.resume = merged.resume ?? before.resume
        merged.seed = merged.seed ?? before.seed
        merged.timeLimit = merged.timeLimit ?? before.timeLimit
        merged.maxMemory = merged.maxMemory ?? before.maxMemory
        merged.allowRead = before.allowRead + merged.allowRead
        merged.allowWrite = before.allowWrite + merged.allowWrite
        try merged.validate()
        return (merged, own, help)
    }
}
