import Formats
import LuaBridge

/// Where the data lies that a recipe names: a folder of files, or a name in the Hugging Face cache.
enum DatasetLocation {
    /// The endings of files that are read.
    private static let endings: Set<String> = ["csv", "json", "jsonl", "tsv", "txt"]
    /// Files beside the data that are none (data_files.py of datasets 4).
    private static let others: Set<String> = [
        "config.json", "dataset_dict.json", "dataset_info.json", "dataset_infos.json",
    ]
    /// Words in the names of files and folders that say a split, as datasets has them.
    private static let words: [(split: String, words: Set<String>)] = [
        ("train", ["train", "training"]), ("validation", ["validation", "valid", "dev", "val"]),
        ("test", ["test", "testing", "eval", "evaluation"]),
    ]
    private static let deepest = 3

    /// The files of each split, where `name` is a folder, or no file and a data set's name in the cache; nil otherwise.
    static func splits(
        _ name: String, _ context: RecipeContext, revision: String?
    ) throws -> [(split: String, paths: [String])]? {
        if context.permissions.mayRead(name) {
            let (folder, inner) = try context.permissions.reading(name)
            if folder.isFolder(inner) { return try splits(in: context.permissions.readingFolder(name)) }
            // A link that leads where nothing may be read has its own reason.
            if folder.isThere(inner), !folder.exists(inner), ending(name).isEmpty { _ = try folder.subfolder(inner) }
            if folder.isThere(inner) { return nil }
        }
        let isName = !name.hasPrefix("/") && !name.hasPrefix(".")
        if isName, let snapshot = try ModelCache.snapshot(of: name, .dataset, revision: revision) {
            return try splits(in: context.permissions.readingFolder(snapshot))
        }
        // What has an ending was meant as a file, and whoever opens it says what is wrong.
        guard context.permissions.mayRead(name), ending(name).isEmpty else { return nil }
        let cache =
            isName
            ? ModelCache.path.map { "; the cache \(Permissions.shown($0)) has no data set of that name either" } : nil
        throw LuaFault("no data file or folder '\(Permissions.shown(name))'\(cache ?? "")")
    }

    private static func splits(in folder: Folder) throws -> [(split: String, paths: [String])] {
        let all = try files(in: folder, at: "", depth: 0)
        let readable = all.filter { endings.contains(ending($0)) }
        guard
            let most = Dictionary(grouping: readable, by: ending).max(by: {
                ($0.value.count, $1.key) < ($1.value.count, $0.key)
            })
        else {
            let kinds = Set(all.map(ending)).subtracting(["", "md"]).sorted()
            let found =
                kinds.isEmpty
                ? ""
                : "; \(kinds.prefix(4).map { ".\(FormatError.shown($0))" }.joined(separator: ", ")) files are not read"
            throw LuaFault("\(folder.path): there is no .csv, .json, .jsonl, .tsv or .txt file\(found)")
        }
        var found: [(split: String, files: [String])] = []
        for (split, words) in words {
            let named = most.value.filter { !words.isDisjoint(with: parts(of: $0)) }
            if !named.isEmpty { found.append((split, named)) }
        }
        // As in datasets, files that no name parts are all to train on.
        if found.isEmpty { found = [("train", most.value)] }
        return found.map { split, files in (split, files.map { "\(folder.path)/\($0)" }) }
    }

    private static func files(in folder: Folder, at place: String, depth: Int) throws -> [String] {
        guard depth < deepest else { return [] }
        return try folder.list().filter { !$0.hasPrefix(".") && !$0.hasPrefix("__") && !others.contains($0) }.flatMap {
            name in
            folder.isFolder(name)
                ? try files(in: folder.subfolder(name), at: place + name + "/", depth: depth + 1) : [place + name]
        }
    }

    private static func ending(_ file: String) -> String {
        let name = file.split(separator: "/").last ?? ""
        return name.lastIndex(of: ".").map { name[name.index(after: $0)...].lowercased() } ?? ""
    }

    /// The words of a file's path: what stands between separators and digits.
    private static func parts(of file: String) -> [String] {
        file.lowercased().split { " ._-/".contains($0) || $0.isNumber }.map(String.init)
    }
}
