import Kernels
import LuaBridge
import Memory
import Reports
import Tensors

/// What recipes see of memory and the machine.
enum MemoryLua {
    static func functions(_ context: RecipeContext) -> [LuaFunctionDeclaration] {
        [
            LuaFunctionDeclaration(
                "clock", "Seconds since some fixed moment, for measuring how long things take.", returns: "number",
                example: "local start = lorawb.clock()\nprint(lorawb.clock() - start)"
            ) { _ in .number(Machine.seconds) },
            LuaFunctionDeclaration(
                "gc", "Collects garbage now, tensors that nothing refers to included.", example: "lorawb.gc()"
            ) { call in
                call.host.collectGarbage()
                return .nothing
            },
            LuaFunctionDeclaration(
                "memory",
                "Bytes in use: { lua =, tensors =, pooled =, resident =, peak =, held =, held_peak = }; held is what counts against --max-memory, held_peak the most of it so far.",
                returns: "table",
                example: "print(lorawb.memory().tensors)"
            ) { call in
                .fields(
                    "lorawb.memory()",
                    [
                        "lua": .integer(call.host.memoryInUse), "tensors": .integer(StoragePool.shared.liveBytes),
                        "pooled": .integer(StoragePool.shared.pooledBytes), "resident": .integer(Machine.residentBytes),
                        "peak": .integer(Machine.peakBytes), "held": .integer(MemoryBudget.held),
                        "held_peak": .integer(MemoryBudget.peak),
                    ])
            },
        ]
    }
}
