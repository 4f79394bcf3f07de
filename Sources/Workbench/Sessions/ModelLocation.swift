import Formats
import LuaBridge
import Options

/// Where a model lies that a recipe names: a folder, or a name in the Hugging Face cache.
enum ModelLocation {
    /// Path of the model's folder; nil where there is none.
    static func path(_ name: String, _ context: RecipeContext) -> String? {
        let path = context.permissions.absolute(name)
        if Permissions.isFolder(path) { return path }
        return name.hasPrefix("/") || name.hasPrefix(".") ? nil : ModelCache.snapshot(of: name)
    }

    /// The folder of a model, or of what else `kind` says, opened under the session's permissions.
    static func folder(_ name: String, _ context: RecipeContext, kind: String = "model") throws -> Folder {
        guard let path = path(name, context) else {
            let cache = ModelCache.path.map { "; the cache \($0) has no model of that name either" } ?? ""
            throw LuaFault("no \(kind) folder '\(Permissions.shown(name))'\(cache)")
        }
        let folder = try context.permissions.readingFolder(path)
        return folder
    }

    static func functions(_ context: RecipeContext) -> [LuaFunctionDeclaration] {
        [
            LuaFunctionDeclaration(
                "find_model",
                "Path of a model's folder, or nil where there is neither a folder nor a model of that name in the cache.",
                parameters: [LuaParameter("name", .string, "A folder, or a name in the Hugging Face cache.")],
                returns: "string?", example: "print(lorawb.find_model(\"tiny\"))"
            ) { call in .value(path(try call.string(1, "name"), context).map { .string($0) } ?? .nil) }
        ]
    }
}
