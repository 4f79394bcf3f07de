import Formats
import LuaSyntax
import Stdlib
import Words

/// The modules in Lua that a recipe may require: lorawb's own, and files beside the recipe.
final class SiblingModules {
    /// What is known of a module.
    enum State {
        /// Its text, parsed; nil where it cannot be.
        case found(SyntaxTree)
        /// Its name is that of no module.
        case noName
        /// There is no such file.
        case missing(file: String)
        /// It cannot be parsed, and why.
        case broken(String)
    }

    private let permissions: Permissions
    private var states: [String: State] = [:]

    init(_ permissions: Permissions) { self.permissions = permissions }

    func state(of name: String) -> State {
        if let known = states[name] { return known }
        let found = find(name)
        states[name] = found
        return found
    }

    private func find(_ name: String) -> State {
        guard SiblingModules.isName(name) else { return .noName }
        let file = name.replacing(".", with: "/") + ".lua"
        do {
            let bytes: [UInt8]
            if let own = Stdlib.module(name) {
                bytes = own
            } else {
                let (folder, path) = try permissions.reading(file)
                guard folder.exists(path) else { return .missing(file: file) }
                bytes = try folder.read(path)
            }
            return .found(try SyntaxTree(bytes))
        } catch let error as SyntaxError {
            return .broken("\(Permissions.shown(file)):\(error.line): \(error)")
        } catch {
            return .broken("require: \(error)")
        }
    }

    /// Whether a text is the name of a module, as `require` takes it: words with dots between them.
    private static func isName(_ text: String) -> Bool {
        text.split(separator: ".", omittingEmptySubsequences: false).allSatisfy { part in
            guard let first = part.utf8.first, !(48...57).contains(first) else { return false }
            return part.utf8.allSatisfy { $0 == 95 || (48...57).contains($0) || (97...122).contains($0 | 32) }
        }
    }

    /// The nearest of lorawb's own modules in Lua, and of files beside the recipe.
    func nearest(to name: String) -> String? {
        let files = (try? permissions.readingFolder(permissions.base).list()) ?? []
        let names = files.filter { $0.hasSuffix(".lua") }.map { String($0.dropLast(4)) }
        return nearestName(to: name, in: names + ["lorawb.losses", "lorawb.report"])
    }

    /// The names that a module's table has; nil where that cannot be told.
    func names(_ module: String) -> [String]? {
        guard case .found(let tree) = state(of: module), case .returning(let values)? = tree.main.statements.last?.kind,
            values.count == 1, case .local(let place) = tree[values[0]].kind
        else { return nil }
        let variable = tree.variables[place]
        guard case .declaration(let value?) = variable.origin, case .table(let entries) = tree[value].kind else {
            return nil
        }
        let mentions = Mentions(tree)
        // What else is done to the table than giving it fields may give it any.
        for use in variable.uses where use != values[0] {
            guard let parent = mentions.parents[use.place], case .field(let base, _) = tree[parent].kind, base == use
            else {
                return nil
            }
        }
        var names: [String] = []
        for entry in entries {
            guard case .name(let name) = entry.key else { return nil }
            names.append(name.text)
        }
        for (name, writes) in mentions.writes {
            let isOwn = writes.contains { write in
                if case .local(place) = tree[write.base].kind { true } else { false }
            }
            if isOwn { names.append(name) }
        }
        return names.sorted()
    }

    /// The globals that modules, and what these require in turn, give values to.
    func globals(of modules: [String]) -> Set<String> {
        trees(of: modules).reduce(into: []) { $0.formUnion($1.globals.filter(\.isAssigned).map(\.name.text)) }
    }

    /// The names of fields that they give values to.
    func written(by modules: [String]) -> Set<String> {
        trees(of: modules).reduce(into: []) { $0.formUnion(Mentions($1).writes.keys) }
    }

    private func trees(of modules: [String]) -> [SyntaxTree] {
        var (pending, seen, trees) = (modules, Set<String>(), [SyntaxTree]())
        while let module = pending.popLast() {
            guard seen.insert(module).inserted, seen.count < 256, case .found(let tree) = state(of: module) else {
                continue
            }
            trees.append(tree)
            for id in tree.expressionIDs {
                guard case .call(let callee, let arguments) = tree[id].kind,
                    case .global("require") = tree[callee].kind,
                    let first = arguments.first, case .string(let text) = tree[first].kind
                else { continue }
                pending.append(String(decoding: text, as: UTF8.self))
            }
        }
        return trees
    }
}
