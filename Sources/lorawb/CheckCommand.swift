import ArgumentParser
import Workbench

/// `lorawb check recipe.lua [more.lua ...] [--json] [--strict]`.
struct CheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Says what is wrong with recipes before they are run.",
        usage: "lorawb check [--json] [--strict] <recipe.lua | - | name of a built-in recipe> ...",
        discussion: """
            Nothing of a recipe is run. Found are mistakes of syntax, names that stand for nothing, misspelt options, values of the wrong type, files \
            that are not there, and folders that the recipe will have to be allowed. The exit code is 0 where there is no mistake, 1 where there is one.

            --json writes one array of { file, line, column, end_line, end_column, severity, code, message, suggestion }: lines and columns from 1, \
            columns in characters, the end behind the last one; severity is error, warning or note; suggestion, where there is one, is what to put there.
            """)

    @Flag(name: .long, help: "Write what was found as JSON, for editors.")
    var json = false

    @Flag(name: .long, help: "Count warnings as mistakes.")
    var strict = false

    @Option(name: .long, parsing: .singleValue, help: "Folder that the recipe will be allowed to read (repeatable).")
    var allowRead: [String] = []

    @Option(name: .long, parsing: .singleValue, help: "Folder that the recipe will be allowed to write (repeatable).")
    var allowWrite: [String] = []

    @Argument(help: "Recipes: files, - for standard input, names of recipes inside lorawb.")
    var recipes: [String] = []

    func run() throws {
        guard !recipes.isEmpty else { throw ValidationError("which recipe? lorawb check recipe.lua") }
        let options = SessionOptions(allowRead: allowRead, allowWrite: allowWrite)
        throw ExitCode(RecipeCheck(options, json: json, strict: strict).run(recipes))
    }
}
