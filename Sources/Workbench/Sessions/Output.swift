import LuaBridge
import Synchronization
import Words

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Where a session prints: standard output and standard error, safely for a terminal.
///
/// A closed pipe silences it and the run goes on.
public final class Output {
    /// Whether standard output is a terminal.
    public let isTerminal: Bool

    /// Why something could not be written to standard output; nil where all was, or nobody reads it any more.
    public private(set) var failure: String?

    /// Whether what is printed goes to standard error, since standard output is for something else.
    var isAside = false

    private var target: Int32 { isAside ? STDERR_FILENO : STDOUT_FILENO }

    /// Bytes that are written at once.
    private static let piece = 1 << 16

    /// The thread that talks with the user.
    private let home = pthread_self()
    /// What other threads printed, which a line that is being typed must not be torn by.
    private let kept = Mutex<[UInt8]>([])
    private static let mostKept = 1 << 18

    /// Whether this is another thread than the one that talks with the user: that of a job.
    var isAway: Bool { pthread_equal(pthread_self(), home) == 0 }

    /// Prints what was kept while a line was typed.
    func showKept() {
        let bytes = kept.withLock { bytes in
            defer { bytes = [] }
            return bytes
        }
        if !bytes.isEmpty { write(bytes, to: STDOUT_FILENO) }
    }

    /// Keeps what a job prints, the newest of it.
    private func keep(_ bytes: [UInt8]) {
        kept.withLock { kept in
            kept += bytes
            guard kept.count > Self.mostKept else { return }
            let rest = kept.suffix(Self.mostKept / 2)
            kept = Array("... (more was printed before)\n".utf8) + rest.drop { $0 != 10 }.dropFirst()
        }
    }

    /// The process's own outputs.
    public init() { isTerminal = isatty(STDOUT_FILENO) == 1 }

    /// Whether what the host composes may use colours: on a terminal that has them, unless NO_COLOR is set.
    var usesColor: Bool {
        isTerminal && ModelCache.environment("NO_COLOR") == nil && ModelCache.environment("TERM") != "dumb"
    }

    /// Whether what the host composes may use bold and dim letters.
    var hasAttributes: Bool { usesColor }

    /// Columns of the terminal on standard output; 80 where there is none.
    static var columns: Int {
        var size = winsize()
        guard unsafe ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 80 }
        return Int(size.ws_col)
    }

    /// The exit code of a command that only prints: 1 where not all could be written, which is said.
    func end() -> Int32 {
        guard let failure else { return 0 }
        complain("lorawb: standard output: \(failure)")
        return Session.Exit.failure
    }

    /// Rows of the terminal on standard output; 24 where there is none.
    static var rows: Int {
        var size = winsize()
        guard unsafe ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_row > 0 else { return 24 }
        return Int(size.ws_row)
    }

    /// Prints a line.
    public func print(_ line: String) { write(Shown.line(line) + "\n", to: target) }

    /// Prints lines that the host composed.
    func page(_ text: String) { write(Shown.text(text) + "\n", to: target) }

    /// Writes what a recipe prints.
    ///
    /// Control characters are shown and not sent, into a pipe too: its other end is often a terminal.
    ///
    /// What is long goes in pieces, so that it can be stopped.
    public func write(_ text: LuaString) {
        let bytes = text.utf8
        guard bytes.count > Self.piece else { return write(Shown.text(text.text), to: target) }
        var start = 0
        repeat {
            var end = min(bytes.count, start + Self.piece)
            while end < bytes.count, end > start + 1, bytes[end] & 0xC0 == 0x80 { end -= 1 }
            write(Shown.text(String(decoding: bytes[start..<end], as: UTF8.self)), to: target)
            start = end
        } while start < bytes.count && !LuaInterrupt.isPending
    }

    /// Prints an error to standard error.
    ///
    /// What an error of the recipe's own says on further lines is marked as such: only the first line is the program's.
    public func complain(_ message: String) {
        var message = message
        if message.utf8.count > Self.piece {
            message = message.prefix(Self.piece / 4) + "... (\(Figures.grouped(message.utf8.count)) bytes)"
        }
        let lines = message.split(separator: "\n", omittingEmptySubsequences: false).map { Shown.line(String($0)) }
        write(lines.joined(separator: "\n  | ") + "\n", to: STDERR_FILENO)
    }

    /// Writes what the host itself composed, control characters included.
    public func raw(_ text: String) { write(text, to: target) }

    private func write(_ text: String, to file: Int32) { write(Array(text.utf8), to: file) }

    private func write(_ bytes: [UInt8], to file: Int32) {
        if isAway { return keep(bytes) }
        var bytes = bytes[...]
        while !bytes.isEmpty {
            let count = unsafe bytes.withUnsafeBytes {
                unsafe Self.put(file, $0.baseAddress, min($0.count, Self.piece))
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else {
                if count < 0, errno != EPIPE, file == STDOUT_FILENO {
                    failure = unsafe String(cString: strerror(errno))
                }
                return
            }
            bytes = bytes.dropFirst(count)
            if LuaInterrupt.isPending { return }
        }
    }

    private static func put(_ file: Int32, _ bytes: UnsafeRawPointer?, _ count: Int) -> Int {
        unsafe systemWrite(file, bytes, count)
    }
}

private func systemWrite(_ file: Int32, _ bytes: UnsafeRawPointer?, _ count: Int) -> Int {
    unsafe write(file, bytes, count)
}
