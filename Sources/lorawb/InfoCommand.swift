import ArgumentParser
import Workbench

/// `lorawb info`: what this machine and this build have.
struct InfoCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "info", abstract: "Shows the processor, threads, BLAS, instruction level and versions in use.")

    func run() throws {
        print(Workbench.information(), terminator: "")
    }
}
