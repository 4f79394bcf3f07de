import ArgumentParser
import Workbench

/// `lorawb compare A B …`.
struct CompareCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "compare", abstract: "Shows what differed between runs, and what came out of each.",
        discussion:
            "Parameters, arguments of trainers, fingerprints of data and base, versions, machine and recipe are compared."
    )

    @Argument(help: "The runs: folders, or names beneath runs.")
    var runs: [String]

    @Flag(name: .long, help: "As JSON.")
    var json = false

    func run() throws { throw ExitCode(Runs.compare(runs, json: json)) }
}
