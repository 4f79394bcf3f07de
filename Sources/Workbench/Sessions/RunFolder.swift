import Formats

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// The folder of a run: `runs/<recipe>-<n>` in the working folder, made at its first use, or what the user named.
///
/// From its first use on it is this process' alone.
public final class RunFolder {
    private let named: String?
    private let stem: String
    private let workingFolder: String
    private let permissions: Permissions
    private var made: String?
    private var lock: FolderLock?

    /// Folder for a run of the recipe `stem`.
    public init(named: String?, stem: String, workingFolder: String, permissions: Permissions) {
        (self.named, self.stem, self.workingFolder, self.permissions) = (named, stem, workingFolder, permissions)
    }

    /// The folder's path where it has been made or named.
    public var known: String? { made ?? named.map { Permissions.absolute($0, from: workingFolder) } }

    /// The folder's path where this session has it.
    var taken: String? { made }

    /// The path that `path` would give, of which nothing is made.
    var expected: String {
        if let known { return known }
        let runs = Permissions.absolute("runs", from: workingFolder)
        var number = 1
        while Permissions.exists("\(runs)/\(stem)-\(number)") { number += 1 }
        return "\(runs)/\(stem)-\(number)"
    }

    /// The folder's path; it is made, and may be read and written from now on.
    public func path() throws -> String {
        if let made { return made }
        let path: String
        if let named {
            path = Permissions.absolute(named, from: workingFolder)
            try RunFolder.make(path)
        } else {
            let runs = Permissions.absolute("runs", from: workingFolder)
            try RunFolder.make(runs)
            var number = 1
            while unsafe mkdir("\(runs)/\(stem)-\(number)", 0o777) != 0 {
                guard errno == EEXIST else {
                    throw FormatError("\(runs)/\(stem)-\(number): cannot make the run's folder: \(RunFolder.reason())")
                }
                number += 1
            }
            path = "\(runs)/\(stem)-\(number)"
        }
        lock = try Folder(path: path).lock()
        permissions.allow(.write, path)
        permissions.protectRecord(in: path)
        made = path
        return path
    }

    /// Lets go of the folder at the end of the session.
    func close() { lock = nil }

    /// Name of a recipe's runs: its file's name without the ending.
    static func stem(of path: String) -> String {
        let name = path.split(separator: "/").last.map(String.init) ?? "recipe"
        return name.hasSuffix(".lua") && name.count > 4 ? String(name.dropLast(4)) : name
    }

    private static func make(_ path: String) throws {
        var built = ""
        for part in path.split(separator: "/") {
            built += "/" + part
            guard unsafe mkdir(built, 0o777) != 0, errno != EEXIST else { continue }
            let reason = reason()
            guard Permissions.isFolder(built) else {
                throw FormatError("\(Permissions.shown(path)): cannot make the run's folder: \(reason)")
            }
        }
        guard Permissions.isFolder(path) else { throw FormatError("\(Permissions.shown(path)): is not a folder") }
    }

    private static func reason() -> String { unsafe String(cString: strerror(errno)).lowercased() }
}
