import LuaBridge
import Models
import Tensors

/// A module that a recipe makes out of others: what `nn.module`, `nn.Sequential` and `nn.ModuleList` give.
final class RecipeModule: Module {
    let kind: String
    var path = ""
    /// Parts with the objects that recipes hold of them, in the order of their names, or of their places in a list.
    let parts: [(name: String, box: ModuleBox)]
    let weights: [(name: String, weight: Weight)]
    /// What forward runs; nil for lists.
    let forward: LuaFunction?
    /// Fields that are no parts and no weights: numbers, texts, functions.
    let fields: [String: LuaValue]

    /// Whether it is a list of modules.
    var isList: Bool { forward == nil }

    var children: [(name: String, module: any Module)] { parts.map { ($0.name, $0.box.module) } }

    /// A module of `parts`; one that belongs to another module already is an error, as is a tensor that occurs twice.
    init(
        kind: String, parts: [(name: String, box: ModuleBox)], weights: [(name: String, weight: Weight)] = [],
        forward: LuaFunction? = nil, fields: [String: LuaValue] = [:]
    ) throws {
        (self.kind, self.parts, self.weights, self.forward, self.fields) = (kind, parts, weights, forward, fields)
        var seen: [ObjectIdentifier: String] = [:]
        for (name, box) in parts {
            guard box.module.path.isEmpty, !box.isPart else {
                throw LuaFault("'\(name)' belongs to another module already; make a new one for each place")
            }
            if let adapter = box.adapters.names.first {
                throw LuaFault("'\(name)' has the adapter '\(adapter)'; add adapters to the whole once it is made")
            }
            if let other = seen.updateValue(name, forKey: ObjectIdentifier(box.module)) {
                throw LuaFault(
                    "'\(name)' is the same module as '\(other)'; name it once and call it as often as needed")
            }
        }
        try checkNesting()
        place(at: "")
        do { try RecipeModule.checkTensors(self) } catch {
            for (_, box) in parts { box.module.place(at: "") }
            throw error
        }
        for (_, box) in parts { box.isPart = true }
    }

    private static func checkTensors(_ module: RecipeModule) throws {
        var seen: [ObjectIdentifier: String] = [:]
        for (name, weight) in module.namedParameters() {
            guard let tensor = weight.tensor else { continue }
            if let other = seen.updateValue(name, forKey: ObjectIdentifier(tensor)) {
                throw LuaFault("'\(name)' is the same tensor as '\(other)'; name it once and use it as often as needed")
            }
        }
    }
}
