import ArgumentParser
import Workbench

/// `lorawb rerun RUN [--name value ...]`.
struct RerunCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rerun",
        abstract: "Does a recorded run again, in a new folder: the recipe as it was, with its parameters.",
        usage: "lorawb rerun [host options] <run> [--name value ...] [--changed] [host options]",
        discussion: """
            A parameter that is typed takes the place of the recorded one. Paths start where they started then. Where data or base are others than then \
            and nothing was typed, it is refused: --changed takes them. Folders that were granted then are typed again.
            """)

    @OptionGroup var before: HostOptions

    @Argument(
        parsing: .captureForPassthrough, help: "The run: a folder, or a name beneath runs; and parameters that change.")
    var words: [String] = []

    func run() throws {
        guard let name = words.first, !name.hasPrefix("-") else {
            if words.first == "--help" || words.first == "-h" { throw CleanExit.helpRequest(self) }
            throw ValidationError("which run? lorawb rerun runs/train-1; lorawb runs lists them")
        }
        let rerun: Rerun
        do { rerun = try Rerun(name) } catch {
            Workbench.complain("rerun: \(error)")
            throw ExitCode(64)
        }
        let recorded: HostOptions
        do { recorded = try HostOptions.parse(rerun.options) } catch {
            Workbench.complain("rerun: \(name): options: \(HostOptions.message(for: error))")
            throw ExitCode(64)
        }
        let (host, typed) = try RecipeWords.merged(before, after: words.dropFirst(), flags: ["changed"])
        guard !typed.help else { throw CleanExit.helpRequest(self) }
        let options = try host.over(recorded).session()
        throw ExitCode(Session(options).rerun(rerun, words: typed.own, changed: typed.command.contains("--changed")))
    }
}
