import LuaBridge

/// Help within a session: `:help name` and the global function `help`.
enum SessionHelp {
    /// The global `help`: prints what is said of a value, or of a name.
    static func function(_ host: LuaHost, _ output: Output) -> LuaFunctionDeclaration {
        LuaFunctionDeclaration(
            "help", "Prints what is said of a function, an object or a name; without an argument, what there is.",
            parameters: [LuaParameter("what", .any, optional: true, "A function, an object, a module or a name.")],
            example: "help(lorawb.load_model)"
        ) { [unowned host] call in
            if call.isString(1) {
                output.page(text(try call.string(1, "what"), host))
            } else if let value = try call.reference(1) {
                output.page(text(of: value, host))
            } else {
                output.page(text("", host))
            }
            return .nothing
        }
    }

    /// What is said of a name; of nothing, what there is.
    static func text(_ name: String, _ host: LuaHost) -> String {
        guard !name.isEmpty else { return overview(host) }
        let plain = name.hasPrefix(":") ? String(name.dropFirst()) : name
        if let command = SessionCommand.all.first(where: { $0.name == plain && name.hasPrefix(":") }) {
            return ":\(command.name) \(command.argument)\n  \(command.doc)"
        }
        // A variable's name comes first: it is what the user calls a thing.
        if let value = Completer.value(ofPath: plain, host) { return text(of: value, host) }
        let help = help(host)
        if let text = help.text(about: plain) { return trimmed(text) }
        return help.refusal(of: name).replacing("`lorawb help`", with: ":help")
    }

    /// Everything that there is, or all about a name, for the pager.
    static func manual(_ name: String, _ host: LuaHost) -> String {
        name.isEmpty ? trimmed(help(host).overview) : text(name, host)
    }

    private static func help(_ host: LuaHost) -> LuaHelp {
        LuaHelp(host.documentation, width: min(Output.columns, 120))
    }

    private static func trimmed(_ text: String) -> String {
        var text = text
        while text.hasSuffix("\n") { text.removeLast() }
        return text
    }

    /// What is said of a value.
    static func text(of value: LuaReference, _ host: LuaHost) -> String {
        switch value.look()?.kind {
        case .function(let function):
            if let path = function.path { return page(path, host) }
            return function.origin.isEmpty ? "a function of Lua's own" : "a function of yours: \(function.origin)"
        case .object(let type): return page(type, host)
        case .table(let table):
            if let name = table.name, host.documentation.contains(where: { $0.path == name }) {
                return page(name, host)
            }
            return "a table"
        default: return "a value: \(value.text(within: 1))"
        }
    }

    /// The page of a documented thing.
    private static func page(_ path: String, _ host: LuaHost) -> String {
        trimmed(help(host).text(about: path) ?? path)
    }

    private static func overview(_ host: LuaHost) -> String {
        let commands = SessionCommand.all.map { [":\($0.name) \($0.argument)", $0.doc] }
        return Columns.rows(commands) + "\n\n"
            + "Lua goes on over several lines until it is whole; local variables live on; _ is the last value,\n"
            + "_1, _2, ... are those before it, by number. After a misspelt name Enter runs what was meant.\n"
            + "help(x) tells of a function or an object, such as help(lorawb.load_model).\n"
            + "lorawb holds everything: type lorawb to see it."
    }
}
