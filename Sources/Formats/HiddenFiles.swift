import Synchronization

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Files that no folder opens, whatever name or link leads to them: what was typed in sessions.
public enum HiddenFiles {
    private static let paths = Mutex<Set<String>>([])

    /// Hides the file that lies, or will lie, at an absolute path.
    public static func hide(_ path: String) { paths.withLock { _ = $0.insert(path) } }

    /// Throws where an absolute path leads to a hidden file: by its text, by links, or as another name of the same file.
    ///
    /// - Parameter shown: what the error calls it.
    public static func check(_ path: String, shown: String) throws {
        let hidden = paths.withLock { $0 }
        guard !hidden.isEmpty else { return }
        if hidden.contains(path) { throw refusal(shown) }
        if let status = status(path) { try check(status, shown) }
    }

    /// Throws where an opened file is a hidden one.
    static func check(_ opened: stat, _ shown: String) throws {
        for hidden in paths.withLock({ $0 }) {
            guard let status = status(hidden), status.st_dev == opened.st_dev, status.st_ino == opened.st_ino else {
                continue
            }
            throw refusal(shown)
        }
    }

    private static func status(_ path: String) -> stat? {
        var status = stat()
        return unsafe stat(path, &status) == 0 ? status : nil
    }

    private static func refusal(_ shown: String) -> FormatError {
        FormatError("\(shown): holds what was typed in sessions, which recipes never see", .hidden)
    }
}
