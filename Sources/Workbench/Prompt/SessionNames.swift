import LuaBridge

/// Names of a session: globals and its local variables.
struct SessionNames {
    /// A name with what it stands for.
    struct Entry {
        let name: String
        let value: LuaListing.Item
    }

    /// Names that every session has.
    static let given: Set<String> = [
        "assert", "error", "getmetatable", "ipairs", "next", "pairs", "rawequal", "rawget", "rawlen", "rawset",
        "select",
        "tonumber", "type", "pcall", "xpcall", "setmetatable", "print", "tostring", "require", "load", "_G", "_VERSION",
        "coroutine", "string", "math", "table", "utf8", "os", "io", "lorawb", "help", "_",
    ]

    private let host: LuaHost

    init(_ host: LuaHost) { self.host = host }

    private static func entries(_ table: LuaReference?) -> [Entry] {
        guard let listing = table?.listing(items: 0, fields: 1_000_000) else { return [] }
        return listing.fields.compactMap { key, value in
            guard case .plain(.string(let text)) = key, let name = text.validText else { return nil }
            return Entry(name: name, value: value)
        }
    }

    /// All names, sorted; a local variable hides the global of its name.
    var all: [Entry] {
        var found: [String: Entry] = [:]
        for entry in SessionNames.entries(host.globals) + SessionNames.entries(host.locals) {
            found[entry.name] = entry
        }
        return found.values.sorted { $0.name < $1.name }
    }

    /// What the user defined.
    var own: [Entry] {
        let locals = Set(SessionNames.entries(host.locals).map(\.name))
        return all.filter { entry in
            locals.contains(entry.name) && entry.name != "lorawb"
                || !SessionNames.given.contains(entry.name) && !EarlierValues.isName(entry.name)
        }
    }

    /// What a name stands for, without metamethods; nil where it stands for nothing.
    func value(_ name: String) -> LuaReference? { host.locals?.field(name) ?? host.globals?.field(name) }
}
