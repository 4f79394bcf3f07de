#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Opens names beneath a folder's root, resolving links by hand so that none leads out, but to what the root's `targets` let one read.
struct FolderWalk {
    let root: Folder.Root
    /// Path to show in messages.
    let path: String
    /// Whether what is opened is only read.
    let isReading: Bool

    /// Open folders from a root down to where a walk is.
    private struct Place {
        let root: Folder.Root
        /// Descriptors, the root's own first.
        var folders: [Int32]
        /// Names of those beneath the root: real ones, without links.
        var names: [String] = []

        /// The path without links.
        var path: [String] { Folder.components(root.realPath) + names }

        mutating func leave() {
            while folders.count > 1 { close(folders.removeLast()) }
            names = []
        }

        func closeAll() { for folder in folders { close(folder) } }
    }

    private static let maximumLinks = 32

    /// Descriptor of a folder; the caller closes it.
    func openFolder(_ names: [String]) throws -> Int32 {
        let (opened, status) = try open(names, asFolder: true)
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

    /// Opens a regular file or folder to read; `asFolder` is what errors take it for.
    func open(_ names: [String], asFolder: Bool = false) throws -> (descriptor: Int32, status: stat) {
        if root.links == .follow { return try openFollowing(names) }
        var pending = Array(names.reversed())
        var place = Place(root: root, folders: [try openAt(root.descriptor, ".")])
        var links = 0
        defer { place.closeAll() }
        while let name = pending.popLast() {
            if name == ".." {
                if place.names.isEmpty {
                    let outside = Array(place.path.dropLast()) + pending.reversed()
                    try enter(outside, from: &place, &pending, told: "..", asFolder)
                } else {
                    close(place.folders.removeLast())
                    place.names.removeLast()
                }
                continue
            }
            let folder = place.folders[place.folders.count - 1]
            var status = stat()
            guard fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) == 0 else { throw Folder.error(path, "open") }
            if status.st_mode & S_IFMT == S_IFLNK {
                links += 1
                guard links <= FolderWalk.maximumLinks else { throw FormatError("\(path): too many links") }
                let target = try readLink(name, in: folder)
                if target.hasPrefix("/") {
                    let whole = Folder.components(target)
                    try enter(whole + pending.reversed(), from: &place, &pending, told: target, asFolder)
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
            place.folders.append(opened)
            place.names.append(name)
        }
        var status = stat()
        guard fstat(place.folders[place.folders.count - 1], &status) == 0 else { throw Folder.error(path, "open") }
        return (place.folders.removeLast(), status)
    }

    /// Goes on at an absolute path: beneath the root where it is, beneath another root that may be read, or nowhere.
    ///
    /// `told` is the target as the link has it.
    private func enter(
        _ whole: [String], from place: inout Place, _ pending: inout [String], told: String, _ asFolder: Bool
    ) throws {
        // Whatever a step up leads past by its text, what is opened lies beneath the root that is entered.
        let names = FolderWalk.withoutSteps(whole)
        let own = Folder.components(place.root.realPath)
        if names.starts(with: own) {
            place.leave()
            pending = names.dropFirst(own.count).reversed()
            return
        }
        let first = Folder.components(root.realPath)
        let targets = isReading ? root.targets : nil
        guard let door = names.starts(with: first) ? first : targets?.door(to: names) else {
            throw leadsOut(told, names, asFolder)
        }
        let entered =
            door == first ? root : try Folder.Root(path: "/" + door.joined(separator: "/"), links: .inside)
        let folder = try openAt(entered.descriptor, ".")
        place.closeAll()
        place = Place(root: entered, folders: [folder])
        pending = names.dropFirst(door.count).reversed()
    }

    /// A path without "..".
    private static func withoutSteps(_ path: [String]) -> [String] {
        var names: [String] = []
        for name in path { if name == ".." { names.removeLast(names.isEmpty ? 0 : 1) } else { names.append(name) } }
        return names
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

    /// `target` is what the link says, `names` the path that follows from it.
    private func leadsOut(_ target: String, _ names: [String], _ asFolder: Bool) -> FormatError {
        func message(_ target: String) -> String {
            "\(path): a link leads out of \(root.realPath), to '\(FormatError.shown(target, limit: 300))'"
        }
        guard isReading, let targets = root.targets else { return FormatError(message(target)) }
        let folder = "/" + (asFolder ? names : names.dropLast()).joined(separator: "/")
        return FormatError("\(message("/" + names.joined(separator: "/"))); \(targets.advice(folder))")
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
