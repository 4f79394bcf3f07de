import ArgumentParser
import Workbench

/// The program: commands over the workbench.
@main
struct Lorawb: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "lorawb",
        abstract: "Adapts pretrained language models on ordinary CPUs, scripted in Lua.",
        discussion: """
            lorawb run recipe.lua --help   shows a recipe's own parameters
            lorawb help trainer.args       shows what recipes can call, here the arguments of a trainer
            lorawb                         starts the interactive session, or runs what is piped in
            """,
        version: "lorawb \(Workbench.version)",
        subcommands: [
            RunCommand.self, PlanCommand.self, ProfileCommand.self, ChatCommand.self, ReplCommand.self,
            InfoCommand.self,
            StubsCommand.self,
        ],
        defaultSubcommand: ReplCommand.self)

    static func main() {
        var words = Array(CommandLine.arguments.dropFirst())
        // `lorawb recipe.lua`, and so a recipe whose first line is `#!/usr/bin/env lorawb`, means run.
        if let first = words.first, first.hasSuffix(".lua") { words.insert("run", at: 0) }
        if let first = words.first, !first.hasPrefix("-"), !commands.contains(first) {
            let hint = Workbench.nearest(first, in: commands).map { "; did you mean '\($0)'?" } ?? ""
            Workbench.complain(
                "unknown command '\(first)'\(hint.isEmpty ? "; there are \(commands.joined(separator: ", "))" : hint)")
            Lorawb.exit(withError: ExitCode(64))
        }
        if words.first == "help" {
            Lorawb.exit(withError: ExitCode(HelpCommand.run(Array(words.dropFirst()), commands: commands)))
        }
        Lorawb.main(words)
    }

    private static let commands = ["run", "plan", "profile", "chat", "repl", "info", "stubs", "help"]
}
