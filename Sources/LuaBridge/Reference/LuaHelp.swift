import Options
import Words

/// What `help` answers: the text about a name, or the names that there are.
public struct LuaHelp {
    private let items: [LuaDocumentation]
    /// Bytes beyond which a name is none of these, before it is compared with each.
    private static let longest = 200
    private let width: Int

    /// Help over what is registered, in lines of at most `width` characters where words allow it.
    public init(_ items: [LuaDocumentation], width: Int = 100) { (self.items, self.width) = (items, max(40, width)) }

    /// All that is registered, a line each with its first sentence.
    public var overview: String {
        var text = ""
        for module in items where module.kind == .module {
            text += "\(module.path): \(module.signature.doc)\n"
            let inside = items.filter { $0.owner == module.path && $0.kind != .module && $0.kind != .type }
            text += columns(inside.map { ($0.name, $0.sentence) }, indent: 2) + "\n"
        }
        text += "types:\n"
        text += columns(
            items.filter { $0.kind == .type }.map { ($0.path, $0.sentence) }, indent: 2)
        let globals = items.filter { $0.kind == .function && $0.owner.isEmpty }
        if !globals.isEmpty {
            text += "\nglobal functions:\n" + columns(globals.map { ($0.name, $0.sentence) }, indent: 2)
        }
        return text
    }

    /// The text about a name: `load_dataset`, `lorawb.Tensor`, `Tensor:reshape`, `trainer.args`, `add_adapter.r`; nil where there is none.
    public func text(about name: String) -> String? {
        guard name.utf8.count <= LuaHelp.longest else { return nil }
        let wanted = LuaHelp.key(name)
        var found = items.filter { keys($0.path).contains(wanted) }.map(text)
        found += options(wanted)
        if found.isEmpty {
            found = items.filter { LuaHelp.key($0.name) == wanted }.map(text)
        }
        return found.isEmpty ? nil : found.joined(separator: "\n")
    }

    /// What to say where nothing of that name is there: near names, and names that hold it.
    public func refusal(of name: String) -> String {
        let nowhere = "no help for '\(Shown.name(name, atMost: LuaHelp.longest))'; `lorawb help` lists what there is"
        guard name.utf8.count <= LuaHelp.longest else { return nowhere }
        let names = items.flatMap { [$0.path, $0.name] }
        if let near = nearestName(to: name, in: names) {
            return "no help for '\(name)'; did you mean '\(near)'?"
        }
        let wanted = LuaHelp.key(name)
        let holding = items.map(\.path).filter { LuaHelp.key($0).contains(wanted) }.prefix(12)
        return holding.isEmpty
            ? nowhere
            : "no help for '\(name)'; there are \(holding.joined(separator: ", "))"
    }

    /// Every name that `text(about:)` answers: of things, and of the options of functions and methods.
    public var names: [String] {
        items.map(\.path) + items.flatMap { item in item.allOptions.map { "\(item.path).\($0.path)" } }
    }

    // MARK: Names

    private static func key(_ name: String) -> String {
        name.lowercased().replacing(":", with: ".").replacing(" ", with: ".")
    }

    /// The names that a thing answers to: with and without the module in front.
    private func keys(_ path: String) -> [String] {
        let key = LuaHelp.key(path)
        var keys = [key]
        for prefix in ["lorawb.", "lorawb.nn.", "lorawb.optim.", "lorawb.metrics."] where key.hasPrefix(prefix) {
            keys.append(String(key.dropFirst(prefix.count)))
        }
        return keys
    }

    private func options(_ wanted: String) -> [String] {
        items.flatMap { item -> [String] in
            let owners = keys(item.path) + [LuaHelp.key(item.name)]
            guard owners.contains(where: { wanted.hasPrefix($0 + ".") }) else { return [] }
            return item.allOptions.filter { path, _ in
                owners.contains { wanted == "\($0).\(path)" }
                    || owners.contains { wanted == "\($0).\(path.split(separator: ".").last ?? "")" }
            }.map { path, option in text(option, "\(item.path) { \(path) = }") }
        }
    }

    // MARK: Text

    private func text(_ item: LuaDocumentation) -> String {
        var text = item.heading + "\n" + wrapped(item.signature.doc, indent: 2)
        let rows = item.signature.parameters.map { ($0.name, "\($0.facts). \($0.doc)") }
        if !rows.isEmpty { text += "\n" + columns(rows, indent: 2) }
        for parameter in item.signature.parameters {
            guard let table = parameter.options, !table.options.isEmpty else { continue }
            text +=
                "\n  \(parameter.name):\n"
                + columns(table.options.map { ($0.name, "\($0.facts). \($0.doc)") }, indent: 4)
        }
        if item.kind == .type || item.kind == .module {
            let inside = items.filter { $0.owner == item.path && $0.path != item.path }
            text += "\n" + columns(inside.map { ($0.name, $0.sentence) }, indent: 2)
        }
        return text + example(item.signature.example)
    }

    private func text(_ option: Option, _ heading: String) -> String {
        var text = "\(heading)\n" + wrapped("\(option.facts).", indent: 2) + wrapped(option.doc, indent: 2)
        if let table = option.type.table, !table.options.isEmpty {
            text += "\n" + columns(table.options.map { ($0.name, "\($0.facts). \($0.doc)") }, indent: 2)
            if !table.inert.isEmpty {
                text +=
                    "\n"
                    + wrapped(
                        "Taken where they change nothing, else refused with the reason: "
                            + table.inert.keys.sorted().joined(separator: ", ") + ".", indent: 2)
            }
        }
        return text + example(option.example.isEmpty ? "" : "\(option.name) = \(option.example)")
    }

    private func example(_ text: String) -> String {
        text.isEmpty
            ? ""
            : "\n  example:\n"
                + text.split(separator: "\n", omittingEmptySubsequences: false).map { "    \($0)\n" }.joined()
    }

    private func columns(_ rows: [(String, String)], indent: Int) -> String {
        let first = min(24, rows.map(\.0.count).max() ?? 0)
        return rows.map { name, doc in
            let head = String(repeating: " ", count: indent) + name
            let fill = String(repeating: " ", count: max(2, indent + first + 2 - head.count))
            return wrapped(doc, indent: indent + first + 2, head: head + fill)
        }.joined()
    }

    private func wrapped(_ text: String, indent: Int, head: String? = nil) -> String {
        let margin = String(repeating: " ", count: indent)
        var lines: [String] = []
        var line = head ?? margin
        var isEmpty = true
        for word in text.split(separator: " ") {
            if !isEmpty, line.count + 1 + word.count > width {
                lines.append(line)
                (line, isEmpty) = (margin, true)
            }
            line += (isEmpty ? "" : " ") + word
            isEmpty = false
        }
        return (lines + [line]).map { $0 + "\n" }.joined()
    }
}
