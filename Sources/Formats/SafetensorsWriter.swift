import OrderedCollections

/// Writes safetensors files as the `safetensors` library (0.8) does, byte for byte.
///
/// The library writes several keys of metadata in an order that changes from run to run; here they keep theirs.
public struct SafetensorsWriter {
    /// One tensor to write; its bytes are asked for when their turn comes.
    public struct Item {
        let name: String
        let dtype: SafetensorsDType
        let shape: [Int]
        let append: (FileWriter) throws -> Void

        /// Tensor whose bytes, shape's product times the dtype's size of them, `append` writes.
        public init(
            name: String, dtype: SafetensorsDType, shape: [Int], append: @escaping (FileWriter) throws -> Void
        ) { (self.name, self.dtype, self.shape, self.append) = (name, dtype, shape, append) }

        /// Float32 tensor.
        public init(name: String, shape: [Int], floats: [Float]) {
            self.init(name: name, dtype: .f32, shape: shape) { writer in
                try floats.withUnsafeBytes { try writer.append($0) }
            }
        }

        /// Float16 tensor of the nearest values.
        public init(name: String, shape: [Int], float16 floats: [Float]) {
            self.init(name: name, dtype: .f16, shape: shape) { writer in
                try floats.map(HalfFloats.float16).withUnsafeBytes { try writer.append($0) }
            }
        }

        /// Bfloat16 tensor of the nearest values.
        public init(name: String, shape: [Int], bfloat16 floats: [Float]) {
            self.init(name: name, dtype: .bf16, shape: shape) { writer in
                try floats.map(HalfFloats.bfloat16).withUnsafeBytes { try writer.append($0) }
            }
        }

        /// Int64 tensor.
        public init(name: String, shape: [Int], integers: [Int64]) {
            self.init(name: name, dtype: .i64, shape: shape) { writer in
                try integers.withUnsafeBytes { try writer.append($0) }
            }
        }
    }

    /// Writes `items` to the file `name` of `folder`, whole or not at all.
    public static func write(
        _ items: [Item], metadata: OrderedDictionary<String, String> = [:], to folder: Folder, _ name: String
    ) throws {
        let place = folder.show(name)
        // The later dtypes first, then by name, as the library does.
        let rank = Dictionary(uniqueKeysWithValues: SafetensorsDType.allCases.enumerated().map { ($1, $0) })
        let sorted = items.sorted { first, second in
            let (a, b) = (rank[first.dtype] ?? 0, rank[second.dtype] ?? 0)
            return a != b ? a > b : first.name.utf8.lexicographicallyPrecedes(second.name.utf8)
        }
        let header = try header(of: sorted, metadata: metadata, place: place)
        try folder.write(name) { writer in
            var length = UInt64(header.count)
            try withUnsafeBytes(of: &length) { try writer.append($0) }
            try writer.append(header)
            for item in sorted {
                let before = writer.count
                try item.append(writer)
                let (written, expected) = (writer.count - before, item.dtype.byteCount(of: item.shape))
                guard written == expected else {
                    throw FormatError(
                        "\(place): tensor '\(FormatError.shown(item.name))': \(item.dtype.rawValue) of shape "
                            + "\(item.shape) takes \(expected ?? 0) bytes, got \(written)")
                }
            }
        }
    }

    private static func header(
        of sorted: [Item], metadata: OrderedDictionary<String, String>, place: String
    ) throws -> [UInt8] {
        var members = JSONObject()
        if !metadata.isEmpty {
            members["__metadata__"] = .object(JSONObject(metadata.map { ($0.key, .string($0.value)) }))
        }
        var offset = 0
        for item in sorted {
            let shown = "\(place): tensor '\(FormatError.shown(item.name))'"
            guard item.name != "__metadata__" else { throw FormatError("\(shown): a tensor cannot have this name") }
            guard let bytes = item.dtype.byteCount(of: item.shape) else {
                throw FormatError("\(shown): \(item.dtype.rawValue) cannot have shape \(item.shape)")
            }
            let (end, overflow) = offset.addingReportingOverflow(bytes)
            guard !overflow else { throw FormatError("\(shown): the file would be too large") }
            let entry: JSONObject = [
                "dtype": .string(item.dtype.rawValue), "shape": .array(item.shape.map { .integer(Int64($0)) }),
                "data_offsets": .array([.integer(Int64(offset)), .integer(Int64(end))]),
            ]
            guard !members.updateValue(.object(entry), forKey: item.name) else {
                throw FormatError("\(shown): there is another of that name")
            }
            offset = end
        }
        var header = Array(JSON.object(members).compact().utf8)
        header.append(contentsOf: repeatElement(UInt8(ascii: " "), count: (8 - header.count % 8) % 8))
        return header
    }
}
