import ArgumentParser
import Workbench

/// `lorawb runs [FOLDER]`.
struct RunsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "runs", abstract: "Lists runs, the newest last: state, time, steps and metric of each.",
        discussion: """
            A run is running while a process writes its folder; finished, failed, interrupted, or stopped by a limit when it has ended so; and died \
            where its process was killed. The metric is the best of metric_for_best_model, else the last evaluation's.
            """)

    @Argument(help: "The folder of the runs (default: runs).")
    var folder: String?

    @Option(name: .long, help: "The metric to show, such as accuracy or eval_loss.")
    var metric: String?

    @Flag(name: .long, help: "As JSON.")
    var json = false

    func run() throws { throw ExitCode(Runs.list(in: folder, metric: metric, json: json)) }
}
