import ArgumentParser
import Workbench

/// The program: commands over the workbench.
@main
struct Lorawb: ParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: "lorawb",
            abstract: "Adapts pretrained language models on ordinary CPUs, scripted in Lua.",
            discussion: """
                lorawb run recipe.lua --help   shows a recipe's own parameters
                lorawb help trainer.args       shows what recipes can call, here the arguments of a trainer
                lorawb recipes                 lists the recipes inside; lorawb new MINE --from NAME makes one yours
                lorawb check recipe.lua        what is wrong with it, without running it
                lorawb plan recipe.lua         what its training takes: memory, time, files
                lorawb runs                    lists the runs beneath ./runs; lorawb compare A B, lorawb rerun A, lorawb report A
                lorawb                         starts the interactive session, or runs what is piped in
                """,
            version: "lorawb \(Workbench.version)", subcommands: needed,
            defaultSubcommand: needed.contains { $0 == ReplCommand.self } ? ReplCommand.self : nil)
    }

    /// All commands, in the order in which help lists them; `help` is parsed by hand.
    private static let all: [any ParsableCommand.Type] = [
        RunCommand.self, CheckCommand.self, PlanCommand.self, RecipesCommand.self, ShowCommand.self, NewCommand.self,
        LockCommand.self,
        RunsCommand.self, CompareCommand.self, RerunCommand.self, ReportCommand.self, ProfileCommand.self,
        ChatCommand.self,
        ReplCommand.self, InfoCommand.self, StubsCommand.self,
    ]

    private static let commands = all.compactMap { $0.configuration.commandName } + ["help"]

    /// What was typed; `lorawb recipe.lua`, and so a recipe whose first line is `#!/usr/bin/env lorawb`, means run, whatever its file is
    /// called.
    private static let words: [String] = {
        let words = Array(CommandLine.arguments.dropFirst())
        guard let first = words.first, !commands.contains(first), Recipes.isPath(first) else { return words }
        return ["run"] + words
    }()

    /// The command that was typed alone, where there is one: the parser makes each ready that it knows, which takes some milliseconds for all.
    private static let needed: [any ParsableCommand.Type] = {
        guard let first = words.first else { return [ReplCommand.self] }
        let named = all.filter { $0.configuration.commandName == first }
        return named.isEmpty ? all : named
    }()

    static func main() {
        if let first = words.first, !first.hasPrefix("-"), !commands.contains(first) {
            let hint =
                Recipes.isInside(first)
                ? "; did you mean 'lorawb run \(first)'?"
                : Workbench.nearest(first, in: commands).map { "; did you mean '\($0)'?" } ?? ""
            Workbench.complain(
                "unknown command '\(first)'\(hint.isEmpty ? "; there are \(commands.joined(separator: ", "))" : hint)")
            Lorawb.exit(withError: ExitCode(64))
        }
        if words.first == "help" {
            Lorawb.exit(withError: ExitCode(HelpCommand.run(Array(words.dropFirst()), commands: commands)))
        }
        Lorawb.main(words)
    }
}
