#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

extension Folder {
    /// Writes a file whole or not at all: beside, synced, renamed.
    public func write(_ name: String, _ bytes: [UInt8]) throws { try write(name) { try $0.append(bytes) } }

    /// Writes text whole or not at all.
    public func write(_ name: String, text: String) throws { try write(name, Array(text.utf8)) }

    /// Writes a file whole or not at all out of what `body` appends.
    ///
    /// A link of that name is replaced, not followed. Whatever fails, nothing of the new file remains.
    public func write(_ name: String, _ body: (FileWriter) throws -> Void) throws {
        let (parent, last) = try openParent(of: name)
        defer { close(parent) }
        var status = stat()
        if fstatat(parent, last, &status, AT_SYMLINK_NOFOLLOW) == 0 {
            switch status.st_mode & S_IFMT {
            case S_IFREG, S_IFLNK: break
            case S_IFDIR: throw Folder.error(show(name), "write", EISDIR)
            // The new file would take its place.
            default: throw FormatError("\(show(name)): is a pipe, socket or device, expected a file")
            }
        }
        let temporary = Folder.temporaryName()
        let file = openat(parent, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o666)
        guard file >= 0 else { throw Folder.error(show(name), "write") }
        do {
            do {
                try body(FileWriter(descriptor: file, path: show(name)))
                guard fsync(file) == 0 else { throw Folder.error(show(name), "write") }
            } catch {
                close(file)
                throw error
            }
            guard close(file) == 0, renameat(parent, temporary, parent, last) == 0 else {
                throw Folder.error(show(name), "write")
            }
        } catch {
            unlinkat(parent, temporary, 0)
            throw error
        }
        fsync(parent)
    }

    /// Adds text to the end of a file, made where it is missing; where that fails, the file is cut to what it was.
    public func append(_ name: String, text: String) throws { try append(name, Array(text.utf8)) }

    /// Adds bytes to the end of a file, as `append(_:text:)` does text.
    public func append(_ name: String, _ bytes: [UInt8]) throws {
        let (parent, last) = try openParent(of: name)
        defer { close(parent) }
        let file = openat(parent, last, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0o666)
        guard file >= 0 else { throw Folder.error(show(name), "write") }
        defer { close(file) }
        var status = stat()
        guard fstat(file, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            throw FormatError("\(show(name)): is a pipe, socket or device, expected a file")
        }
        do { try FileWriter(descriptor: file, path: show(name)).append(bytes) } catch {
            _ = ftruncate(file, status.st_size)
            throw error
        }
    }

    /// Gives a file or folder another name; a file of that name is replaced, a folder with something in it is not.
    public func rename(_ name: String, to newName: String) throws {
        let (source, from) = try openParent(of: name)
        defer { close(source) }
        let (target, to) = try openParent(of: newName)
        defer { close(target) }
        guard renameat(source, from, target, to) == 0 else {
            throw Folder.error(show(name), "rename to \(FormatError.shown(newName))")
        }
        fsync(source)
        fsync(target)
    }

    /// Removes a file, or a folder with all that is in it.
    ///
    /// Says nothing where there is none. Links are removed, not followed.
    public func remove(_ name: String) throws {
        let (parent, last) = try openParent(of: name)
        defer { close(parent) }
        try Folder.remove(last, in: parent, path: show(name), depth: 0)
    }

    private static func remove(_ name: String, in parent: Int32, path: String, depth: Int) throws {
        var status = stat()
        guard fstatat(parent, name, &status, AT_SYMLINK_NOFOLLOW) == 0 else {
            if errno == ENOENT { return }
            throw error(path, "remove")
        }
        guard status.st_mode & S_IFMT == S_IFDIR else {
            guard unlinkat(parent, name, 0) == 0 || errno == ENOENT else { throw error(path, "remove") }
            return
        }
        guard depth < 64 else { throw FormatError("\(path): cannot remove: folders nested deeper than 64 levels") }
        let folder = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
        guard folder >= 0 else { throw error(path, "remove") }
        defer { close(folder) }
        let listed = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard listed >= 0 else { throw error(path, "remove") }
        for inner in try entries(of: listed, path: path) {
            try remove(inner, in: folder, path: "\(path)/\(inner)", depth: depth + 1)
        }
        guard unlinkat(parent, name, AT_REMOVEDIR) == 0 else { throw error(path, "remove") }
    }

    func makeFolders(_ names: [String], name: String) throws {
        try checkWritable(name)
        for (index, part) in names.enumerated() {
            let parent = try walk(name).openFolder(place + names[..<index])
            defer { close(parent) }
            guard mkdirat(parent, part, 0o777) == 0 || errno == EEXIST else {
                throw Folder.error(show(name), "make the folder")
            }
        }
    }

    /// The folder that a name is in, open, and the name's last part.
    private func openParent(of name: String) throws -> (descriptor: Int32, last: String) {
        try checkWritable(name)
        let names = try Folder.names(name)
        guard let last = names.last else { throw FormatError("\(show(name)): names no file") }
        return (try walk(name).openFolder(place + names.dropLast()), last)
    }

    private func checkWritable(_ name: String) throws {
        guard access == .readWrite else {
            throw FormatError("\(show(name)): cannot write: the folder may only be read")
        }
    }

    private static let temporaryStart = ".lorawb-tmp-"

    /// A name of a file or folder that is being written.
    static func temporaryName() -> String {
        "\(temporaryStart)\(getpid())-\(String(UInt64.random(in: 0 ... .max), radix: 36))"
    }

    /// Removes what killed writes have left in an open folder, which is closed, and in those beneath it, links and folders that another
    /// process is writing in left out.
    ///
    /// To be called by whoever has the folder's lock. What cannot be removed stays: it spoils nothing.
    static func removeLeftovers(in folder: Int32, depth: Int) {
        let listed = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        defer { close(folder) }
        guard listed >= 0, let names = try? entries(of: listed, path: "") else { return }
        for name in names {
            if name.hasPrefix(temporaryStart) {
                try? remove(name, in: folder, path: name, depth: 0)
            } else if depth < 3 {
                let inner = openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
                guard inner >= 0 else { continue }
                if FolderLock.isTaken(inner) { close(inner) } else { removeLeftovers(in: inner, depth: depth + 1) }
            }
        }
    }
}
