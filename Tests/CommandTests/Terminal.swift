import Foundation

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// The program on a terminal of its own, with someone who types.
final class Terminal {
    private let master: Int32
    private let process: pid_t
    private var seen = ""

    init(_ words: [String], cwd: String, env: [String: String] = [:], columns: Int = 200) throws {
        var (first, second): (Int32, Int32) = (-1, -1)
        var size = winsize(ws_row: 50, ws_col: UInt16(columns), ws_xpixel: 0, ws_ypixel: 0)
        guard openpty(&first, &second, nil, nil, &size) == 0, let name = ttyname(second) else {
            throw HarnessError(description: "no pseudo-terminal: \(String(cString: strerror(errno)))")
        }
        let slave = String(cString: name)
        master = first
        defer { close(second) }
        _ = fcntl(second, F_SETFD, FD_CLOEXEC)
        _ = fcntl(master, F_SETFD, FD_CLOEXEC)
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        for file: Int32 in 0...2 { posix_spawn_file_actions_addopen(&actions, file, slave, O_RDWR, 0) }
        let shell = ["/bin/sh", "-c", "cd \"$0\" && exec \"$@\"", cwd]
        let variables = ["HOME": cwd, "PATH": "/usr/bin:/bin", "TERM": "xterm"].merging(env) { $1 }
        process = try Running.spawn(shell + words, variables, &actions, newSession: true)
    }

    deinit {
        kill(process, SIGKILL)
        waitpid(process, nil, 0)
        close(master)
    }

    /// Types keys as they are, reading on meanwhile: who waits to be read does not read.
    func type(_ keys: String) {
        var rest = Array(keys.utf8)[...]
        while !rest.isEmpty {
            var waiting = pollfd(fd: master, events: Int16(POLLIN | POLLOUT), revents: 0)
            guard poll(&waiting, 1, 10_000) > 0 else { return }
            if waiting.revents & Int16(POLLIN) != 0 { read() }
            guard waiting.revents & Int16(POLLOUT) != 0 else {
                if waiting.revents & Int16(POLLIN) == 0 { return }
                continue
            }
            let piece = Array(rest.prefix(1024))
            let count = write(master, piece, piece.count)
            guard count > 0 else { return }
            rest = rest.dropFirst(count)
        }
    }

    /// Gives the terminal another width, of which the program is told as of a window that is drawn wider.
    func resize(columns: Int) {
        var size = winsize(ws_row: 50, ws_col: UInt16(columns), ws_xpixel: 0, ws_ypixel: 0)
        _ = ioctl(master, UInt(TIOCSWINSZ), &size)
    }

    private func read() {
        var buffer = [UInt8](repeating: 0, count: 4096)
        let count = Foundation.read(master, &buffer, buffer.count)
        if count > 0 { seen += String(decoding: buffer[..<count], as: UTF8.self) }
    }

    /// What appeared from the last such call up to and with `text`; nil where it does not appear within `timeout` seconds.
    func reads(upTo text: String, timeout: Double = 10) -> String? {
        let start = Date()
        while true {
            if let range = seen.range(of: text) {
                let part = String(seen[..<range.upperBound])
                seen = String(seen[range.upperBound...])
                return part.replacing("\r\n", with: "\n")
            }
            var waiting = pollfd(fd: master, events: Int16(POLLIN), revents: 0)
            if poll(&waiting, 1, 20) > 0 { read() }
            if Date().timeIntervalSince(start) > timeout { return nil }
        }
    }

    /// Exit code; -1 where the program does not end within ten seconds.
    func end() -> Int32 {
        for _ in 0..<2000 {
            var status: Int32 = 0
            if waitpid(process, &status, WNOHANG) == process {
                return status & 0x7f == 0 ? status >> 8 & 0xff : 128 + status & 0x7f
            }
            _ = reads(upTo: "\u{0}", timeout: 0.005)
        }
        return -1
    }
}
