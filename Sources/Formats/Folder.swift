#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// An open directory beneath which files are read, or written whole.
///
/// Names are relative and cannot leave the folder: neither by "..", nor by a symbolic link, whose target must lie beneath
/// the folder's root. Check and use are one walk of open directories, so a link swapped in between changes nothing.
public final class Folder: Sendable {
    /// Path to show in messages.
    public let path: String
    private let descriptor: Int32
    /// The directory that links may lead to anywhere beneath, and this folder's place in it.
    private let root: Root

    private final class Root: Sendable {
        let descriptor: Int32
        init(descriptor: Int32) { self.descriptor = descriptor }
        deinit { close(descriptor) }
    }

    private let place: [String]

    /// Opens the directory at `path`. Only the workbench's permissions, and tests, may call this.
    ///
    /// - Parameter linkRoot: a directory above `path` beneath which links may lead; `path` itself where nil.
    public convenience init(path: String, linkRoot: String? = nil) throws {
        let rootPath = linkRoot ?? path
        let opened = open(rootPath, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard opened >= 0 else { throw Folder.error(rootPath, "open") }
        let root = Root(descriptor: opened)
        var place: [String] = []
        if linkRoot != nil {
            guard path == rootPath || path.hasPrefix(rootPath == "/" ? "/" : rootPath + "/") else {
                throw FormatError("\(path): not beneath \(rootPath)")
            }
            place = path.dropFirst(rootPath.count).split(separator: "/").map(String.init)
        }
        try self.init(path: path, root: root, place: place)
    }

    private init(path: String, root: Root, place: [String]) throws {
        (self.path, self.root, self.place) = (path, root, place)
        (descriptor, _) = try Folder.walk(root, from: place, to: [], flags: O_RDONLY | O_DIRECTORY, path: path)
    }

    deinit { close(descriptor) }

    // MARK: Reading

    /// Whether a file or folder of this name is there and may be seen.
    public func exists(_ name: String) -> Bool {
        guard
            let (file, _) = try? Folder.walk(
                root, from: place, to: Folder.parts(name), flags: O_RDONLY | O_NONBLOCK, path: show(name))
        else { return false }
        close(file)
        return true
    }

    /// Whether a folder of this name is there.
    public func isFolder(_ name: String) -> Bool { (try? subfolder(name)) != nil }

    /// The whole file.
    public func read(_ name: String) throws -> [UInt8] {
        let (file, size) = try openFile(name)
        defer { close(file) }
        var failed = false
        let bytes = [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
            while count < size {
                let got = readBytes(file, buffer.baseAddress.map { $0 + count }, size - count)
                if got < 0 { failed = true }
                if got <= 0 { break }
                count += got
            }
        }
        if failed { throw Folder.error(show(name), "read") }
        return bytes
    }

    /// The whole file as text; throws where it is not UTF-8, with the place.
    public func readText(_ name: String) throws -> String {
        let bytes = try read(name)
        if let text = String(validating: bytes, as: UTF8.self) { return text }
        throw FormatError("\(show(name)): not UTF-8")
    }

    /// The file as memory that the system reads when it is looked at.
    public func map(_ name: String) throws -> MappedFile {
        let (file, size) = try openFile(name)
        defer { close(file) }
        return try MappedFile(descriptor: file, count: size, path: show(name))
    }

    /// Names in the folder, sorted, without "." and "..".
    public func list() throws -> [String] {
        let copy = dup(descriptor)
        guard copy >= 0, let stream = fdopendir(copy) else { throw Folder.error(path, "list") }
        defer { closedir(stream) }
        rewinddir(stream)
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names.sorted()
    }

    /// The folder beneath this one; made, with those above it, where `create` is set.
    public func subfolder(_ name: String, create: Bool = false) throws -> Folder {
        let parts = try Folder.parts(name)
        if create {
            var above = place
            for part in parts {
                let (parent, _) = try Folder.walk(
                    root, from: above, to: [], flags: O_RDONLY | O_DIRECTORY, path: show(name))
                defer { close(parent) }
                if mkdirat(parent, part, 0o777) != 0, errno != EEXIST {
                    throw Folder.error(show(name), "make the folder")
                }
                above.append(part)
            }
        }
        return try Folder(path: show(name), root: root, place: place + parts)
    }

    private func openFile(_ name: String) throws -> (descriptor: Int32, size: Int) {
        let (file, status) = try Folder.walk(
            root, from: place, to: Folder.parts(name), flags: O_RDONLY | O_NONBLOCK, path: show(name))
        guard status.st_mode & S_IFMT == S_IFREG else {
            close(file)
            throw FormatError("\(show(name)): is a folder or device, expected a file")
        }
        return (file, Int(status.st_size))
    }

    // MARK: Writing

    /// Writes a file whole or not at all: beside, synced, renamed.
    public func write(_ name: String, _ bytes: [UInt8]) throws {
        try write(name) { try $0.append(bytes) }
    }

    /// Writes text whole or not at all.
    public func write(_ name: String, text: String) throws { try write(name, Array(text.utf8)) }

    /// Writes a file whole or not at all out of what `body` appends.
    public func write(_ name: String, _ body: (FileWriter) throws -> Void) throws {
        let parts = try Folder.parts(name)
        let parent = try parentDescriptor(of: parts, name: name)
        defer { close(parent) }
        let last = parts[parts.count - 1]
        let temporary =
            ".\(last.utf8.prefix(100).map { String(Unicode.Scalar($0)) }.joined()).\(getpid()).\(UInt32.random(in: 0 ... .max))"
        let file = openat(parent, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o666)
        guard file >= 0 else { throw Folder.error(show(name), "write") }
        let writer = FileWriter(descriptor: file, path: show(name))
        do {
            defer { close(file) }
            try body(writer)
            guard fsync(file) == 0 else { throw Folder.error(show(name), "write") }
        } catch {
            unlinkat(parent, temporary, 0)
            throw error
        }
        guard renameat(parent, temporary, parent, last) == 0 else {
            let failure = Folder.error(show(name), "write")
            unlinkat(parent, temporary, 0)
            throw failure
        }
        fsync(parent)
    }

    /// Adds a line or more to the end of a file, made where it is missing.
    public func append(_ name: String, text: String) throws {
        let parts = try Folder.parts(name)
        let parent = try parentDescriptor(of: parts, name: name)
        defer { close(parent) }
        let file = openat(
            parent, parts[parts.count - 1], O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0o666)
        guard file >= 0 else { throw Folder.error(show(name), "write") }
        defer { close(file) }
        try FileWriter(descriptor: file, path: show(name)).append(Array(text.utf8))
    }

    /// Gives a file or folder another name; a file of that name is replaced, a folder must not be there.
    public func rename(_ name: String, to newName: String) throws {
        let (from, to) = (try Folder.parts(name), try Folder.parts(newName))
        let (source, target) = (try parentDescriptor(of: from, name: name), try parentDescriptor(of: to, name: newName))
        defer {
            close(source)
            close(target)
        }
        guard renameat(source, from[from.count - 1], target, to[to.count - 1]) == 0 else {
            throw Folder.error(show(name), "rename to \(newName)")
        }
        fsync(target)
    }

    /// Removes a file, or a folder with all that is in it; says nothing where there is none.
    public func remove(_ name: String) throws {
        let parts = try Folder.parts(name)
        let parent = try parentDescriptor(of: parts, name: name)
        defer { close(parent) }
        try Folder.remove(parts[parts.count - 1], in: parent, path: show(name), depth: 0)
    }

    private static func remove(_ name: String, in parent: Int32, path: String, depth: Int) throws {
        if unlinkat(parent, name, 0) == 0 || errno == ENOENT { return }
        guard errno == EISDIR || errno == EPERM, depth < 64 else { throw error(path, "remove") }
        let folder = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
        guard folder >= 0, let stream = fdopendir(folder) else { throw error(path, "remove") }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        defer { closedir(stream) }
        for inner in names { try remove(inner, in: folder, path: "\(path)/\(inner)", depth: depth + 1) }
        guard unlinkat(parent, name, AT_REMOVEDIR) == 0 else { throw error(path, "remove") }
    }

    private func parentDescriptor(of parts: [String], name: String) throws -> Int32 {
        guard !parts.isEmpty else { throw FormatError("\(show(name)): names no file") }
        return try Folder.walk(
            root, from: place, to: Array(parts.dropLast()), flags: O_RDONLY | O_DIRECTORY, path: show(name)
        ).descriptor
    }

    // MARK: Names

    private func show(_ name: String) -> String {
        let trimmed = name.hasPrefix("./") ? String(name.dropFirst(2)) : name
        return trimmed.isEmpty || trimmed == "." ? path : path == "/" ? "/" + trimmed : path + "/" + trimmed
    }

    private static func parts(_ name: String) throws -> [String] {
        guard !name.utf8.contains(0) else {
            throw FormatError("'\(name.prefix { $0 != "\0" })': a name with a zero byte")
        }
        guard !name.hasPrefix("/") else {
            throw FormatError("'\(name)': expected a name beneath the folder, got an absolute path")
        }
        let parts = name.split(separator: "/").map(String.init).filter { $0 != "." }
        guard !parts.contains("..") else { throw FormatError("'\(name)': a name may not contain '..'") }
        return parts
    }

    /// Opens what `names` lead to from `place`, both beneath the root, resolving links by hand.
    private static func walk(
        _ root: Root, from place: [String], to names: [String], flags: Int32, path: String
    ) throws -> (descriptor: Int32, status: stat) {
        var pending = Array((place + names).reversed())
        var directories = [dup(root.descriptor)]
        var links = 0
        defer { for directory in directories { close(directory) } }
        guard directories[0] >= 0 else { throw error(path, "open") }
        while let part = pending.popLast() {
            let directory = directories[directories.count - 1]
            if part == ".." {
                guard directories.count > 1 else { throw FormatError("\(path): a link leads out of the folder") }
                close(directories.removeLast())
                continue
            }
            let isLast = pending.isEmpty
            let opened = openat(directory, part, (isLast ? flags : O_RDONLY | O_DIRECTORY) | O_NOFOLLOW | O_CLOEXEC)
            if opened >= 0 {
                if isLast, flags & O_DIRECTORY == 0 {
                    var status = stat()
                    guard fstat(opened, &status) == 0 else {
                        close(opened)
                        throw error(path, "open")
                    }
                    return (opened, status)
                }
                directories.append(opened)
                continue
            }
            let failure = errno
            guard failure == ELOOP || failure == ENOTDIR, let target = readLink(part, in: directory) else {
                throw error(path, "open", failure)
            }
            links += 1
            guard links <= 16 else { throw FormatError("\(path): too many links") }
            guard !target.hasPrefix("/") else { throw FormatError("\(path): a link leads out of the folder") }
            pending.append(contentsOf: target.split(separator: "/").map(String.init).filter { $0 != "." }.reversed())
        }
        let last = directories.removeLast()
        var status = stat()
        guard fstat(last, &status) == 0 else {
            close(last)
            throw error(path, "open")
        }
        return (last, status)
    }

    private static func readLink(_ name: String, in directory: Int32) -> String? {
        var buffer = [UInt8](repeating: 0, count: 4096)
        let length = buffer.withUnsafeMutableBytes { bytes in
            guard let target = bytes.baseAddress else { return -1 }
            return readlinkat(directory, name, target.assumingMemoryBound(to: CChar.self), bytes.count)
        }
        return length > 0 && length < 4096 ? String(validating: buffer[..<length], as: UTF8.self) : nil
    }

    static func error(_ path: String, _ doing: String, _ code: Int32 = errno) -> FormatError {
        let reason =
            switch code {
            case ENOENT: "no such file or folder"
            case ENOTDIR: "not a folder"
            case EISDIR: "is a folder"
            case EACCES, EPERM: "permission denied"
            case ENOSPC, EDQUOT: "no space left on the disk"
            case EFBIG: "the file would be larger than the limit set for files"
            case EROFS: "the disk is read-only"
            case EEXIST, ENOTEMPTY: "is there already"
            case ELOOP: "a link where none is allowed"
            case ENAMETOOLONG: "the name is too long"
            default: strerror(code).map { String(cString: $0) } ?? "error \(code)"
            }
        return FormatError(code == ENOENT ? "\(path): \(reason)" : "\(path): cannot \(doing): \(reason)")
    }
}

/// Takes the bytes of one file that is being written.
public final class FileWriter {
    private let descriptor: Int32
    private let path: String
    /// Bytes written so far.
    public private(set) var count = 0

    init(descriptor: Int32, path: String) { (self.descriptor, self.path) = (descriptor, path) }

    /// Adds bytes at the end; throws where they did not all get there.
    public func append(_ bytes: [UInt8]) throws { try bytes.withUnsafeBytes { try append($0) } }

    /// Adds bytes at the end; throws where they did not all get there.
    public func append(_ bytes: UnsafeRawBufferPointer) throws {
        var written = 0
        while written < bytes.count {
            let count = writeBytes(descriptor, bytes.baseAddress.map { $0 + written }, bytes.count - written)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw Folder.error(path, "write") }
            written += count
        }
        self.count += written
    }
}

/// The system's write; `FileWriter` has a `count` of its own.
private func writeBytes(_ file: Int32, _ source: UnsafeRawPointer?, _ count: Int) -> Int { write(file, source, count) }

/// The system's read; `Folder.read` hides its name.
private func readBytes(_ file: Int32, _ target: UnsafeMutableRawPointer?, _ count: Int) -> Int {
    read(file, target, count)
}
