import ArgumentParser
import Reports
import Workbench

/// What is typed behind a recipe, parted into the host's options and the recipe's own words.
struct RecipeWords {
    /// Words for options of the host.
    private(set) var host: [String] = []
    /// Words for options of the command.
    private(set) var command: [String] = []
    /// Words for the recipe.
    private(set) var own: [String] = []
    /// Whether the recipe's help is wanted.
    private(set) var help = false

    /// Parts `words`; `valued` are the command's own options that take a value, `flags` those that do not.
    init(_ words: some Sequence<String>, valued: [String] = [], flags: [String] = []) {
        var rest = Array(words)[...]
        while let word = rest.popFirst() {
            let name = word.hasPrefix("--") ? String(word.dropFirst(2).prefix { $0 != "=" }) : ""
            var taken = [word]
            let takesValue = name == "seed" || HostOptions.names.contains(name) || valued.contains(name)
            if takesValue, !word.contains("="), let value = rest.popFirst() { taken.append(value) }
            if word == "--help" || word == "-h" {
                help = true
            } else if name == "seed" {
                // Also a common parameter of recipes: kept for the recipe, and the session's where the recipe has none.
                own += taken
            } else if (HostOptions.names + HostOptions.flags).contains(name) {
                host += taken
            } else if valued.contains(name) || flags.contains(name) {
                command += taken
            } else {
                own += taken
            }
        }
    }

    /// The recipe among the words of a command; nil where the command's help is wanted.
    static func recipe(_ words: [String], _ command: String) throws -> String? {
        guard let recipe = words.first, recipe == "-" || !recipe.hasPrefix("-") else {
            if words.first == "--help" || words.first == "-h" { return nil }
            throw ValidationError(
                words.first.map { unknown($0, command) }
                    ?? "which recipe? lorawb \(command) recipe.lua")
        }
        return recipe
    }

    private static func unknown(_ word: String, _ command: String) -> String {
        let name = word.drop { $0 == "-" }.prefix { $0 != "=" }
        let own = command == "profile" ? ProfileOptions.names : command == "plan" ? PlanOptions.names : []
        let near = Workbench.nearest(String(name), in: HostOptions.names + HostOptions.flags + own)
        return "unknown option '\(word)' before the recipe"
            + (near.map { "; did you mean --\($0)?" } ?? "; a recipe's own parameters stand behind it")
    }

    /// Throws where an option that has one value is given twice.
    private func refuseRepeated() throws {
        var seen: Set<Substring> = []
        for word in host where word.hasPrefix("--") {
            let name = word.dropFirst(2).prefix { $0 != "=" }
            guard HostOptions.names.contains(String(name)), !name.hasPrefix("allow-") else { continue }
            guard seen.insert(name).inserted else { throw ValidationError("--\(name) is given twice") }
        }
    }

    /// The host's options, those typed behind the recipe before those in front of it.
    static func merged(
        _ before: HostOptions, after words: some Sequence<String>, valued: [String] = [], flags: [String] = []
    ) throws -> (host: HostOptions, typed: RecipeWords) {
        let typed = RecipeWords(words, valued: valued, flags: flags)
        guard !typed.host.isEmpty else { return (before, typed) }
        do {
            try typed.refuseRepeated()
            let merged = try HostOptions.parse(typed.host).over(before)
            try merged.validate()
            return (merged, typed)
        } catch {
            Workbench.complain(HostOptions.message(for: error))
            throw ExitCode(64)
        }
    }
}
