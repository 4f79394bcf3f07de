import Memory
import OrderedCollections

/// Reads and checks what stands before the tensors of a GGUF file.
///
/// "GGUF", version, number of tensors, number of metadata entries; the entries (key, type, value); the tensors' names, shapes, types and
/// offsets; then, from the next multiple of the alignment on, the tensors, each at a multiple of it.
struct GGUFHeader {
    let version: Int
    private(set) var metadata: OrderedDictionary<String, GGUFValue> = [:]
    private(set) var tensors: OrderedDictionary<String, GGUFFile.Tensor> = [:]

    private let source: String
    private var cursor: GGUFCursor

    /// ggml's GGML_MAX_DIMS.
    private static let maximumRank = 4
    /// Where `general.alignment` is not said.
    private static let usualAlignment = 32

    init(_ file: MappedFile) throws {
        (source, cursor) = (file.path, GGUFCursor(file))
        guard file.count >= 4, file.text.starts(with: "GGUF".utf8) else {
            let start = file.text.prefix(4).map { String($0, radix: 16) }.joined(separator: " ")
            throw FormatError(
                file.count == 0
                    ? "\(source): not a GGUF file: it is empty"
                    : "\(source): not a GGUF file: it begins with the bytes \(start), expected 'GGUF'")
        }
        _ = try cursor.take(4, "the magic")
        version = try GGUFHeader.version(try cursor.read(UInt32.self, "the version"), source)
        let tensorCount = try cursor.read(UInt64.self, "the number of tensors")
        let entryCount = try cursor.read(UInt64.self, "the number of metadata entries")
        // A key's length, a type and a value take 13 bytes; a name's length, a rank, a type and an offset 24.
        try check(entryCount, "metadata entries", leastSize: 13)
        for index in 0..<entryCount { try readEntry(index) }
        try check(tensorCount, "tensors", leastSize: 24)
        try readTensors(tensorCount, alignment: try alignment(), fileCount: file.count)
        try checkOverlap()
    }

    private static func version(_ version: UInt32, _ source: String) throws -> Int {
        switch version {
        case 2, 3: return Int(version)
        case 1:
            throw FormatError(
                "\(source): GGUF version 1 is not read, only 2 and 3; convert the model again with a newer llama.cpp")
        case _ where version.byteSwapped <= 0xFFFF && version > 0xFFFF:
            throw FormatError("\(source): is a big-endian GGUF file; only little-endian ones are read")
        default: throw FormatError("\(source): GGUF version \(version) is not known; versions 2 and 3 are read")
        }
    }

    private func check(_ count: UInt64, _ what: String, leastSize: Int) throws {
        guard count <= UInt64(cursor.remaining / leastSize) else {
            throw FormatError(
                "\(source): truncated: it would have \(count) \(what), the file ends after \(cursor.remaining) bytes")
        }
    }

    private mutating func readEntry(_ index: UInt64) throws {
        if index & 0xFF == 0 { try MemoryBudget.check() }
        let key = try cursor.name("the key of metadata entry \(index)")
        // The key's text, and its place in the table and the value's.
        try MemoryBudget.reserve(key.utf8.count + 160)
        let source = source
        func place() -> String { "\(source): metadata '\(FormatError.shown(key))'" }
        let value = try cursor.value(try cursor.valueType(place: place()), place: place())
        guard metadata.updateValue(value, forKey: key) == nil else {
            throw FormatError("\(place()): the key is there twice")
        }
    }

    private func alignment() throws -> Int {
        guard let value = metadata["general.alignment"] else { return GGUFHeader.usualAlignment }
        guard let alignment = value.int, alignment > 0, alignment <= 1 << 30, alignment & (alignment - 1) == 0 else {
            throw FormatError(
                "\(source): metadata 'general.alignment' expected a power of two up to 2^30, got \(value.kind)")
        }
        return alignment
    }

    private mutating func readTensors(_ count: UInt64, alignment: Int, fileCount: Int) throws {
        var found: [(tensor: GGUFFile.Tensor, offset: UInt64)] = []
        try MemoryBudget.reserve(Int(count), of: MemoryLayout<(GGUFFile.Tensor, UInt64)>.stride)
        found.reserveCapacity(Int(count))
        for index in 0..<count {
            if index & 0xFF == 0 { try MemoryBudget.check() }
            found.append(try readTensor(index, alignment: alignment))
        }
        // Where the file ends before the first tensor's place, the tensor itself is what is missing.
        let start = (cursor.offset + alignment - 1) / alignment * alignment
        for (tensor, offset) in found {
            let bytes = tensor.range.count
            guard start <= fileCount, offset <= UInt64(fileCount - start),
                bytes <= fileCount - start - Int(offset)
            else {
                throw FormatError(
                    "\(place(tensor.name)): truncated: \(tensor.type.name) of shape \(tensor.shape) takes \(bytes) bytes from byte \(offset) of the tensors on, the file has \(max(0, fileCount - start))"
                )
            }
            let first = start + Int(offset)
            let placed = GGUFFile.Tensor(
                name: tensor.name, type: tensor.type, shape: tensor.shape, range: first..<first + bytes)
            guard tensors.updateValue(placed, forKey: tensor.name) == nil else {
                throw FormatError("\(place(tensor.name)): there is another of that name")
            }
        }
    }

    /// A tensor whose range still begins at zero, and its offset from the first.
    private mutating func readTensor(
        _ index: UInt64, alignment: Int
    ) throws -> (tensor: GGUFFile.Tensor, offset: UInt64) {
        let name = try cursor.name("the name of tensor \(index)")
        try MemoryBudget.reserve(name.utf8.count + 240)
        let place = place(name)
        let rank = try cursor.read(UInt32.self, "the rank of \(place)")
        guard rank <= GGUFHeader.maximumRank else {
            throw FormatError("\(place): has \(rank) dimensions; at most \(GGUFHeader.maximumRank) are read")
        }
        var shape: [Int] = []
        for _ in 0..<rank {
            let size = try cursor.read(UInt64.self, "the shape of \(place)")
            guard size > 0, let size = Int(exactly: size) else {
                throw FormatError("\(place): a dimension of \(size) is out of range")
            }
            shape.insert(size, at: 0)
        }
        let raw = try cursor.read(UInt32.self, "the type of \(place)")
        guard let type = GGUFType(rawValue: raw) else { throw FormatError("\(place): unknown block type \(raw)") }
        let (block, columns) = (type.block, shape.last ?? 1)
        guard columns % block.count == 0 else {
            throw FormatError(
                "\(place): rows of \(columns) are no whole number of \(type.name)'s blocks of \(block.count)")
        }
        var bytes = columns / block.count
        for factor in shape.dropLast() + [block.bytes] {
            let (product, overflow) = bytes.multipliedReportingOverflow(by: factor)
            // Fewer than 2^60, so that neither counts of numbers nor bytes of float32 overflow.
            guard !overflow, product < 1 << 55 else {
                throw FormatError("\(place): \(type.name) of shape \(shape) is more than a file can hold")
            }
            bytes = product
        }
        let offset = try cursor.read(UInt64.self, "the offset of \(place)")
        guard offset % UInt64(alignment) == 0 else {
            throw FormatError("\(place): its offset \(offset) is no multiple of the alignment, \(alignment)")
        }
        return (GGUFFile.Tensor(name: name, type: type, shape: shape, range: 0..<bytes), offset)
    }

    private func checkOverlap() throws {
        var end = 0
        for tensor in tensors.values.sorted(by: { $0.range.lowerBound < $1.range.lowerBound }) {
            guard tensor.range.lowerBound >= end else {
                throw FormatError("\(place(tensor.name)): overlaps the tensor before it")
            }
            end = tensor.range.upperBound
        }
    }

    private func place(_ name: String) -> String { "\(source): tensor '\(FormatError.shown(name))'" }
}
