import LuaBridge

/// Functions as text: how they are called, and what they do.
enum FunctionText {
    static func text(_ function: LuaLook.Function, _ host: LuaHost) -> String {
        guard let path = function.path, let item = host.documentation.first(where: { $0.path == path }) else {
            return short(function)
        }
        return "function \(item.heading)\n  \(item.sentence)\n  :help \(path) tells more"
    }

    /// In one line, for a place within a table.
    static func short(_ function: LuaLook.Function) -> String {
        if let path = function.path ?? function.name { return "function \(path)" }
        return function.origin.isEmpty ? "function (Lua's own)" : "function \(function.origin)"
    }
}
