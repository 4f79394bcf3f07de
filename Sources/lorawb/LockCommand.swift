import ArgumentParser
import Workbench

/// `lorawb lock recipe.lua`.
struct LockCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "lock",
        abstract: "Writes the sha256 of a recipe's inputs into its header, where lorawb run --locked checks them.",
        discussion: """
            The inputs are those that the header names: `-- input: data/train.tsv`, relative to the recipe's folder; a folder counts with all its \
            files, and a name of the model cache with its snapshot.
            """)

    @Argument(help: "The recipe's file.")
    var recipe: String

    func run() throws { throw ExitCode(Recipes.lock(recipe)) }
}
