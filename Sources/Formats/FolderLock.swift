import Synchronization

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// The right to write a run's folder, which one process has at a time.
///
/// The system takes it back when the process ends, however it ends: the file `.lorawb.lock` may stay, the lock on it does not.
/// Within a process it is shared by all who ask for it, and ends when the last of them lets go.
public final class FolderLock: Sendable {
    static let fileName = ".lorawb.lock"

    /// A folder, whatever path leads to it.
    private struct Identity: Hashable { let device, number: UInt64 }
    private struct Weakly { weak var lock: FolderLock? }
    private static let held = Mutex<[Identity: Weakly]>([:])

    private let identity: Identity
    private let folder, file: Int32

    private init(_ identity: Identity, folder: Int32, file: Int32) {
        (self.identity, self.folder, self.file) = (identity, folder, file)
    }

    deinit {
        FolderLock.held.withLock { held in
            held[identity] = nil
            // Before the lock is given back: what has the name afterwards may be another's.
            unlinkat(folder, FolderLock.fileName, 0)
            close(file)
            close(folder)
        }
    }

    /// Takes the lock of an open folder, which it then owns; gives whether it is new to this process.
    fileprivate static func take(_ folder: Int32, path: String) throws -> (lock: FolderLock, isNew: Bool) {
        var status = stat()
        guard fstat(folder, &status) == 0 else {
            let failure = Folder.error(path, "lock")
            close(folder)
            throw failure
        }
        let identity = Identity(device: UInt64(status.st_dev), number: UInt64(status.st_ino))
        return try held.withLock { held in
            if let lock = held[identity]?.lock {
                close(folder)
                return (lock, false)
            }
            do {
                let lock = FolderLock(identity, folder: folder, file: try lockedFile(in: folder, path: path))
                held[identity] = Weakly(lock: lock)
                return (lock, true)
            } catch {
                close(folder)
                throw error
            }
        }
    }

    /// The lock's file, locked, with this process' number in it.
    private static func lockedFile(in folder: Int32, path: String) throws -> Int32 {
        for _ in 0..<100 {
            let file = try openFile(in: folder, path: path)
            guard tryLock(file) else {
                let owner = number(in: file)
                close(file)
                let who = owner.map { "process \($0)" } ?? "another process"
                throw FormatError(
                    "\(path): \(who) is writing in this folder; wait for its end, or give another one (--run-dir, output_dir)"
                )
            }
            // Whoever had the lock may have removed the file between the two calls.
            var (opened, named) = (stat(), stat())
            if fstat(file, &opened) == 0, fstatat(folder, fileName, &named, AT_SYMLINK_NOFOLLOW) == 0,
                opened.st_ino == named.st_ino
            {
                let text = Array("\(getpid())\n".utf8)
                guard ftruncate(file, 0) == 0, pwrite(file, text, text.count, 0) == text.count else {
                    let failure = Folder.error(path, "write \(fileName)")
                    close(file)
                    throw failure
                }
                return file
            }
            close(file)
        }
        throw FormatError("\(path): cannot lock: \(fileName) is replaced again and again")
    }

    private static func openFile(in folder: Int32, path: String) throws -> Int32 {
        let file = openat(folder, fileName, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0o666)
        guard file >= 0 else { throw Folder.error("\(path)/\(fileName)", "open") }
        var status = stat()
        guard fstat(file, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            close(file)
            throw FormatError("\(path)/\(fileName): is no file; remove it")
        }
        return file
    }

    /// False where another process has the lock; a file system without locks has none to give, and does not stop a run.
    private static func tryLock(_ file: Int32) -> Bool {
        while flock(file, LOCK_EX | LOCK_NB) != 0 {
            if errno == EINTR { continue }
            return errno != EWOULDBLOCK
        }
        return true
    }

    /// The number of the process that has the lock; it may be about to write it.
    private static func number(in file: Int32) -> Int? {
        for _ in 0..<50 {
            var bytes = [UInt8](repeating: 0, count: 20)
            let count = pread(file, &bytes, bytes.count, 0)
            let digits = bytes.prefix(max(0, count)).prefix { $0 != UInt8(ascii: "\n") }
            if digits.count < count, let number = Int(String(decoding: digits, as: UTF8.self)) { return number }
            usleep(1000)
        }
        return nil
    }

    /// Whether some process has the lock of an open folder.
    static func isTaken(_ folder: Int32) -> Bool {
        let file = openat(folder, fileName, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
        guard file >= 0 else { return false }
        defer { close(file) }
        return flock(file, LOCK_EX | LOCK_NB) != 0
    }
}

extension Folder {
    /// Whether some process is writing this folder now: it has its lock.
    public var isLocked: Bool {
        guard let opened = try? walk("").openFolder(place) else { return false }
        defer { close(opened) }
        return FolderLock.isTaken(opened)
    }

    /// Takes the right to write this folder, and removes what killed writes have left in it; throws where another process has it, with
    /// its number.
    public func lock() throws -> FolderLock {
        guard access == .readWrite else { throw FormatError("\(path): cannot lock: the folder may only be read") }
        let (lock, isNew) = try FolderLock.take(walk("").openFolder(place), path: path)
        if isNew, let opened = try? walk("").openFolder(place) { Folder.removeLeftovers(in: opened, depth: 0) }
        return lock
    }
}
