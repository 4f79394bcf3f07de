import CLuaShim
import Memory
import Synchronization

/// What a host allows a script.
public struct LuaLimits: Sendable {
    /// Bytes that Lua's own values may take.
    public var memory: Int
    /// How many host calls may be within one another.
    public var depth: Int
    /// The seed of math.random at the start, so that the same run gives the same numbers.
    public var seed: Int

    /// The usual limits: 1 GiB.
    public init(memory: Int = 1 << 30, depth: Int = 50, seed: Int = 0) {
        self.memory = memory
        self.depth = depth
        self.seed = seed
    }
}

/// The text of a module and the name under which its errors appear.
public struct LuaModuleSource: Sendable {
    /// The program text.
    public let source: LuaString
    /// `@metrics.lua` for a file, `=lorawb/metrics` for what belongs to the host: such frames are never blamed.
    public let chunkName: String

    /// Makes a module's source.
    public init(source: LuaString, chunkName: String) {
        self.source = source
        self.chunkName = chunkName
    }
}

/// A Lua state with a sandbox, and everything that scripts in it can reach.
///
/// One thread at a time may use it. Scripts see Lua's pure libraries and what is registered here, nothing else.
public final class LuaHost {
    /// Finds the source of a module that is not registered, for `require`; throws what the script is to be told.
    public typealias Loader = (_ name: String) throws -> LuaModuleSource

    /// What is kept of a registered type, by its number in the shim.
    struct Entry {
        let name: String
        let close: ((AnyObject) throws -> Void)?
        let accepts: (AnyObject) -> Bool
    }

    let state: StateHandle
    var loader: Loader
    var entries: [Int32: Entry] = [:]
    var typeOfClass: [ObjectIdentifier: Int32] = [:]
    var tableTypes: [String: Int32] = [:]
    /// Names of the modules that are registered, and of values that `require` gives.
    public internal(set) var givenModules: Set<String> = []
    /// Names of the types of plain tables with methods, whose fields nobody declares.
    public var tableTypeNames: Set<String> { Set(tableTypes.keys) }
    var functions: [HostFunction] = []
    /// Everything that is registered, for help, stubs and tests.
    public internal(set) var documentation: [LuaDocumentation] = []
    /// Where `print` writes; standard output unless set.
    public var output: (LuaString) -> Void = LuaOutput.standard

    /// Makes a state.
    public init(limits: LuaLimits = LuaLimits(), loader: Loader? = nil) throws {
        self.loader = loader ?? { name in throw LuaFault("no module '\(name)'") }
        var limits = lw_limits(
            memory: Int64(limits.memory), seed: Int64(limits.seed), depth: Int32(clamping: limits.depth))
        // The context is filled in once there is a self to point to; nothing calls it before.
        var table = lw_host()
        guard let raw = lw_open(&table, &limits) else { throw MemoryRefusal.lua }
        state = StateHandle(raw)
        state.host = self
        table = Dispatch.table(for: self)
        lw_set_host(raw, &table)
        for (name, advice) in LuaHost.stockHints { lw_hint(raw, name, advice) }
    }

    deinit { lw_close(state.raw) }

    /// Bytes that Lua's own values take.
    public var memoryInUse: Int { Int(lw_memory(state.raw)) }

    /// Collects all garbage now.
    public func collectGarbage() { lw_collect(state.raw) }

    /// What collects garbage for code that needs memory, on whichever thread.
    public var collector: LuaCollector { LuaCollector(state: state) }

    /// Whether the run in progress is to stop; long loops of host functions ask and throw `LuaInterrupted`.
    public var isStopping: Bool { lw_stopping(state.raw) != 0 }

    /// Whether a script is running.
    public var isRunning: Bool { lw_is_running(state.raw) }

    /// What stops the run in progress from any thread.
    public var interrupter: LuaInterrupter { LuaInterrupter(state: state) }

    /// Whether tracebacks show frames of libraries and host functions too.
    public func showAllFrames(_ all: Bool) { lw_full_traceback(state.raw, all) }

    private static let typeNames = Mutex<[ObjectIdentifier: String]>([:])

    static func remember(_ type: AnyObject.Type, as name: String) {
        typeNames.withLock { $0[ObjectIdentifier(type)] = name }
    }

    /// The Lua name of a class, or its Swift name where it is not registered.
    public static func typeName(of type: AnyObject.Type) -> String {
        typeNames.withLock { $0[ObjectIdentifier(type)] } ?? "\(type)"
    }

    /// The Lua name of an object's class.
    public static func typeName(of object: AnyObject) -> String { typeName(of: type(of: object)) }

    /// What recipes are told about the parts of `io` that they have not got.
    private static let filesHints: [(String, String)] =
        [
            "close", "input", "lines", "open", "output", "read", "stdin", "tmpfile", "type",
        ].map { ("io.\($0)", "read and write files with lorawb.read_text and lorawb.save_text") } + [
            ("io.popen", "a recipe starts no programs"), ("io.stdout", "show text with io.write and print"),
            ("io.stderr", "show text with io.write and print, end a recipe with error"),
            ("io.flush", "what is written is shown at once"), ("file.flush", "what is written is shown at once"),
            ("file.close", "standard output stays open"), ("file.setvbuf", "what is written is shown at once"),
            ("file.seek", "it is standard output"), ("file.read", "it is standard output"),
            ("file.lines", "it is standard output"),
        ]

    /// What recipes are told about parts of Lua that they have not got, by name: `os.exit`.
    public static let stockHints: [(String, String)] =
        filesHints + [
            ("debug", "errors carry a traceback"),
            ("package", "require finds modules beside the recipe and lorawb's own"),
            ("dofile", "use require"),
            ("loadfile", "use require"),
            ("loadstring", "use load"),
            ("collectgarbage", "memory is managed by lorawb; free large objects with :free()"),
            ("warn", "use print"),
            ("unpack", "use table.unpack"),
            ("setfenv", "use load with an environment"),
            ("getfenv", "use load with an environment"),
            ("arg", "declare parameters with lorawb.args"),
            ("os.execute", "a recipe starts no programs"),
            ("os.exit", "end a recipe with return or error"),
            ("os.getenv", "declare parameters with lorawb.args"),
            ("os.remove", "a recipe removes no files"),
            ("os.rename", "a recipe renames no files"),
            ("os.tmpname", "write beneath lorawb.run_dir"),
            ("os.setlocale", "the locale is fixed"),
            ("coroutine.close", "let the coroutine end"),
        ]
}
