import ArgumentParser
import Workbench

/// `lorawb new NAME [--from RECIPE]`.
struct NewCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "new", abstract: "Writes a new recipe, NAME.lua: a short one, or a copy of another.",
        discussion: """
            What is there is not written over. With --from quickstart the data that quickstart brings is written beside it. The recipe can be \
            started by its own name: ./NAME.lua.
            """)

    @Argument(help: "The recipe's name, with or without .lua; with folders in front it is written there.")
    var name: String

    @Option(name: .long, help: "The recipe to copy: one inside lorawb, or a file.")
    var from: String?

    func run() throws { throw ExitCode(Recipes.make(name, from: from)) }
}
