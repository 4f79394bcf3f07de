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

    /// Throws where an opened file is a hidden one.
    static func check(_ opened: stat, _ path: String) throws {
        for hidden in paths.withLock({ $0 }) {
            var status = stat()
            guard unsafe stat(hidden, &status) == 0, status.st_dev == opened.st_dev, status.st_ino == opened.st_ino
            else { continue }
            throw FormatError("\(path): holds what was typed in sessions, which recipes never see")
        }
    }
}
