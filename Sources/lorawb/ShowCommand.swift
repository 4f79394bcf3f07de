import ArgumentParser
import Workbench

/// `lorawb show NAME`: the text of a recipe.
struct ShowCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Prints a recipe inside lorawb, data that comes with one, or a recipe's file.")

    @Argument(help: "The recipe's name, such as sst2; or a file.")
    var name: String

    @Flag(name: .long, help: "Only what its header says, and what in it cannot be read.")
    var header = false

    func run() throws { throw ExitCode(Recipes.show(name, headerAlone: header)) }
}
