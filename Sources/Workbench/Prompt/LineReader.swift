import LuaBridge

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// What came of asking for a line.
enum TypedLine {
    /// A line without its end; several where they were pasted, or brought back from the history.
    case line(String)
    /// The end of the input.
    case end
    /// Ctrl-C, or the time limit.
    case interrupted
}

/// Reads what a person types.
protocol LineReader: AnyObject {
    /// Shows a prompt and waits for a line.
    func read(prompt: String) -> TypedLine
    /// Keeps an entry for the arrow keys.
    func remember(_ entry: String)
    /// Leaves the terminal as it was.
    func close()
}

/// Lines as the terminal gives them, without editing or history.
final class PlainLines: LineReader {
    private let output: Output
    private var pending: [UInt8] = []

    init(output: Output) { self.output = output }

    func remember(_ entry: String) {}

    func close() {}

    func read(prompt: String) -> TypedLine {
        output.raw(prompt)
        while true {
            if let end = pending.firstIndex(of: 10) {
                let line = String(decoding: pending[..<end], as: UTF8.self)
                pending.removeFirst(end + 1)
                return .line(line)
            }
            if LuaInterrupt.hasArrived {
                pending = []
                return .interrupted
            }
            // Woken now and then: a signal may come just before poll, or reach another thread.
            var waiting = pollfd(fd: STDIN_FILENO, events: Int16(POLLIN), revents: 0)
            guard unsafe poll(&waiting, 1, 100) > 0 else { continue }
            var buffer = [UInt8](repeating: 0, count: 4096)
            let count = unsafe buffer.withUnsafeMutableBytes {
                unsafe systemRead(STDIN_FILENO, $0.baseAddress, $0.count)
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else {
                guard !pending.isEmpty else { return .end }
                defer { pending = [] }
                return .line(String(decoding: pending, as: UTF8.self))
            }
            pending.append(contentsOf: buffer[..<count])
        }
    }
}

private func systemRead(_ file: Int32, _ bytes: UnsafeMutableRawPointer?, _ count: Int) -> Int {
    unsafe read(file, bytes, count)
}
