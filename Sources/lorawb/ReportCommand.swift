import ArgumentParser
import Workbench

/// `lorawb report RUN ...`.
struct ReportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "report",
        abstract: "Writes a page about one run or several: curves, tables, confusion, worst rows, the recipe.",
        discussion:
            "RUN is a run's folder, or its name beneath runs. Each run writes report.html into its folder while it trains; this makes it anew, or one page that compares several runs."
    )

    @Option(
        name: .shortAndLong,
        help: "The file to write; report.html in the run's folder, or in the working folder for several runs.")
    var output: String?

    @Argument(help: "Folders of runs, or their names beneath runs.")
    var runs: [String]

    func run() throws { throw ExitCode(Runs.report(runs, to: output)) }
}
