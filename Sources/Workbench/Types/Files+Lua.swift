import Formats
import LuaBridge
import Options

/// What recipes see of files: text and JSON, under the session's permissions.
enum FilesLua {
    static func functions(_ context: RecipeContext) -> [LuaFunctionDeclaration] {
        let path = LuaParameter("path", .path, "Relative to the recipe's folder, or absolute.")
        return [
            LuaFunctionDeclaration(
                "read_text", "Reads a file as text.", parameters: [path], returns: "string",
                example: "print(#lorawb.read_text(\"reviews.tsv\"))"
            ) {
                call in
                let (folder, name) = try context.permissions.reading(try call.string(1, "path"))
                return .value(.string(LuaString(bytes: try folder.read(name))))
            },
            LuaFunctionDeclaration(
                "save_text", "Writes text to a file, whole or not at all.",
                parameters: [path, LuaParameter("text", .string, "What to write.")],
                example: "lorawb.save_text(lorawb.run_dir .. \"/notes.txt\", \"done\")"
            ) { call in
                let bytes = try call.bytes(2, "text").utf8
                let (folder, name) = try context.permissions.writing(try call.string(1, "path"))
                try folder.write(name, bytes)
                return .nothing
            },
            LuaFunctionDeclaration(
                "read_json", "Reads a JSON file; null becomes nil.", parameters: [path], returns: "any",
                example: "print(lorawb.read_json(\"tiny/config.json\").hidden_size)"
            ) { call in
                let path = try call.string(1, "path")
                let (folder, name) = try context.permissions.reading(path)
                return .value(try LuaJSON.value(JSON(parsing: folder.read(name), source: Permissions.shown(path))))
            },
            LuaFunctionDeclaration(
                "save_json", "Writes a value as JSON, whole or not at all.",
                parameters: [path, LuaParameter("value", .any, "Tables, strings, numbers, booleans.")],
                example: "lorawb.save_json(lorawb.run_dir .. \"/result.json\", { accuracy = 0.9 })"
            ) { call in
                let json = try LuaJSON.json(try call.value(2))
                let (folder, name) = try context.permissions.writing(try call.string(1, "path"))
                try folder.write(name, json, indent: 2, asciiOnly: false)
                return .nothing
            },
            LuaFunctionDeclaration(
                "exists", "Whether a file or folder is there and may be read.", parameters: [path], returns: "boolean",
                example: "print(lorawb.exists(\"reviews.tsv\"))"
            ) { call in
                let path = try call.string(1, "path")
                guard let (folder, name) = try? context.permissions.reading(path) else { return .boolean(false) }
                return .boolean(folder.exists(name))
            },
        ]
    }
}
