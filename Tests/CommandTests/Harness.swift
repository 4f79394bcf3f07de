import Foundation

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// How a process ended, and what it wrote.
struct Outcome: CustomStringConvertible {
    /// Exit code; 128 and the signal's number where a signal ended it.
    let code: Int32
    let out: String
    let err: String

    var description: String { "exit \(code)\nstdout: \(out)\nstderr: \(err)" }

    /// Standard output and its only error line, for a failure that is one line.
    var line: String { err.trimmingCharacters(in: .newlines) }
}

/// A failure of the harness itself.
struct HarnessError: Error, CustomStringConvertible {
    let description: String
}

/// The real program as a process of its own.
final class Running {
    let process: pid_t
    private let folder: String
    private let timeout: Double
    private var status: Int32?

    /// The executable that was built beside the tests.
    static let program: String = {
        #if canImport(Glibc)
            let tests = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
        #else
            let tests = Bundle.main.executablePath ?? CommandLine.arguments[0]
        #endif
        return (tests as NSString).deletingLastPathComponent + "/lorawb"
    }()

    /// Starts `words`; a process still there after `timeout` seconds is killed.
    init(
        _ words: [String], stdin: String = "", cwd: String, env: [String: String] = [:], timeout: Double = 60,
        out: String? = nil
    ) throws {
        folder = NSTemporaryDirectory() + "lorawb-process-\(getpid())-\(UInt64.random(in: 0 ... .max))"
        self.timeout = timeout
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try Data(stdin.utf8).write(to: URL(fileURLWithPath: folder + "/in"))
        var variables = ["HOME": folder, "PATH": "/usr/bin:/bin", "OPENBLAS_NUM_THREADS": "1"]
        variables.merge(env) { $1 }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, folder + "/in", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 1, out ?? folder + "/out", O_WRONLY | O_CREAT, 0o600)
        posix_spawn_file_actions_addopen(&actions, 2, folder + "/err", O_WRONLY | O_CREAT, 0o600)
        // The shell goes into the folder, and its process becomes the program's.
        let shell = ["/bin/sh", "-c", "cd \"$0\" && exec \"$@\"", cwd]
        process = try Running.spawn(shell + words, variables, &actions)
    }

    /// Starts a process, with signals as a shell would leave them, and gives its number.
    static func spawn(
        _ words: [String], _ variables: [String: String], _ actions: UnsafePointer<posix_spawn_file_actions_t>,
        newSession: Bool = false
    ) throws -> pid_t {
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var (none, all) = (sigset_t(), sigset_t())
        sigemptyset(&none)
        sigfillset(&all)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setsigdefault(&attributes, &all)
        // The last is POSIX_SPAWN_SETSID: the first terminal that a new session opens is its own, so Ctrl-C reaches it.
        posix_spawnattr_setflags(
            &attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF) | (newSession ? 0x80 : 0))
        var arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
        var environment: [UnsafeMutablePointer<CChar>?] = variables.map { strdup("\($0)=\($1)") } + [nil]
        defer { for text in arguments + environment { free(text) } }
        var process: pid_t = 0
        let result = posix_spawn(&process, words[0], actions, &attributes, &arguments, &environment)
        guard result == 0 else {
            throw HarnessError(description: "\(words[0]): cannot start: \(String(cString: strerror(result)))")
        }
        return process
    }

    deinit {
        if status == nil {
            kill(process, SIGKILL)
            waitpid(process, nil, 0)
        }
        try? FileManager.default.removeItem(atPath: folder)
    }

    /// What it has printed so far.
    var printed: String { text("out") }

    func signal(_ number: Int32) { kill(process, number) }

    /// Waits until standard output holds `text`; false where the process ends or the time is over before.
    func waits(for text: String) -> Bool {
        for _ in 0..<Int(timeout * 200) {
            if printed.contains(text) { return true }
            if hasEnded { return printed.contains(text) }
            usleep(5000)
        }
        return false
    }

    /// Whether the process is gone.
    var hasEnded: Bool {
        if status != nil { return true }
        var found: Int32 = 0
        guard waitpid(process, &found, WNOHANG) == process else { return false }
        status = found
        return true
    }

    /// The end of the process.
    func wait() -> Outcome {
        let start = Date()
        while !hasEnded {
            if Date().timeIntervalSince(start) > timeout { kill(process, SIGKILL) }
            usleep(2000)
        }
        let code = status ?? 0
        let signal = code & 0x7f
        return Outcome(code: signal == 0 ? code >> 8 & 0xff : 128 + signal, out: text("out"), err: text("err"))
    }

    private func text(_ name: String) -> String {
        String(decoding: (try? Data(contentsOf: URL(fileURLWithPath: folder + "/" + name))) ?? Data(), as: UTF8.self)
    }
}

/// Runs the program with these words to its end.
func lorawb(
    _ words: String..., stdin: String = "", cwd: String = "/", env: [String: String] = [:], timeout: Double = 60
) throws -> Outcome {
    try Running([Running.program] + words, stdin: stdin, cwd: cwd, env: env, timeout: timeout).wait()
}
