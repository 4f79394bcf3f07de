import Formats
import Memory

/// The weights of a GGUF file under the names, and in the shapes, of the Hugging Face checkpoint that it was made from.
public final class GGUFWeights: WeightSource {
    /// The file.
    public let file: GGUFFile
    /// Path to show in messages.
    public let path: String
    /// Names of the weights, in the order of the file.
    public let names: [String]

    /// A tensor of the file as a weight of the checkpoint.
    private struct Item: Sendable {
        let tensor: GGUFFile.Tensor
        let change: Change
    }

    /// What is undone, with the numbers that it needs.
    private enum Change: Sendable {
        case none, minusOne, transposed
        /// Heads of `width` rows each.
        case unpermuted(width: Int)
    }

    private let items: [String: Item]

    /// Tensors that the configuration has read.
    private static let ofConfiguration = ["rope_freqs.weight", "rope_factors_long.weight", "rope_factors_short.weight"]

    /// Throws for a family that is not read, blocks that are not, and heads that do not fit.
    public init(_ file: GGUFFile) throws {
        let architecture = try GGUFArchitecture.of(file)
        let keys = GGUFKeys(file: file, architecture: architecture.name)
        (self.file, path) = (file, file.file.path)
        var names: [String] = []
        var items: [String: Item] = [:]
        for tensor in file.tensors.values where !GGUFWeights.ofConfiguration.contains(tensor.name) {
            guard tensor.type.isReadable else {
                throw ModelError(
                    "\(GGUFWeights.place(tensor, path)) has type \(tensor.type.name); there are \(GGUFType.readable)")
            }
            if tensor.name == GGUFWeights.output, !GGUFWeights.hasOwnOutput(file) { continue }
            // What the family has no name for keeps its own, under which it is told as not used.
            let (name, change) = architecture.names.translated(tensor.name) ?? (tensor.name, .none)
            names.append(name)
            items[name] = Item(tensor: tensor, change: try GGUFWeights.change(change, tensor, keys))
        }
        (self.names, self.items) = (names, items)
    }

    private static let output = "output.weight"

    /// Whether the head has a matrix of its own: one that has the embedding's bytes, as older converters wrote for GPT-2, is the embedding.
    static func hasOwnOutput(_ file: GGUFFile) -> Bool {
        guard let head = file.tensors[output] else { return false }
        guard let embedding = file.tensors["token_embd.weight"], embedding.type == head.type,
            embedding.shape == head.shape
        else { return true }
        return unsafe !file.bytes(of: embedding).elementsEqual(file.bytes(of: head))
    }

    private static func change(
        _ change: GGUFNames.Change, _ tensor: GGUFFile.Tensor, _ keys: GGUFKeys
    ) throws -> Change {
        switch change {
        case .none: return .none
        case .minusOne: return .minusOne
        case .transposed:
            guard tensor.shape.count == 2 else {
                throw ModelError("\(place(tensor, keys.file.file.path)) has shape \(tensor.shape), expected a matrix")
            }
            return .transposed
        case .unpermuteHeads(let key):
            let heads = try keys.optionalSize(key) ?? keys.size("attention.head_count")
            let rows = tensor.shape.first ?? 1
            guard rows % (2 * heads) == 0, tensor.shape.count <= 2 else {
                throw ModelError(
                    "\(place(tensor, keys.file.file.path)) of shape \(tensor.shape) is not made of \(heads) heads of an even width"
                )
            }
            return .unpermuted(width: rows / heads)
        }
    }

    private static func place(_ tensor: GGUFFile.Tensor, _ path: String) -> String {
        "\(path): tensor '\(FormatError.shown(tensor.name))'"
    }

    /// Type in the file, shape in the checkpoint.
    public func entry(_ name: String) -> WeightEntry? {
        guard let item = items[name] else { return nil }
        let shape = item.tensor.shape
        return WeightEntry(
            dtype: item.tensor.type.name, shape: isTransposed(item) ? shape.reversed() : shape,
            place: GGUFWeights.place(item.tensor, path))
    }

    private func isTransposed(_ item: Item) -> Bool { if case .transposed = item.change { true } else { false } }

    /// The bytes of an aligned F32 or BF16 tensor in which nothing is undone.
    public func mappedNumbers(of name: String) -> MappedNumbers? {
        guard let item = items[name], case .none = item.change, [.f32, .bf16].contains(item.tensor.type) else {
            return nil
        }
        return MappedNumbers(file.file, item.tensor.range, isBfloat16: item.tensor.type == .bf16)
    }

    /// Writes rows of the checkpoint's weight: expanded, and what converting changed undone.
    public func readFloats(
        of name: String, rows: Range<Int>, into target: UnsafeMutableBufferPointer<Float>
    ) throws {
        guard let item = items[name] else { throw ModelError("\(path): no weight '\(FormatError.shown(name))'") }
        let tensor = item.tensor
        switch item.change {
        case .none: unsafe try file.expand(tensor, rows: rows, into: target)
        case .minusOne:
            unsafe try file.expand(tensor, rows: rows, into: target)
            for i in 0..<rows.count * tensor.columns { unsafe target[i] -= 1 }
        case .unpermuted(let width):
            if tensor.shape.count < 2 {
                unsafe try unpermuteVector(tensor, width: width, rows, into: target)
            } else {
                unsafe try unpermute(tensor, width: width, rows, into: target)
            }
        case .transposed: unsafe try transpose(tensor, rows, into: target)
        }
    }

    /// Row of the file that is row `row` of the checkpoint: within a head, the file has the two halves' rows in turn.
    private func permuted(_ row: Int, width: Int) -> Int {
        let (head, inner) = (row / width, row % width)
        return head * width + inner % (width / 2) * 2 + inner / (width / 2)
    }

    private func unpermute(
        _ tensor: GGUFFile.Tensor, width: Int, _ rows: Range<Int>, into target: UnsafeMutableBufferPointer<Float>
    ) throws {
        let columns = tensor.columns
        guard rows.lowerBound >= 0, rows.upperBound <= tensor.rows, target.count / columns >= rows.count else {
            throw noRows(tensor, rows)
        }
        for (index, row) in rows.enumerated() {
            let from = permuted(row, width: width)
            unsafe try file.expand(
                tensor, rows: from..<from + 1,
                into: UnsafeMutableBufferPointer(rebasing: target[index * columns..<(index + 1) * columns]))
        }
    }

    /// A bias: its elements are what rows are of a matrix.
    private func unpermuteVector(
        _ tensor: GGUFFile.Tensor, width: Int, _ rows: Range<Int>, into target: UnsafeMutableBufferPointer<Float>
    ) throws {
        guard rows == 0..<1, target.count >= tensor.count else { throw noRows(tensor, rows) }
        try MemoryBudget.reserve(tensor.count, of: 4)
        let values = try expanded(tensor, rows: 0..<1, columns: 0..<tensor.columns)
        for row in 0..<tensor.count { unsafe target[row] = values[permuted(row, width: width)] }
    }

    /// Rows of the checkpoint are columns of the file, of which whole blocks are expanded.
    private func transpose(
        _ tensor: GGUFFile.Tensor, _ rows: Range<Int>, into target: UnsafeMutableBufferPointer<Float>
    ) throws {
        let (columns, block) = (tensor.rows, tensor.type.block.count)
        guard rows.lowerBound >= 0, rows.upperBound <= tensor.columns, target.count / columns >= rows.count else {
            throw noRows(tensor, rows)
        }
        let wide = rows.lowerBound / block * block..<(rows.upperBound + block - 1) / block * block
        // A strip of rows of the file at once, so that its block fits into a cache.
        let strip = max(1, (1 << 14) / max(1, wide.count))
        for first in stride(from: 0, to: columns, by: strip) {
            let strip = first..<min(columns, first + strip)
            let values = try expanded(tensor, rows: strip, columns: wide)
            for (index, row) in rows.enumerated() {
                let from = row - wide.lowerBound
                for (place, column) in strip.enumerated() {
                    unsafe target[index * columns + column] = values[place * wide.count + from]
                }
            }
        }
    }

    private func expanded(_ tensor: GGUFFile.Tensor, rows: Range<Int>, columns: Range<Int>) throws -> [Float] {
        let size = rows.count * columns.count
        return unsafe try [Float](unsafeUninitializedCapacity: size) { buffer, count in
            unsafe try file.expand(tensor, rows: rows, columns: columns, into: buffer)
            count = size
        }
    }

    private func noRows(_ tensor: GGUFFile.Tensor, _ rows: Range<Int>) -> ModelError {
        ModelError("\(GGUFWeights.place(tensor, path)) of shape \(tensor.shape) has no rows \(rows)")
    }
}
