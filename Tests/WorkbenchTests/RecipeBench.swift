import LuaBridge
import Memory
import Tensors

@testable import Workbench

/// Runs pieces of recipes one after another in one environment: for tests.
final class RecipeBench {
    private let host: LuaHost
    private let context: RecipeContext

    /// An environment whose relative paths begin at `folder`, and which may read and write there.
    init(folder: String, seed: Int? = nil) throws {
        let permissions = Permissions(base: folder)
        permissions.allow(.read, folder)
        permissions.allow(.write, folder)
        let run = RunFolder(named: folder + "/run", stem: "bench", workingFolder: folder, permissions: permissions)
        context = RecipeContext(
            permissions: permissions, runFolder: run, words: [], workingFolder: folder, wantsHelp: false,
            recipeName: "bench.lua", source: [], options: SessionOptions(seed: seed), output: Output())
        host = try RecipeEnvironment.make(context)
        // The pool is the process's; the limits of one bench must not meet the tensors of another.
        MemoryBudget.end()
    }

    /// What has no text, or no example.
    var undocumented: [String] { host.undocumented }
    var withoutExample: [String] { host.withoutExample }

    /// Allows reading a folder beside the bench's own.
    func allowReading(_ path: String) { context.permissions.allow(.read, path) }

    /// Runs a text; the line numbers of its errors are those of `bench.lua`.
    func run(_ text: String) throws(LuaFailure) { try host.run(LuaString(text), name: "@bench.lua") }

    /// The values of an expression, as copies.
    func values(_ expression: String) throws -> [LuaValue] {
        try host.evaluate(LuaString(expression)).map { try $0.value?.value() ?? .nil }
    }

    /// What the run of a text was stopped by; nil where it went through.
    func failure(_ text: String) -> String? {
        do throws(LuaFailure) { try run(text) } catch { return error.message }
        return nil
    }
}
