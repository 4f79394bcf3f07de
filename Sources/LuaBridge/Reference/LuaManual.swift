import Options

/// The whole reference as Markdown: every module, function, type and option.
public struct LuaManual {
    private let items: [LuaDocumentation]

    /// A manual of what is registered.
    public init(_ items: [LuaDocumentation]) { self.items = items }

    /// The page, below `introduction`.
    public func markdown(title: String, introduction: String) -> String {
        var text = "# \(title)\n\n\(introduction)\n"
        for owner in items where owner.kind == .module || owner.kind == .type {
            text += "\n## \(owner.path)\n\n\(owner.signature.doc)\n"
            for item in items where item.owner == owner.path && item.kind != .module && item.kind != .type {
                text += section(item)
            }
        }
        let globals = items.filter { $0.owner.isEmpty && $0.kind == .function }
        if !globals.isEmpty { text += "\n## Global functions\n" + globals.map(section).joined() }
        return text
    }

    private func section(_ item: LuaDocumentation) -> String {
        var text = "\n### `\(item.heading)`\n\n\(item.signature.doc)\n"
        if !item.signature.parameters.isEmpty { text += "\n" }
        for parameter in item.signature.parameters {
            text += "- `\(parameter.name)`: \(LuaManual.code(parameter.facts)). \(parameter.doc)\n"
            if let table = parameter.options { text += list(table, indent: "  ") }
        }
        if !item.signature.example.isEmpty { text += "\n```lua\n\(item.signature.example)\n```\n" }
        return text
    }

    private func list(_ table: OptionTable, indent: String) -> String {
        var text = ""
        for option in table.options {
            let example = option.example.isEmpty ? "" : " Example: `\(option.name) = \(option.example)`."
            text += "\(indent)- `\(option.name)`: \(LuaManual.code(option.facts)). \(option.doc)\(example)\n"
            if let inner = option.type.table { text += list(inner, indent: indent + "  ") }
        }
        for (name, reason) in table.refused.sorted(by: { $0.key < $1.key }) {
            text += "\(indent)- `\(name)` \(reason).\n"
        }
        if !table.inert.isEmpty {
            let names = table.inert.keys.sorted().map { "`\($0)`" }.joined(separator: ", ")
            text += "\(indent)- Taken where they change nothing, else refused with the reason: \(names).\n"
        }
        return text
    }

    private static func code(_ facts: String) -> String { "`\(facts)`" }
}
