import Formats
import Training
import Words

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// What a recipe may read and write; the only maker of folders from paths.
///
/// By default a recipe reads its own folder, the model cache, its run folder and every path that the user typed, and writes its
/// run folder. A path in a recipe is a request; a refusal names the flag that would allow it.
public final class Permissions {
    /// What a grant allows.
    public enum Access: Sendable { case read, write }

    private struct Grant {
        let root: String
        /// Folder beneath which links may lead; a snapshot of the model cache links into its repository's blobs.
        let linkRoot: String
        let isFile: Bool
        let access: Access
    }

    /// What relative paths of the recipe are relative to.
    public let base: String
    /// Makes a file that the host provides for what the recipe calls `name`, and gives its path; nil for every other name.
    ///
    /// So a recipe inside the binary reads its data, which is inside the binary too.
    var provided: ((_ name: String) throws -> String?)?
    /// Told the absolute path of everything that is opened for reading.
    var onReading: ((_ path: String) -> Void)?
    private var grants: [Grant] = []
    /// Places that are not to be written even beneath a writable folder: the recipe itself, and what a run records of itself.
    private var protected: Set<String> = []

    /// Permissions of a recipe whose relative paths start at the folder `base`.
    public init(base: String) { self.base = base }

    /// Allows a folder, or one file, and what lies beneath.
    public func allow(_ access: Access, _ path: String) {
        let lexical = Permissions.absolute(path, from: base)
        for root in Set([lexical, Permissions.real(lexical) ?? lexical]) {
            let isFile = Permissions.isFile(root)
            grants.append(
                Grant(root: root, linkRoot: Permissions.repository(of: root) ?? root, isFile: isFile, access: access))
        }
    }

    /// Keeps a file from being written.
    public func protect(_ path: String) {
        let lexical = Permissions.absolute(path, from: base)
        protected.formUnion([lexical, Permissions.real(lexical) ?? lexical])
    }

    /// Keeps what a run records of itself in its folder from being written: a continued run takes from it what it may read.
    func protectRecord(in path: String) {
        let lexical = Permissions.absolute(path, from: base)
        for folder in [lexical, Permissions.real(lexical) ?? lexical] {
            for file in [
                RunRecord.recipeFile, RunRecord.parametersFile, RunRecord.environmentFile, RunRecord.endFile,
            ] {
                protected.insert("\(folder)/\(file)")
            }
        }
    }

    /// Whether `path` may be written, whatever is there.
    func mayWrite(_ path: String) -> Bool { (try? request(path)).flatMap { grant(for: $0, .write) } != nil }

    /// The folder and the name beneath it through which `path` is read; throws where that is not allowed.
    public func reading(_ path: String) throws -> (folder: Folder, name: String) {
        try open(try provided?(path) ?? path, .read, asFolder: false)
    }

    /// Whether `path` may be read, whatever is there.
    public func mayRead(_ path: String) -> Bool { (try? request(path)).flatMap { grant(for: $0, .read) } != nil }

    /// The folder and the name beneath it through which `path` is written; throws where that is not allowed.
    public func writing(_ path: String) throws -> (folder: Folder, name: String) {
        let opened = try open(path, .write, asFolder: false)
        let absolute = absolute(path)
        guard !protected.contains(absolute), !protected.contains(Permissions.real(absolute) ?? absolute) else {
            throw FormatError(
                "\(Permissions.shown(path)): is the running recipe or its record, which is not to be written")
        }
        return opened
    }

    /// The folder at `path`, for reading.
    public func readingFolder(_ path: String) throws -> Folder {
        let (folder, name) = try open(path, .read, asFolder: true)
        return name == "." ? folder : try folder.subfolder(name)
    }

    /// The folder at `path`, for writing; made where it is missing.
    public func writingFolder(_ path: String) throws -> Folder {
        let (folder, name) = try open(path, .write, asFolder: true)
        return name == "." ? folder : try folder.subfolder(name, create: true)
    }

    /// Gives `body` the folder at `path` to write into; where it throws, the folders that were made for it are gone again.
    public func saving<Result>(_ path: String, _ body: (Folder) throws -> Result) throws -> Result {
        let (root, name) = try open(path, .write, asFolder: true)
        let parts = name == "." ? [] : name.split(separator: "/")
        let made = parts.indices.map { parts[...$0].joined(separator: "/") }.first { !root.isThere($0) }
        do {
            return try body(parts.isEmpty ? root : root.subfolder(name, create: true))
        } catch {
            // What is left of them must not hide why it failed.
            if let made { try? root.remove(made) }
            throw error
        }
    }

    /// `path` made absolute against the recipe's base, without "." and "..".
    public func absolute(_ path: String) -> String { Permissions.absolute(path, from: base) }

    private func request(_ path: String) throws -> String {
        guard !path.utf8.contains(0) else { throw FormatError("'\(Permissions.shown(path))': a path with a zero byte") }
        guard !path.isEmpty else { throw FormatError("'': an empty path") }
        return absolute(path)
    }

    /// The grant that covers a path, the narrowest.
    private func grant(for absolute: String, _ access: Access) -> Grant? {
        grants.filter { grant in
            (grant.access == .write || access == .read)
                && (absolute == grant.root || (!grant.isFile && Permissions.lies(absolute, beneath: grant.root)))
        }.max { $0.root.utf8.count < $1.root.utf8.count }
    }

    /// A refusal is made of the path alone: whether something is there is not told.
    private func open(_ path: String, _ access: Access, asFolder: Bool) throws -> (folder: Folder, name: String) {
        let absolute = try request(path)
        try HiddenFiles.check(absolute, shown: Permissions.shown(path))
        guard let grant = grant(for: absolute, access) else {
            let flag = access == .read ? "--allow-read" : "--allow-write"
            let folder = asFolder ? absolute : Permissions.parent(absolute)
            throw FormatError(
                "\(Permissions.shown(path)): \(access == .read ? "reading" : "writing") it is not permitted; "
                    + "to allow it, run again with \(flag) \(Permissions.shown(folder))")
        }
        if access == .read { onReading?(absolute) }
        let targets = access == .read ? linkTargets : nil
        if grant.isFile || absolute == grant.root && Permissions.isFile(absolute) {
            let (parent, name) = Permissions.parted(absolute)
            let linkRoot = grant.linkRoot == grant.root ? parent : grant.linkRoot
            return (try Folder(path: parent, linkRoot: linkRoot, targets: targets), name)
        }
        let linkRoot = access == .write ? grant.root : grant.linkRoot
        let rest = absolute.dropFirst(grant.root == "/" ? 1 : grant.root.count + 1)
        return (try Folder(path: grant.root, linkRoot: linkRoot, targets: targets), rest.isEmpty ? "." : String(rest))
    }

    /// Everything that may be read: links may lead there from anywhere else that may.
    private var linkTargets: LinkTargets {
        LinkTargets(folders: grants.filter { !$0.isFile }.map(\.root), files: grants.filter(\.isFile).map(\.root)) {
            "to allow it, run again with --allow-read \(Permissions.shown($0))"
        }
    }

    // MARK: Paths as text

    /// `path` made absolute against `base`, without empty parts, "." and "..".
    static func absolute(_ path: String, from base: String) -> String {
        var parts: [Substring] = []
        for part in (path.hasPrefix("/") ? path : base + "/" + path).split(separator: "/") where part != "." {
            if part == ".." { parts.removeLast(parts.isEmpty ? 0 : 1) } else { parts.append(part) }
        }
        return "/" + parts.joined(separator: "/")
    }

    static func parent(_ path: String) -> String { parted(path).parent }

    /// An absolute path as the folder above and the name in it.
    static func parted(_ path: String) -> (parent: String, name: String) {
        var parts = path.utf8.split(separator: UInt8(ascii: "/")).map { String(decoding: $0, as: UTF8.self) }
        let name = parts.popLast() ?? ""
        return ("/" + parts.joined(separator: "/"), name)
    }

    private static func lies(_ path: String, beneath root: String) -> Bool {
        root == "/" || path.hasPrefix(root + "/")
    }

    /// The repository folder of a path in the cache (`models--org--name`), whose links stay inside it.
    private static func repository(of path: String) -> String? {
        let parts = path.split(separator: "/")
        let index = parts.lastIndex { part in
            ModelCache.Repository.allCases.contains { part.hasPrefix($0.rawValue + "--") }
        }
        guard let index, index + 1 < parts.count else {
            return nil
        }
        return "/" + parts[...index].joined(separator: "/")
    }

    static func real(_ path: String) -> String? {
        guard let resolved = unsafe realpath(path, nil) else { return nil }
        defer { unsafe free(resolved) }
        return unsafe String(cString: resolved)
    }

    private static func mode(_ path: String) -> mode_t? {
        var status = stat()
        return unsafe stat(path, &status) == 0 ? status.st_mode & S_IFMT : nil
    }

    /// Who may read, write and run a file; nil where there is none.
    static func permissionBits(_ path: String) -> mode_t? {
        var status = stat()
        return unsafe stat(path, &status) == 0 ? status.st_mode & 0o7777 : nil
    }

    static func isFile(_ path: String) -> Bool { mode(path).map { $0 != S_IFDIR } ?? false }

    static func exists(_ path: String) -> Bool { mode(path) != nil }

    static func isFolder(_ path: String) -> Bool { mode(path) == S_IFDIR }

    /// Whether there is something that is neither a file nor a folder: a pipe, a socket, a device.
    static func isSpecial(_ path: String) -> Bool { mode(path).map { $0 != S_IFDIR && $0 != S_IFREG } ?? false }

    /// A path as it may be shown.
    public static func shown(_ path: String) -> String { Shown.name(path) }
}
