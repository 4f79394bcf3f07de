import Formats
import LuaBridge
import Options
import OrderedCollections
import Tensors
import Words

/// What recipes see of safetensors files: tables of tensors by name, written and read.
enum SafetensorsLua {
    private static let options = OptionTable([
        Option(
            "metadata", .table, "Texts by name, kept in the file's header; \"format\" is \"pt\" unless it is given.",
            example: "{ epoch = \"3\" }")
    ])

    static func functions(_ context: RecipeContext) -> [LuaFunctionDeclaration] {
        [
            LuaFunctionDeclaration(
                "save_safetensors",
                "Writes tensors by name to a safetensors file, whole or not at all: a state dict, or any other table of tensors.",
                parameters: [
                    LuaParameter("path", .path, "Relative to the recipe's folder, or absolute."),
                    LuaParameter("tensors", .table, "{ name = tensor }; nested lists of numbers are tensors too."),
                    LuaParameter("options", options),
                ], example: "lorawb.save_safetensors(\"layer.safetensors\", layer:state_dict())"
            ) { call in
                let items = try items(of: try call.table(2, "tensors"))
                let metadata = try metadata(try call.options(3, options).table("metadata"))
                let (folder, name) = try context.permissions.writing(try call.string(1, "path"))
                try SafetensorsWriter.write(items, metadata: metadata, to: folder, name)
                return .nothing
            },
            LuaFunctionDeclaration(
                "load_safetensors",
                "Reads all tensors of a safetensors file by name: float32 of every kind of float, int64 of every kind of integer.",
                parameters: [LuaParameter("path", .path, "Relative to the recipe's folder, or absolute.")],
                returns: "table<string, lorawb.Tensor>",
                example:
                    "lorawb.save_safetensors(\"t.safetensors\", { t = t })\nprint(lorawb.load_safetensors(\"t.safetensors\").t)"
            ) { call in
                let (folder, name) = try context.permissions.reading(try call.string(1, "path"))
                let file = try SafetensorsFile(folder, name)
                var tensors: [String: LuaValue] = [:]
                for (name, entry) in file.entries {
                    try LuaInterrupt.check()
                    tensors[name] = .object(try tensor(entry, name, of: file))
                }
                return .fields("the tensors", tensors)
            },
        ]
    }

    /// Writes float32 tensors as a state dict, as the safetensors package does for torch.
    static func write(
        _ tensors: [(name: String, values: [Float], shape: [Int])], to folder: Folder, _ name: String
    ) throws {
        let items = try tensors.map { name, values, shape in
            try check(values, name)
            return SafetensorsWriter.Item(name: name, shape: shape, floats: values)
        }
        try SafetensorsWriter.write(items, metadata: ["format": "pt"], to: folder, name)
    }

    private static func tensor(_ entry: SafetensorsFile.Entry, _ name: String, of file: SafetensorsFile) throws
        -> Tensor
    {
        switch entry.dtype {
        case .f32, .f16, .bf16, .f64:
            let tensor = try Tensor(uninitialized: entry.shape)
            try unsafe file.readFloats(
                of: name, into: UnsafeMutableBufferPointer(start: tensor.mutableFloats(), count: tensor.count))
            return tensor
        default: return try Tensor(file.integers(name), shape: entry.shape)
        }
    }

    private static func items(of table: LuaTable) throws -> [SafetensorsWriter.Item] {
        guard table.count == 0 else { throw LuaFault("{ name = tensor } expected, got a list") }
        return try table.fields.map { key, value in
            guard let name = key.text else { throw LuaFault("names of tensors are texts, got the key \(key)") }
            switch value {
            case .object(let box as ParameterBox): return try item(name, try box.tensor())
            case .object(let tensor as Tensor): return try item(name, tensor)
            case .table(let list):
                do {
                    switch try list.nestedNumbers() {
                    case .integers(let values, let shape): return try item(name, try Tensor(values, shape: shape))
                    case .numbers(let values, let shape):
                        return try item(name, try Tensor(values.map { Float($0) }, shape: shape))
                    }
                } catch { throw LuaFault("'\(name)': \(error)") }
            default: throw LuaFault("'\(name)' expected lorawb.Tensor or nested lists, got \(value.shown)")
            }
        }
    }

    private static func item(_ name: String, _ tensor: Tensor) throws -> SafetensorsWriter.Item {
        guard !tensor.isFreed else { throw LuaFault("'\(name)': the tensor was freed") }
        guard tensor.dtype == .float32 else {
            return SafetensorsWriter.Item(name: name, shape: tensor.shape, integers: try tensor.integerArray())
        }
        let values = try tensor.floatArray()
        try check(values, name)
        return SafetensorsWriter.Item(name: name, shape: tensor.shape, floats: values)
    }

    private static func check(_ values: [Float], _ name: String) throws {
        guard values.allSatisfy(\.isFinite) else {
            throw LuaFault("'\(name)' holds a number that is not finite; nothing was written")
        }
    }

    private static func metadata(_ table: LuaTable?) throws -> OrderedDictionary<String, String> {
        var metadata: OrderedDictionary<String, String> = ["format": "pt"]
        guard let table else { return metadata }
        guard let names = table.names, table.count == 0 else {
            throw LuaFault("option 'metadata' expected { name = text }, got a list")
        }
        for name in names {
            guard let text = table[name].asString else {
                throw LuaFault("option 'metadata': '\(name)' expected a string, got \(table[name].shown)")
            }
            metadata[name] = text
        }
        return metadata
    }
}
