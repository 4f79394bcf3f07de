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
        guard let recipe = try RecipeWords.recipe(words, "run") else { throw CleanExit.helpRequest(self) }
        let (host, typed) = try RecipeWords.merged(before, after: words.dropFirst())
        let session = Session(try host.session())
        throw ExitCode(session.run(recipe: recipe, words: typed.own, help: typed.help))
    }
}
