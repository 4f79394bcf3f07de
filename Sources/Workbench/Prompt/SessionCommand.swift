import Formats
import Kernels
import LuaBridge
import Reports
import Tensors
import Words

/// A line that begins with a colon: `:help trainer`.
struct SessionCommand {
    /// The commands with what they do.
    static let all: [(name: String, argument: String, doc: String)] = [
        ("help", "[name]", "what there is, or all about a name: :help lorawb.load_dataset"),
        ("who", "", "your variables and what they hold"),
        ("values", "", "earlier values with their numbers: _1, _2, ..."),
        ("full", "[number]", "the last value again, without cuts; or an earlier one"),
        ("doc", "[name]", "help page by page; without a name all that recipes can call"),
        ("time", "[line]", "how long the last line took, or a line with its time"),
        ("mem", "", "memory in use"),
        ("save", "file.lua", "the lines that worked, as a recipe"),
        ("load", "file.lua", "runs a file as if it were typed"),
        ("edit", "[file.lua]", "opens the last entry, or a file, in $EDITOR, and runs it when that is closed"),
        ("forget", "", "forgets earlier values, so that their memory is free"),
        ("quit", "", "ends the session (Ctrl-D too)"),
    ]

    let name: String
    let argument: String
    /// The line as it was typed.
    let line: String

    /// The command that a line is; nil where it is Lua.
    init?(_ line: String) {
        let text = SessionCommand.trimmed(line)
        self.line = text
        if text == "help" {
            (name, argument) = ("help", "")
            return
        }
        guard text.hasPrefix(":"), !text.hasPrefix("::") else { return nil }
        let words = text.dropFirst().split(separator: " ", maxSplits: 1).map(String.init)
        name = words.first ?? ""
        argument = words.count > 1 ? SessionCommand.trimmed(words[1]) : ""
    }

    private static func trimmed(_ text: String) -> String {
        String(text.drop(while: \.isWhitespace).reversed().drop(while: \.isWhitespace).reversed())
    }
}

extension Repl {
    /// Does what a command says; false where the session ends.
    func run(_ command: SessionCommand) throws -> Bool {
        do {
            switch command.name {
            case "help": output.page(SessionHelp.text(command.argument, host))
            case "who": output.page(who())
            case "doc": try show(pages: SessionHelp.manual(command.argument, host))
            case "values": output.page(values())
            case "forget": try forgetValues()
            case "edit": try edit(command.argument)
            case "full": try full(command.argument)
            case "time": try time(command.argument)
            case "mem", "memory": output.page(memory())
            case "save": try save(command.argument)
            case "load": try load(command.argument)
            case "quit", "q", "exit": return false
            default:
                let names = SessionCommand.all.map(\.name)
                let hint =
                    nearestName(to: command.name, in: names).map { "did you mean ':\($0)'?" }
                    ?? "there are " + names.map { ":" + $0 }.joined(separator: ", ")
                let message = "unknown command ':\(command.name)'; \(hint)"
                output.complain(message)
                offer(command.line, message)
            }
        } catch let failure as LuaFailure {
            try show(failure)
        } catch {
            output.complain("\(error)")
        }
        return true
    }

    /// Shows a long text page by page.
    private func show(pages text: String) throws {
        var rest = text.split(separator: "\n", omittingEmptySubsequences: false)[...]
        while true {
            let rows = max(3, Output.rows - 1)
            output.page(rest.prefix(rows).joined(separator: "\n"))
            rest = rest.dropFirst(rows)
            guard !rest.isEmpty, output.isTerminal else { return }
            guard
                case .line(let answer) = try typedLine(prompt: "-- \(rest.count) more lines: Enter goes on, q ends -- "),
                answer.allSatisfy(\.isWhitespace)
            else { return try goOn() }
        }
    }

    private func values() -> String {
        guard !earlier.held.isEmpty else { return "no values yet" }
        let printer = ValuePrinter(host: host, style: PrintStyle(width: max(20, Output.columns - 10), isFull: false))
        return Columns.rows(
            earlier.held.map { number in
                let name = EarlierValues.name(number)
                return [name, host.globals?.field(name).map { printer.summary(.reference($0)) } ?? "nil"]
            })
    }

    private func full(_ number: String) throws {
        guard !number.isEmpty else { return try printValues(isFull: true) }
        let digits = number.hasPrefix("_") ? String(number.dropFirst()) : number
        guard let value = Int(digits).flatMap({ host.globals?.field(EarlierValues.name($0)) }) else {
            throw LuaFault("there is no value \(Permissions.shown(number)); :values shows those that are kept")
        }
        try printValues([value], isFull: true)
    }

    private func edit(_ path: String) throws {
        guard output.isTerminal else { throw LuaFault(":edit needs a terminal") }
        guard path.isEmpty else { return try edit(file: path) }
        let before = lastEntry.isEmpty ? "" : lastEntry + "\n"
        var text = try Editor.edit(before)
        guard text != before else { return output.print("nothing was changed; nothing is run") }
        while text.last?.isWhitespace == true { text.removeLast() }
        guard !text.isEmpty else { return output.print("the text is empty; nothing is run") }
        try takeEdited(text)
    }

    private func edit(file path: String) throws {
        let (folder, name) = try place(path)
        let before = folder.exists(name) ? try folder.read(name) : nil
        try Editor.open(folder.path + "/" + name)
        guard folder.exists(name) else {
            return output.print("\(Permissions.shown(path)) was not written; nothing is run")
        }
        guard try folder.read(name) != before else {
            return output.print("\(Permissions.shown(path)) is as it was; :load \(Permissions.shown(path)) runs it")
        }
        try load(path)
    }

    private func time(_ line: String) throws {
        guard line.isEmpty else { return try evaluateTimed(line, showsTime: true) }
        output.print("the last line took \(Repl.shown(lastTime))")
    }

    private func memory() -> String {
        let rows = [
            ("tensors", ByteSize.text(StoragePool.shared.liveBytes)), ("Lua", ByteSize.text(host.memoryInUse)),
            ("process at most", ByteSize.text(Machine.peakBytes)), ("machine", ByteSize.text(Machine.memory)),
        ]
        return Columns.rows(rows.map { [$0.0, $0.1] })
    }

    /// The user's own variables: what the session has beyond what it began with.
    private func who() -> String {
        let own = SessionNames(host).own
        guard !own.isEmpty else { return "no variables yet" }
        let printer = ValuePrinter(host: host, style: PrintStyle(width: max(20, Output.columns - 24), isFull: false))
        return Columns.rows(own.map { [$0.name, printer.summary($0.value)] })
    }

    private func save(_ path: String) throws {
        guard !path.isEmpty else { throw LuaFault("a file's name is missing: :save recipe.lua") }
        guard !record.isEmpty else { throw LuaFault("no line has worked yet; there is nothing to save") }
        let (folder, name) = try place(path)
        guard !folder.exists(name) else {
            throw LuaFault("\(Permissions.shown(path)): is there already; name another file")
        }
        try folder.write(name, text: record.recipe)
        output.print("saved; lorawb run \(Permissions.shown(path)) does the same again")
    }

    private func load(_ path: String) throws {
        guard !path.isEmpty else { throw LuaFault("a file's name is missing: :load recipe.lua") }
        let (folder, name) = try place(path)
        let size = try folder.size(name)
        guard size <= Editor.largest else {
            throw LuaFault(
                "\(Permissions.shown(path)): is \(ByteSize.text(size)) large; :load takes recipes of at most 4 MB")
        }
        var text = try folder.readText(name)
        if text.hasPrefix("#") { text = "--" + text }
        try evaluateTimed(text, name: "@\(path)", isFile: true)
    }

    /// The folder and name of a file that the user typed, which is a grant.
    private func place(_ path: String) throws -> (Folder, String) {
        var path = path
        if path.hasPrefix("~/"), let home = ModelCache.environment("HOME") { path = home + path.dropFirst() }
        let (parent, name) = Permissions.parted(Permissions.absolute(path, from: context.workingFolder))
        return (try Folder(path: parent, linkRoot: "/"), name)
    }
}
