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
        if folder.isThere(single) {
            let file = try SafetensorsFile(folder, single)
            files = OrderedDictionary(uniqueKeysWithValues: file.entries.keys.map { ($0, file) })
            (metadata, path) = (file.metadata, file.file.path)
            return
        }
        guard folder.isThere(index) else { throw SafetensorsWeights.nothingFound(folder, single, index) }
        path = folder.show(index)
        let json = try JSON(parsing: folder.read(index), source: path)
        let map = try json.required("weight_map", "an object", source: path) { $0.object }
        guard !map.isEmpty else { throw FormatError("\(path): 'weight_map' is empty") }
        var opened: OrderedDictionary<String, SafetensorsFile> = [:]
        var files: OrderedDictionary<String, SafetensorsFile> = [:]
        for (name, value) in map {
            let shown = FormatError.shown(name)
            guard let shard = value.string, shard.hasSuffix(".safetensors"), !shard.contains("/") else {
                throw FormatError(
                    "\(path): '\(shown)' expected the name of a .safetensors file of this folder, got \(value.kind)")
            }
            if opened[shard] == nil {
                do { opened[shard] = try SafetensorsFile(folder, shard) } catch {
                    throw FormatError("\(path): '\(shown)' is in \(FormatError.shown(shard)): \(error)")
                }
            }
            guard let file = opened[shard], file.entries[name] != nil else {
                throw FormatError("\(path): there is no tensor '\(shown)' in \(FormatError.shown(shard))")
            }
            files[name] = file
        }
        self.files = files
        metadata = opened.values.first?.metadata ?? [:]
    }

    private static func nothingFound(_ folder: Folder, _ single: String, _ index: String) -> FormatError {
        let others = ((try? folder.list()) ?? []).filter { name in
            [".bin", ".pt", ".pth", ".safetensors", ".h5", ".gguf"].contains { name.hasSuffix($0) }
        }
        guard !others.isEmpty else { return FormatError("\(folder.path): there is no \(single) and no \(index)") }
        let pickles = others.contains { !$0.hasSuffix(".safetensors") && !$0.hasSuffix(".gguf") }
        let hint = pickles ? "; pickles are never read: convert them with the `safetensors` library" : ""
        return FormatError(
            "\(folder.path): there is no \(single) and no \(index), only "
                + others.prefix(5).map(FormatError.shown).joined(separator: ", ") + hint)
    }
}

extension SafetensorsWeights: WeightSource {
    /// Names of the tensors, in the order of the files.
    public var names: [String] { Array(files.keys) }

    /// Type, shape and place of a tensor.
    public func entry(_ name: String) -> WeightEntry? {
        guard let file = files[name], let entry = file.entries[name] else { return nil }
        return WeightEntry(
            dtype: entry.dtype.rawValue, shape: entry.shape,
            place: "\(file.file.path): tensor '\(FormatError.shown(name))'")
    }

    /// Writes rows of an F32, F16, BF16 or F64 tensor.
    public func readFloats(
        of name: String, rows: Range<Int>, into target: UnsafeMutableBufferPointer<Float>
    ) throws {
        guard let file = files[name] else {
            throw FormatError("\(path): no tensor '\(FormatError.shown(name))'")
        }
        try file.readFloats(of: name, rows: rows, into: target)
    }

    /// The bytes of an aligned F32 or BF16 tensor.
    public func mappedNumbers(of name: String) -> MappedNumbers? {
        guard let file = files[name], let entry = file.entries[name] else { return nil }
        return file.mappedNumbers(of: entry)
    }
}
