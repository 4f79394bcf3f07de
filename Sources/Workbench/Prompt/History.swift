import Formats

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// What was typed in sessions before: a file that its user alone reads, an entry a line.
///
/// It lies in $XDG_STATE_HOME/lorawb/history. Without a place to write there is none, and nobody is told.
final class History {
    /// Entries that are kept.
    static let limit = 1000
    /// Bytes of an entry beyond which it is not kept for other sessions.
    static let longestEntry = 1 << 16

    /// The entries that there were when the session began, oldest first.
    private(set) var entries: [String] = []
    private var file: Int32 = -1

    /// Where histories lie: that of this user's settings, and the usual one.
    static var paths: [String] {
        var folders: [String] = []
        if let state = ModelCache.environment("XDG_STATE_HOME"), state.hasPrefix("/") { folders.append(state) }
        if let home = ModelCache.environment("HOME"), home.hasPrefix("/") { folders.append(home + "/.local/state") }
        return folders.map { $0 + "/lorawb/history" }
    }

    /// Opens the history, making file and folder where they are missing.
    init() {
        guard let path = History.paths.first else { return }
        History.makeFolder(Permissions.parent(path))
        file = unsafe open(path, O_RDWR | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0o600)
        guard file >= 0 else { return }
        var status = stat()
        guard unsafe fstat(file, &status) == 0, status.st_mode & S_IFMT == S_IFREG, fchmod(file, 0o600) == 0 else {
            close(file)
            file = -1
            return
        }
        let size = Int(status.st_size)
        read(from: max(0, size - (8 << 20)), size)
    }

    deinit { if file >= 0 { close(file) } }

    private static func makeFolder(_ path: String) {
        var built = ""
        for part in path.split(separator: "/") {
            built += "/" + part
            unsafe mkdir(built, 0o700)
        }
    }

    private func read(from start: Int, _ end: Int) {
        var bytes = [UInt8](repeating: 0, count: max(0, end - start))
        var filled = 0
        while filled < bytes.count {
            let place = filled
            let count = unsafe bytes.withUnsafeMutableBytes {
                unsafe pread(file, $0.baseAddress?.advanced(by: place), $0.count - place, off_t(start + place))
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { break }
            filled += count
        }
        var lines = bytes[..<filled].split(separator: 10)
        if start > 0 { lines = Array(lines.dropFirst()) }
        entries = lines.suffix(History.limit).map(History.decoded)
        // Several sessions may write at once: the file is shortened seldom, and in place.
        if start > 0 || lines.count > 4 * History.limit {
            guard ftruncate(file, 0) == 0 else { return }
            for entry in entries { append(entry) }
        }
    }

    /// Adds an entry.
    func add(_ entry: String) {
        guard file >= 0, entry.utf8.count <= History.longestEntry, entry != entries.last else { return }
        entries.append(entry)
        append(entry)
    }

    private func append(_ entry: String) {
        let bytes = History.encoded(entry)
        _ = unsafe bytes.withUnsafeBytes { unsafe write(file, $0.baseAddress, $0.count) }
    }

    /// An entry as a line: its own line ends are \n, its backslashes \\.
    static func encoded(_ entry: String) -> [UInt8] {
        Array(entry.replacing("\\", with: "\\\\").replacing("\n", with: "\\n").utf8) + [10]
    }

    static func decoded(_ line: ArraySlice<UInt8>) -> String {
        var bytes: [UInt8] = []
        var isEscaped = false
        for byte in line {
            if isEscaped {
                bytes.append(byte == UInt8(ascii: "n") ? 10 : byte)
                isEscaped = false
            } else if byte == UInt8(ascii: "\\") {
                isEscaped = true
            } else {
                bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
