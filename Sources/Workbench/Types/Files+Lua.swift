import Formats
import LuaBridge

/// What recipes see of files: text and JSON, under the session's permissions.
enum FilesLua {
    static func functions(_ context: RecipeContext) -> [LuaFunctionDeclaration] {
        let path = LuaParameter("path", "string", "Relative to the recipe's folder, or absolute.")
        return [
            LuaFunctionDeclaration("read_text", "Reads a file as text.", parameters: [path], returns: "string") {
                call in
                let (folder, name) = try context.permissions.reading(try call.string(1, "path"))
                return .value(.string(LuaString(bytes: try folder.read(name))))
            },
            LuaFunctionDeclaration(
                "save_text", "Writes text to a file, whole or not at all.",
                parameters: [path, LuaParameter("text", "string", "What to write.")]
            ) { call in
                let bytes = try call.bytes(2, "text").utf8
                let (folder, name) = try context.permissions.writing(try call.string(1, "path"))
                try folder.write(name, bytes)
                return .nothing
            },
            LuaFunctionDeclaration(
                "read_json", "Reads a JSON file; null becomes nil.", parameters: [path], returns: "any"
            ) { call in
                let (folder, name) = try context.permissions.reading(try call.string(1, "path"))
                return .value(LuaJSON.value(try JSON(parsing: folder.read(name), source: name)))
            },
            LuaFunctionDeclaration(
                "save_json", "Writes a value as JSON, whole or not at all.",
                parameters: [path, LuaParameter("value", "any", "Tables, strings, numbers, booleans.")]
            ) { call in
                let json = try LuaJSON.json(try call.value(2))
                let (folder, name) = try context.permissions.writing(try call.string(1, "path"))
                try folder.write(name, text: json.serialized(indent: 2, asciiOnly: false) + "\n")
                return .nothing
            },
            LuaFunctionDeclaration(
                "exists", "Whether a file or folder is there and may be read.", parameters: [path], returns: "boolean"
            ) { call in
                let path = try call.string(1, "path")
                guard let (folder, name) = try? context.permissions.reading(path) else { return .boolean(false) }
                return .boolean(folder.exists(name))
            },
        ]
    }
}
