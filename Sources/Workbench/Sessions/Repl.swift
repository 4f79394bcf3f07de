import LuaBridge

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// The interactive session: reads lines, evaluates them, prints what they give.
///
/// An expression prints its values, an incomplete chunk goes on in the next line, an error or Ctrl-C ends the line and not
/// the session, and `_` is the last value.
final class Repl {
    private let host: LuaHost
    private let output: Output
    private let context: RecipeContext

    /// Whether a person sits at standard input.
    static var isTerminal: Bool { isatty(STDIN_FILENO) == 1 }

    init(host: LuaHost, output: Output, context: RecipeContext) {
        (self.host, self.output, self.context) = (host, output, context)
    }

    /// Talks until the input ends.
    func run() throws {
        try host.setGlobal("lorawb", .reference(try host.require("lorawb")))
        output.print("lorawb \(Workbench.version) on Lua 5.4; an expression prints its value, Ctrl-D ends")
        var chunk = ""
        while true {
            output.raw(chunk.isEmpty ? "> " : ">> ")
            switch readLine() {
            case .end:
                output.raw("\n")
                return
            case .interrupted:
                LuaInterrupt.clear()
                output.raw("\n")
                chunk = ""
            case .line(let line):
                if chunk.isEmpty, line.allSatisfy({ $0 == " " || $0 == "\t" }) { continue }
                // As in Lua's own interpreter, `= x` prints x.
                let text = chunk.isEmpty && line.hasPrefix("=") ? String(line.dropFirst()) : line
                chunk += chunk.isEmpty ? text : "\n" + text
                if evaluate(chunk) { chunk = "" }
            }
        }
    }

    /// Evaluates a chunk; false where it wants another line.
    private func evaluate(_ chunk: String) -> Bool {
        do {
            let results = try host.evaluate(LuaString(chunk))
            if !results.isEmpty { output.write(LuaString(results.map(\.text).joined(separator: "\t") + "\n")) }
        } catch {
            if error.kind == .incomplete { return false }
            if error.kind == .interrupted {
                output.complain("interrupted")
                if let hint = context.resumeHint { output.complain(hint) }
                context.resumeHint = nil
            } else {
                output.complain(error.message)
            }
            LuaInterrupt.clear()
        }
        return true
    }

    private enum Input {
        case line(String)
        case end
        case interrupted
    }

    private var pending: [UInt8] = []

    /// The next line of standard input; a signal ends the wait.
    private func readLine() -> Input {
        while true {
            if let end = pending.firstIndex(of: 10) {
                let line = String(decoding: pending[..<end], as: UTF8.self)
                pending.removeFirst(end + 1)
                return .line(line)
            }
            if LuaInterrupt.isPending {
                pending = []
                return .interrupted
            }
            // Woken now and then: a signal may come just before poll, or reach another thread.
            var waiting = pollfd(fd: STDIN_FILENO, events: Int16(POLLIN), revents: 0)
            guard unsafe poll(&waiting, 1, 100) > 0 else { continue }
            var buffer = [UInt8](repeating: 0, count: 4096)
            let count = unsafe buffer.withUnsafeMutableBytes { unsafe read(STDIN_FILENO, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else {
                guard !pending.isEmpty else { return .end }
                defer { pending = [] }
                return .line(String(decoding: pending, as: UTF8.self))
            }
            pending.append(contentsOf: buffer[..<count])
        }
    }

    /// All of standard input.
    static func readAll() -> [UInt8] {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = unsafe buffer.withUnsafeMutableBytes { unsafe read(STDIN_FILENO, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return bytes }
            bytes.append(contentsOf: buffer[..<count])
        }
    }
}
