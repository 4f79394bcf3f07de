#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// An open directory beneath which files are read, or written whole.
///
/// Names are relative and cannot leave the folder: neither by "..", nor by a symbolic link, whose target must lie beneath
/// the folder's root, or where else the user let links lead to when something is read. Check and use are one walk of open directories, so a link swapped in between changes nothing.
public final class Folder: Sendable {
    /// Where symbolic links may lead.
    public enum Links: Sendable {
        /// Beneath the root only.
        case inside
        /// Anywhere: for folders that nobody but the user fills.
        case follow
    }

    /// What may be done in a folder.
    public enum Access: Sendable { case read, readWrite }

    /// Path to show in messages.
    public let path: String
    /// What may be done here.
    public let access: Access
    let root: Root
    /// Names that lead from the root to this folder.
    let place: [String]

    /// The directory that links may lead to anywhere beneath.
    final class Root: Sendable {
        let descriptor: Int32
        /// Its path without links, for the links that name it so.
        let realPath: String
        let links: Links
        /// Where links may lead besides, when something is read.
        let targets: LinkTargets?

        init(path: String, links: Links, targets: LinkTargets? = nil) throws {
            (self.links, self.targets) = (links, targets)
            let opened = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
            let denied = opened < 0 && errno == EACCES
            descriptor = denied ? open(path, FolderWalk.passThrough | O_CLOEXEC) : opened
            guard descriptor >= 0 else { throw Folder.error(path, "open") }
            let resolved = realpath(path, nil)
            realPath = resolved.map { String(cString: $0) } ?? path
            free(resolved)
        }

        deinit { close(descriptor) }
    }

    /// Opens the directory at `path`.
    ///
    /// Only the workbench's permissions, the commands (for what the user typed) and tests may call this: all others are
    /// given a folder.
    ///
    /// - Parameters:
    ///   - linkRoot: a directory above `path` beneath which links may lead, such as the `models--*` folder of a snapshot in
    ///     the Hugging Face cache, whose files are links into its blobs; `path` itself where nil.
    ///   - links: where links may lead.
    ///   - targets: where links may lead besides, when something is read.
    ///   - access: what may be done in the folder.
    public convenience init(
        path: String, linkRoot: String? = nil, links: Links = .inside, targets: LinkTargets? = nil,
        access: Access = .readWrite
    ) throws {
        for text in [path, linkRoot ?? ""] where text.utf8.contains(0) {
            throw FormatError("'\(FormatError.shown(text))': a path with a zero byte")
        }
        guard !path.isEmpty else { throw FormatError("a path is empty; '.' is the working folder") }
        let names = Folder.components(path)
        let rootNames = linkRoot.map(Folder.components) ?? names
        guard names.starts(with: rootNames), path.hasPrefix("/") == (linkRoot ?? path).hasPrefix("/") else {
            throw FormatError("\(path): not beneath \(linkRoot ?? path)")
        }
        let root = try Root(path: linkRoot ?? path, links: links, targets: targets)
        try self.init(path: path, root: root, place: Array(names.dropFirst(rootNames.count)), access: access)
    }

    init(path: String, root: Root, place: [String], access: Access) throws {
        (self.path, self.root, self.place, self.access) = (path, root, place, access)
        close(try FolderWalk(root: root, path: path, isReading: true).openFolder(place))
    }

    /// The folder beneath this one; made, with those above it, where `create` is set.
    public func subfolder(_ name: String, create: Bool = false) throws -> Folder {
        let names = try Folder.names(name)
        if create { try makeFolders(names, name: name) }
        return try Folder(path: show(name), root: root, place: place + names, access: access)
    }

    // MARK: Names

    /// A name as messages show it.
    func show(_ name: String) -> String {
        let names = name.split(separator: "/").filter { $0 != "." }
        if names.isEmpty { return path }
        return (path.hasSuffix("/") ? path : path + "/") + names.joined(separator: "/")
    }

    /// The parts of a name beneath the folder; throws where it is absolute, holds ".." or a zero byte.
    static func names(_ name: String) throws -> [String] {
        let shown = FormatError.shown(name)
        guard !name.utf8.contains(0) else { throw FormatError("'\(shown)': a name with a zero byte") }
        guard !name.hasPrefix("/") else {
            throw FormatError("'\(shown)': expected a name beneath the folder, got an absolute path")
        }
        let names = components(name)
        guard !names.contains("..") else { throw FormatError("'\(shown)': a name may not contain '..'") }
        return names
    }

    static func components(_ path: String) -> [String] {
        path.split(separator: "/").filter { $0 != "." }.map(String.init)
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
            case EMFILE, ENFILE: "too many open files"
            default: strerror(code).map { String(cString: $0).lowercased() } ?? "error \(code)"
            }
        return code == ENOENT
            ? FormatError("\(path): \(reason)", .missing)
            : FormatError("\(path): cannot \(doing): \(reason)", code == ENOTDIR ? .notAFolder : .other)
    }
}
