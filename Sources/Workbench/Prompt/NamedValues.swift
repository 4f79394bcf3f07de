import LuaBridge
import Models
import Options
import Training

/// What texts may name, by kind: asked of the objects of a session.
struct NamedValues {
    private let host: LuaHost

    init(_ host: LuaHost) { self.host = host }

    /// Where the names of each kind come from; nil where an object has none of the kind.
    private static func names(_ kind: OptionValues, of object: AnyObject, _ prefix: String) -> [String]? {
        if let trainer = object as? TrainerBox, kind != .metrics {
            return names(kind, of: trainer.model, prefix)
        }
        switch kind {
        case .modules: return (object as? ModuleBox).map { modules($0, prefix) }
        case .adapters: return (object as? ModuleBox)?.adapters.names
        case .columns: return (object as? DatasetBox)?.dataset.columnNames
        case .metrics: return metrics(object)
        }
    }

    /// The names of a kind, from the first of the objects that has some, else from the user's variables.
    func names(_ kind: OptionValues, near references: [LuaReference], prefix: String) -> [String] {
        func all(_ references: [LuaReference]) -> [[String]] {
            references.flatMap(objects).compactMap { Self.names(kind, of: $0, prefix) }.filter { !$0.isEmpty }
        }
        let near = all(references)
        // What evaluations give is the loss, and what each metric says.
        if kind == .metrics { return ["loss"] + (near.isEmpty ? Metrics.names : near.flatMap { $0 }) }
        if let first = near.first { return first }
        let variables = SessionNames(host).own.compactMap { entry -> LuaReference? in
            if case .plain(.object) = entry.value { return SessionNames(host).value(entry.name) }
            return nil
        }
        return Array(Set(all(variables).flatMap { $0 }))
    }

    /// Names of the user's variables that hold an object of one of these types.
    func variables(_ types: [String]) -> [String] {
        guard !types.isEmpty else { return [] }
        return SessionNames(host).own.compactMap { entry in
            guard case .plain(.object(let object)) = entry.value, types.contains(LuaHost.typeName(of: object)) else {
                return nil
            }
            return entry.name
        }
    }

    /// The object that a value is, or those that a table of the host's holds, such as the splits of a data set.
    private func objects(_ reference: LuaReference) -> [AnyObject] {
        switch reference.look()?.kind {
        case .object:
            guard case .object(let object)? = try? reference.value() else { return [] }
            return [object]
        case .table(let table) where table.isHost:
            return (reference.listing(items: 0, fields: 16)?.fields ?? []).compactMap { _, value in
                if case .plain(.object(let object)) = value { return object }
                return nil
            }
        default: return []
        }
    }

    /// The ends of the paths of modules with weights, as target_modules takes them: single names, and from a dot on whole paths too.
    private static func modules(_ box: ModuleBox, _ prefix: String) -> [String] {
        var names: Set<String> = []
        for (path, module) in box.module.namedModules() where !path.isEmpty && !module.weights.isEmpty {
            let parts = path.split(separator: ".")
            if prefix.contains(".") {
                for start in parts.indices.dropLast() { names.insert(parts[start...].joined(separator: ".")) }
            } else if let last = parts.last {
                names.insert(String(last))
            }
        }
        return names.sorted()
    }

    private static func metrics(_ object: AnyObject) -> [String]? {
        if let metrics = object as? any StreamingMetrics { return (try? metrics.makeMetrics())?.map(\.name) }
        guard let trainer = (object as? TrainerBox)?.trainer else { return nil }
        let keys = trainer.state.logHistory.flatMap { $0.map(\.key) }.filter { $0.hasPrefix("eval_") }
        return Array(Set(keys))
    }
}
