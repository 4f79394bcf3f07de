import Formats
import Models

/// One GGUF file: metadata read, every tensor expanded, as blocks and as a checkpoint's weights, and loaded as a model.
struct GGUFKind: Kind {
    static let name = "gguf"
    /// A file, and how many bytes stand before its tensors.
    private let bases: [(bytes: [UInt8], header: Int)]

    init(root: Folder) throws {
        let folder = try root.subfolder("Tests/Goldens/gguf")
        bases = try folder.list().filter { $0.hasSuffix(".gguf") }.map { name in
            let bytes = try folder.read(name)
            let first = try GGUFFile(folder, name).tensors.values.map(\.range.lowerBound).min()
            return (bytes, first ?? bytes.count)
        }
    }

    func input(_ dice: inout Dice) -> Input {
        let base = dice.pick(bases)
        guard !dice.oneIn(8) else {
            return Input(files: ["a.gguf": Bytes.mutated(base.bytes, &dice)], choice: dice.next())
        }
        var header = Array(base.bytes[..<base.header])
        for _ in 0...(dice.oneIn(3) ? 2 : 0) {
            if dice.oneIn(2), header.count >= 8 {
                // A count, size or offset beyond what can be, wherever one lies.
                let place = dice.below(dice.oneIn(3) ? 24 : header.count - 7)
                let words: [UInt64] = [0, 1, 2, 31, 1 << 60, 1 << 63, 1 << 31, 1 << 40, .max, .max - 31, .max / 18]
                let word = dice.pick(words)
                for index in 0..<dice.pick([1, 4, 8]) where place + index < header.count {
                    header[place + index] = UInt8(truncatingIfNeeded: word >> UInt64(8 * index))
                }
            } else {
                header = Bytes.changed(header, &dice)
            }
        }
        return Input(files: ["a.gguf": header + base.bytes[base.header...]], choice: dice.next())
    }

    func use(_ folder: Folder, _ dice: inout Dice) throws {
        let file = try GGUFFile(folder, "a.gguf")
        for value in file.metadata.values {
            _ = value.kind
            guard let array = value.array else { continue }
            _ = try? array.strings()
            _ = try? array.integers()
            _ = try? array.numbers()
            for inner in (try? array.values()) ?? [] { _ = try? inner.array?.values() }
        }
        for tensor in file.tensors.values where tensor.count < 1 << 20 {
            var floats = [Float](repeating: 0, count: tensor.count)
            try? floats.withUnsafeMutableBufferPointer { try file.expand(tensor, rows: 0..<tensor.rows, into: $0) }
        }
        _ = try? loadModel(folder, gguf: "a.gguf", LoadOptions(taskType: dice.pick(TaskType.allCases)))
        _ = try? GGUFConfig.json(of: file)
        let weights = try GGUFWeights(file)
        for name in weights.names {
            guard let entry = weights.entry(name), entry.shape.reduce(1, *) < 1 << 20 else { continue }
            let (rows, columns) = (entry.shape.dropLast().reduce(1, *), entry.shape.last ?? 1)
            let first = dice.below(rows)
            for part in [0..<rows, first..<first + 1] {
                var floats = [Float](repeating: 0, count: part.count * columns)
                try? floats.withUnsafeMutableBufferPointer { try weights.readFloats(of: name, rows: part, into: $0) }
            }
        }
    }
}
