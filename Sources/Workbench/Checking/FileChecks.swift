import Formats
import LuaBridge
import LuaSyntax
import Words

/// Files, folders and models that a recipe names, and what it may do with them.
extension RecipeChecker {
    /// What a call does with a path that is its first argument.
    private enum Use {
        case readsFile, readsFolder, readsModel, readsData, asks, writesFile, writesFolder
    }

    private static let uses: [String: Use] = [
        "lorawb.read_text": .readsFile, "lorawb.read_json": .readsFile, "lorawb.load_safetensors": .readsFile,
        "lorawb.load_dataset": .readsData, "lorawb.load_model": .readsModel, "lorawb.load_tokenizer": .readsModel,
        "lorawb.find_model": .asks, "lorawb.exists": .asks, "lorawb.save_text": .writesFile,
        "lorawb.save_json": .writesFile, "lorawb.save_safetensors": .writesFile, "lorawb.Dataset:save": .writesFile,
        "lorawb.Model:load_adapter": .readsFolder, "lorawb.nn.Module:load_adapter": .readsFolder,
        "lorawb.Model:save_adapter": .writesFolder, "lorawb.nn.Module:save_adapter": .writesFolder,
        "lorawb.Model:save_pretrained": .writesFolder, "lorawb.Tokenizer:save_pretrained": .writesFolder,
        "lorawb.Trainer:save_model": .writesFolder, "lorawb.nn.Module:save_weights": .writesFile,
        "lorawb.nn.Module:load_weights": .readsFile,
    ]

    /// The calls above, by the path of their documentation.
    static var callsWithFiles: Set<String> { Set(uses.keys) }

    /// A path that the text of a recipe gives.
    private struct Named {
        let path: String
        let range: Range<Int>
        /// The parameter of the recipe whose default it is made of.
        let parameter: String?
        let call: String
        let use: Use
    }

    mutating func checkFiles() {
        var named: [Named] = []
        for id in tree.expressionIDs {
            guard let (item, shift) = types.calledItem(id), let use = Self.uses[item.path] else { continue }
            let given: [ExpressionID]
            switch tree[id].kind {
            case .call(_, let arguments), .methodCall(_, _, let arguments): given = arguments
            default: continue
            }
            guard given.count > shift else { continue }
            for path in paths(given[shift], isData: use == .readsData) {
                guard let text = folded(path) else { continue }
                named.append(
                    Named(
                        path: text.path, range: tree[path].range, parameter: text.parameter, call: item.name, use: use))
            }
        }
        let permissions = place.permissions
        let expected = Set(
            named.filter { $0.use == .asks || $0.use == .writesFile || $0.use == .writesFolder }.map {
                permissions.absolute($0.path)
            })
        for path in named where !path.path.isEmpty && !path.path.utf8.contains(0) { check(path, expected) }
        checkOutputFolders()
    }

    /// The expressions that are paths within an argument: itself, or for data sets the entries of a table.
    private func paths(_ id: ExpressionID, isData: Bool) -> [ExpressionID] {
        guard isData, case .table(let place) = types[id], case .table(let entries) = tree[place].kind, place == id
        else {
            return [id]
        }
        return entries.flatMap { entry -> [ExpressionID] in
            guard case .table(let inner) = tree[entry.value].kind else { return [entry.value] }
            return inner.map(\.value)
        }
    }

    /// The text of an expression, where it is written out or made of the defaults of parameters.
    private func folded(_ id: ExpressionID, depth: Int = 0) -> (path: String, parameter: String?)? {
        if case .text(let text?) = types[id] { return (text, nil) }
        guard depth < 32 else { return nil }
        switch tree[id].kind {
        case .binary("..", let left, let right):
            guard let first = folded(left, depth: depth + 1), let second = folded(right, depth: depth + 1),
                first.path.utf8.count + second.path.utf8.count < 4096
            else { return nil }
            return (first.path + second.path, first.parameter ?? second.parameter)
        case .parenthesis(let inner): return folded(inner, depth: depth + 1)
        case .local(let variable):
            guard case .declaration(let value?) = tree.variables[variable].origin,
                tree.variables[variable].assigned.isEmpty
            else { return nil }
            return folded(value, depth: depth + 1)
        case .field(let base, let name):
            guard case .arguments(let call) = types[base], mentions.writes[name.text] == nil,
                let text = defaultText(of: name.text, call)
            else { return nil }
            return (text, name.text)
        default: return nil
        }
    }

    private func defaultText(of name: String, _ call: ExpressionID) -> String? {
        if case .text(let text?)? = defaultValue(of: name, call) { text } else { nil }
    }

    private mutating func check(_ named: Named, _ expected: Set<String>) {
        let permissions = place.permissions
        let absolute = permissions.absolute(named.path)
        switch named.use {
        case .asks: return
        case .writesFile, .writesFolder:
            guard !permissions.mayWrite(named.path) else { return }
            need(
                "--allow-write", named.use == .writesFolder ? absolute : Permissions.parent(absolute), "writing", named)
        case .readsFile, .readsFolder, .readsModel, .readsData:
            if place.isProvided(named.path) || isInCache(named) { return }
            let isThere = Permissions.exists(absolute)
            let isFolder = named.use == .readsFolder || named.use == .readsModel && !named.path.hasSuffix(".gguf")
            // A parameter that the user types is granted by that.
            if !permissions.mayRead(named.path), named.parameter == nil {
                need("--allow-read", isFolder ? absolute : Permissions.parent(absolute), "reading", named)
            }
            let isMade = expected.contains { absolute == $0 || absolute.hasPrefix($0 + "/") }
            guard !isThere, !isMade else { return }
            reportMissing(named, absolute)
        }
    }

    private mutating func need(_ flag: String, _ folder: String, _ what: String, _ named: Named) {
        guard !mentions.isCaught(named.range) else { return }
        let shown = "\(flag) \(Permissions.shown(folder))"
        report(
            .permission, "\(named.call): \(Permissions.shown(named.path)): \(what) it will need \(shown)",
            at: named.range,
            severity: .note)
        if !needs.contains(shown) { needs.append(shown) }
    }

    private func isInCache(_ named: Named) -> Bool {
        guard named.use != .readsFile, !named.path.hasPrefix("/"), !named.path.hasPrefix(".") else { return false }
        do {
            return try ModelCache.snapshot(of: named.path, named.use == .readsData ? .dataset : .model) != nil
        } catch {
            // It is there, and which revision is meant the call says.
            return true
        }
    }

    private mutating func reportMissing(_ named: Named, _ absolute: String) {
        let isName = !named.path.hasPrefix("/") && !named.path.hasPrefix(".")
        func cache(_ kind: String) -> String {
            guard isName, let path = ModelCache.path else { return "" }
            return "; the cache \(Permissions.shown(path)) has no \(kind) of that name either"
        }
        let shown = Permissions.shown(named.path)
        let hasEnding = named.path.split(separator: "/").last?.contains(".") ?? false
        var what: String
        switch named.use {
        case .readsModel where !named.path.hasSuffix(".gguf"): what = "no model folder '\(shown)'" + cache("model")
        case .readsFolder: what = "no adapter folder '\(shown)'" + cache("adapter")
        case .readsData where !hasEnding: what = "no data file or folder '\(shown)'" + cache("data set")
        default: what = "\(Permissions.shown(absolute)): no such file or folder"
        }
        if let parameter = named.parameter {
            let head = "the default of --\(parameter) leads to nothing: "
            guard !findings.contains(where: { $0.message.hasPrefix(head) }) else { return }
            report(
                .file, head + what, at: named.range, severity: .note)
            return
        }
        let near = nearestFile(absolute)
        if let near { what += "; did you mean '\(near)'?" }
        // What runs only sometimes may be meant for another machine.
        report(
            .file, "\(named.call): \(what)", at: named.range,
            severity: mentions.isConditional(named.range) ? .warning : .error)
    }

    /// The name in the same folder that is nearest to one that is not there.
    private func nearestFile(_ absolute: String) -> String? {
        let parent = Permissions.parent(absolute)
        guard place.permissions.mayRead(parent), let name = absolute.split(separator: "/").last,
            let names = try? place.permissions.readingFolder(parent).list()
        else { return nil }
        return nearestName(to: String(name), in: names.filter { !$0.hasPrefix(".") })
    }

    /// Folders of checkpoints and event files that a trainer is given.
    private mutating func checkOutputFolders() {
        for id in tree.expressionIDs {
            guard types.calledItem(id)?.item.path == "lorawb.trainer", case .call(_, let given) = tree[id].kind,
                let first = given.first, let arguments = entry("args", of: first)
            else { continue }
            let savesNothing = entry("save_strategy", of: arguments).map { types[$0] == .text("no") } ?? false
            for name in ["output_dir", "logging_dir"] where !(name == "output_dir" && savesNothing) {
                guard let value = entry(name, of: arguments), let text = folded(value), !text.path.isEmpty,
                    !place.permissions.mayWrite(text.path)
                else { continue }
                let named = Named(
                    path: text.path, range: tree[value].range, parameter: text.parameter, call: "trainer",
                    use: .writesFolder)
                need("--allow-write", place.permissions.absolute(text.path), "writing", named)
            }
        }
    }
}
