import ArgumentParser
import Workbench

/// `lorawb` alone: the interactive session on a terminal, one chunk where something is piped in.
struct ReplCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "repl", abstract: "Starts the interactive session (what `lorawb` alone does).")

    @OptionGroup var host: HostOptions

    func run() throws {
        throw ExitCode(Session(try host.session()).interact())
    }
}
