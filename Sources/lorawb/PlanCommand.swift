import ArgumentParser
import Reports
import Workbench

/// Options of `lorawb plan`, before or behind the recipe.
struct PlanFlags: ParsableArguments {
    @Flag(name: .long, help: "Read models as shapes alone: for one that does not fit into memory.")
    var shapes = false

    @Flag(name: .long, help: "Print the plan as JSON; what the recipe prints goes to standard error.")
    var json = false
}

/// `lorawb plan recipe.lua [--name value ...] [--shapes] [--json]`.
struct PlanCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plan",
        abstract: "Shows what a recipe's training would take, without training.",
        usage: "lorawb plan [options] <recipe.lua | - | name of a built-in recipe> [--name value ...] [options]",
        discussion: """
            Runs the recipe up to trainer:train(), and ends it there. Shows what is
            trained, memory at the peak by part, additions and multiplications,
            time by a few steps that leave nothing behind, what is saved by not
            padding, the files of a run, and what to change if it does not fit.
            With --max-memory the exit code is then 125; `lorawb run` with it
            plans as well, and refuses before the first step.
            """)

    @OptionGroup var before: HostOptions
    @OptionGroup var flags: PlanFlags

    @Argument(parsing: .captureForPassthrough, help: "The recipe and its parameters.")
    var words: [String] = []

    func run() throws {
        guard let recipe = try RecipeWords.recipe(words, "plan") else { throw CleanExit.helpRequest(self) }
        let (host, typed) = try RecipeWords.merged(before, after: words.dropFirst(), flags: PlanOptions.names)
        let behind: PlanFlags
        do { behind = try PlanFlags.parse(typed.command) } catch {
            Workbench.complain(PlanFlags.message(for: error))
            throw ExitCode(64)
        }
        var options = try host.session()
        options.plan = PlanOptions(byShapes: behind.shapes || flags.shapes, asJSON: behind.json || flags.json)
        throw ExitCode(Session(options).run(recipe: recipe, words: typed.own, help: typed.help))
    }
}
