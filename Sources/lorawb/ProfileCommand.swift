import ArgumentParser
import Reports
import Workbench

/// Options of `lorawb profile`, before or behind the recipe.
struct ProfileFlags: ParsableArguments {
    @Option(name: .long, help: "Write every operation to this file, as a Chrome trace.")
    var trace: String?

    @Option(name: .long, help: "Steps at the beginning that are left out as warm-up (default: 1).")
    var skipSteps: Int?

    @Option(name: .long, help: "Stop the recipe after this many steps that count (default: at its end).")
    var stopAfter: Int?

    @Flag(name: .long, help: "Show the modules of every layer, not those of all layers together.")
    var everyLayer = false

    func validate() throws {
        if let skipSteps, skipSteps < 0 { throw ValidationError("--skip-steps expects at least 0, got \(skipSteps)") }
        if let stopAfter, stopAfter < 1 { throw ValidationError("--stop-after expects at least 1, got \(stopAfter)") }
        if let trace, trace.isEmpty { throw ValidationError("--trace expects the name of a file") }
    }
}

/// `lorawb profile recipe.lua [--name value ...] [--trace FILE]`.
struct ProfileCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "profile",
        abstract: "Runs a recipe and shows where a training step's time goes, by operation and by module.",
        usage:
            "lorawb profile [options] <recipe.lua | - | name of a built-in recipe> [--name value ...] [options]",
        discussion: """
            Shows for each operation (forward and backward apart), each module and each size of product how often it comes in a step, its time,
            its share of the step, the GFLOP/s that it reaches, and their share of what this machine reaches with products of those sizes
            alone. What lies outside of operations has lines of its own, so that the lines add up to the step. Ctrl-C shows what was gathered.
            """)

    @OptionGroup var before: HostOptions
    @OptionGroup var flags: ProfileFlags

    @Argument(parsing: .captureForPassthrough, help: "The recipe and its parameters.")
    var words: [String] = []

    func run() throws {
        guard let recipe = try RecipeWords.recipe(words, "profile") else { throw CleanExit.helpRequest(self) }
        let (host, typed) = try RecipeWords.merged(
            before, after: words.dropFirst(), valued: ["trace", "skip-steps", "stop-after"], flags: ["every-layer"])
        let behind: ProfileFlags
        do { behind = try ProfileFlags.parse(typed.command) } catch {
            Workbench.complain(ProfileFlags.message(for: error))
            throw ExitCode(64)
        }
        var options = try host.session()
        options.profile = ProfileOptions(
            trace: behind.trace ?? flags.trace, everyLayer: behind.everyLayer || flags.everyLayer,
            skippedSteps: behind.skipSteps ?? flags.skipSteps ?? 1, stopAfter: behind.stopAfter ?? flags.stopAfter)
        throw ExitCode(Session(options).run(recipe: recipe, words: typed.own, help: typed.help))
    }
}
