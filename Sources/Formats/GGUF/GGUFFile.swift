import Memory
import OrderedCollections
import Words

/// A GGUF file, version 2 or 3, little-endian (ggml's docs/gguf.md): checked when opened, its tensors expanded when asked for.
public final class GGUFFile: Sendable {
    /// One tensor of the file.
    public struct Tensor: Sendable, Equatable {
        /// Name in the file: `blk.0.attn_q.weight`.
        public let name: String
        /// How its numbers are stored.
        public let type: GGUFType
        /// Sizes of the dimensions, the last of which lies side by side: the reverse of the file's order.
        public let shape: [Int]
        /// Place of the bytes in the file.
        public let range: Range<Int>
        /// Numbers of a row.
        public var columns: Int { shape.last ?? 1 }
        /// Number of rows: the product of all sizes but the last.
        public var rows: Int { shape.dropLast().reduce(1, *) }
        /// Number of elements.
        public var count: Int { rows * columns }
    }

    /// The mapped file.
    public let file: MappedFile
    /// Version of the format, 2 or 3.
    public let version: Int
    /// Metadata in the order of the file.
    public let metadata: OrderedDictionary<String, GGUFValue>
    /// Tensors by name, in the order of the file.
    public let tensors: OrderedDictionary<String, Tensor>

    /// Opens and checks the file `name` of `folder`.
    public convenience init(_ folder: Folder, _ name: String) throws { try self.init(folder.map(name)) }

    /// Checks a mapped file: header, every value of the metadata, and that each tensor lies within the file and overlaps no other.
    public init(_ file: MappedFile) throws {
        let header = try GGUFHeader(file)
        (self.file, version, metadata, tensors) = (file, header.version, header.metadata, header.tensors)
    }

    /// The tensor called `name`; throws with the nearest name where there is none.
    public func tensor(_ name: String) throws -> Tensor {
        if let tensor = tensors[name] { return tensor }
        let hint = nearestName(to: name, in: tensors.keys).map { "; did you mean '\(FormatError.shown($0))'?" } ?? ""
        throw FormatError("\(file.path): no tensor '\(FormatError.shown(name))'\(hint)")
    }

    /// The bytes of a tensor; valid while `file` lives.
    public func bytes(of tensor: Tensor) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: file.bytes[tensor.range])
    }

    /// Writes these rows of `tensor` to `target` as float32, row after row, as the Python package `gguf` expands them.
    ///
    /// Any number of threads may do so at once. Throws for a type that is not read, rows that there are not, and a target that is too small.
    public func expand(
        _ tensor: Tensor, rows: Range<Int>, into target: UnsafeMutableBufferPointer<Float>
    ) throws {
        try expand(tensor, rows: rows, columns: 0..<tensor.columns, into: target)
    }

    /// Writes a rectangle of `tensor` to `target`, row after row; where rows are in blocks, `columns` must begin and end with one.
    public func expand(
        _ tensor: Tensor, rows: Range<Int>, columns: Range<Int>, into target: UnsafeMutableBufferPointer<Float>
    ) throws {
        guard let expansion = GGUFBlocks.expansion(of: tensor.type) else {
            throw FormatError("\(place(tensor.name)) has type \(tensor.type.name); there are \(GGUFType.readable)")
        }
        let block = tensor.type.block
        let (width, stride) = (columns.count, tensor.columns / block.count * block.bytes)
        let (needed, overflow) = rows.count.multipliedReportingOverflow(by: width)
        guard rows.lowerBound >= 0, rows.upperBound <= tensor.rows, columns.lowerBound >= 0,
            columns.upperBound <= tensor.columns, columns.lowerBound % block.count == 0, width % block.count == 0,
            !overflow, target.count >= needed, tensor.range.upperBound <= file.count
        else {
            throw FormatError(
                "\(place(tensor.name)) of shape \(tensor.shape) has no rows \(rows), columns \(columns) for \(target.count) numbers"
            )
        }
        guard needed > 0, let base = file.bytes.baseAddress, let start = target.baseAddress else { return }
        let first = base + tensor.range.lowerBound + columns.lowerBound / block.count * block.bytes
        if width == tensor.columns {
            return expansion(first + rows.lowerBound * stride, needed / block.count, start)
        }
        for (index, row) in rows.enumerated() {
            expansion(first + row * stride, width / block.count, start + index * width)
        }
    }

    /// A tensor's place, for messages.
    func place(_ name: String) -> String { "\(file.path): tensor '\(FormatError.shown(name))'" }

    // MARK: Metadata

    /// A text of the metadata; nil where the key is absent; throws where it is something else, or not UTF-8.
    public func text(_ key: String) throws -> String? { try value(key, "a text", \.text) }
    /// An integer of the metadata, of any of its types.
    public func integer(_ key: String) throws -> Int? { try value(key, "an integer", \.int) }
    /// A number of the metadata.
    public func number(_ key: String) throws -> Double? { try value(key, "a number", \.number) }
    /// A truth value of the metadata.
    public func flag(_ key: String) throws -> Bool? { try value(key, "a boolean", \.bool) }
    /// An array of the metadata.
    public func array(_ key: String) throws -> GGUFArray? { try value(key, "an array", \.array) }

    private func value<Value>(_ key: String, _ what: String, _ convert: (GGUFValue) -> Value?) throws -> Value? {
        guard let found = metadata[key] else { return nil }
        guard let value = convert(found) else {
            throw FormatError("\(file.path): metadata '\(FormatError.shown(key))' expected \(what), got \(found.kind)")
        }
        return value
    }
}
