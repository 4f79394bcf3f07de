import ArgumentParser
import Words
import Workbench

/// Options of the host, the same for all commands that run Lua.
struct HostOptions: ParsableArguments {
    @Option(
        name: .long, parsing: .unconditional,
        help: "Threads to compute with (default: all processors, or LORAWB_THREADS).")
    var threads: Int?

    @Option(name: .long, help: "The run's folder (default: runs/<recipe>-<n> in the working folder).")
    var runDir: String?

    @Option(name: .long, help: "Continue the run in this folder from its newest complete checkpoint.")
    var resume: String?

    @Flag(name: .long, help: "With --resume: go on with a changed recipe, which the run records.")
    var edited = false

    @Flag(name: .long, help: "Refuse to run where an input is not the one whose sha256 the recipe's header has.")
    var locked = false

    @Option(
        name: .long, parsing: .unconditional,
        help: "Seed of random numbers, where the recipe declares no parameter of that name.")
    var seed: Int?

    @Option(name: .long, parsing: .singleValue, help: "Let the recipe read beneath this folder (repeatable).")
    var allowRead: [String] = []

    @Option(name: .long, parsing: .singleValue, help: "Let the recipe write beneath this folder (repeatable).")
    var allowWrite: [String] = []

    @Option(name: .long, parsing: .unconditional, help: "Stop after this many seconds (exit code 124).")
    var timeLimit: Double?

    @Option(
        name: .long, parsing: .unconditional,
        help:
            "Stop when a run has more memory than this in use, e.g. 4GB; files that are mapped do not count (exit code 125)."
    )
    var maxMemory: String?

    /// The names of the options above that take no value, as typed.
    static let flags = ["edited", "locked"]
    /// The names of the others.
    static let names = [
        "threads", "run-dir", "resume", "seed", "allow-read", "allow-write", "time-limit", "max-memory",
    ]

    func validate() throws {
        if let threads, threads < 1 { throw ValidationError("--threads expects at least 1, got \(threads)") }
        if let timeLimit, !(timeLimit > 0) {
            throw ValidationError("--time-limit expects seconds above 0, got \(timeLimit)")
        }
        if resume != nil && runDir != nil {
            throw ValidationError("--resume names the run's folder already; leave --run-dir out")
        }
        _ = try memoryLimit()
    }

    /// What the process holds is looked at once a mebibyte: a smaller limit would mean nothing, or end Lua before the recipe runs.
    private static let leastMemory = 1_000_000

    /// `maxMemory` in bytes.
    func memoryLimit() throws -> Int? {
        guard let maxMemory else { return nil }
        guard let bytes = ByteSize.bytes(maxMemory) else {
            throw ValidationError(
                "--max-memory expects a size such as 512MB or 4GB (\(ByteSize.forms)), got '\(maxMemory)'")
        }
        guard bytes >= HostOptions.leastMemory else {
            throw ValidationError("--max-memory expects at least 1MB, got '\(maxMemory)'")
        }
        return bytes
    }

    /// These options, and those of `before` where nothing is said here.
    func over(_ before: HostOptions) -> HostOptions {
        var merged = self
        merged.threads = threads ?? before.threads
        merged.runDir = runDir ?? before.runDir
        merged.resume = resume ?? before.resume
        merged.edited = edited || before.edited
        merged.locked = locked || before.locked
        merged.seed = seed ?? before.seed
        merged.timeLimit = timeLimit ?? before.timeLimit
        merged.maxMemory = maxMemory ?? before.maxMemory
        merged.allowRead = before.allowRead + allowRead
        merged.allowWrite = before.allowWrite + allowWrite
        return merged
    }

    /// The options as the workbench takes them.
    func session() throws -> SessionOptions {
        guard !edited || resume != nil else { throw ValidationError("--edited goes with --resume RUN") }
        var options = SessionOptions(
            threads: threads, runFolder: resume ?? runDir, resume: resume != nil, edited: edited, seed: seed,
            allowRead: allowRead, allowWrite: allowWrite, timeLimit: timeLimit, memoryLimit: try memoryLimit(),
            typed: typed)
        options.locked = locked
        return options
    }

    /// The options as words, but for those that name a run.
    private var typed: [String] {
        let values: [(String, [String])] = [
            ("threads", threads.map { ["\($0)"] } ?? []), ("seed", seed.map { ["\($0)"] } ?? []),
            ("allow-read", allowRead), ("allow-write", allowWrite),
            ("time-limit", timeLimit.map { [Figures.plain($0)] } ?? []), ("max-memory", maxMemory.map { [$0] } ?? []),
        ]
        return values.flatMap { name, values in values.flatMap { ["--\(name)", $0] } } + (locked ? ["--locked"] : [])
    }
}
