import ArgumentParser
import Workbench

/// `lorawb` alone: the interactive session on a terminal, one chunk where something is piped in.
///
/// `lorawb repl recipe.lua` runs a recipe first, and the session has what the recipe has.
struct ReplCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "repl", abstract: "Starts the interactive session (what `lorawb` alone does), after a recipe.",
        usage: "lorawb repl [host options] [<recipe.lua | name of a built-in recipe> [--name value ...] [host options]]"
    )

    @OptionGroup var host: HostOptions

    @Argument(parsing: .captureForPassthrough, help: "A recipe that is run first, and its parameters.")
    var words: [String] = []

    func run() throws {
        guard !words.isEmpty else { throw ExitCode(Session(try host.session()).interact()) }
        guard let recipe = try RecipeWords.recipe(words, "repl") else { throw CleanExit.helpRequest(self) }
        let (options, typed) = try RecipeWords.merged(host, after: words.dropFirst())
        let session = Session(try options.session())
        throw ExitCode(session.interact(recipe: recipe, words: typed.own, help: typed.help))
    }
}
