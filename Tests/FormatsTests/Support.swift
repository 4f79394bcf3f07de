import Formats
import Testing

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Folder of the package.
let packageRoot = "/" + #filePath.split(separator: "/").dropLast(3).joined(separator: "/")

/// What Python's libraries wrote (scripts/goldens/formats.py).
func goldens() throws -> Folder { try Folder(path: packageRoot + "/Tests/Goldens/formats", access: .read) }

/// The folder `shared` beside the repository, nil where it is absent.
let sharedPath: String? = {
    let path = "/" + packageRoot.split(separator: "/").dropLast().joined(separator: "/") + "/shared"
    return access(path, R_OK) == 0 ? path : nil
}()

/// A folder that is removed with what is in it at the end of a test.
final class TemporaryFolder {
    let path: String
    private let name: String
    private let parent: Folder
    let folder: Folder

    init() throws {
        let parentPath = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
        name = "lorawb-formats-\(getpid())-\(UInt64.random(in: 0 ... .max))"
        path = parentPath + "/" + name
        parent = try Folder(path: parentPath)
        _ = try parent.subfolder(name, create: true)
        folder = try Folder(path: path)
    }

    deinit { try? parent.remove(name) }

    /// Writes a file without syncing it, for tests that write thousands.
    func put(_ name: String, _ bytes: [UInt8]) {
        // Removed, not cut to nothing: ext4 syncs what was cut.
        unlink(path + "/" + name)
        let file = open(path + "/" + name, O_WRONLY | O_CREAT | O_EXCL, 0o600)
        #expect(file >= 0 && write(file, bytes, bytes.count) == bytes.count && close(file) == 0)
    }

    /// Makes a symbolic link.
    func link(_ name: String, to target: String) { #expect(symlink(target, path + "/" + name) == 0) }
}

/// The message of the error that `body` throws; "no error" where it throws none.
func message(_ body: () throws -> Void) -> String {
    do {
        try body()
        return "no error"
    } catch { return "\(error)" }
}

/// A generator of numbers that are the same in every run.
struct Random: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}

extension TemporaryFolder {
    /// The table of a data file with this text.
    func table(
        _ name: String, _ text: String, _ options: DataTable.Options = DataTable.Options()
    ) throws -> DataTable {
        put(name, Array(text.utf8))
        return try DataTable(folder, name, options: options)
    }
}
