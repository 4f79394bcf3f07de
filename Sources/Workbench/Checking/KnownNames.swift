import LuaBridge
import Words

/// What a recipe finds when it starts: the names that a host has registered, Lua's own libraries as the sandbox has them.
struct KnownNames {
    /// Everything registered by its path.
    private let items: [String: LuaDocumentation]
    private let members: [String: [LuaDocumentation]]
    /// The globals of the sandbox.
    let globals: Set<String>
    /// Libraries that are globals, with the names of their functions.
    let libraries: [String: Set<String>]
    /// What of these, and of the globals, is no function: `math.pi`.
    let values: [String: CheckedType]
    /// What is said of parts of Lua that the sandbox has not got.
    let advice: [String: String]
    private let tableTypes: Set<String>
    private let givenModules: Set<String>

    init(_ host: LuaHost) {
        items = Dictionary(host.documentation.map { ($0.path, $0) }) { first, _ in first }
        members = Dictionary(grouping: host.documentation, by: \.owner)
        (tableTypes, givenModules) = (host.tableTypeNames, host.givenModules)
        advice = Dictionary(LuaHost.stockHints) { first, _ in first }
        var (libraries, values): ([String: Set<String>], [String: CheckedType]) = ([:], [:])
        let globals = KnownNames.fields(host.globals)
        for (name, value) in globals where name != "_G" {
            if let type = KnownNames.plain(value) { values[name] = type }
            guard case .reference(let table) = value, case .table? = table.look()?.kind else { continue }
            let fields = KnownNames.fields(table)
            for (field, value) in fields { values["\(name).\(field)"] = KnownNames.plain(value) }
            libraries[name] = Set(fields.keys)
        }
        (self.globals, self.libraries, self.values) = (Set(globals.keys), libraries, values)
    }

    private static func fields(_ table: LuaReference?) -> [String: LuaListing.Item] {
        var fields: [String: LuaListing.Item] = [:]
        for (key, value) in table?.listing(items: 0, fields: 1 << 16)?.fields ?? [] {
            if case .plain(.string(let text)) = key, let name = text.validText { fields[name] = value }
        }
        return fields
    }

    /// The type of what is no function and no table.
    private static func plain(_ item: LuaListing.Item) -> CheckedType? {
        switch item {
        case .plain(.integer), .plain(.number): .number(nil)
        case .plain(.string), .cut: .text(nil)
        case .plain: .unknown
        case .reference: nil
        }
    }

    /// An object of a type.
    func object(_ type: String) -> CheckedType { .object(type, fields: tableTypes.contains(type) ? [] : nil) }

    /// What is registered under a path.
    func item(_ path: String) -> LuaDocumentation? { items[path] }

    /// What `require` gives for a name that the host has registered; nil for others.
    func module(_ name: String) -> CheckedType? {
        guard givenModules.contains(name) else { return nil }
        switch items[name]?.kind {
        case .module: return .module(name)
        case .function: return .host(name)
        default: return .unknown
        }
    }

    func isModule(_ name: String) -> Bool { items[name]?.kind == .module }

    func isType(_ name: String) -> Bool { items[name]?.kind == .type }

    /// The nearest module to a name that is none.
    func nearestModule(to name: String) -> String? {
        nearestName(to: name, in: items.values.filter { $0.kind == .module }.map(\.path))
    }

    /// Names that may follow a dot or colon behind an owner.
    func names(of owner: String) -> [String] {
        (members[owner] ?? []).filter { $0.kind != .metamethod && $0.kind != .type }.map(\.name)
    }

    /// Whether fields of a type may have names that nobody declared.
    func hasOpenFields(_ type: String) -> Bool { tableTypes.contains(type) || openFields(type) != nil }

    /// Whether what stands under an undeclared name of a type may be called.
    func hasOpenMethods(_ type: String) -> Bool {
        // Rows and splits cannot be called, whatever their name.
        guard let item = openFields(type) else { return false }
        return item.signature.returns == "any"
    }

    private func openFields(_ type: String) -> LuaDocumentation? { items["\(type) __index_names"] }
}
