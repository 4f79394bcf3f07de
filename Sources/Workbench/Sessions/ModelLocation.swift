import Formats
import LuaBridge
import Options

/// Where a model lies that a recipe names: a folder, a GGUF file, or a name in the Hugging Face cache.
enum ModelLocation {
    /// What was found.
    enum Place {
        case folder(Folder)
        /// The file of this name.
        case gguf(Folder, name: String)
    }

    /// A model's folder, or its GGUF file, opened under the session's permissions.
    static func place(_ name: String, _ context: RecipeContext, revision: String? = nil) throws -> Place {
        guard name.hasSuffix(".gguf") else { return .folder(try folder(name, context, revision: revision)) }
        let (folder, file) = try context.permissions.reading(name)
        return .gguf(folder, name: file)
    }

    /// Whether an absolute path is that of a file whose name says that it holds a model.
    static func isGGUFFile(_ path: String) -> Bool { path.hasSuffix(".gguf") && Permissions.isFile(path) }

    /// Path of the model's folder or GGUF file; nil where there is none, and an error where the recipe may not know.
    ///
    /// A revision concerns names in the cache, and folders that are snapshots there; others have none.
    static func path(_ name: String, _ context: RecipeContext, revision: String? = nil) throws -> String? {
        if revision != nil, let known = ModelCache.name(ofSnapshot: context.permissions.absolute(name)) {
            return try ModelCache.snapshot(of: known, revision: revision)
        }
        if context.permissions.mayRead(name) {
            let (folder, inner) = try context.permissions.reading(name)
            if folder.isFolder(inner) || name.hasSuffix(".gguf") && folder.isThere(inner) {
                return context.permissions.absolute(name)
            }
            // A link that leads where nothing may be read has its own reason.
            if folder.isThere(inner), !folder.exists(inner) { _ = try folder.subfolder(inner) }
        }
        if !name.hasPrefix("/"), !name.hasPrefix("."),
            let snapshot = try ModelCache.snapshot(of: name, revision: revision)
        {
            return snapshot
        }
        if !context.permissions.mayRead(name) { _ = try context.permissions.readingFolder(name) }
        return nil
    }

    /// The folder of a model, or of what else `kind` says, opened under the session's permissions.
    static func folder(
        _ name: String, _ context: RecipeContext, kind: String = "model", revision: String? = nil
    ) throws -> Folder {
        do {
            if let path = try path(name, context, revision: revision) {
                return try context.permissions.readingFolder(path)
            }
            // What is there and no folder, or a link that leads out, has its own reason.
            _ = try context.permissions.readingFolder(name)
        } catch let error as FormatError where error.isMissing {}
        let cache =
            ModelCache.path.map { "; the cache \(Permissions.shown($0)) has no \(kind) of that name either" } ?? ""
        throw LuaFault("no \(kind) folder '\(Permissions.shown(name))'\(cache)")
    }

    /// How the calls that take a name in the cache declare its revision.
    static let revision = Option(
        "revision", .string, default: .words("main, or the only one that there is"),
        "Branch, tag or commit of a name in the Hugging Face cache.", example: "\"main\"")

    private static let findOptions = OptionTable([revision])

    static func functions(_ context: RecipeContext) -> [LuaFunctionDeclaration] {
        [
            LuaFunctionDeclaration(
                "find_model",
                "Path of a model's folder or .gguf file, or nil where there is neither, nor a model of that name in the cache.",
                parameters: [
                    LuaParameter("name", .model, "A folder, a .gguf file, or a name in the Hugging Face cache."),
                    LuaParameter("options", findOptions),
                ],
                returns: "string?", example: "print(lorawb.find_model(\"tiny\"))"
            ) { call in
                let revision = try call.options(2, findOptions).optionalString("revision")
                return .value(
                    try path(try call.string(1, "name"), context, revision: revision).map { .string($0) } ?? .nil)
            }
        ]
    }
}
