#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Room for bytes on a disk that belongs to this process alone.
///
/// The file has no name, so that it is gone when the process ends, however it ends. Its room is reserved when it is made:
/// a disk that is too full is an error then, not later.
public final class ScratchFile: @unchecked Sendable {
    /// Folder to show in messages.
    public let path: String
    /// Number of bytes.
    public let byteCount: Int
    private let descriptor: Int32

    fileprivate init(descriptor: Int32, byteCount: Int, path: String) {
        (self.descriptor, self.byteCount, self.path) = (descriptor, byteCount, path)
    }

    deinit { close(descriptor) }

    /// Writes bytes at a place.
    public func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws {
        try check(offset, bytes.count, "write")
        var done = 0
        while done < bytes.count, let start = bytes.baseAddress {
            let count = pwrite(descriptor, start + done, bytes.count - done, off_t(offset + done))
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw Folder.error(path, "write a scratch file") }
            done += count
        }
    }

    /// Reads the bytes at a place; zeros where nothing was written.
    public func read(into bytes: UnsafeMutableRawBufferPointer, at offset: Int) throws {
        try check(offset, bytes.count, "read")
        var done = 0
        while done < bytes.count, let start = bytes.baseAddress {
            let count = pread(descriptor, start + done, bytes.count - done, off_t(offset + done))
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw Folder.error(path, "read a scratch file", count == 0 ? EIO : errno) }
            done += count
        }
    }

    private func check(_ offset: Int, _ count: Int, _ doing: String) throws {
        guard offset >= 0, count <= byteCount, offset <= byteCount - count else {
            throw FormatError(
                "\(path): cannot \(doing) \(count) bytes at \(offset) of a scratch file of \(byteCount) bytes")
        }
    }
}

extension Folder {
    /// Bytes that may still be written on the disk of this folder; nil where the system does not say.
    public var freeBytes: Int? {
        guard let folder = try? walk("").openFolder(place) else { return nil }
        defer { close(folder) }
        var status = statvfs()
        guard fstatvfs(folder, &status) == 0 else { return nil }
        let (bytes, overflow) = UInt64(status.f_bavail).multipliedReportingOverflow(by: UInt64(status.f_frsize))
        return overflow ? Int.max : Int(clamping: bytes)
    }

    /// A file without a name, of `byteCount` bytes, on the disk of this folder.
    public func scratchFile(byteCount: Int) throws -> ScratchFile {
        guard access == .readWrite else {
            throw FormatError("\(path): cannot write a scratch file: the folder may only be read")
        }
        let folder = try walk("").openFolder(place)
        defer { close(folder) }
        let name = Folder.temporaryName()
        let file = openat(folder, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw Folder.error(path, "make a scratch file") }
        unlinkat(folder, name, 0)
        let code = Folder.reserve(file, byteCount)
        guard code == 0 else {
            close(file)
            throw Folder.error(path, "reserve \(byteCount) bytes for a scratch file", code)
        }
        return ScratchFile(descriptor: file, byteCount: byteCount, path: path)
    }

    /// Takes room on the disk; 0, or what is wrong.
    private static func reserve(_ file: Int32, _ byteCount: Int) -> Int32 {
        guard byteCount > 0 else { return byteCount < 0 ? EINVAL : 0 }
        #if canImport(Glibc)
            while true {
                let code = posix_fallocate(file, 0, byteCount)
                if code != EINTR { return code }
            }
        #else
            return ftruncate(file, off_t(byteCount)) == 0 ? 0 : errno
        #endif
    }
}
