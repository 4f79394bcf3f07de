import Formats
import LuaBridge
import Models
import Options
import OrderedCollections
import Tensors
import Words

/// All weights of a module that a recipe made, by name: out of it, into it, and on disk as safetensors.
enum StateDict {
    /// Copies of all weights by name.
    static func read(_ module: any Module) throws -> [String: LuaValue] {
        var state: [String: LuaValue] = [:]
        for (name, weight) in module.namedParameters() {
            state[name] = .object(try Tensor(try values(of: weight), shape: weight.shape))
        }
        return state
    }

    /// The file that trainers write a state dict to.
    static let file = "model.safetensors"

    /// Writes all weights of a module.
    static func save(_ module: any Module, to folder: Folder, _ name: String) throws {
        try SafetensorsLua.write(
            try module.namedParameters().map { ($0.name, try values(of: $0.weight), $0.weight.shape) }, to: folder, name
        )
    }

    private static func values(of weight: Weight) throws -> [Float] {
        if let tensor = weight.tensor { return try tensor.floatArray() }
        return try weight.floats()
    }

    /// Gives every weight the numbers of its name; a name too few or too many, or another shape, changes nothing.
    static func write(_ state: [String: (values: [Float], shape: [Int])], into module: any Module, source: String)
        throws
    {
        let parameters = module.namedParameters()
        let names = parameters.map(\.name)
        if let unknown = state.keys.sorted().first(where: { !names.contains($0) }) {
            throw LuaFault(
                "\(source)'\(unknown)' is no parameter of this module\(nearestNameHint(for: unknown, in: names))")
        }
        var pairs: [(tensor: Tensor, values: [Float])] = []
        for (name, weight) in parameters {
            guard let (values, shape) = state[name] else {
                throw LuaFault("\(source)'\(name)' of shape \(weight.shape) is missing")
            }
            guard shape == weight.shape else {
                throw LuaFault("\(source)'\(name)' has shape \(shape), the module's has \(weight.shape)")
            }
            guard let tensor = weight.tensor else {
                throw LuaFault("'\(name)' is frozen and cannot be written; set requires_grad of the parameter first")
            }
            guard !tensor.isFreed else { throw LuaFault("'\(name)': the tensor was freed") }
            pairs.append((tensor, values))
        }
        for (tensor, values) in pairs {
            unsafe try values.withUnsafeBufferPointer { source in
                guard let start = source.baseAddress else { return }
                unsafe try tensor.mutableFloats().update(from: start, count: tensor.count)
            }
        }
    }

    /// Tensors, or nested lists, of a recipe's table.
    static func numbers(_ table: LuaTable) throws -> [String: (values: [Float], shape: [Int])] {
        guard table.count == 0 else { throw LuaFault("{ name = tensor } expected, got a list") }
        var state: [String: (values: [Float], shape: [Int])] = [:]
        for (key, value) in table.fields {
            let name = key.description
            if let tensor = value.asObject(Tensor.self) {
                guard !tensor.isFreed else { throw LuaFault("'\(name)': the tensor was freed") }
                state[name] = (try tensor.floatArray(), tensor.shape)
            } else if let list = value.asTable {
                do {
                    switch try list.nestedNumbers() {
                    case .integers(let values, let shape): state[name] = (values.map { Float($0) }, shape)
                    case .numbers(let values, let shape): state[name] = (values.map { Float($0) }, shape)
                    }
                } catch { throw LuaFault("'\(name)': \(error)") }
            } else {
                throw LuaFault("'\(name)' expected lorawb.Tensor or nested lists, got \(value.shown)")
            }
        }
        return state
    }

    static var methods: [LuaMethod<LayerBox>] {
        let path = LuaParameter("path", .string, "A safetensors file.")
        return [
            LuaMethod(
                "state_dict", "Copies of all weights by name.", returns: "table<string, lorawb.Tensor>",
                example: "for name, tensor in pairs(layer:state_dict()) do print(name, tensor.shape[1]) end"
            ) {
                box, _ in
                .fields("the state dict", try read(box.module))
            },
            LuaMethod(
                "load_state_dict", "Gives all weights the numbers of a table by name.",
                parameters: [
                    LuaParameter("state", .table, "What state_dict gives: { name = tensor or nested lists }.")
                ], example: "layer:load_state_dict(layer:state_dict())"
            ) { box, call in
                try write(try numbers(try call.table(1, "state")), into: box.module, source: "")
                return .nothing
            },
            LuaMethod(
                "save_weights", "Writes all weights to a safetensors file, whole or not at all.", parameters: [path],
                example: "layer:save_weights(\"layer.safetensors\")"
            ) { box, call in
                let (folder, name) = try box.context.permissions.writing(try call.string(1, "path"))
                try save(box.module, to: folder, name)
                return .nothing
            },
            LuaMethod(
                "load_weights", "Reads all weights from a safetensors file that save_weights wrote.",
                parameters: [path],
                example: "layer:save_weights(\"layer.safetensors\")\nlayer:load_weights(\"layer.safetensors\")"
            ) { box, call in
                let path = try call.string(1, "path")
                let (folder, name) = try box.context.permissions.reading(path)
                let file = try SafetensorsFile(folder, name)
                var state: [String: (values: [Float], shape: [Int])] = [:]
                for (name, entry) in file.entries { state[name] = (try file.floats(name), entry.shape) }
                try write(state, into: box.module, source: "\(path): ")
                return .nothing
            },
        ]
    }
}
