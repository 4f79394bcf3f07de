import LuaBridge
import Training

/// What recipes give as rows to evaluate on: a data set, or several by name.
enum EvalSetsLua {
    /// The sets, in the order of their names: Lua's tables have none; one without a name where a data set stands alone.
    static func sets(_ value: LuaValue) throws -> [(name: String?, rows: Dataset)] {
        if value.isNil { return [] }
        if let box = value.asObject(DatasetBox.self) { return [(nil, box.dataset)] }
        guard let table = value.asTable, let names = table.names, !names.isEmpty, table.count == 0 else {
            throw LuaFault("eval_dataset expected lorawb.Dataset, or { name = dataset } of several, got \(value.shown)")
        }
        return try names.sorted().map { name in
            guard let box = table[name].asObject(DatasetBox.self) else {
                throw LuaFault("eval_dataset: '\(name)' expected lorawb.Dataset, got \(table[name].shown)")
            }
            return (name, box.dataset)
        }
    }
}
