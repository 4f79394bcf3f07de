import Formats
import LuaBridge
import Memory

/// SHA-256 of what a recipe reads.
///
/// A file's is that of its bytes. A folder's is that of the text that sha256sum prints for its files, `digest  path` a line, sorted by
/// path as bytes, without hidden files and folders, links followed:
///
///     cd FOLDER && find -L * -type f -not -path '*/.*' | LC_ALL=C sort | xargs -d '\n' sha256sum | sha256sum
enum InputDigest {
    /// Most files and folders of a folder.
    private static let mostEntries = 100_000
    /// Bytes that are added at once: between two pieces it may be stopped.
    private static let piece = 1 << 22

    /// The digest of the file or folder at an absolute path, 64 hexadecimal digits.
    ///
    /// - Throws: where it cannot be read, and where the work is to stop.
    static func of(_ path: String) throws -> String {
        guard Permissions.isFolder(path) else {
            let (parent, name) = Permissions.parted(path)
            return try digest(name, in: Folder(path: parent, links: .follow, access: .read))
        }
        let folder = try Folder(path: path, links: .follow, access: .read)
        var (names, entries) = ([String](), 0)
        try gather(folder, "", depth: 0, &names, &entries)
        names.sort { $0.utf8.lexicographicallyPrecedes($1.utf8) }
        var sum = SHA256()
        for name in names {
            let line = Array("\(try digest(name, in: folder))  \(name)\n".utf8)
            unsafe line.withUnsafeBytes { unsafe sum.update($0) }
        }
        return sum.hexadecimal()
    }

    private static func digest(_ name: String, in folder: Folder) throws -> String {
        let file = try folder.map(name)
        file.advise(.sequential)
        var sum = SHA256()
        var start = 0
        while start < file.count {
            try LuaInterrupt.check()
            let end = min(file.count, start + piece)
            unsafe sum.update(UnsafeRawBufferPointer(rebasing: file.bytes[start..<end]))
            start = end
        }
        return sum.hexadecimal()
    }

    private static func gather(
        _ folder: Folder, _ prefix: String, depth: Int, _ names: inout [String], _ entries: inout Int
    ) throws {
        guard depth < 32 else { throw FormatError("\(folder.path): folders nested deeper than 32 levels") }
        for name in try folder.list() where !name.hasPrefix(".") {
            try LuaInterrupt.check()
            entries += 1
            guard entries <= mostEntries else {
                throw FormatError("\(folder.path): has more than \(mostEntries) files; name a part of it")
            }
            if folder.isFolder(name) {
                try gather(try folder.subfolder(name), prefix + name + "/", depth: depth + 1, &names, &entries)
            } else {
                try MemoryBudget.reserve(prefix.utf8.count + name.utf8.count + 16)
                names.append(prefix + name)
            }
        }
    }
}
