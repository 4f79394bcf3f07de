import Formats
import Kernels
import Tensors

/// Weights out of the files of a model, matched by name whatever prefix they use.
final class CheckpointStore: WeightStore {
    private let files: any WeightSource
    private let prefix: String
    private let isOptional: (String) -> Bool
    private let ignoresSizes: Bool
    private let storage: MatrixStorage
    private let start: RandomStore
    /// Names in the files by the names that weights have today.
    private let names: [String: String]
    private var used: Set<String> = []

    /// Weights that the files did not have and that may be initialised: those of heads and poolers.
    private(set) var initialised: [String] = []
    /// Weights that the files have in another size and that were initialised, each with both shapes.
    private(set) var mismatched: [String] = []
    /// Weights that the files should have and did not.
    private(set) var missing: [String] = []
    /// Why matrices are float32 though they, or the user, said bfloat16; nil where nothing is to be said.
    private(set) var expanded: String?

    /// - Parameters:
    ///   - prefix: name of the backbone in a model with a head; the file may have it or not.
    ///   - storage: how matrices are stored.
    ///   - ignoresSizes: whether a weight of another size in the files is initialised too.
    ///   - isOptional: whether a weight of this name is initialised from `seed` where the file has none.
    init(
        _ files: any WeightSource, prefix: String, storage: MatrixStorage, seed: UInt64, ignoresSizes: Bool = false,
        isOptional: @escaping (String) -> Bool
    ) {
        (self.files, self.prefix, self.storage, self.isOptional) = (files, prefix, storage, isOptional)
        self.ignoresSizes = ignoresSizes
        start = RandomStore(key: RandomKey(seed: seed).child("initialise"), origin: .initialised)
        var names: [String: String] = [:]
        for name in files.names { names[CheckpointStore.modern(name)] = name }
        self.names = names
    }

    /// Names of layer norms in files of TensorFlow's time.
    private static func modern(_ name: String) -> String {
        if name.hasSuffix(".gamma") { return name.dropLast(5) + "weight" }
        if name.hasSuffix(".beta") { return name.dropLast(4) + "bias" }
        return name
    }

    private func find(_ name: String) -> String? {
        if let found = names[name] { return found }
        if name.hasPrefix(prefix + ".") { return names[String(name.dropFirst(prefix.count + 1))] }
        return names["\(prefix).\(name)"]
    }

    /// Whether a weight of this name is made in memory, since the files have none.
    func makes(_ name: String) -> Bool { find(name) == nil && isOptional(name) }

    /// Tensors of the files that no weight used; buffers that transformers once saved are not mentioned.
    var unused: [String] {
        files.names.filter {
            !used.contains($0) && !$0.hasSuffix(".position_ids") && !$0.hasSuffix(".token_type_ids")
        }
    }

    func weight(
        _ name: String, _ shape: [Int], startingWith initialisation: Initialisation, isTransposed: Bool
    ) throws -> Weight {
        guard let found = find(name), let entry = files.entry(found) else {
            if isOptional(name) {
                initialised.append(name)
                return try start.weight(name, shape, startingWith: initialisation, isTransposed: isTransposed)
            }
            missing.append(name)
            return Weight(name: name, shape: shape, value: .absent, origin: .shapeOnly)
        }
        used.insert(found)
        guard entry.shape == shape else {
            guard !ignoresSizes else {
                mismatched.append("\(name) (\(entry.shape) there, \(shape) here)")
                return try start.weight(name, shape, startingWith: initialisation, isTransposed: isTransposed)
            }
            let isHead =
                isOptional(name) && entry.shape.count == shape.count && entry.shape.dropFirst() == shape.dropFirst()
            let hint =
                isHead
                ? "; the checkpoint fits num_labels \(entry.shape[0]), and ignore_mismatched_sizes = true starts a new head"
                : "; ignore_mismatched_sizes = true starts it anew"
            throw ModelError("\(entry.place) has shape \(entry.shape), the model needs \(shape)\(hint)")
        }
        return Weight(
            name: name, shape: shape, value: try value(of: found, entry, isTransposed), origin: .checkpoint,
            fileDType: entry.dtype)
    }

    private func value(of name: String, _ entry: WeightEntry, _ isTransposed: Bool) throws -> Weight.Value {
        guard entry.shape.count == 2 else {
            let tensor = try Tensor(uninitialized: entry.shape)
            let rows = entry.shape.dropLast().reduce(1, *)
            unsafe try files.readFloats(
                of: name, rows: 0..<rows,
                into: UnsafeMutableBufferPointer(start: tensor.mutableFloats(), count: tensor.count))
            return .tensor(tensor)
        }
        let (rows, columns) = (entry.shape[isTransposed ? 1 : 0], entry.shape[isTransposed ? 0 : 1])
        let mapped = files.mappedNumbers(of: name)
        let fileType: FrozenMatrix.DType = entry.dtype == "BF16" ? .bfloat16 : .float32
        let dtype = storage.resolved(fileType)
        if dtype == .float32, (storage.dtype ?? fileType) == .bfloat16, expanded == nil {
            expanded = storage.expansion(of: storage.dtype == nil ? "the checkpoint" : "dtype")
        }
        if fileType == .float32 || dtype == .bfloat16, let mapped {
            let (file, first) = (mapped.file, mapped.offset)
            return unsafe .matrix(
                FrozenMatrix(
                    rows: rows, columns: columns, mapped: mapped.start, fileType, owner: file, dtype: dtype,
                    name: name, packing: storage.packing, isTransposed: isTransposed,
                    read: { offset, target in unsafe file.read(at: first + offset, into: target) }))
        }
        let files = files
        return .matrix(
            unsafe try FrozenMatrix(
                rows: rows, columns: columns, name: name, dtype: dtype, packing: storage.packing,
                isTransposed: isTransposed,
                fillRows: { rows, target in unsafe try files.readFloats(of: name, rows: rows, into: target) }))
    }
}
