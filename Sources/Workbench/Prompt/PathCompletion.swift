import Formats

/// Files and folders that a path may go on to, beneath what may be read.
struct PathCompletion {
    /// A path as it would be typed.
    struct Entry {
        let text: String
        let isFolder: Bool
    }

    let context: RecipeContext

    /// What begins as `typed` does.
    func entries(_ typed: String) -> [Entry] {
        let slash = typed.lastIndex(of: "/")
        let head = slash.map { String(typed[...$0]) } ?? ""
        let tail = slash.map { String(typed[typed.index(after: $0)...]) } ?? typed
        let path = head.isEmpty ? "." : head
        guard let folder = try? context.permissions.readingFolder(path), let names = try? folder.list() else {
            return []
        }
        return names.filter { $0.hasPrefix(tail) && (tail.hasPrefix(".") || !$0.hasPrefix(".")) }.map { name in
            let isFolder = folder.isFolder(name)
            return Entry(text: head + name + (isFolder ? "/" : ""), isFolder: isFolder)
        }
    }
}
