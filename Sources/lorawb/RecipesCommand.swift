import ArgumentParser
import Workbench

/// `lorawb recipes`: what is inside the binary.
struct RecipesCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "recipes", abstract: "Lists the recipes inside lorawb, a line each.")

    @Flag(name: .long, help: "As JSON, with versions and the data that each brings.")
    var json = false

    func run() throws { throw ExitCode(Recipes.list(json: json)) }
}
