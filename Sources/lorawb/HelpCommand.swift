import ArgumentParser
import Workbench

/// `lorawb help [name | command]`, which shows what recipes can call; parsed by hand, since a command of this name is the parser's own.
enum HelpCommand {
    /// Prints what was asked for and gives the exit code.
    static func run(_ words: [String], commands: [String]) -> Int32 {
        do {
            switch words.first {
            case nil:
                print(Lorawb.helpMessage())
                print(
                    "What recipes can call; `lorawb help NAME` shows one entry, such as `lorawb help trainer.args`:\n")
                print(try Reference.help(about: nil).text, terminator: "")
            case "--markdown": print(try Reference.manual(), terminator: "")
            case let name? where commands.contains(name) && name != "help": Lorawb.main([name, "--help"])
            case let name?:
                let answer = try Reference.help(about: name)
                guard answer.isFound else {
                    Workbench.complain(answer.text)
                    return 1
                }
                print(answer.text, terminator: "")
            }
            return 0
        } catch {
            Workbench.complain("\(error)")
            return 1
        }
    }
}
