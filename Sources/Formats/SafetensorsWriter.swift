import OrderedCollections

/// Writes safetensors files as the `safetensors` library (0.8) does, byte for byte.
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
        // Sorted by falling alignment, then by name, as the library does.
        let rank = Dictionary(uniqueKeysWithValues: SafetensorsDType.allCases.enumerated().map { ($1, $0) })
        let sorted = items.sorted { first, second in
            let (a, b) = (rank[first.dtype] ?? 0, rank[second.dtype] ?? 0)
            return a != b ? a > b : first.name.utf8.lexicographicallyPrecedes(second.name.utf8)
        }
        var members: JSONObject = [:]
        if !metadata.isEmpty {
            members["__metadata__"] = .object(JSONObject(metadata.map { ($0.key, .string($0.value)) }))
        }
        var offset = 0
        for item in sorted {
            guard members[item.name] == nil else { throw FormatError("\(name): two tensors are called '\(item.name)'") }
            let bytes = item.shape.reduce(item.dtype.byteCount, *)
            members[item.name] = .object([
                "dtype": .string(item.dtype.rawValue), "shape": .array(item.shape.map { .integer(Int64($0)) }),
                "data_offsets": .array([.integer(Int64(offset)), .integer(Int64(offset + bytes))]),
            ])
            offset += bytes
        }
        var header = Array(JSON.object(members).compact().utf8)
        header.append(contentsOf: repeatElement(UInt8(ascii: " "), count: (8 - header.count % 8) % 8))
        let total = offset
        try folder.write(name) { writer in
            var length = UInt64(header.count).littleEndian
            try withUnsafeBytes(of: &length) { try writer.append($0) }
            try writer.append(header)
            let before = writer.count
            for item in sorted { try item.append(writer) }
            guard writer.count - before == total else {
                throw FormatError("\(name): \(writer.count - before) bytes of tensors were written, expected \(total)")
            }
        }
    }
}
