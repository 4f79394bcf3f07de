import Formats

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// The user's Hugging Face cache: models, adapters and data sets that other tools have fetched.
public enum ModelCache {
    /// What a repository holds; adapters are models there.
    public enum Repository: String, CaseIterable, Sendable {
        case model = "models"
        case dataset = "datasets"
    }

    /// The cache's folder: HF_HUB_CACHE, HF_HOME/hub, or ~/.cache/huggingface/hub, with ~ and variables put in as
    /// huggingface_hub does.
    public static var path: String? {
        if let hub = environment("HF_HUB_CACHE") ?? environment("HUGGINGFACE_HUB_CACHE") { return expanded(hub) }
        if let home = environment("HF_HOME") { return expanded(home) + "/hub" }
        if let cache = environment("XDG_CACHE_HOME") { return expanded(cache) + "/huggingface/hub" }
        return environment("HOME").map { $0 + "/.cache/huggingface/hub" }
    }

    /// A path with the user's home in place of a leading ~, and with variables ($NAME, ${NAME}) that there are.
    private static func expanded(_ path: String) -> String {
        var path = path
        if path == "~" || path.hasPrefix("~/"), let home = environment("HOME") { path = home + path.dropFirst() }
        var (text, rest) = ("", path[...])
        while let dollar = rest.firstIndex(of: "$") {
            text += rest[..<dollar]
            rest = rest[rest.index(after: dollar)...]
            let isBraced = rest.first == "{"
            let name =
                isBraced
                ? rest.dropFirst().prefix { $0 != "}" } : rest.prefix { $0 == "_" || $0.isLetter || $0.isNumber }
            let isWhole = !isBraced || name.endIndex < rest.endIndex
            guard isWhole, !name.isEmpty, let value = environment(String(name)) else {
                text += "$"
                continue
            }
            text += value
            rest = rest[name.endIndex...].dropFirst(isBraced ? 1 : 0)
        }
        return text + rest
    }

    /// Folder of the repository `name` ("org/name" or "name") at a revision; nil where the cache has none of that name.
    ///
    /// - Parameter revision: a branch, a tag or a commit; "main" where nil, or the only snapshot that there is.
    /// - Throws: where the cache has the repository, and not the revision, or no way to tell which is meant.
    public static func snapshot(of name: String, _ kind: Repository = .model, revision: String? = nil) throws -> String?
    {
        let parts = name.split(separator: "/", omittingEmptySubsequences: false)
        guard let path, parts.count <= 2, !name.utf8.contains(0),
            parts.allSatisfy({ !$0.isEmpty && $0 != "." && $0 != ".." && !$0.hasPrefix("-") })
        else { return nil }
        let repository = "\(path)/\(kind.rawValue)--" + parts.joined(separator: "--")
        guard let folder = try? Folder(path: repository) else { return nil }
        let snapshots = ((try? folder.subfolder("snapshots").list()) ?? []).filter {
            folder.isFolder("snapshots/\($0)")
        }
        let commit = commit(of: revision ?? "main", in: folder)
        if let commit, snapshots.contains(commit) { return "\(repository)/snapshots/\(commit)" }
        if revision == nil, snapshots.isEmpty || commit == nil && snapshots.count == 1 {
            return snapshots.first.map { "\(repository)/snapshots/\($0)" }
        }
        let found =
            snapshots.isEmpty
            ? "no snapshot" : snapshots.prefix(4).map { "'\(Permissions.shown($0))'" }.joined(separator: ", ")
        let shown = Permissions.shown(name)
        if let revision {
            throw FormatError(
                "the cache has no revision '\(Permissions.shown(revision))' of '\(shown)'; it has \(found)")
        }
        throw FormatError(
            "the cache does not have '\(shown)' at its main revision; it has \(found): name one by revision =")
    }

    /// The commit that a revision means: what refs say of it, else itself.
    private static func commit(of revision: String, in repository: Folder) -> String? {
        if let text = try? repository.readText("refs/\(revision)", limit: 4096) {
            return text.split(whereSeparator: \.isWhitespace).first.map(String.init)
        }
        return !revision.contains("/") && repository.isFolder("snapshots/\(revision)") ? revision : nil
    }

    /// Name of the model that an absolute path is a snapshot of in the cache; nil where it is none.
    static func name(ofSnapshot absolute: String) -> String? {
        guard let path, absolute.hasPrefix(path + "/models--") else { return nil }
        let parts = absolute.dropFirst(path.count + 1).split(separator: "/")
        guard parts.count == 3, parts[1] == "snapshots" else { return nil }
        return parts[0].dropFirst("models--".count).split(separator: "--", maxSplits: 1).joined(separator: "/")
    }

    /// Names of the models in the cache.
    static var names: [String] {
        guard let path, let folder = try? Folder(path: path), let entries = try? folder.list() else { return [] }
        return entries.filter { $0.hasPrefix("models--") }.map { String($0.dropFirst(8).replacing("--", with: "/")) }
            .sorted()
    }

    static func environment(_ name: String) -> String? {
        guard let value = unsafe getenv(name) else { return nil }
        let text = unsafe String(cString: value)
        return text.isEmpty ? nil : text
    }
}
