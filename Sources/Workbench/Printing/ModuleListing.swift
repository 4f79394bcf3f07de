import LuaBridge

/// A module of the host's as text: what it holds, by kind, a line each.
struct ModuleListing {
    private let name: String
    private let documentation: [LuaDocumentation]

    /// The listing of a table that is a module; nil where it is none.
    init?(_ table: LuaLook.Table, _ host: LuaHost) {
        guard let name = table.name, host.documentation.contains(where: { $0.kind == .module && $0.path == name })
        else {
            return nil
        }
        (self.name, documentation) = (name, host.documentation)
    }

    func text(_ style: PrintStyle) -> String {
        let own = documentation.filter { $0.owner == name }
        let kinds: [(title: String, kinds: [LuaDocumentation.Kind])] = [
            ("functions", [.function]), ("modules", [.module]), ("values", [.constant, .property]), ("types", [.type]),
        ]
        var parts = [name + ": " + (documentation.first { $0.path == name }?.signature.doc ?? "")]
        for (title, kinds) in kinds {
            let rows = own.filter { kinds.contains($0.kind) }.sorted { $0.path < $1.path }.map { item in
                [item.name, item.sentence]
            }
            guard !rows.isEmpty else { continue }
            let widest = (rows.map { $0[0].count }.max() ?? 0) + 4
            let cut = rows.map { [$0[0], Columns.cut($0[1], to: max(20, style.width - widest))] }
            parts.append(title + "\n" + Columns.rows(cut, indent: 2))
        }
        return parts.joined(separator: "\n") + "\n:help \(name).<name> tells more"
    }
}
