import LuaBridge
import Models
import Tensors
import Words

/// Fields of modules that recipes make: from the table that `nn.module` is given, and back.
enum FieldReader {
    private static let reserved: Set<String> = Set(NNLua.type.methods.map(\.name) + NNLua.type.properties.map(\.name))

    /// The module that a table describes; parts and weights come in the order of their names.
    static func module(_ table: LuaTable) throws -> RecipeModule {
        guard table.count == 0 else {
            throw LuaFault("fields expected as name = value, got a list; nn.Sequential and nn.ModuleList take lists")
        }
        guard let forward = table["forward"].asFunction else {
            let got = table["forward"]
            let hint = got.isNil ? nearestNameHint(for: "forward", in: table.fields.compactMap(\.key.text)) : ""
            throw LuaFault("field 'forward' expected a function(self, ...), got \(got.shown)\(hint)")
        }
        var parts: [(name: String, box: ModuleBox)] = []
        var weights: [(name: String, weight: Weight)] = []
        var fields: [String: LuaValue] = [:]
        for (key, value) in table.fields {
            guard let name = key.text else { throw LuaFault("fields need names, got the key \(key)") }
            if name == "forward" { continue }
            try check(name, value)
            switch value {
            case .object(let object):
                if let box = object as? ModuleBox {
                    parts.append((name, box))
                } else if let tensor = object as? Tensor, tensor.dtype == .float32 {
                    weights.append((name, try weight(tensor, name)))
                } else {
                    fields[name] = value
                }
            default: fields[name] = value
            }
        }
        return try RecipeModule(kind: "Module", parts: parts, weights: weights, forward: forward, fields: fields)
    }

    private static func check(_ name: String, _ value: LuaValue) throws {
        if reserved.contains(name) {
            throw LuaFault("field '\(name)' would hide the method of that name; call it otherwise")
        }
        if name.isEmpty || name.contains(".") {
            throw LuaFault("field '\(name)' cannot be part of a dotted name; use a name without '.'")
        }
        if let table = value.asTable {
            let inner = table.values + table.fields.map(\.value)
            guard !inner.contains(where: { $0.asObject(ModuleBox.self) != nil }) else {
                throw LuaFault("field '\(name)' is a table with modules, which would not be found; use nn.ModuleList")
            }
            guard !inner.contains(where: { $0.asObject(Tensor.self)?.requiresGrad == true }) else {
                throw LuaFault(
                    "field '\(name)' is a table with trained tensors, which would not be found; give each a name of its own"
                )
            }
        }
        if case .other(let kind) = value { throw LuaFault("field '\(name)' is a \(kind), which a module cannot hold") }
    }

    private static func weight(_ tensor: Tensor, _ name: String) throws -> Weight {
        guard !tensor.isFreed else { throw LuaFault("field '\(name)': the tensor was freed") }
        guard tensor.node == nil else {
            throw LuaFault(
                "field '\(name)' is a tensor made by operations; a parameter is made by none: use :detach() first")
        }
        return Weight(name: name, shape: tensor.shape, value: .tensor(tensor), origin: .random)
    }

    /// The field that a recipe reads of a module.
    static func value(of box: LayerBox, _ key: LuaValue) throws -> LuaValue {
        let module = box.module as? RecipeModule
        guard let name = key.asString else {
            guard let module, module.isList, let place = key.asInteger else {
                throw LuaFault("\(box.place) has no field \(key.shown)")
            }
            // ipairs ends at the first nil.
            guard place >= 1, place <= module.parts.count else { return .nil }
            return .object(module.parts[place - 1].box)
        }
        if let part = module?.parts.first(where: { $0.name == name }) { return .object(part.box) }
        if let weight = box.module.weights.first(where: { $0.name == name })?.weight {
            if let tensor = weight.tensor { return .object(tensor) }
            return .object(ParameterBox.of(weight))
        }
        if let value = module?.fields[name] { return value }
        let names =
            box.module.children.map(\.name) + box.module.weights.map(\.name) + (module?.fields.keys.sorted() ?? [])
        let known = names.isEmpty ? "" : "; it has \(names.map { "'\($0)'" }.joined(separator: ", "))"
        let hint = nearestNameHint(for: name, in: names + reserved)
        throw LuaFault("\(box.place) has no field '\(name)'\(hint.isEmpty ? known : hint)")
    }
}
