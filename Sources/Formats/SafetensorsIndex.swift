import OrderedCollections

/// The weights of a model folder: one safetensors file, or several with an index.
public final class SafetensorsWeights: Sendable {
    /// File that holds each tensor, by name, in the order of the files.
    public let files: OrderedDictionary<String, SafetensorsFile>
    /// Texts of `__metadata__`, of the first file.
    public let metadata: OrderedDictionary<String, String>
    /// Path to show in messages.
    public let path: String

    /// Opens `base`.safetensors of the folder, or the files that `base`.safetensors.index.json names.
    public init(_ folder: Folder, base: String = "model") throws {
        let single = "\(base).safetensors"
        let index = "\(base).safetensors.index.json"
        if folder.exists(single) {
            let file = try SafetensorsFile(folder, single)
            files = OrderedDictionary(uniqueKeysWithValues: file.entries.keys.map { ($0, file) })
            (metadata, path) = (file.metadata, file.file.path)
            return
        }
        guard folder.exists(index) else {
            let others = try folder.list().filter {
                $0.hasSuffix(".bin") || $0.hasSuffix(".safetensors") || $0.hasSuffix(".h5")
            }
            let hint = others.isEmpty ? "" : "; there is \(others.joined(separator: ", ")) (pickles are never read)"
            throw FormatError("\(folder.path): no \(single) and no \(index)\(hint)")
        }
        let source = "\(folder.path)/\(index)"
        let json = try JSON(parsing: folder.read(index), source: source)
        let map = try json.required("weight_map", "an object", source: source) { $0.object }
        var opened: OrderedDictionary<String, SafetensorsFile> = [:]
        var files: OrderedDictionary<String, SafetensorsFile> = [:]
        for (name, shard) in map {
            guard let shard = shard.string, !shard.contains("/") else {
                throw FormatError("\(source): '\(name)' is not in a file of this folder")
            }
            let file: SafetensorsFile
            if let known = opened[shard] {
                file = known
            } else {
                file = try SafetensorsFile(folder, shard)
                opened[shard] = file
            }
            guard file.entries[name] != nil else { throw FormatError("\(source): '\(name)' is not in \(shard)") }
            files[name] = file
        }
        (self.files, path) = (files, source)
        metadata = opened.values.first?.metadata ?? [:]
    }
}
