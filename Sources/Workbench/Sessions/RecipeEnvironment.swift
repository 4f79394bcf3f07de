import Formats
import Kernels
import LuaBridge
import Memory
import Reports
import Stdlib
import Tensors

/// Builds what a recipe sees: the module `lorawb` with its types and functions, and `require`.
enum RecipeEnvironment {
    /// A host for one session; its limits are those of `context.options`.
    static func make(_ context: RecipeContext) throws -> LuaHost {
        let lua = min(1 << 30, context.options.memoryLimit ?? 1 << 30)
        let seed = Int(truncatingIfNeeded: context.seed)
        let host = try LuaHost(limits: LuaLimits(memory: lua, seed: seed)) { name in try source(of: name, context) }
        host.output = { [output = context.output] text in output.write(text) }
        MemoryBudget.begin(
            limit: context.options.memoryLimit ?? Machine.memory / 5 * 4,
            MemoryBudget.Session(
                check: { if let stop = pendingStop() { throw stop } },
                collect: { [collector = host.collector] in collector.collect() }))
        try registerTypes(host, context)
        try host.register(module(context), global: nil)
        if let pretty = try host.require("lorawb").field("pretty") {
            try host.setModule("lorawb.pretty", .reference(pretty))
        }
        return host
    }

    /// Text of a module that the host has not registered: lorawb's own Lua, or a file of the recipe's folder.
    private static func source(of name: String, _ context: RecipeContext) throws -> LuaModuleSource {
        if let bytes = Stdlib.module(name) {
            return LuaModuleSource(source: LuaString(bytes: bytes), chunkName: "=\(name.replacing(".", with: "/"))")
        }
        let file = name.replacing(".", with: "/") + ".lua"
        let (folder, path) = try context.permissions.reading(file)
        guard folder.exists(path) else {
            throw LuaFault("no module '\(name)': there is no \(file) in the recipe's folder")
        }
        return LuaModuleSource(
            source: LuaString(bytes: try folder.read(path)), chunkName: "@\(Permissions.shown(file))")
    }

    private static func registerTypes(_ host: LuaHost, _ context: RecipeContext) throws {
        try host.register(TensorLua.type)
        try host.register(TokenizerLua.type)
        try host.register(DatasetLua.type(context))
        try host.register(DatasetLua.splits)
        try host.register(ParameterLua.type)
        try host.register(ModuleLua.type)
        try host.register(ModelLua.type)
        try host.register(NNLua.type)
        try host.register(OptimLua.type)
        try host.register(OptimLua.groupType)
        try host.register(ScheduleLua.type)
        try host.register(MetricsLua.type)
        try host.register(TrainerLua.type)
        try host.register(JobLua.type)
        try host.register(SamplesLua.type)
        try host.register(TrainerStateLua.stateType)
        try host.register(TrainerStateLua.controlType)
    }

    private static func module(_ context: RecipeContext) -> LuaModule {
        LuaModule(
            "lorawb", "Adapting pretrained language models.",
            functions: [ArgsLua.function(context)] + FilesLua.functions(context) + TensorMaking.functions(context)
                + SafetensorsLua.functions(context) + MemoryLua.functions(context) + ModelLocation.functions(context)
                + [
                    TokenizerLua.function(context), DatasetLua.function(context), DatasetLua.made,
                    DatasetLua.concatenate,
                    ModelLua.function(context),
                    TrainerLua.function(context), ShowLua.function(context), SamplesLua.function,
                    AnswerFeaturesLua.function,
                    PrettyLua.function, PlotLua.function(context), ProgressLua.function(context),
                ],
            constants: [LuaConstant("version", "Version of lorawb.", .string(Workbench.version))],
            properties: [
                LuaModuleProperty("run_dir", "Folder of this run, made at its first use.", type: "string") { _ in
                    .string(try context.runFolder.path())
                },
                LuaModuleProperty("threads", "Number of threads that lorawb computes with.", type: "integer") { _ in
                    .integer(Workers.count)
                },
            ],
            submodules: [NNLua.module(context), OptimLua.module(context), MetricsLua.module(context)])
    }
}
