import ArgumentParser
import Workbench

/// `lorawb stubs DIR`: definitions for the Lua language server.
struct StubsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "stubs",
        abstract: "Writes definitions with which the Lua language server completes and checks recipes.")

    @Argument(help: "Folder of the recipes; library/lorawb.lua and .luarc.json are written into it.")
    var folder: String

    func run() throws {
        do {
            for line in try Reference.writeStubs(to: folder) { print(line) }
        } catch {
            Workbench.complain("stubs: \(error)")
            throw ExitCode(1)
        }
    }
}
