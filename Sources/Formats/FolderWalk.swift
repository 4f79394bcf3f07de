#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Opens names beneath a folder's root, resolving links by hand so that none leads out.
struct FolderWalk {
    let root: Folder.Root
    /// Path to show in messages.
    let path: String

    private static let maximumLinks = 32

    /// Descriptor of a folder; the caller closes it.
    func openFolder(_ names: [String]) throws -> Int32 {
        let (opened, status) = try open(names)
        guard status.st_mode & S_IFMT == S_IFDIR else {
            close(opened)
            throw Folder.error(path, "open", ENOTDIR)
        }
        return opened
    }

    /// Descriptor and size of a regular file; the caller closes it.
    func openFile(_ names: [String]) throws -> (descriptor: Int32, size: Int) {
        let (opened, status) = try open(names)
        guard status.st_mode & S_IFMT == S_IFREG else {
            close(opened)
            throw FormatError("\(path): is a folder, expected a file")
        }
        return (opened, Int(status.st_size))
    }

    /// Opens a regular file or folder to read.
    func open(_ names: [String]) throws -> (descriptor: Int32, status: stat) {
        if root.links == .follow { return try openFollowing(names) }
        var pending = Array(names.reversed())
        var folders = [try openAt(root.descriptor, ".")]
        var links = 0
        defer { for folder in folders { close(folder) } }
        while let name = pending.popLast() {
            if name == ".." {
                guard folders.count > 1 else { throw leadsOut("..") }
                close(folders.removeLast())
                continue
            }
            let folder = folders[folders.count - 1]
            var status = stat()
            guard fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) == 0 else { throw Folder.error(path, "open") }
            if status.st_mode & S_IFMT == S_IFLNK {
                links += 1
                guard links <= FolderWalk.maximumLinks else { throw FormatError("\(path): too many links") }
                let target = try readLink(name, in: folder)
                if target.hasPrefix("/") {
                    let rest = try namesBeneathRoot(target)
                    while folders.count > 1 { close(folders.removeLast()) }
                    pending.append(contentsOf: rest.reversed())
                } else {
                    pending.append(contentsOf: Folder.components(target).reversed())
                }
                continue
            }
            try refuseDevices(status)
            let opened = try openAt(folder, name)
            guard fstat(opened, &status) == 0 else {
                close(opened)
                throw Folder.error(path, "open")
            }
            if status.st_mode & S_IFMT != S_IFDIR {
                guard pending.isEmpty else {
                    close(opened)
                    throw Folder.error(path, "open", ENOTDIR)
                }
                return try accepted(opened, status)
            }
            folders.append(opened)
        }
        var status = stat()
        guard fstat(folders[folders.count - 1], &status) == 0 else { throw Folder.error(path, "open") }
        return (folders.removeLast(), status)
    }

    private func openFollowing(_ names: [String]) throws -> (descriptor: Int32, status: stat) {
        var status = stat()
        let name = names.isEmpty ? "." : names.joined(separator: "/")
        // Looked at before it is opened: opening a device can do things.
        guard fstatat(root.descriptor, name, &status, 0) == 0 else { throw Folder.error(path, "open") }
        try refuseDevices(status)
        let opened = openat(root.descriptor, name, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
        guard opened >= 0, fstat(opened, &status) == 0 else {
            let failure = Folder.error(path, "open")
            if opened >= 0 { close(opened) }
            throw failure
        }
        return try accepted(opened, status)
    }

    /// What was opened, which is closed where it is not to be read.
    private func accepted(_ opened: Int32, _ status: stat) throws -> (descriptor: Int32, status: stat) {
        do {
            try refuseDevices(status)
            try HiddenFiles.check(status, path)
        } catch {
            close(opened)
            throw error
        }
        return (opened, status)
    }

    private func openAt(_ folder: Int32, _ name: String) throws -> Int32 {
        let opened = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
        if opened >= 0 { return opened }
        let failure = errno
        // Folders that may be passed through but not listed, as others' home folders often are.
        let passed = failure == EACCES ? openat(folder, name, FolderWalk.passThrough | O_NOFOLLOW | O_CLOEXEC) : -1
        guard passed >= 0 else { throw Folder.error(path, "open", failure) }
        return passed
    }

    /// Flags that open a folder to pass through it: it need not be readable.
    #if canImport(Darwin)
        static let passThrough = O_SEARCH | O_DIRECTORY
    #else
        // O_PATH, which Swift's Glibc module does not show.
        static let passThrough = 0x20_0000 | O_DIRECTORY
    #endif

    private func refuseDevices(_ status: stat) throws {
        let kind = status.st_mode & S_IFMT
        guard kind == S_IFREG || kind == S_IFDIR else {
            throw FormatError("\(path): is a pipe, socket or device, expected a file")
        }
    }

    private func namesBeneathRoot(_ target: String) throws -> [String] {
        let (names, rootNames) = (Folder.components(target), Folder.components(root.realPath))
        guard names.starts(with: rootNames) else { throw leadsOut(target) }
        return Array(names.dropFirst(rootNames.count))
    }

    private func leadsOut(_ target: String) -> FormatError {
        FormatError("\(path): a link leads out of \(root.realPath), to '\(FormatError.shown(target))'")
    }

    private func readLink(_ name: String, in folder: Int32) throws -> String {
        var buffer = [CChar](repeating: 0, count: 4097)
        let length = readlinkat(folder, name, &buffer, 4096)
        guard length > 0, length < 4096 else {
            throw Folder.error(path, "read the link", length < 0 ? errno : ENAMETOOLONG)
        }
        return String(decoding: buffer[..<length].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
