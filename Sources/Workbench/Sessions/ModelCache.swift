import Formats

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// The user's Hugging Face cache: models that other tools have fetched.
public enum ModelCache {
    /// The cache's folder: HF_HUB_CACHE, HF_HOME/hub, or ~/.cache/huggingface/hub.
    public static var path: String? {
        if let hub = environment("HF_HUB_CACHE") ?? environment("HUGGINGFACE_HUB_CACHE") { return hub }
        if let home = environment("HF_HOME") { return home + "/hub" }
        if let cache = environment("XDG_CACHE_HOME") { return cache + "/huggingface/hub" }
        return environment("HOME").map { $0 + "/.cache/huggingface/hub" }
    }

    /// Folder of the model `name` ("org/name" or "name") at its main revision; nil where the cache has none.
    public static func snapshot(of name: String) -> String? {
        let parts = name.split(separator: "/", omittingEmptySubsequences: false)
        guard let path, parts.count <= 2, !name.utf8.contains(0),
            parts.allSatisfy({ !$0.isEmpty && $0 != "." && $0 != ".." && !$0.hasPrefix("-") })
        else { return nil }
        let repository = path + "/models--" + parts.joined(separator: "--")
        guard let folder = try? Folder(path: repository), let text = try? folder.readText("refs/main", limit: 4096)
        else {
            return nil
        }
        let revision = text.split(whereSeparator: \.isWhitespace).first.map(String.init) ?? ""
        guard !revision.isEmpty, folder.exists("snapshots/\(revision)/config.json") else { return nil }
        return "\(repository)/snapshots/\(revision)"
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
