import LuaSyntax
import Words

/// Names that stand for nothing: globals, fields, methods, modules.
extension RecipeChecker {
    // MARK: Globals

    mutating func checkGlobals() {
        // With _ENV and _G, and text that is made into code, a global may come from anywhere.
        let isOpen = tree.namesEnvironment || mentions.globals["_G"] != nil || mentions.globals["load"] != nil
        let assigned = mentions.assignedGlobals.union(modules.globals(of: requiredModules))
        let likely = known.globals.sorted() + assigned.sorted().prefix(Self.most)
        for use in tree.globals where !use.isAssigned && !isOpen && findings.count < Self.most {
            let name = use.name.text
            guard !assigned.contains(name), !known.globals.contains(name) else { continue }
            if let advice = known.advice[name] {
                report(.global, "'\(name)' is not available to recipes; \(advice)", at: use.name.range)
            } else if known.isModule(name) {
                report(
                    .global, "undefined global '\(name)'; it is a module: local \(name) = require \"\(name)\"",
                    at: use.name.range)
            } else {
                let visible = tree.variables.filter { isVisible($0, at: use) }.map(\.name.text)
                let near = nearestName(to: name, in: likely + visible.suffix(Self.most))
                report(
                    .global, "undefined global '\(name)'" + (near.map { "; did you mean '\($0)'?" } ?? ""),
                    at: use.name.range, suggestion: near)
            }
        }
        checkForgottenLocals()
    }

    /// Whether a local variable of the same or an enclosing function was there before a name, as far as that is seen without its block.
    private func isVisible(_ variable: Variable, at use: GlobalUse) -> Bool {
        guard variable.name.range.upperBound <= use.name.range.lowerBound, variable.name.text.utf8.count > 1 else {
            return false
        }
        var function: Int? = use.function
        while let place = function {
            if place == variable.function { return true }
            function = tree.functions[place].enclosing
        }
        return false
    }

    /// A global that one function alone writes and reads is a local variable without its `local`.
    private mutating func checkForgottenLocals() {
        guard !tree.namesEnvironment, mentions.globals["_G"] == nil, mentions.globals["load"] == nil else { return }
        for (name, places) in mentions.globals.sorted(by: { $0.key < $1.key }) {
            let uses = places.map { tree.globals[$0] }
            guard let first = uses.first, first.isAssigned, first.function != 0, !known.globals.contains(name),
                uses.allSatisfy({ $0.function == first.function }), uses.contains(where: { !$0.isAssigned })
            else { continue }
            report(
                .global, "'\(name)' is a global variable that this function alone uses; write local \(name)",
                at: first.name.range, suggestion: "local \(name)", severity: .warning)
        }
    }

    // MARK: Modules

    /// The names of modules that the recipe requires.
    var requiredModules: [String] {
        tree.expressionIDs.compactMap { requiredModule($0)?.name }
    }

    private func requiredModule(_ id: ExpressionID) -> (name: String, range: Range<Int>)? {
        guard case .call(let callee, let arguments) = tree[id].kind, types[callee] == .stock("require"),
            let first = arguments.first, case .text(let name?) = types[first]
        else { return nil }
        return (name, tree[first].range)
    }

    mutating func checkRequire(_ id: ExpressionID) {
        guard let (name, range) = requiredModule(id), known.module(name) == nil else { return }
        switch modules.state(of: name) {
        case .found: break
        case .noName:
            report(
                .module, "require: '\(name)' is not a module name; names look like 'metrics' or 'lorawb.metrics'",
                at: range)
        case .missing(let file):
            let near = modules.nearest(to: name) ?? known.nearestModule(to: name)
            report(
                .module,
                "require: no module '\(name)': there is no \(file) in the recipe's folder"
                    + (near.map { "; did you mean '\($0)'?" } ?? ""), at: range, suggestion: near.map { "\"\($0)\"" })
        case .broken(let message): report(.syntax, message, at: range)
        }
    }

    // MARK: Fields

    mutating func checkField(_ id: ExpressionID) {
        guard case .field(let base, let name) = tree[id].kind else { return }
        let type = types[base]
        switch type {
        case .module(let module):
            guard known.item("\(module).\(name.text)") == nil, !written.contains(name.text) else { return }
            let near = nearestName(to: name.text, in: known.names(of: module))
            report(.field, "\(module) has no '\(name.text)'" + hint(near), at: name.range, suggestion: near)
        case .arguments(let call):
            let names = types.parameters(call).keys.sorted()
            guard !names.contains(name.text), isDeclaredHere(call) else { return }
            let near = nearestName(to: name.text, in: names)
            let all = names.isEmpty ? "" : "; it has \(names.joined(separator: ", "))"
            report(
                .field, "args has no field '\(name.text)'" + (near == nil ? all : hint(near)), at: name.range,
                suggestion: near)
        case .library(let library): checkLibrary(library, name, id)
        case .luaModule(let module, let names):
            guard mentions.isCalled(id, tree), !names.contains(name.text), !written.contains(name.text) else { return }
            let near = nearestName(to: name.text, in: names)
            report(.field, "module '\(module)' has no '\(name.text)'" + hint(near), at: name.range, suggestion: near)
        case .object(let owner, let fields?) where !fields.isEmpty:
            guard !fields.contains(name.text), !isMember(name.text, of: [owner]), !written.contains(name.text) else {
                return
            }
            let near = nearestName(to: name.text, in: fields + known.names(of: owner))
            let all = "; it has \((fields + known.names(of: owner)).sorted().joined(separator: ", "))"
            report(
                .field, "\(owner) has no field '\(name.text)'" + (near == nil ? all : hint(near)), at: name.range,
                suggestion: near)
        default:
            guard let types = objects(type), mentions.targets.contains(id) || !isMember(name.text, of: types) else {
                return
            }
            checkObject(types, name, isWritten: mentions.targets.contains(id))
        }
    }

    private func hint(_ near: String?) -> String { near.map { "; did you mean '\($0)'?" } ?? "" }

    /// Whether all parameters of a call of lorawb.args are written out.
    private func isDeclaredHere(_ call: ExpressionID) -> Bool {
        guard case .call(_, let given) = tree[call].kind, let first = given.first,
            case .table(let entries) = tree[first].kind
        else { return false }
        return entries.allSatisfy { if case .name = $0.key { true } else { false } }
    }

    /// The types of objects that a value may be; nil where it may be anything else.
    func objects(_ type: CheckedType) -> [String]? {
        guard let all = type.alternatives, !all.isEmpty else { return nil }
        let names = all.compactMap { if case .object(let name, _) = $0 { name } else { nil } }
        return names.count == all.count ? names : nil
    }

    private func isMember(_ name: String, of owners: [String]) -> Bool {
        owners.contains { known.item("\($0):\(name)") != nil || known.item("\($0).\(name)") != nil }
    }

    private mutating func checkObject(_ owners: [String], _ name: Name, isWritten: Bool) {
        guard !owners.contains(where: { known.hasOpenFields($0) }) else { return }
        let names = owners.flatMap { known.names(of: $0) }
        if isWritten {
            // What may be set is for the object to say; here only whether it is there.
            guard !isMember(name.text, of: owners) else { return }
            let near = nearestName(to: name.text, in: names)
            report(
                .field, "\(owners[0]) has no field '\(name.text)' that can be set" + hint(near), at: name.range,
                suggestion: near)
        } else {
            let near = nearestName(to: name.text, in: names)
            report(.field, "\(owners[0]) has no field '\(name.text)'" + hint(near), at: name.range, suggestion: near)
        }
    }

    /// A function of a library that is called and not there; whether it is there may be asked.
    private mutating func checkLibrary(_ library: String, _ name: Name, _ id: ExpressionID) {
        guard known.libraries[library]?.contains(name.text) == false, mentions.isCalled(id, tree),
            !written.contains(name.text),
            !mentions.asked.contains(name.text)
        else { return }
        let path = "\(library).\(name.text)"
        if let advice = known.advice[path] {
            report(.field, "'\(path)' is not available to recipes; \(advice)", at: name.range)
        } else {
            let near = nearestName(to: name.text, in: known.libraries[library] ?? [])
            report(.field, "\(library) has no function '\(name.text)'" + hint(near), at: name.range, suggestion: near)
        }
    }

    /// A method of an object, or of a text.
    mutating func checkMethod(_ base: ExpressionID, _ name: Name) {
        let type = types[base]
        if case .text = type, known.libraries["string"]?.contains(name.text) == false, !written.contains(name.text) {
            let near = nearestName(to: name.text, in: known.libraries["string"] ?? [])
            report(.field, "a string has no method '\(name.text)'" + hint(near), at: name.range, suggestion: near)
            return
        }
        if case .module(let module) = type {
            let path = "\(module).\(name.text)"
            if known.item(path)?.kind == .function {
                report(
                    .call, "'\(name.text)' is a function of \(module), called with a dot: \(path)()",
                    at: name.range.lowerBound - 1..<name.range.upperBound, suggestion: ".\(name.text)")
            } else if known.item(path) == nil, !written.contains(name.text) {
                let near = nearestName(to: name.text, in: known.names(of: module))
                report(.field, "\(module) has no '\(name.text)'" + hint(near), at: name.range, suggestion: near)
            }
            return
        }
        guard let owners = objects(type), !isMember(name.text, of: owners),
            !owners.contains(where: { known.hasOpenMethods($0) }), !written.contains(name.text)
        else { return }
        let near = nearestName(to: name.text, in: owners.flatMap { known.names(of: $0) })
        report(.field, "\(owners[0]) has no field '\(name.text)'" + hint(near), at: name.range, suggestion: near)
    }
}
